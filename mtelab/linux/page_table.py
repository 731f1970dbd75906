"""Page tables: for each page of an address space the frame it maps, and how. Both stages use the same.

Entries are 64-bit numbers: the frame's number above, bits below. They stand in tables of 512, made when needed, as
the leaves of a real page table; a stretch of entries is read and written as arrays.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

LEAF: Final = 512
"""Entries of a leaf table: 2 MiB of addresses."""
PRESENT: Final = 1
"""The entry maps a frame."""
READ: Final = 2
"""The program, or the guest, may read; not set under PROT_NONE."""
WRITE: Final = 4
"""It may write."""
TAGGED: Final = 8
"""Memory type Normal Tagged: the mapping gives access to tags."""
SPECIAL: Final = 16
"""The frame is not counted: the zero page."""
HUGE: Final = 32
"""One of 512 entries that stand for one block of 2 MiB."""
SWAP: Final = 64
"""Not present: the number above is a swap slot."""
PFN_SHIFT: Final = 8

Entries = npt.NDArray[np.uint64]


def pfn_of(entry: int) -> int:
    """Frame (or swap slot) of an entry."""
    return entry >> PFN_SHIFT


def make_entry(pfn: int, bits: int) -> int:
    """Entry for a frame."""
    return pfn << PFN_SHIFT | bits


class PageTable:
    """Entries by page number; 0 where there is none."""

    def __init__(self) -> None:
        self._leaves: dict[int, Entries] = {}

    def __getitem__(self, page: int) -> int:
        leaf = self._leaves.get(page // LEAF)
        return 0 if leaf is None else int(leaf[page % LEAF])

    def __setitem__(self, page: int, entry: int) -> None:
        leaf = self._leaves.get(page // LEAF)
        if leaf is None:
            leaf = self._leaves[page // LEAF] = np.zeros(LEAF, np.uint64)
        leaf[page % LEAF] = entry

    def has_leaf(self, page: int) -> bool:
        """Whether the table that would hold the entry of `page` exists."""
        return page // LEAF in self._leaves

    def stretches(self, start: int, stop: int) -> Iterator[tuple[int, Entries]]:
        """Yield, in order, the first page and a view of the entries of each leaf table that exists in the range."""
        if (stop - start) // LEAF > len(self._leaves):
            numbers = sorted(number for number in self._leaves if start // LEAF <= number <= (stop - 1) // LEAF)
        else:
            numbers = [n for n in range(start // LEAF, -(-stop // LEAF)) if n in self._leaves]
        for number in numbers:
            base = number * LEAF
            first, last = max(start, base), min(stop, base + LEAF)
            yield first, self._leaves[number][first - base : last - base]

    def items(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield the page and the entry of all that is not empty, in order."""
        for base, entries in self.stretches(start, stop):
            for index in np.flatnonzero(entries):
                yield base + int(index), int(entries[index])

    def set_range(self, start: int, entries: Entries) -> None:
        """Set entries from page `start` on."""
        stop = start + len(entries)
        page = start
        while page < stop:
            number, inside = divmod(page, LEAF)
            end = min(stop, (number + 1) * LEAF)
            values = entries[page - start : end - start]
            if len(values) == LEAF and number not in self._leaves:
                self._leaves[number] = values  # The caller gives the array away: no copy.
            else:
                leaf = self._leaves.setdefault(number, np.zeros(LEAF, np.uint64))
                leaf[inside : inside + len(values)] = values
            page = end

    def clear_range(self, start: int, stop: int) -> None:
        """Empty all entries of the range; tables stay."""
        for _, entries in self.stretches(start, stop):
            entries[:] = 0
