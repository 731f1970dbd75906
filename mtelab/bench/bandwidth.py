"""How many bytes of tags a second each version moves, for sixteen pages as for a gigabyte of guest memory.

The roofs, numpy's fill and copy (memset and memcpy), are timed in turn with the versions, in the same process and
on the same memory, so that a busy neighbour slows all of them alike. Every time is the best of several rounds:
noise only ever adds. The work comes in pieces of a few milliseconds, so that a notebook stays awake meanwhile and
a measurement can be stopped at any point with what it has.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mtelab.bench.versions import OPERATIONS, ROOFS, VERSIONS, Tags, Version
from mtelab.tags import PACKED_PAGE, TAGS_PER_PAGE

SIZES: Final = tuple(1 << power for power in range(12, 27))
"""Working sets in bytes of tags, one byte a tag: 4 KiB (16 pages) to 64 MiB (a gigabyte of memory)."""

_MOVED_AT_LEAST: Final = 1 << 17
"""Bytes that one timing moves: small working sets are repeated, or the clock would not see them."""
_LONGEST: Final = 40e6
"""Nanoseconds a run may take: a version that would need more on the next working set is not tried there."""
_REPEAT_UP_TO: Final = 2e6
"""Nanoseconds that a run may take and still be timed a second time, warm."""

Run = Callable[[], Any]


class Bandwidth:
    """A measurement: which versions, on which working sets, and the best times so far.

    Parameters
    ----------
    versions : iterable of Version
        What to measure besides the roofs.
    sizes : iterable of int
        Working sets, in bytes of tags at one byte a tag, multiples of 256 that ascend.
    rounds : int
        How often everything is timed.
    clock : callable
        Nanoseconds from any start.

    Notes
    -----
    A packed version handles the tags of the same pages in half the bytes. Its bandwidth counts the tags at one
    byte each, like everyone's, so it may pass the roof.
    """

    def __init__(
        self,
        versions: Iterable[Version] = VERSIONS,
        *,
        sizes: Iterable[int] = SIZES,
        rounds: int = 3,
        clock: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        self.sizes = tuple(sizes)
        if not self.sizes or any(size % TAGS_PER_PAGE or size <= 0 for size in self.sizes):
            raise ValueError(f"sizes: {self.sizes}, expected multiples of {TAGS_PER_PAGE}, the tags of a page")
        if list(self.sizes) != sorted(set(self.sizes)):
            raise ValueError(f"sizes: {self.sizes}, expected each once, in ascending order")
        self.roofs = tuple(dict.fromkeys(ROOFS.values()))
        self.versions = tuple(versions)
        self.rounds = rounds
        self.clock = clock
        self.best: dict[tuple[str, str], npt.NDArray[np.float64]] = {}
        """Nanoseconds of one run by (operation, name), a float64 for each size; nan where there is none yet."""
        for version in (*self.roofs, *self.versions):
            self.best[version.operation, version.name] = np.full(len(self.sizes), np.nan)

    def add(self, version: Version) -> None:
        """Measure one more version from now on; one of the same operation and name is replaced and forgotten."""
        key = version.operation, version.name
        self.versions = (*(old for old in self.versions if (old.operation, old.name) != key), version)
        self.best[key] = np.full(len(self.sizes), np.nan)

    @property
    def total(self) -> int:
        """Pieces of a whole measurement."""
        return self.rounds * len(self.sizes) * (len(self.roofs) + len(self.versions))

    def pieces(self) -> Iterator[int]:
        """Measure, one timing at a time; yields how many of `total` pieces are done. May be abandoned anywhere."""
        memory = _Memory(self.sizes[-1] // TAGS_PER_PAGE)
        done = 0
        for _ in range(self.rounds):
            for place, size in enumerate(self.sizes):
                for version in (*self.roofs, *self.versions):
                    if not self._too_slow(version, place):
                        self._time(version, place, memory.prepare(version, size // TAGS_PER_PAGE))
                    done += 1
                    yield done

    def run(self) -> Bandwidth:
        """Measure to the end."""
        for _ in self.pieces():
            pass
        return self

    def _too_slow(self, version: Version, place: int) -> bool:
        if place == 0 or version in self.roofs:
            return False
        before = self.best[version.operation, version.name][place - 1]
        # A version that was not tried on the smaller set, nan, is not tried on this one.
        return not before * self.sizes[place] / self.sizes[place - 1] <= _LONGEST

    def _time(self, version: Version, place: int, run: Run) -> None:
        """Time one version: the first run brings its data into the caches, quick ones are then timed again."""
        start = self.clock()
        run()
        spent = float(self.clock() - start)
        if spent < _REPEAT_UP_TO:
            repeats = max(1, _MOVED_AT_LEAST // self.sizes[place])
            start = self.clock()
            for _ in range(repeats):
                run()
            spent = (self.clock() - start) / repeats
        best = self.best[version.operation, version.name]
        best[place] = np.fmin(best[place], max(spent, 1.0))

    def gigabytes_per_second(self, operation: str, name: str) -> npt.NDArray[np.float64]:
        """Bandwidth on each working set, float64, in 10**9 bytes of tags (one a byte) a second; nan if unmeasured."""
        if (operation, name) not in self.best:
            known = ", ".join(sorted(known for of, known in self.best if of == operation))
            raise ValueError(f"name: {name!r}, expected one of {known or 'the operations ' + ', '.join(OPERATIONS)}")
        return np.asarray(self.sizes) / self.best[operation, name]

    def ratio(self, operation: str, name: str) -> npt.NDArray[np.float64]:
        """Bandwidth as a share of the operation's roof, float64 for each working set; nan if unmeasured."""
        roof = ROOFS[operation]
        return self.gigabytes_per_second(operation, name) / self.gigabytes_per_second(roof.operation, roof.name)


class _Memory:
    """Tags to work on, touched beforehand, so that no version pays for fresh memory that another then finds."""

    def __init__(self, pages: int) -> None:
        # Twice the pages: the second half is where copies go.
        self.tags: Tags = np.full((2 * pages, TAGS_PER_PAGE), 5, np.uint8)
        # Packed tags have their rows in the same bytes: what is in them does not matter, and half the memory is enough.
        self.packed: Tags = self.tags.reshape(-1, PACKED_PAGE)[: 2 * pages]
        self.shuffle = np.random.default_rng(0)

    def prepare(self, version: Version, pages: int) -> Run:
        """Bind a version to `pages` pages, so that only its own work is left to time."""
        function = version.function
        if version.operation == "pack":
            tags = self.tags[:pages]
            return lambda: function(tags)
        if version.operation == "unpack":
            packed = self.packed[:pages]
            return lambda: function(packed)
        rows = self.packed if version.packed else self.tags
        source, target = self._named(version.pages, 0, pages), self._named(version.pages, len(rows) // 2, pages)
        if version.operation == "clear":
            return lambda: function(rows, source)
        return lambda: function(rows, source, target)

    def _named(self, how: str, first: int, pages: int) -> slice | npt.NDArray[np.int64]:
        if how == "slice":
            return slice(first, first + pages)
        numbers = np.arange(first, first + pages)
        if how == "scattered":
            self.shuffle.shuffle(numbers)
        return numbers
