"""Address spaces and the system calls that change them (mm/mmap.c, mm/mprotect.c, mm/madvise.c, fork)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, Protocol

from mtelab.linux import hugetlb, mte
from mtelab.linux.errors import Errno
from mtelab.linux.machine import Machine
from mtelab.linux.page_cache import File
from mtelab.linux.page_table import (
    HUGE,
    LEAF,
    PRESENT,
    READ,
    SPECIAL,
    SWAP,
    TAGGED,
    WRITE,
    PageTable,
    make_entry,
    pfn_of,
)
from mtelab.linux.vma import (
    NO_FLAGS,
    VM_HUGETLB,
    VM_MTE,
    VM_MTE_ALLOWED,
    VM_READ,
    VM_SHARED,
    VM_WRITE,
    VMA,
    Vm,
    VMAs,
)

FIRST_PAGE: Final = 1 << 20
"""Where the first mapping goes, as a page number: 4 GiB."""
PROT_FLAGS: Final = {"r": VM_READ, "w": VM_WRITE, "m": VM_MTE}


class MmuNotifier(Protocol):
    """Somebody else, such as KVM, who maps the same frames and must hear of every change first."""

    def invalidate_range(self, start: int, stop: int) -> None:
        """Forget the pages of this range."""

    def change_pte(self, page: int, pfn: int) -> None:
        """Map another frame for a page; called after `invalidate_range` (until 6.9)."""


class AddressSpace:
    """What one process sees: ``mm_struct``.

    Pages are numbered by their address; `start` and `pages` of every method count pages. A method that fails raises
    `Errno`.

    Attributes
    ----------
    vmas : VMAs
        What is mapped where.
    page_table : PageTable
        Which frames are there already.
    notifiers : list of MmuNotifier
        Called before entries change or go.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.vmas = VMAs()
        self.page_table = PageTable()
        self.notifiers: list[MmuNotifier] = []
        self.resv_used: set[int] = set()
        """Huge pages whose reservation is used up, by page number."""
        self._next = FIRST_PAGE
        machine.mms.append(self)

    def __repr__(self) -> str:
        return f"AddressSpace({len(self.vmas)} VMAs)"

    def mmap(
        self, pages: int, prot: str, shared: bool, file: File | None = None, pgoff: int = 0, at: int | None = None
    ) -> int:
        """Map memory and return its first page.

        Parameters
        ----------
        pages : int
            Length; that of huge pages is rounded up to whole ones.
        prot : str
            Letters of ``rwm``; m is PROT_MTE.
        shared : bool
            MAP_SHARED or MAP_PRIVATE.
        file : File or None
            None is anonymous memory.
        pgoff : int
            Page of the file to start at.
        at : int or None
            MAP_FIXED: replace what is there.
        """
        huge = file is not None and file.hugetlb
        if huge:
            pages = -(-pages // LEAF) * LEAF
        if pages == 0:
            raise Errno("EINVAL", "a mapping of no pages")
        if at is not None and file is not None:
            hugetlb.check_alignment(file, at, pages, 0)
        flags = vm_prot(prot) | (VM_SHARED if shared else NO_FLAGS) | (VM_HUGETLB if huge else NO_FLAGS)
        if not huge or self.machine.rules.hugetlb_mte:
            flags |= VM_MTE_ALLOWED
        arch_validate_flags(flags)
        if at is None:
            start, self._next = self._next, self._next + -(-pages // LEAF) * LEAF + LEAF
        else:
            start = at
            self._unmap(start, start + pages, self.machine.rules.mmap_split_errno)
        if shared and file is None:
            file = File("/dev/zero (deleted)", pages)
        vma = VMA(start, start + pages, flags, file, pgoff if file is not None else start)
        if file is not None and huge:
            hugetlb.check_alignment(file, 0, 0, pgoff)
            hugetlb.reserve_for(self.machine, vma)
        self.vmas.insert(vma)
        self.vmas.merge(vma.start, vma.end)
        return start

    def munmap(self, start: int, pages: int) -> None:
        """Unmap pages; holes do not matter."""
        if pages == 0:
            raise Errno("EINVAL", "munmap of no pages")
        self._unmap(start, start + pages, "EINVAL")

    def _unmap(self, start: int, stop: int, errno: str) -> None:
        try:
            gone = self.vmas.isolate(start, stop)
        except Errno as error:
            raise Errno(errno, error.reason) from None
        for vma in gone:
            self.zap(vma.start, vma.end)
            hugetlb.release_reserve(self, vma)
            self.vmas.remove(vma)

    def mprotect(self, start: int, pages: int, prot: str) -> None:
        """Change the protection, VMA by VMA. ENOMEM at the first hole: what comes before has changed by then.

        PROT_MTE is added, never taken away: VM_MTE is not among the flags that mprotect drops.
        """
        page, stop = start, start + pages
        while page < stop:
            vma = self.vmas.find(page)
            if vma is None:
                raise Errno("ENOMEM", f"nothing is mapped {page - start} pages into the range")
            flags = vma.flags & ~(VM_READ | VM_WRITE) | vm_prot(prot)
            arch_validate_flags(flags)
            end = min(stop, vma.end)
            if flags != vma.flags:
                (vma,) = self.vmas.isolate(page, end)
                vma.flags = flags
                self._change_protection(vma)
                self.vmas.merge(page, end)
            page = end

    def _change_protection(self, vma: VMA) -> None:
        """Rewrite the entries of a VMA whose flags have changed (change_protection)."""
        self.invalidate(vma.start, vma.end)
        for page, old in self.page_table.items(vma.start, vma.end):
            if not old & PRESENT:
                continue
            kept = old & (SPECIAL | HUGE)
            # A private page stays write-protected until a write shows that it may be written in place.
            entry = self.entry_for(vma, pfn_of(old), writable=not vma.cow) | kept
            if not kept & HUGE or page % LEAF == 0:
                mte.mte_sync_tags(self.machine, entry)
            self.page_table[page] = entry

    def madvise_dontneed(self, start: int, pages: int) -> None:
        """Drop the pages; the next access finds zeros, or the file's page. ENOMEM at the end if there was a hole."""
        page, stop, hole = start, start + pages, False
        for vma in self.vmas.intersecting(start, stop):
            hole |= page < vma.start
            page, end = max(page, vma.start), min(stop, vma.end)
            last = end
            if vma.flags & VM_HUGETLB:
                if page % LEAF:
                    raise Errno("EINVAL", "huge pages are dropped whole: the start is inside one")
                last = end // LEAF * LEAF
            self.zap(page, last)
            page = end
        if hole or page < stop:
            raise Errno("ENOMEM", "part of the range is not mapped")

    def fork(self) -> AddressSpace:
        """Make the address space of a child: same mappings, private pages shared until one of the two writes."""
        child = AddressSpace(self.machine)
        child._next = self._next
        for vma in self.vmas:
            child.vmas.insert(replace(vma, resv_owner=False))
            if vma.anon_vma:
                self._copy_page_range(child, vma)
        return child

    def _copy_page_range(self, child: AddressSpace, vma: VMA) -> None:
        if vma.cow:
            self.invalidate(vma.start, vma.end)
        memory = self.machine.memory
        for page, entry in self.page_table.items(vma.start, vma.end):
            if entry & SWAP:
                self.machine.swap.get(pfn_of(entry))
            elif vma.cow:
                entry &= ~WRITE
                self.page_table[page] = entry
            child.page_table[page] = entry
            if entry & PRESENT and not entry & SPECIAL and (not entry & HUGE or page % LEAF == 0):
                memory.get_page(pfn_of(entry))
                memory.mapcount[pfn_of(entry)] += 1

    def exit(self) -> None:
        """Unmap everything: the process has ended (exit_mmap)."""
        for vma in self.vmas:
            self._unmap(vma.start, vma.end, "EINVAL")
        self.machine.mms.remove(self)

    def zap(self, start: int, stop: int) -> None:
        """Empty the entries of a range, notifiers first (zap_page_range)."""
        self.invalidate(start, stop)
        for page, entry in self.page_table.items(start, stop):
            if entry & HUGE and page % LEAF:
                continue
            self.drop(entry)
        self.page_table.clear_range(start, stop)

    def drop(self, entry: int) -> None:
        """Give up what an entry stands for: a frame, a huge page, a swap slot."""
        pfn = pfn_of(entry)
        if entry & SWAP:
            self.machine.swap.put(pfn)
        elif not entry & SPECIAL:
            self.machine.memory.mapcount[pfn] -= 1
            if entry & HUGE:
                self.machine.pool.put(pfn)
            else:
                self.machine.memory.put_page(pfn)

    def set_pte_at(self, page: int, entry: int) -> None:
        """Write an entry; tags that it would show are initialised first."""
        mte.mte_sync_tags(self.machine, entry)
        self.page_table[page] = entry

    def invalidate(self, start: int, stop: int) -> None:
        """Tell the notifiers that a range is about to change (mmu_notifier_invalidate_range_start)."""
        for notifier in self.notifiers:
            notifier.invalidate_range(start, stop)

    def change_pte(self, page: int, pfn: int) -> None:
        """Tell the notifiers of a frame that takes another's place, in releases that do (set_pte_at_notify)."""
        if self.machine.rules.set_pte_at_notify:
            for notifier in self.notifiers:
                notifier.change_pte(page, pfn)

    @staticmethod
    def entry_for(vma: VMA, pfn: int, writable: bool) -> int:
        """Entry that maps a frame as its VMA says; on this processor what may be written may be read."""
        bits = PRESENT
        if vma.flags & (VM_READ | VM_WRITE):
            bits |= READ
        if writable and vma.flags & VM_WRITE:
            bits |= WRITE
        if vma.flags & VM_MTE:
            bits |= TAGGED
        return make_entry(pfn, bits)

    @staticmethod
    def is_file_page(vma: VMA, page: int, entry: int) -> bool:
        """Whether an entry maps the file's own page, not an anonymous one."""
        if vma.file is None:
            return False
        if entry & HUGE:
            return hugetlb.is_file_page(vma, page, pfn_of(entry))
        return vma.file.cache.get(vma.index(page)) == pfn_of(entry)

    def mappings_of(self, pfn: int) -> Iterator[int]:
        """Pages that map a frame; the model walks the page table where Linux has a reverse map."""
        for vma in self.vmas:
            found = [page for page, e in self.page_table.items(vma.start, vma.end) if e & PRESENT and pfn_of(e) == pfn]
            yield from found


def vm_prot(prot: str) -> Vm:
    """Flags for protection letters: ``"rwm"`` is readable, writable and PROT_MTE."""
    flags = NO_FLAGS
    for letter in prot:
        flags |= PROT_FLAGS[letter]
    return flags


def arch_validate_flags(flags: Vm) -> None:
    """Refuse PROT_MTE where the memory cannot hold tags."""
    if flags & VM_MTE and not flags & VM_MTE_ALLOWED:
        raise Errno("EINVAL", "PROT_MTE on memory that is not VM_MTE_ALLOWED")
