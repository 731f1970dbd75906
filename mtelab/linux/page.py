"""Physical memory: frames of 4 KiB, what Linux keeps for each, and the allocator.

A frame's state stands in numpy arrays, one element a frame, so that sixteen million frames can be handed out at once.
Of a frame's data the model keeps the first byte; tags it keeps all.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mtelab.linux.errors import Errno
from mtelab.linux.page_table import LEAF
from mtelab.sync import flags
from mtelab.tags import GRANULE_SIZE, PAGE_SIZE, TAGS_PER_PAGE, TagStore

# As plain integers, for arrays of flags.
PG_mte_tagged: Final = int(flags.PG_mte_tagged)
PG_mte_lock: Final = int(flags.PG_mte_lock)
PG_hugetlb: Final = 4
"""Page flag: this frame is part of a huge page."""
ZERO_PFN: Final = 0
"""The zero page: every read of untouched anonymous memory maps it."""

_USED: Final = 255
_RANDOM: Final = 254

Pfns = int | slice | npt.NDArray[np.int64]
"""One frame, a stretch of them, or any."""


def numbers(pfns: slice | npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Numbers of many frames, as an array."""
    return np.arange(pfns.start, pfns.stop, dtype=np.int64) if isinstance(pfns, slice) else pfns


class PhysicalMemory:
    """All frames of the machine.

    A frame that is freed keeps its tags, as real memory does: a missing clear then shows. Frames that were never
    used hold random tags, as if from an owner before.

    Parameters
    ----------
    frames : int
        How many.
    seed : int
        From which the random tags come.

    Attributes
    ----------
    flags : uint8 array
        Page flags of each frame.
    mapcount : int32 array
        How many page table entries map each frame.
    refcount : int32 array
        Those, and the page cache. A frame whose count falls to 0 is free.
    data : uint8 array
        First byte of each frame.
    """

    def __init__(self, frames: int, seed: int = 0) -> None:
        self.frames, self.seed = frames, seed
        self.flags = np.zeros(frames, np.uint8)
        self.mapcount = np.zeros(frames, np.int32)
        self.refcount = np.zeros(frames, np.int32)
        self.data = np.zeros(frames, np.uint8)
        # A lab keeps dozens of machines, in a browser too, and each uses a few frames of its thousands.
        self._tags = TagStore(frames, sparse=True)
        # By frame: _USED, or the tag that an owner before left in it and that nobody has looked at yet.
        self._left = np.full(frames, _RANDOM, np.uint8)
        self._free: list[int] = []
        self._next = ZERO_PFN + 1
        self._end = frames
        self.clear_tags(ZERO_PFN)
        self.refcount[ZERO_PFN] = 1

    def __repr__(self) -> str:
        return f"PhysicalMemory({self.frames} frames, {self.available} free)"

    @property
    def available(self) -> int:
        """Frames that can still be allocated."""
        return len(self._free) + self._end - self._next

    def alloc_page(self) -> int:
        """Take a frame, refcount 1, flags clear; the most recently freed first. Its data is zeroed, its tags not."""
        if self._free:
            pfn = self._free.pop()
        elif self._next < self._end:
            pfn = self._next
            self._next += 1
        else:
            raise Errno("ENOMEM", f"all {self.frames} frames are in use")
        self.flags[pfn] = 0
        self.data[pfn] = 0
        self.refcount[pfn] = 1
        return pfn

    def alloc_pages(self, count: int) -> slice | npt.NDArray[np.int64]:
        """Take `count` frames, the same and in the same order as by as many calls of `alloc_page`.

        They are a slice if they lie side by side, as in fresh memory; numpy is then several times faster.
        """
        if count > self.available:
            raise Errno("ENOMEM", f"{count} frames wanted, {self.available} free")
        again = [self._free.pop() for _ in range(min(count, len(self._free)))]
        fresh = slice(self._next, self._next + count - len(again))
        self._next = fresh.stop
        pfns = np.concatenate([np.array(again, np.int64), numbers(fresh)]) if again else fresh
        self.flags[pfns] = 0
        self.data[pfns] = 0
        self.refcount[pfns] = 1
        return pfns

    def set_aside(self, count: int) -> int:
        """Take `count` frames from the end of memory for good, for a pool; returns the first, on a 2 MiB bound."""
        first = (self._end - count) // LEAF * LEAF
        if first < self._next:
            raise Errno("ENOMEM", f"{count} frames wanted, {self._end - self._next} free")
        self._end = first
        return first

    def get_page(self, pfn: int) -> None:
        """Count one more user of a frame."""
        self.refcount[pfn] += 1

    def put_page(self, pfn: int) -> None:
        """Count one user less; without any, the frame is free, and keeps its tags."""
        self.refcount[pfn] -= 1
        if self.refcount[pfn] == 0:
            self._free.append(pfn)

    def leave_tag(self, pfns: Pfns, tag: int) -> None:
        """Let an owner before have left `tag`, 0 to 15, in every granule of frames, instead of random ones."""
        if tag not in range(16):
            raise ValueError(f"tag: {tag!r}, expected 0 to 15")
        self._left[pfns] = tag

    def clear_tags(self, pfns: Pfns) -> None:
        """Set all tags of frames to 0 (mte_clear_page_tags)."""
        self._left[pfns] = _USED
        self._tags.clear(pfns)

    def copy_tags(self, source: int, target: int) -> None:
        """Copy all tags of a frame to another (mte_copy_page_tags)."""
        self.write_tags(target, self.read_tags(source))

    def read_tags(self, pfn: int) -> npt.NDArray[np.uint8]:
        """Tags of a frame, uint8 ``(256,)``."""
        return self._tags.read(self._used(pfn))

    def write_tags(self, pfns: Pfns, tags: npt.ArrayLike) -> None:
        """Set all tags of frames, uint8 ``(..., 256)``."""
        self._left[pfns] = _USED
        self._tags.write(pfns, tags)

    def save_tags(self, pfn: int) -> npt.NDArray[np.uint8]:
        """Tags of a frame in 128 bytes, two a byte (mte_save_page_tags)."""
        return self._tags.save(self._used(pfn))

    def restore_tags(self, pfn: int, packed: npt.ArrayLike) -> None:
        """Give a frame the tags that `save_tags` read (mte_restore_page_tags)."""
        self._left[pfn] = _USED
        self._tags.restore(pfn, packed)

    def load_tag(self, pfn: int, granule: int) -> int:
        """Tag of one granule."""
        return self._tags.load(self._used(pfn) * PAGE_SIZE + granule * GRANULE_SIZE)

    def store_tag(self, pfn: int, granule: int, tag: int) -> None:
        """Set the tag of one granule."""
        self._tags.store(self._used(pfn) * PAGE_SIZE + granule * GRANULE_SIZE, tag)

    def _used(self, pfn: int) -> int:
        """Give a frame that nobody used the tags of an owner before; they are made up when first looked at."""
        left = self._left[pfn]
        if left == _RANDOM:
            self.write_tags(pfn, np.random.default_rng((self.seed, pfn)).integers(0, 16, TAGS_PER_PAGE))
        elif left != _USED:
            self.write_tags(pfn, np.full(TAGS_PER_PAGE, left))
        return pfn
