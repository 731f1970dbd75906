"""What each operation of the scenario language takes: one small reader an operation, and the table of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mtelab.arch.tag_check import TCF
from mtelab.kvm.registers import TAG_REGISTERS
from mtelab.linux.page_table import LEAF
from mtelab.scenario.words import Cursor, whole_number
from mtelab.tags import TAGS_PER_PAGE

MOST_VMS: Final = 2
MOST_PAGES: Final = 1 << 20
"""Largest file, mapping or stretch of pages: 4 GiB."""
MOST_GUEST_PAGES: Final = 1 << 28
"""Guest page indices end with 40 bits of physical address."""
MOST_SLOTS: Final = (1 << 32) - 1
U64: Final = (1 << 64) - 1


class Backing(NamedTuple):
    """What ``mmap`` and ``remap`` map.

    Attributes
    ----------
    shared : bool
        MAP_SHARED, or MAP_PRIVATE.
    file : str or None
        Name of a file; None is anonymous memory.
    offset : int
        Page of the file to start at.
    prot : str
        Letters of ``rwm``; empty for ``-``.
    """

    shared: bool
    file: str | None
    offset: int
    prot: str


@dataclass
class Names:
    """What the lines so far have declared.

    Attributes
    ----------
    files : list of str
        Files.
    vms : list of str
        VMs.
    own, childs : dict of str to int
        Pages of each region, as the VMM and as its child has mapped it.
    child : bool
        Whether the line at hand is the child's.
    """

    files: list[str] = field(default_factory=list)
    vms: list[str] = field(default_factory=list)
    own: dict[str, int] = field(default_factory=dict)
    childs: dict[str, int] = field(default_factory=dict)
    child: bool = False

    @property
    def regions(self) -> dict[str, int]:
        """Pages of every region so far; where both have one of that name, of that of whose line it is."""
        return {**self.own, **self.childs} if self.child else {**self.childs, **self.own}

    def add_region(self, region: str, pages: int) -> None:
        """Enter a region that the line at hand maps."""
        (self.childs if self.child else self.own)[region] = pages

    def fork(self) -> None:
        """Let the child have the regions of its parent, as they are now; a second fork makes no second child."""
        self.childs = {**self.own, **self.childs}


Reader = Callable[[Cursor, Names], tuple[Any, ...]]


def fork(words: Cursor, names: Names) -> tuple[Any, ...]:
    """Read nothing, but note that there is a child."""
    names.fork()
    return ()


def memfd(words: Cursor, names: Names) -> tuple[Any, ...]:
    """Read ``F N``."""
    name = words.name("the file")
    if name == "anon":
        words.refuse("a name for the file other than anon")
    pages = words.number("pages of the file", 0, MOST_PAGES)
    names.files.append(name)
    return name, pages


def hugefd(words: Cursor, names: Names) -> tuple[Any, ...]:
    """Read ``F N``, N in whole huge pages."""
    name, pages = memfd(words, names)
    if pages % LEAF:
        words.refuse(f"pages of the file, a multiple of {LEAF}")
    return name, pages


def protection(words: Cursor) -> str:
    """Read PROT."""
    expected = "a protection: - or letters of rwm"
    prot = words.take(expected)
    if prot != "-" and (set(prot) - set("rwm") or len(set(prot)) < len(prot)):
        words.refuse(expected)
    return prot.strip("-")


def backing(words: Cursor, names: Names) -> Backing:
    """Read ``private|shared anon|F[+off] PROT``."""
    shared = words.choice(("private", "shared")) == "shared"
    source = words.take("anon, or a file, or file+offset")
    if source == "anon":
        return Backing(shared, None, 0, protection(words))
    file, plus, rest = source.partition("+")
    if file not in names.files:
        words.refuse(f"anon or a file of an earlier line: {', '.join(names.files) or 'none was made so far'}")
    offset = whole_number(rest) if plus else 0
    if offset is None or offset > MOST_PAGES:
        words.refuse(f"{file}+ and a page of it, 0 to {MOST_PAGES}")
    return Backing(shared, file, offset, protection(words))


def mmap(words: Cursor, names: Names) -> tuple[Any, ...]:
    """Read ``R N`` and what is mapped."""
    region = words.name("the region")
    pages = words.number("pages of the region", 0, MOST_PAGES)
    mapped = backing(words, names)
    names.add_region(region, pages)
    return region, pages, mapped


def region_range(words: Cursor, names: Names) -> tuple[str, int, int]:
    """Read ``R k N``: pages of a region."""
    region = words.known("a region", list(names.regions))
    size = names.regions[region]
    first = words.number(f"a page of {region}", 0, size)
    return region, first, words.number(f"pages from there to the end of {region}", 0, size - first)


def region_page(words: Cursor, names: Names) -> tuple[str, int]:
    """Read ``R k``: one page of a region."""
    region = words.known("a region", list(names.regions))
    return region, words.number(f"a page of {region}", 0, names.regions[region] - 1)


def granule(words: Cursor) -> int:
    """Read a granule of a page."""
    return words.number("a granule of the page", 0, TAGS_PER_PAGE - 1)


def tag(words: Cursor) -> int:
    """Read a tag."""
    return words.number("a tag", 0, 15)


def optional_tag(words: Cursor) -> int:
    """Read the tag of a pointer, 0 if the line ends."""
    return tag(words) if words.more else 0


def byte(words: Cursor) -> int:
    """Read a byte."""
    return words.number("a byte", 0, 255)


def new_vm(words: Cursor, names: Names) -> tuple[Any, ...]:
    """Read the name of a VM that is made."""
    name = words.name("the VM")
    if name in names.vms or len(names.vms) == MOST_VMS:
        words.refuse(f"a VM that is new, and not more than {MOST_VMS} of them; so far: {', '.join(names.vms)}")
    names.vms.append(name)
    return (name,)


def vm(words: Cursor, names: Names) -> str:
    """Read the name of a VM."""
    return words.known("a VM", names.vms)


def guest_page(words: Cursor) -> int:
    """Read a guest page index."""
    return words.number("a guest page", 0, MOST_GUEST_PAGES)


def guest_range(words: Cursor, names: Names) -> tuple[str, int, int]:
    """Read ``V p N``: guest pages."""
    return vm(words, names), guest_page(words), words.number("guest pages", 0, MOST_GUEST_PAGES)


def slot(words: Cursor, names: Names) -> tuple[Any, ...]:
    """Read ``V ID GPN R k N [ro] [log]``."""
    machine, number, page = vm(words, names), slot_id(words), guest_page(words)
    where = region_range(words, names)
    flags = []
    for flag in ("ro", "log"):
        if words.more and words.words[words.place] == flag:
            flags.append(words.take(flag))
    return machine, number, page, *where, "ro" in flags, "log" in flags


def slot_id(words: Cursor) -> int:
    """Read the number of a slot."""
    return words.number("the number of a slot", 0, MOST_SLOTS)


def rawtags(words: Cursor, names: Names) -> tuple[Any, ...]:
    """Read ``V IPA LENGTH FLAGS RESERVED BADBUF``."""
    machine = vm(words, names)
    fields = [words.number(what, 0, U64) for what in ("an address", "a length", "flags", "the reserved field")]
    return machine, *fields, bool(words.number("whether the buffer is bad", 0, 1))


GRAMMAR: Final[dict[str, Reader]] = {
    "memfd": memfd,
    "hugefd": hugefd,
    "mmap": mmap,
    "remap": lambda words, names: (*region_range(words, names), backing(words, names)),
    "munmap": region_range,
    "mprotect": lambda words, names: (*region_range(words, names), protection(words)),
    "dontneed": region_range,
    "fork": fork,
    "store": lambda words, names: (*region_page(words, names), byte(words), optional_tag(words)),
    "load": lambda words, names: (*region_page(words, names), optional_tag(words)),
    "stg": lambda words, names: (*region_page(words, names), granule(words), tag(words)),
    "ldg": lambda words, names: (*region_page(words, names), granule(words)),
    "vm": new_vm,
    "mte": lambda words, names: (vm(words, names),),
    "vcpu": lambda words, names: (vm(words, names),),
    "slot": slot,
    "unslot": lambda words, names: (vm(words, names), slot_id(words)),
    "dirty": lambda words, names: (vm(words, names), slot_id(words)),
    "gload": lambda words, names: (vm(words, names), guest_page(words), optional_tag(words)),
    "gstore": lambda words, names: (vm(words, names), guest_page(words), byte(words), optional_tag(words)),
    "gstg": lambda words, names: (vm(words, names), guest_page(words), granule(words), tag(words)),
    "gldg": lambda words, names: (vm(words, names), guest_page(words), granule(words)),
    "tcf": lambda words, names: (vm(words, names), TCF[words.choice([mode.name.lower() for mode in TCF]).upper()]),
    "tfsr": lambda words, names: (vm(words, names),),
    "cleartfsr": lambda words, names: (vm(words, names),),
    "tags": guest_range,
    "settags": lambda words, names: (*guest_range(words, names), byte(words)),
    "rawtags": rawtags,
    "idreg": lambda words, names: (vm(words, names),),
    "getreg": lambda words, names: (vm(words, names), words.choice(TAG_REGISTERS)),
    "setreg": lambda words, names: (
        vm(words, names),
        words.choice(TAG_REGISTERS),
        words.number("a value of 64 bits", 0, U64),
    ),
}
"""Reader of each operation's arguments."""

PROCESS_OPERATIONS: Final = (
    "memfd",
    "hugefd",
    "mmap",
    "remap",
    "munmap",
    "mprotect",
    "dontneed",
    "store",
    "load",
    "stg",
    "ldg",
)
"""What a process does by itself, the VMM or, after ``child``, its child."""
