"""Where tags are kept: rows of 256 bytes, one a page, either all of them or only those that were ever used.

Both keepers answer the same three questions, which rows to read, which rows to write, and how to clear, so that
the tag store is written once. Rows come back as a slice where they lie side by side, as an index array elsewhere.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mtelab.tags.checks import Selection
from mtelab.tags.formats import TAGS_PER_PAGE

Rows = slice | npt.NDArray[np.int64]
Tags = npt.NDArray[np.uint8]

CHUNK: Final = 64
"""Pages that come and go together in the sparse keeper: 16 KiB of tags."""

_ZERO_ROW: Final = np.zeros(1, f"V{TAGS_PER_PAGE}")


def as_rows(tags: Tags) -> npt.NDArray[np.void]:
    """Show a ``(n, 256)`` array as n elements of 256 bytes: scattered rows then move as one element each."""
    return tags.view(f"V{TAGS_PER_PAGE}").reshape(-1)


def scatter(tags: Tags, rows: npt.NDArray[np.int64], values: npt.NDArray[np.void]) -> None:
    """Write whole rows, or one row many times. The rows were checked before; "clip" spares a second check."""
    as_rows(tags).put(rows, values, mode="clip")


def zero(tags: Tags, rows: Rows) -> None:
    """Set whole rows to 0."""
    if isinstance(rows, slice):
        tags[rows] = 0
    else:
        scatter(tags, rows, _ZERO_ROW)


class Flat:
    """Every page has its row, and the row's number is the page's. The operating system lends zeroed memory as
    rows are first written, so that an unused page costs next to nothing here too.
    """

    def __init__(self, pages: int) -> None:
        self.tags: Tags = np.zeros((pages, TAGS_PER_PAGE), np.uint8)

    def reading(self, pages: Selection) -> Rows:
        """Rows that hold these pages."""
        return pages

    def writing(self, pages: Selection) -> Rows:
        """Rows in which these pages may be written."""
        return pages

    def clear(self, pages: Selection) -> None:
        """Set every tag of these pages to 0."""
        zero(self.tags, pages)


class Sparse:
    """Only chunks of pages that were written have memory; all others share frame 0, which stays zero.

    It is Linux's zero page over again: reading an untouched page finds zeros that nobody paid for, and the first
    write brings a frame of one's own.
    """

    def __init__(self, pages: int) -> None:
        self.frame_of = np.zeros(-(-pages // CHUNK), np.int32)
        self._start()

    def _start(self) -> None:
        self.tags: Tags = np.zeros((CHUNK, TAGS_PER_PAGE), np.uint8)
        self.frames = 1  # in use or free to use again, the zero frame among them
        self.free = np.empty(0, np.int32)

    def _rows(self, pages: Selection) -> Rows:
        if isinstance(pages, slice) and pages.step == 1 and pages.stop > pages.start:
            first, last = pages.start // CHUNK, (pages.stop - 1) // CHUNK
            frames = self.frame_of[first : last + 1]
            if (np.diff(frames) == 1).all():
                begin = int(frames[0]) * CHUNK + pages.start % CHUNK
                return slice(begin, begin + pages.stop - pages.start)
        numbers = np.arange(pages.start, pages.stop, pages.step) if isinstance(pages, slice) else pages
        return self.frame_of[numbers // CHUNK].astype(np.int64) * CHUNK + numbers % CHUNK

    def reading(self, pages: Selection) -> Rows:
        """Rows that hold these pages; an untouched page is a row of the zero frame."""
        return self._rows(pages)

    def writing(self, pages: Selection) -> Rows:
        """Rows in which these pages may be written, each with a frame of its own."""
        if isinstance(pages, slice):
            last = pages.stop - 1 if pages.stop > pages.start else pages.start - 1
            chunks = np.arange(pages.start // CHUNK, last // CHUNK + 1)
        else:
            chunks = np.unique(pages // CHUNK)
        self._claim(chunks[self.frame_of[chunks] == 0])
        return self._rows(pages)

    def _claim(self, chunks: npt.NDArray[np.int64]) -> None:
        """Give each chunk a frame of zeros: used ones first, then new ones."""
        again = self.free[: chunks.size]
        self.free = self.free[again.size :]
        fresh = np.arange(self.frames, self.frames + chunks.size - again.size, dtype=np.int32)
        self.frames += fresh.size
        if self.frames * CHUNK > len(self.tags):
            # Grow in place, by an eighth: making a larger array and copying would hold the tags twice.
            room = max(self.frames, self.frames + self.frames // 8) * CHUNK
            self.tags.resize((room, TAGS_PER_PAGE), refcheck=False)
        if again.size:
            self.tags.reshape(-1, CHUNK, TAGS_PER_PAGE)[again] = 0
        self.frame_of[chunks] = np.concatenate([again, fresh])

    def clear(self, pages: Selection) -> None:
        """Set every tag of these pages to 0; chunks that are cleared whole give their frames back."""
        if isinstance(pages, slice) and pages.step == 1:
            first, last = -(-pages.start // CHUNK), pages.stop // CHUNK
            if first < last:
                self._release(first, last)
                for edge in (slice(pages.start, first * CHUNK, 1), slice(last * CHUNK, pages.stop, 1)):
                    if edge.stop > edge.start:
                        self._zero_used(edge)
                return
        self._zero_used(pages)

    def _release(self, first: int, last: int) -> None:
        if first == 0 and last == self.frame_of.size:
            self.frame_of[:] = 0
            self._start()
            return
        frames = self.frame_of[first:last]
        self.free = np.concatenate([self.free, frames[frames != 0]])
        frames[:] = 0

    def _zero_used(self, pages: Selection) -> None:
        rows = self._rows(pages)
        if isinstance(rows, slice) and rows.start >= CHUNK:
            zero(self.tags, rows)
            return
        numbers = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        zero(self.tags, numbers[numbers >= CHUNK])
