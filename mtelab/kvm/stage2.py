"""Stage 2: the guest's physical pages to frames, and the notifier that keeps it true (arch/arm64/kvm/mmu.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mtelab.kvm.sanitise import sanitise_mte_tags
from mtelab.linux.page_table import HUGE, LEAF, PFN_SHIFT, PRESENT, READ, WRITE, PageTable, make_entry

if TYPE_CHECKING:
    from mtelab.kvm.vm import VM


class Stage2:
    """Stage-2 tables of a VM. It is an `mtelab.linux.mm.MmuNotifier` of the VMM's address space.

    Attributes
    ----------
    table : PageTable
        Entries by guest page.
    mmu_seq : int
        Counts notifications; a fault that sees it change starts again (mmu_invalidate_seq).
    """

    def __init__(self, vm: VM) -> None:
        self._vm = vm
        self.table = PageTable()
        self.mmu_seq = 0

    def map(self, gfn: int, pfn: int, writable: bool, block: bool) -> None:
        """Map a page, or a block of 512."""
        entry = make_entry(pfn, PRESENT | READ | (WRITE if writable else 0) | (HUGE if block else 0))
        if block:
            numbers = np.arange(LEAF, dtype=np.uint64) << np.uint64(PFN_SHIFT)
            self.table.set_range(gfn, numbers + np.uint64(entry))
            return
        if self.table[gfn] & HUGE:
            # A page where a block was: the block goes, its other pages fault again.
            self.unmap(gfn // LEAF * LEAF, LEAF)
        self.table[gfn] = entry

    def unmap(self, gfn: int, npages: int) -> None:
        """Empty entries; the guest faults when it next comes."""
        self.table.clear_range(gfn, gfn + npages)

    def write_protect(self, gfn: int, npages: int) -> None:
        """Let the next write fault, so that it can be logged (kvm_mmu_wp_memory_region)."""
        for _, entries in self.table.stretches(gfn, gfn + npages):
            entries &= np.uint64(~WRITE & ((1 << 64) - 1))

    def invalidate_range(self, start: int, stop: int) -> None:
        """Unmap what the VMM is about to change (kvm_unmap_gfn_range)."""
        for slot in self._vm.slots.values():
            first = max(start, slot.userspace_page)
            last = min(stop, slot.userspace_page + slot.npages)
            if first < last:
                self.mmu_seq += 1
                self.unmap(slot.base_gfn + first - slot.userspace_page, last - first)

    def change_pte(self, page: int, pfn: int) -> None:
        """Map the frame that replaced another, read-only, its tags initialised (kvm_set_spte_gfn, until 6.9)."""
        for slot in self._vm.slots.values():
            if slot.userspace_page <= page < slot.userspace_page + slot.npages:
                gfn = slot.base_gfn + page - slot.userspace_page
                sanitise_mte_tags(self._vm, pfn, 1)
                if self.table.has_leaf(gfn):
                    self.map(gfn, pfn, writable=False, block=False)
