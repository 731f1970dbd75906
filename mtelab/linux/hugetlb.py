"""Huge pages of 2 MiB from a pool, and faults on their mappings (mm/hugetlb.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mtelab.linux import mte
from mtelab.linux.errors import Errno, Signal
from mtelab.linux.page import PG_hugetlb, PG_mte_lock, PG_mte_tagged
from mtelab.linux.page_cache import File
from mtelab.linux.page_table import HUGE, LEAF, PFN_SHIFT, PRESENT, WRITE, pfn_of
from mtelab.linux.vma import VM_SHARED, VM_WRITE, VMA

if TYPE_CHECKING:
    from mtelab.linux.machine import Machine
    from mtelab.linux.mm import AddressSpace


class HugetlbPool:
    """Huge pages set aside at boot. The one freed last is taken first, and its tags are as they were left.

    Parameters
    ----------
    machine : Machine
        Whose memory they are of.
    hugepages : int
        How many.

    Attributes
    ----------
    reserved : int
        Free huge pages that are promised to mappings.
    """

    def __init__(self, machine: Machine, hugepages: int) -> None:
        self._machine = machine
        self.size = hugepages
        self.reserved = 0
        self.free: list[int] = []
        if hugepages:
            first = machine.memory.set_aside(hugepages * LEAF)
            machine.memory.flags[first : first + hugepages * LEAF] = PG_hugetlb
            self.free = [first + number * LEAF for number in reversed(range(hugepages))]

    def __repr__(self) -> str:
        return f"HugetlbPool({len(self.free)} of {self.size} free, {self.reserved} reserved)"

    def reserve(self, count: int) -> None:
        """Promise huge pages to a mapping; ENOMEM if too few are free and unpromised."""
        if count > len(self.free) - self.reserved:
            raise Errno("ENOMEM", f"{count} huge pages wanted, {len(self.free) - self.reserved} free and not promised")
        self.reserved += count

    def alloc(self, promised: bool) -> int:
        """Take a huge page, its data zeroed, its tags not; the first frame. SIGBUS if there is none."""
        if not promised and len(self.free) <= self.reserved:
            raise Signal("SIGBUS", "the pool has no huge page that is not promised to another mapping")
        self.reserved -= promised
        first = self.free.pop()
        self._machine.memory.data[first : first + LEAF] = 0
        self._machine.memory.refcount[first] = 1
        return first

    def put(self, first: int) -> None:
        """Count one user of a huge page less; without any it returns to the pool."""
        memory = self._machine.memory
        memory.refcount[first] -= 1
        if memory.refcount[first]:
            return
        if self._machine.rules.hugetlb_free_clears_flags:
            memory.flags[first] &= np.uint8(0xFF & ~(PG_mte_tagged | PG_mte_lock))
        self.free.append(first)


def reserve_for(machine: Machine, vma: VMA) -> None:
    """Reserve the huge pages that a new mapping may need: those a file lacks, or all of a private one."""
    assert vma.file is not None
    if vma.flags & VM_SHARED:
        wanted = set(range(vma.pgoff // LEAF, (vma.pgoff + vma.end - vma.start) // LEAF))
        wanted -= vma.file.reserved | set(vma.file.cache)
        machine.pool.reserve(len(wanted))
        vma.file.reserved |= wanted
    else:
        machine.pool.reserve((vma.end - vma.start) // LEAF)
        vma.resv_owner = True
    if vma.flags & VM_WRITE:
        vma.file.pages = max(vma.file.pages, vma.index(vma.end))


def release_reserve(mm: AddressSpace, vma: VMA) -> None:
    """Give back what an unmapped private mapping had reserved and not used."""
    if vma.resv_owner:
        pages = range(vma.start, vma.end, LEAF)
        mm.machine.pool.reserved -= sum(1 for page in pages if page not in mm.resv_used)
        mm.resv_used.difference_update(pages)


def hugetlb_fault(mm: AddressSpace, vma: VMA, page: int, write: bool) -> None:
    """Map the huge page around `page` (hugetlb_fault)."""
    page = page // LEAF * LEAF
    if not mm.page_table[page] & PRESENT:
        hugetlb_no_page(mm, vma, page, write)
    elif write and not mm.page_table[page] & WRITE:
        hugetlb_wp(mm, vma, page)


def hugetlb_no_page(mm: AddressSpace, vma: VMA, page: int, write: bool) -> None:
    """Map a huge page where there is none. A private mapping reads the file's page if the cache has it."""
    machine, file = mm.machine, vma.file
    assert file is not None
    index = vma.index(page) // LEAF
    shared = bool(vma.flags & VM_SHARED)
    if vma.index(page) >= file.pages:
        raise Signal("SIGBUS", f"page {vma.index(page)} of a file of {file.pages}")
    first = file.cache.get(index)
    if first is not None:
        machine.memory.refcount[first] += 1
    elif shared:
        first = machine.pool.alloc(index in file.reserved)
        file.reserved.discard(index)
        file.cache[index] = first
        machine.memory.refcount[first] += 1
    else:
        first = _alloc_private(mm, vma, page)
        vma.anon_vma = True
    set_huge_pte(mm, vma, page, first, writable=shared)
    if write and not shared:
        hugetlb_wp(mm, vma, page)


def hugetlb_wp(mm: AddressSpace, vma: VMA, page: int) -> None:
    """Let a private mapping write: its own page if nobody else maps it, else a copy."""
    machine = mm.machine
    old = pfn_of(mm.page_table[page])
    if not is_file_page(vma, page, old) and machine.memory.mapcount[old] == 1:
        set_huge_pte(mm, vma, page, old, writable=True, replaces=old)
        return
    try:
        new = _alloc_private(mm, vma, page)
    except Signal:
        if not vma.resv_owner or is_file_page(vma, page, old):
            raise
        unmap_ref_private(mm, vma, page)
        hugetlb_wp(mm, vma, page)
        return
    vma.anon_vma = True
    for offset in range(LEAF):
        mte.copy_highpage(machine, old + offset, new + offset)
    mm.invalidate(page, page + LEAF)
    set_huge_pte(mm, vma, page, new, writable=True, replaces=old)
    machine.pool.put(old)


def unmap_ref_private(mm: AddressSpace, vma: VMA, page: int) -> None:
    """Take a huge page from the children who share it, for the process that had reserved it.

    The pool is empty, and the owner must not fail; a child that comes back gets SIGBUS.
    """
    for other in mm.machine.mms:
        for theirs in other.vmas:
            place = theirs.start + vma.index(page) - theirs.pgoff
            if other is not mm and theirs.file is vma.file and theirs.cow and theirs.start <= place < theirs.end:
                other.zap(place, place + LEAF)


def is_file_page(vma: VMA, page: int, first: int) -> bool:
    """Whether a private mapping shows the file's own page there, not a copy."""
    assert vma.file is not None
    return vma.file.cache.get(vma.index(page) // LEAF) == first


def _alloc_private(mm: AddressSpace, vma: VMA, page: int) -> int:
    """Take a page for a private mapping, a promised one if this page has not used its promise."""
    promised = vma.resv_owner and page not in mm.resv_used
    first = mm.machine.pool.alloc(promised)
    if promised:
        mm.resv_used.add(page)
    return first


def set_huge_pte(
    mm: AddressSpace, vma: VMA, page: int, first: int, writable: bool, replaces: int | None = None
) -> None:
    """Write the 512 entries of a huge page (set_huge_pte_at)."""
    mapcount = mm.machine.memory.mapcount
    entry = mm.entry_for(vma, first, writable) | HUGE
    mte.mte_sync_tags(mm.machine, entry)
    if replaces != first:
        mapcount[first] += 1
        if replaces is not None:
            mapcount[replaces] -= 1
    numbers = np.arange(LEAF, dtype=np.uint64) << np.uint64(PFN_SHIFT)
    mm.page_table.set_range(page, numbers + np.uint64(entry))


def check_alignment(file: File, start: int, pages: int, pgoff: int) -> None:
    """Refuse what hugetlbfs does not map: parts of huge pages."""
    for what, number in (("address", start), ("length", pages), ("offset", pgoff)):
        if file.hugetlb and number % LEAF:
            raise Errno("EINVAL", f"{what}: page {number}, expected a multiple of {LEAF} for huge pages")
