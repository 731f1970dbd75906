"""Page faults of a program: the zero page, the page cache, copy-on-write (mm/memory.c)."""

from __future__ import annotations

from mtelab.linux import mte
from mtelab.linux.errors import Errno, Signal
from mtelab.linux.hugetlb import hugetlb_fault
from mtelab.linux.mm import AddressSpace
from mtelab.linux.page import ZERO_PFN
from mtelab.linux.page_cache import File
from mtelab.linux.page_table import PRESENT, SPECIAL, SWAP, WRITE, pfn_of
from mtelab.linux.vma import VM_HUGETLB, VM_MTE, VM_READ, VM_WRITE, VMA


def handle_mm_fault(mm: AddressSpace, vma: VMA, page: int, write: bool) -> None:
    """Make `page` accessible; the caller has checked that the VMA permits it. `Signal` SIGBUS past a file's end."""
    if vma.flags & VM_HUGETLB:
        hugetlb_fault(mm, vma, page, write)
        return
    entry = mm.page_table[page]
    if entry & SWAP:
        do_swap_page(mm, vma, page)
    elif not entry & PRESENT:
        if vma.file is None:
            do_anonymous_page(mm, vma, page, write)
        else:
            do_fault(mm, vma, vma.file, page, write)
    elif write and not entry & WRITE:
        do_wp_page(mm, vma, page)


def do_anonymous_page(mm: AddressSpace, vma: VMA, page: int, write: bool) -> None:
    """Map the zero page for a read, a fresh frame for a write."""
    if write:
        map_page(mm, vma, page, alloc_zeroed(mm, vma), writable=True)
    else:
        mm.set_pte_at(page, mm.entry_for(vma, ZERO_PFN, writable=False) | SPECIAL)


def do_fault(mm: AddressSpace, vma: VMA, file: File, page: int, write: bool) -> None:
    """Map the file's page, or a copy of it for a private write (do_read_fault, do_cow_fault, do_shared_fault)."""
    memory = mm.machine.memory
    cached = find_or_create(mm, file, vma.index(page))
    if write and vma.cow:
        new = memory.alloc_page()
        mte.copy_highpage(mm.machine, cached, new)
        map_page(mm, vma, page, new, writable=True)
    else:
        memory.get_page(cached)
        memory.mapcount[cached] += 1
        mm.set_pte_at(page, mm.entry_for(vma, cached, writable=not vma.cow))


def find_or_create(mm: AddressSpace, file: File, index: int) -> int:
    """Frame of a file's page, made and put in the page cache if need be (shmem_get_folio). Tags stay stale."""
    if index >= file.pages:
        raise Signal("SIGBUS", f"page {index} of a file of {file.pages}")
    if index not in file.cache:
        file.cache[index] = mm.machine.memory.alloc_page()
    return file.cache[index]


def do_wp_page(mm: AddressSpace, vma: VMA, page: int) -> None:
    """Let a private page be written: in place if it is anonymous and nobody else uses it, else as a copy."""
    entry = mm.page_table[page]
    old = pfn_of(entry)
    anonymous = not entry & SPECIAL and not mm.is_file_page(vma, page, entry)
    if anonymous and mm.machine.memory.refcount[old] == 1:
        mm.set_pte_at(page, mm.entry_for(vma, old, writable=True))
    else:
        wp_page_copy(mm, vma, page, entry)


def wp_page_copy(mm: AddressSpace, vma: VMA, page: int, entry: int) -> None:
    """Replace a page by a copy of one's own; a copy of the zero page is simply a fresh one."""
    if entry & SPECIAL:
        new = alloc_zeroed(mm, vma)
    else:
        new = mm.machine.memory.alloc_page()
        mte.copy_highpage(mm.machine, pfn_of(entry), new)
    mm.invalidate(page, page + 1)
    map_page(mm, vma, page, new, writable=True)
    mm.change_pte(page, new)
    mm.drop(entry)


def do_swap_page(mm: AddressSpace, vma: VMA, page: int) -> None:
    """Read a page back from swap; each user of the slot gets a frame of its own here."""
    slot = pfn_of(mm.page_table[page])
    map_page(mm, vma, page, mm.machine.swap.into(slot), writable=True)
    mm.machine.swap.put(slot)


def alloc_zeroed(mm: AddressSpace, vma: VMA) -> int:
    """Take a frame for anonymous memory; with PROT_MTE its tags are zeroed with its data."""
    pfn = mm.machine.memory.alloc_page()
    if vma.flags & VM_MTE:
        mte.tag_clear_highpage(mm.machine, pfn)
    return pfn


def map_page(mm: AddressSpace, vma: VMA, page: int, pfn: int, writable: bool) -> None:
    """Map a frame that belongs to this mapping alone."""
    vma.anon_vma = True
    mm.machine.memory.mapcount[pfn] += 1
    mm.set_pte_at(page, mm.entry_for(vma, pfn, writable))


def get_user_pages(mm: AddressSpace, page: int, write: bool) -> int:
    """Frame behind a page, faulted in as the program's own access would (get_user_pages); EFAULT if it cannot be."""
    vma = mm.vmas.find(page)
    if vma is None:
        raise Errno("EFAULT", "nothing is mapped there")
    if not vma.flags & (VM_WRITE if write else VM_READ):
        raise Errno("EFAULT", f"the mapping may not be {'written' if write else 'read'}")
    wanted = PRESENT | (WRITE if write else 0)
    try:
        while mm.page_table[page] & wanted != wanted:
            handle_mm_fault(mm, vma, page, write)
    except Signal as signal:
        raise Errno("EFAULT", f"{signal.name}: {signal.reason}") from None
    return pfn_of(mm.page_table[page])


def get_user_page_fast_only(mm: AddressSpace, page: int) -> int | None:
    """Frame behind a page if it can be written right now, without a fault; None if not."""
    entry = mm.page_table[page]
    return pfn_of(entry) if entry & PRESENT and entry & WRITE else None
