"""The steps of a protocol: what one CPU does at once, named as Linux names it.

A protocol is a generator. It yields a step, and is answered with the step's value: `test_bit` and `smp_load_acquire`
with the bit, `test_and_set_bit` with the bit as it was, `load_tag` with the tag, all others with None. What a step does
to memory is up to who runs the protocol: the model of KVM, the explorer, a figure, the contention model.

Under ``memory="arm"`` a step keeps order as Linux and Arm define it (memory-barriers.txt; Arm ARM, B2.3):

======================================================  ==============================================================
`test_bit`, `set_bit`, `clear_bit`, tag accesses        relaxed
`test_and_set_bit`                                      fully ordered (a read-modify-write that returns a value)
`wait_for_bit`, `smp_load_acquire`, `spin_lock`         acquire: nothing later is done before it
`smp_store_release`, `spin_unlock`                      release: nothing earlier is done after it
`smp_wmb`                                               DMB ISHST: stores before it, then stores after it
`smp_rmb`                                               DMB ISHLD: loads before it, then all after it
`smp_mb`                                                DMB ISH: all before it, then all after it
======================================================  ==============================================================
"""

from __future__ import annotations

from collections.abc import Generator, Hashable
from dataclasses import dataclass
from typing import Any, NamedTuple

from mtelab.sync.flags import PageFlag, Vm
from mtelab.tags import TAGS_PER_PAGE

Protocol = Generator["Step", Any, None]
"""One CPU's run of a protocol on one page."""


@dataclass(frozen=True)
class Page:
    """A page of memory; `pfn` is its page frame number."""

    pfn: int

    def __repr__(self) -> str:
        return f"page {self.pfn}"


@dataclass(frozen=True)
class Cpu:
    """A CPU, and on whose behalf it runs.

    Attributes
    ----------
    id : int
        From 0.
    vm : int or None
        VM whose vCPU it runs, or whose VMM; None for a process without a VM.
    mm : int
        Address space of the process.
    role : str
        Why the protocol runs; one of `ROLES`.
    vma : Vm
        Flags of the VMA that the page is mapped by, as they are when the role looks.
    """

    id: int
    vm: int | None
    mm: int
    role: str
    vma: Vm

    def __repr__(self) -> str:
        return f"CPU {self.id}, {self.role}"


ROLES = ("memslot", "fault", "set_pte", "ioctl", "swap_in", "allocate")
"""Why a protocol runs: a memslot is made, a stage-2 fault, a stage-1 entry is written, tags are copied TO_GUEST, a page
comes back from swap, a page is allocated."""


class Step(NamedTuple):
    """One step: its name, and what it is done to.

    `why` is empty for a step of a protocol; the programs around it say there what a tag access is for.
    """

    op: str
    args: tuple[Any, ...] = ()
    why: str = ""

    def __repr__(self) -> str:
        if self.op == "visible":  # a store that waited in a buffer; no protocol yields it
            return f"visible: {self.args[0]}"
        return f"{self.op}({', '.join(map(repr, self.args))})"


def _flag(flag: object) -> PageFlag:
    if not isinstance(flag, PageFlag):
        raise ValueError(f"flag: {flag!r}, expected PG_mte_tagged or PG_mte_lock")
    return flag


def _page(page: object) -> Page:
    if not isinstance(page, Page):
        raise ValueError(f"page: {page!r}, expected the page that the protocol was given")
    return page


def _number(name: str, value: object, end: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < end:
        raise ValueError(f"{name}: {value!r}, expected 0 to {end - 1}")
    return value


def _hashable(name: Hashable) -> Hashable:
    try:
        hash(name)
    except TypeError:
        raise ValueError(f"name: {name!r}, expected something that can be hashed, such as a string") from None
    return name


def test_bit(flag: PageFlag, page: Page) -> Step:
    """Read a page flag: answered with True or False. Relaxed."""
    return Step("test_bit", (_flag(flag), _page(page)))


# pytest would take the two for tests wherever they are imported.
test_bit.__test__ = False  # type: ignore[attr-defined]


def set_bit(flag: PageFlag, page: Page) -> Step:
    """Set a page flag, atomically. Relaxed."""
    return Step("set_bit", (_flag(flag), _page(page)))


def clear_bit(flag: PageFlag, page: Page) -> Step:
    """Clear a page flag, atomically. Relaxed."""
    return Step("clear_bit", (_flag(flag), _page(page)))


def test_and_set_bit(flag: PageFlag, page: Page) -> Step:
    """Set a page flag and read what it was, as one: answered with True or False. Fully ordered."""
    return Step("test_and_set_bit", (_flag(flag), _page(page)))


test_and_set_bit.__test__ = False  # type: ignore[attr-defined]


def wait_for_bit(flag: PageFlag, page: Page) -> Step:
    """Wait until a page flag is set (smp_cond_load_acquire). Acquire."""
    return Step("wait_for_bit", (_flag(flag), _page(page)))


def spin_lock(name: Hashable) -> Step:
    """Take the lock called `name`, waiting for it. Acquire. An array of locks is ``("tag_locks", page.pfn % 64)``."""
    return Step("spin_lock", (_hashable(name),))


def spin_unlock(name: Hashable) -> Step:
    """Give back a lock. Release."""
    return Step("spin_unlock", (_hashable(name),))


def mte_clear_page_tags(page: Page) -> Step:
    """Write 0 to every tag of a page: a loop, so at least two steps, and others can see it half done."""
    return Step("mte_clear_page_tags", (_page(page),))


def mte_restore_page_tags(page: Page) -> Step:
    """Write the tags that were saved at swap-out: a loop as `mte_clear_page_tags` is."""
    return Step("mte_restore_page_tags", (_page(page),))


def smp_wmb() -> Step:
    """Keep stores before it before stores after it (DMB ISHST)."""
    return Step("smp_wmb")


def smp_rmb() -> Step:
    """Keep loads before it before everything after it (DMB ISHLD)."""
    return Step("smp_rmb")


def smp_mb() -> Step:
    """Keep everything before it before everything after it (DMB ISH)."""
    return Step("smp_mb")


def smp_load_acquire(flag: PageFlag, page: Page) -> Step:
    """Read a page flag: answered with True or False. Acquire (LDAR)."""
    return Step("smp_load_acquire", (_flag(flag), _page(page)))


def smp_store_release(flag: PageFlag, page: Page, value: bool) -> Step:
    """Set or clear a page flag. Release (STLR)."""
    if value not in (0, 1):
        raise ValueError(f"value: {value!r}, expected 0 or 1")
    return Step("smp_store_release", (_flag(flag), _page(page), bool(value)))


def load_tag(page: Page, granule: int) -> Step:
    """Read the tag of a granule, 0 to 255 (LDG): answered with the tag. Relaxed."""
    return Step("load_tag", (_page(page), _number("granule", granule, TAGS_PER_PAGE)))


def store_tag(page: Page, granule: int, tag: int) -> Step:
    """Write the tag of a granule, 0 to 255 (STG). Relaxed."""
    return Step("store_tag", (_page(page), _number("granule", granule, TAGS_PER_PAGE), _number("tag", tag, 16)))


def refuse(errno: str) -> Step:
    """End this CPU with an errno and nothing mapped: ``refuse("EFAULT")``. It is not answered."""
    if not isinstance(errno, str) or not errno.startswith("E"):
        raise ValueError(f"errno: {errno!r}, expected a name such as 'EFAULT'")
    return Step("refuse", (errno,))
