"""Prepared situations in which a guest touches a page: what the VMM has done before, in the scenario language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Situation:
    """A situation.

    Attributes
    ----------
    name, words : str
        What to call it, and what it is.
    setup : tuple of str
        Operations that bring it about.
    page : int
        Guest page that is touched.
    meanwhile : tuple of str or None
        A step of the fault, and the operation that the VMM's other thread does right after it.
    """

    name: str
    words: str
    setup: tuple[str, ...]
    page: int = 0
    meanwhile: tuple[str, str] | None = None


def _machine(memory: str, *after: str, pages: int = 4, slot: str = "", mte: bool = True) -> tuple[str, ...]:
    """Memory, a VM with it as its slot, and what happens then."""
    files = ("memfd F 1",) if " F " in f" {memory} {' '.join(after)} " else ()
    vm = ("vm V", "mte V", "vcpu V") if mte else ("vm V", "vcpu V")
    return (*files, f"mmap M {pages} {memory}", *vm, f"slot V 0 0 M 0 {pages} {slot}".strip(), *after)


_PRIVATE: Final = "private anon rw"
_OVER: Final = "remap M 0 1 shared F rw"

SITUATIONS: Final = {
    situation.name: situation
    for situation in (
        Situation("fresh page", "Private anonymous memory that nobody has touched.", _machine(_PRIVATE)),
        Situation("no slot", "The guest touches a page that no slot has.", _machine(_PRIVATE), page=8),
        Situation("read-only slot", "The slot was made with KVM_MEM_READONLY.", _machine(_PRIVATE, slot="ro")),
        Situation(
            "unmapped by the VMM",
            "The VMM has unmapped the memory. The slot stays.",
            _machine(_PRIVATE, "munmap M 0 1"),
        ),
        Situation(
            "read-only for the VMM",
            "The VMM has mapped the memory without PROT_WRITE.",
            _machine("private anon r"),
        ),
        Situation(
            "past the end of the file",
            "A private mapping of a file of one page; the guest touches the third.",
            _machine("private F rw"),
            page=2,
        ),
        Situation(
            "shared memory mapped over",
            "The slot was made over private memory. Then the VMM mapped a shared memfd over it.",
            _machine(_PRIVATE, _OVER),
        ),
        Situation(
            "shared over, VM without MTE",
            "The same, but the VM has no MTE.",
            _machine(_PRIVATE, _OVER, mte=False),
        ),
        Situation(
            "huge page mapped over",
            "The slot was made over private memory. Then the VMM mapped a private huge page over it.",
            ("hugefd H 512", *_machine(_PRIVATE, "remap M 0 512 private H rw", pages=512)),
        ),
        Situation(
            "tagged by the VMM",
            "The VMM has the memory with PROT_MTE, and gave granules 0 and 1 tags.",
            _machine("private anon rwm", "stg M 0 0 5", "stg M 0 1 9"),
        ),
        Situation(
            "write-protected for the log",
            "The guest has stored to the page and set a tag. Then the VMM read the dirty log.",
            _machine(_PRIVATE, "gstore V 0 1", "gstg V 0 0 7", "dirty V 0", slot="log"),
        ),
        Situation(
            "zero page first",
            "The guest has loaded from the page, and so has the zero page.",
            _machine(_PRIVATE, "gload V 0"),
        ),
        Situation(
            "mapped over meanwhile",
            "Another thread of the VMM maps a shared memfd over the page as soon as mmap_lock is free.",
            ("memfd F 1", *_machine(_PRIVATE)),
            meanwhile=("mmap_read_unlock", _OVER),
        ),
    )
}
