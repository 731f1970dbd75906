"""A process: what its loads, stores and tag instructions do, and the signals they end in (arch/arm64/mm/fault.c)."""

from __future__ import annotations

from typing import Final

from mtelab.arch.pointers import with_tag
from mtelab.arch.registers import PSTATE, SCTLR_EL1, TCR_EL1
from mtelab.arch.tag_check import LOAD, STORE, TCF, check_tag
from mtelab.linux.errors import Signal
from mtelab.linux.memory import handle_mm_fault
from mtelab.linux.mm import AddressSpace
from mtelab.linux.page_table import PRESENT, READ, TAGGED, WRITE, pfn_of
from mtelab.linux.vma import VM_READ, VM_WRITE
from mtelab.tags import PAGE_SIZE

_SCTLR: Final = SCTLR_EL1(ATA0=1, TCF0=TCF.SYNC)
_TCR: Final = TCR_EL1(TBI0=1)
_EL0: Final = PSTATE(EL=0)


class Process:
    """A program with the tagged-address ABI on and synchronous tag checks.

    Every method raises `Signal` where the program would get one.

    Parameters
    ----------
    mm : AddressSpace
        Its memory.
    """

    def __init__(self, mm: AddressSpace) -> None:
        self.mm = mm

    def fork(self) -> Process:
        """Make a child with a copy of the address space."""
        return Process(self.mm.fork())

    def load(self, page: int, tag: int = 0) -> int:
        """Load the first byte of a page through a pointer with a tag."""
        pfn = self._access(page, write=False, tag=tag)
        return int(self.mm.machine.memory.data[pfn])

    def store(self, page: int, value: int, tag: int = 0) -> None:
        """Store the first byte of a page through a pointer with a tag."""
        pfn = self._access(page, write=True, tag=tag)
        self.mm.machine.memory.data[pfn] = value

    def ldg(self, page: int, granule: int) -> int:
        """Read an allocation tag (LDG); 0 where the mapping is not PROT_MTE."""
        entry = self._translate(page, write=False)
        return self.mm.machine.memory.load_tag(pfn_of(entry), granule) if entry & TAGGED else 0

    def stg(self, page: int, granule: int, tag: int) -> None:
        """Set an allocation tag (STG); nothing happens where the mapping is not PROT_MTE, but it is a write."""
        entry = self._translate(page, write=True)
        if entry & TAGGED:
            self.mm.machine.memory.store_tag(pfn_of(entry), granule, tag)

    def _access(self, page: int, write: bool, tag: int) -> int:
        """Translate, then check the tag; returns the frame."""
        entry = self._translate(page, write)
        pfn = pfn_of(entry)
        if entry & TAGGED:
            pointer = with_tag(page * PAGE_SIZE, tag)
            memory_tag = self.mm.machine.memory.load_tag(pfn, 0)
            verdict = check_tag(pointer, memory_tag, STORE if write else LOAD, _SCTLR, _TCR, _EL0, tagged=True)
            if verdict.result == "synchronous":
                raise Signal("SEGV_MTESERR", f"pointer tag {tag:X}, memory tag {memory_tag:X}")
        return pfn

    def _translate(self, page: int, write: bool) -> int:
        """Find the entry of a page, faulting it in (do_page_fault)."""
        wanted = PRESENT | (WRITE if write else READ)
        while (entry := self.mm.page_table[page]) & wanted != wanted:
            vma = self.mm.vmas.find(page)
            if vma is None:
                raise Signal("SEGV_MAPERR", "nothing is mapped there")
            if not vma.flags & (VM_WRITE if write else VM_READ | VM_WRITE):
                raise Signal("SEGV_ACCERR", f"the mapping may not be {'written' if write else 'read'}")
            handle_mm_fault(self.mm, vma, page, write)
        return entry
