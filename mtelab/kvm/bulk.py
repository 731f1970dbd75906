"""Fault in many guest pages at once: the same state, page for page, as one write fault after another leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mtelab.kvm.memslot import MemSlot
from mtelab.kvm.sanitise import sanitise_frames
from mtelab.linux import mte
from mtelab.linux.page import numbers
from mtelab.linux.page_table import LEAF, PFN_SHIFT, PRESENT, READ, WRITE, PageTable
from mtelab.linux.vma import VM_MTE, VM_WRITE

if TYPE_CHECKING:
    from mtelab.kvm.vm import VM

CHUNK: Final = LEAF * 4096
"""Pages done together, 8 GiB: their arrays fit in a few hundred MiB."""


def fault_in(vm: VM, gfn: int, npages: int) -> None:
    """Let the guest write-fault every page from `gfn` on, in order, without storing anything.

    Untouched private anonymous memory, which is what a starting guest has, goes in bulk; other pages one by one.

    Raises
    ------
    ValueError
        The VM has no vCPU.
    Errno, MmioExit
        As the first page's fault that fails does; the pages before it are done.
    """
    if vm.vcpu is None:
        raise ValueError("vm: it has no vCPU, expected one that can fault")
    stop = gfn + npages
    while gfn < stop:
        end = bulk_end(vm, gfn, stop)
        if end == gfn:
            vm.vcpu.translate(gfn, write=True)
            end = gfn + 1
        else:
            slot = vm.find_slot(gfn)
            assert slot is not None
            map_untouched(vm, slot, gfn, end)
        gfn = end


def bulk_end(vm: VM, gfn: int, stop: int) -> int:
    """First guest page after `gfn` that has to be faulted in by itself; `gfn` itself if it has to be."""
    slot = vm.find_slot(gfn)
    if slot is None or slot.readonly:
        return gfn
    page = slot.hva_page(gfn)
    vma = vm.mm.vmas.find(page)
    if vma is None or vma.file is not None or not vma.flags & VM_WRITE:
        return gfn
    if vm.mte_enabled and not vm.release.vma_may_back_mte(vma.flags):
        return gfn
    length = min(stop, slot.end_gfn, gfn + vma.end - page, gfn + CHUNK) - gfn
    length = untouched(vm.mm.page_table, page, length)
    length = untouched(vm.stage2.table, gfn, length)
    return gfn + min(length, vm.machine.memory.available)


def untouched(table: PageTable, start: int, length: int) -> int:
    """How many of `length` entries from `start` on are empty before the first that is not."""
    for page, _ in table.items(start, start + length):
        return page - start
    return length


def map_untouched(vm: VM, slot: MemSlot, gfn: int, end: int) -> None:
    """Do for a stretch what do_anonymous_page() and user_mem_abort() do for a page."""
    memory, page = vm.machine.memory, slot.hva_page(gfn)
    vma = vm.mm.vmas.find(page)
    assert vma is not None
    pfns = memory.alloc_pages(end - gfn)
    memory.mapcount[pfns] = 1
    vma.anon_vma = True
    if vma.flags & VM_MTE:
        mte.initialise(vm.machine, pfns)
    frames = numbers(pfns).view(np.uint64) << np.uint64(PFN_SHIFT)
    vm.mm.page_table.set_range(page, frames | np.uint64(vm.mm.entry_for(vma, 0, writable=True)))
    sanitise_frames(vm, pfns)
    frames |= np.uint64(PRESENT | READ | WRITE)
    vm.stage2.table.set_range(gfn, frames)
    if slot.dirty_bitmap is not None:
        slot.dirty_bitmap[gfn - slot.base_gfn : end - slot.base_gfn] = True
