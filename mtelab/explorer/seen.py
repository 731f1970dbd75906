"""The states that a search has seen, in the order in which it found them, and where it came from.

An open hash table of positions in the list of states, filled many states at a time: every new state claims a free
slot; where several claim one, the slot shows who got it, and the others look further.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mtelab.explorer.tables import Words

EMPTY: Final = -1
_MULTIPLIERS: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9))


class Seen:
    """A set of states that keeps their order.

    Parameters
    ----------
    words : int
        64-bit words of a state.

    Attributes
    ----------
    count : int
        How many are in it.
    parent : int32 array
        For each state the one that it was found from.
    """

    def __init__(self, words: int) -> None:
        self.count = 0
        self.states: Words = [np.empty(1 << 10, np.uint64) for _ in range(words)]
        self.parent = np.empty(1 << 10, np.int32)
        self._table = np.full(1 << 12, EMPTY, np.int32)

    @property
    def bytes_a_state(self) -> float:
        """Memory that is taken, divided by the states."""
        taken = sum(array.nbytes for array in self.states) + self.parent.nbytes + self._table.nbytes
        return taken / max(self.count, 1)

    def chunk(self, start: int, stop: int) -> Words:
        """States number `start` up to `stop`, as views."""
        return [array[start:stop] for array in self.states]

    def add(self, words: Words, parents: npt.NDArray[np.int64]) -> int:
        """Add those that are not yet in it, in their order, and return how many there were."""
        total = len(parents)
        if not total:
            return 0
        self._reserve(self.count + total)
        first = self.count
        for array, word in zip(self.states, words, strict=True):
            array[first : first + total] = word
        new, slots = self._claim(first, total)
        kept = len(new)
        if kept < total:
            for array in self.states:
                array[first : first + kept] = array[first + new]
        self.parent[first : first + kept] = parents[new]
        self._table[slots] = np.arange(first, first + kept, dtype=np.int32)
        self.count += kept
        return kept

    def find(self, words: Words) -> npt.NDArray[np.int64]:
        """Positions of states that are in it."""
        found = np.full(len(words[0]), EMPTY, np.int64)
        left = np.arange(len(found))
        slots = self._hash(words)
        while len(left):
            there = self._table[slots]
            same = there != EMPTY
            for array, word in zip(self.states, words, strict=True):
                same &= array[there] == word[left]
            found[left[same]] = there[same]
            on = ~same & (there != EMPTY)
            left, slots = left[on], (slots[on] + 1) & (len(self._table) - 1)
        return found

    def _hash(self, words: Words) -> npt.NDArray[np.int64]:
        mixed = words[0] * _MULTIPLIERS[0]
        for word, multiplier in zip(words[1:], _MULTIPLIERS[1:], strict=False):
            mixed = (mixed ^ (mixed >> np.uint64(29))) * multiplier + word * _MULTIPLIERS[0]
        mixed ^= mixed >> np.uint64(32)
        mixed *= _MULTIPLIERS[1]
        return (mixed >> np.uint64(65 - len(self._table).bit_length())).astype(np.int64)

    def _claim(self, first: int, total: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Find a slot for each state that is put behind the known ones; return which are new, and their slots."""
        table, last = self._table, len(self._table) - 1
        slots = self._hash([array[first : first + total] for array in self.states])
        left = np.arange(total)
        new: list[npt.NDArray[np.int64]] = []
        taken: list[npt.NDArray[np.int64]] = []
        while len(left):
            there = table[slots]
            free = np.flatnonzero(there == EMPTY)
            table[slots[free]] = (first + left[free]).astype(np.int32)
            there[free] = table[slots[free]]
            mine = there == first + left
            same = np.ones(len(left), bool)
            for array in self.states:
                same &= array[there] == array[first + left]
            new.append(left[mine])
            taken.append(slots[mine])
            on = np.flatnonzero(~same)
            left, slots = left[on], (slots[on] + 1) & last
        numbers = np.concatenate(new)
        order = np.argsort(numbers, kind="stable")
        return numbers[order], np.concatenate(taken)[order]

    def _reserve(self, count: int) -> None:
        room = len(self.parent)
        if count > room:
            room = max(count, room + room // 2)
            self.states = [
                np.concatenate([a[: self.count], np.empty(room - self.count, np.uint64)]) for a in self.states
            ]
            self.parent = np.concatenate([self.parent[: self.count], np.empty(room - self.count, np.int32)])
        size = len(self._table)
        if 2 * count > size:
            while 2 * count > size:
                size *= 2
            self._table = np.full(size, EMPTY, np.int32)
            self._refill()

    def _refill(self) -> None:
        """Enter the known states into a table that has grown."""
        step = 1 << 20
        for start in range(0, self.count, step):
            stop = min(start + step, self.count)
            left = np.arange(start, stop)
            slots = self._hash(self.chunk(start, stop))
            while len(left):
                free = np.flatnonzero(self._table[slots] == EMPTY)
                self._table[slots[free]] = left[free].astype(np.int32)
                on = np.flatnonzero(self._table[slots] != left)
                left, slots = left[on], (slots[on] + 1) & (len(self._table) - 1)
