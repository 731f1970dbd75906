"""VMAs: stretches of an address space that are mapped the same way, and the list that holds them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from mtelab.linux.errors import Errno
from mtelab.linux.page_cache import File
from mtelab.linux.page_table import LEAF
from mtelab.sync.flags import VM_HUGETLB, VM_MTE, VM_MTE_ALLOWED, VM_READ, VM_SHARED, VM_WRITE, Vm

NO_FLAGS: Final = Vm(0)


__all__ = [
    "NO_FLAGS",
    "VMA",
    "VM_HUGETLB",
    "VM_MTE",
    "VM_MTE_ALLOWED",
    "VM_READ",
    "VM_SHARED",
    "VM_WRITE",
    "VMAs",
    "Vm",
    "can_merge",
]


@dataclass(eq=False)
class VMA:
    """Pages `start` up to, not including, `end` of an address space.

    Attributes
    ----------
    start, end : int
        Page numbers.
    flags : Vm
        Protection and kind.
    file : File or None
        What is mapped; None for private anonymous memory.
    pgoff : int
        Page of the file that `start` shows.
    anon_vma : bool
        Some page of it is, or was, the process's own: fork must copy the page table entries.
    resv_owner : bool
        Huge pages were reserved for this private mapping.
    """

    start: int
    end: int
    flags: Vm
    file: File | None = None
    pgoff: int = 0
    anon_vma: bool = False
    resv_owner: bool = False

    def index(self, page: int) -> int:
        """Page of the file that `page` of the address space shows."""
        return self.pgoff + page - self.start

    @property
    def cow(self) -> bool:
        """Whether writes go to a copy of one's own (is_cow_mapping)."""
        return not self.flags & VM_SHARED


class VMAs:
    """The VMAs of an address space, in order, none overlapping."""

    def __init__(self) -> None:
        self._list: list[VMA] = []

    def __iter__(self) -> Iterator[VMA]:
        return iter(list(self._list))

    def __len__(self) -> int:
        return len(self._list)

    def find(self, page: int) -> VMA | None:
        """VMA that `page` lies in (vma_lookup)."""
        index = bisect_right(self._list, page, key=lambda vma: vma.start) - 1
        if index >= 0 and page < self._list[index].end:
            return self._list[index]
        return None

    def intersecting(self, start: int, stop: int) -> list[VMA]:
        """All VMAs that share a page with the range, in order."""
        first = max(bisect_right(self._list, start, key=lambda vma: vma.start) - 1, 0)
        found = []
        for vma in self._list[first:]:
            if vma.start >= stop:
                break
            if vma.end > start:
                found.append(vma)
        return found

    def insert(self, vma: VMA) -> None:
        """Add a VMA where nothing is mapped."""
        index = bisect_right(self._list, vma.start, key=lambda other: other.start)
        self._list.insert(index, vma)

    def remove(self, vma: VMA) -> None:
        """Drop a VMA."""
        self._list.remove(vma)

    def split(self, page: int) -> None:
        """Let a VMA end at `page` and another begin there (split_vma); EINVAL inside a huge page."""
        vma = self.find(page)
        if vma is None or vma.start == page:
            return
        if vma.flags & VM_HUGETLB and page % LEAF:
            raise Errno("EINVAL", "a VMA of huge pages can be split between two of them only")
        self.insert(replace(vma, start=page, pgoff=vma.index(page)))
        vma.end = page

    def isolate(self, start: int, stop: int) -> list[VMA]:
        """Split so that no VMA crosses either end, and return those in the range."""
        self.split(start)
        self.split(stop)
        return self.intersecting(start, stop)

    def merge(self, start: int, stop: int) -> None:
        """Join neighbours at and between `start` and `stop` that have become alike (vma_merge)."""
        for vma in self.intersecting(start, stop + 1):
            before = self.find(vma.start - 1)
            if before is not None and can_merge(before, vma):
                before.end = vma.end
                before.anon_vma |= vma.anon_vma
                self._list.remove(vma)


def can_merge(before: VMA, after: VMA) -> bool:
    """Whether two neighbours differ in nothing but their place."""
    return (
        before.end == after.start
        and before.flags == after.flags
        and before.file is after.file
        and not before.flags & VM_HUGETLB
        and (before.file is None or before.index(after.start) == after.pgoff)
    )
