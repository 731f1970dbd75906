"""Where tags are kept: rows of 256 bytes, one a page, either all of them or only those that were ever used.

Both keepers answer the same four questions, which rows to read, which rows to write, how to clear and how to
copy a span, so that the tag store is written once. Rows come back as a slice where they lie side by side, as an
index array elsewhere.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mtelab.tags.checks import Selection
from mtelab.tags.formats import TAGS_PER_PAGE

Rows = slice | npt.NDArray[np.intp]
Tags = npt.NDArray[np.uint8]

CHUNK: Final = 64
"""Pages that come and go together in the sparse keeper: 16 KiB of tags."""

_ZERO_ROW: Final = np.zeros((1, TAGS_PER_PAGE), np.uint8)


def as_rows(tags: Tags) -> npt.NDArray[np.void]:
    """Show a ``(n, 256)`` array as n elements of 256 bytes, which numpy moves whole.

    Scattered rows then cost one memcpy each, and overlapping slices are copied in the right order without a
    buffer.
    """
    return tags.view(f"V{TAGS_PER_PAGE}").reshape(-1)


def put(tags: Tags, rows: Rows, values: Tags) -> None:
    """Write whole rows; `values` may overlap `tags`, and one row serves for all."""
    if isinstance(rows, slice):
        as_rows(tags)[rows] = as_rows(values)
    else:
        # Rows were checked before. With "clip" numpy does not check again, and is faster than by an index.
        as_rows(tags).put(rows, as_rows(values), mode="clip")


def zero(tags: Tags, rows: Rows) -> None:
    """Set whole rows to 0."""
    if isinstance(rows, slice):
        tags[rows] = 0
    else:
        put(tags, rows, _ZERO_ROW)


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

    def copy(self, source: slice, target: slice) -> None:
        """Copy pages that lie side by side to others that do."""
        put(self.tags, target, self.tags[source])


class Sparse:
    """Only chunks of pages that were written have memory; all others share frame 0, which stays zero.

    It is Linux's zero page over again: reading an untouched page finds zeros that nobody paid for, and the first
    write brings a frame of one's own.
    """

    def __init__(self, pages: int) -> None:
        self._pages = pages
        self._start()

    def _start(self) -> None:
        self.frame_of = np.zeros(-(-self._pages // CHUNK), np.int32)
        self.tags: Tags = np.zeros((CHUNK, TAGS_PER_PAGE), np.uint8)
        self.frames = 1  # in use or free to use again, the zero frame among them
        self.free = np.empty(0, np.int32)

    def _rows(self, pages: Selection) -> Rows:
        if isinstance(pages, slice) and pages.step == 1:
            frames = self.frame_of[_chunks_of(pages)]
            if frames.size and (np.diff(frames) == 1).all():
                begin = int(frames[0]) * CHUNK + pages.start % CHUNK
                return slice(begin, begin + pages.stop - pages.start)
        return self._places(_numbers(pages))

    def _places(self, numbers: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        return self.frame_of[numbers // CHUNK].astype(np.intp) * CHUNK + numbers % CHUNK

    def reading(self, pages: Selection) -> Rows:
        """Rows that hold these pages; an untouched page is a row of the zero frame."""
        return self._rows(pages)

    def writing(self, pages: Selection) -> Rows:
        """Rows in which these pages may be written, each with a frame of its own."""
        if isinstance(pages, slice) and pages.step == 1:
            span = _chunks_of(pages)
            chunks = np.arange(span.start, span.stop)
        else:
            chunks = np.unique(_numbers(pages) // CHUNK)
        self._claim(chunks[self.frame_of[chunks] == 0])
        return self._rows(pages)

    def _claim(self, chunks: npt.NDArray[np.intp]) -> None:
        """Give each chunk a frame of zeros: used ones first, then new ones."""
        again = self.free[: chunks.size]
        fresh = np.arange(self.frames, self.frames + chunks.size - again.size, dtype=np.int32)
        needed = self.frames + fresh.size
        if needed * CHUNK > len(self.tags):
            # Grow in place, by an eighth: making a larger array and copying would hold the tags twice.
            # Nobody holds a view of the old array, so numpy need not look for one.
            self.tags.resize(((needed + needed // 8) * CHUNK, TAGS_PER_PAGE), refcheck=False)
        # From here on nothing can fail for want of memory, and the store stays whole.
        self.tags.reshape(-1, CHUNK, TAGS_PER_PAGE)[again] = 0
        self.free = self.free[again.size :]
        self.frames = needed
        self.frame_of[chunks] = np.concatenate([again, fresh])

    def clear(self, pages: Selection) -> None:
        """Set every tag of these pages to 0; chunks that a span covers whole give their frames back."""
        if not isinstance(pages, slice):
            rows = self._places(pages)
            zero(self.tags, rows[rows >= CHUNK])
            return
        first = -(-pages.start // CHUNK)
        last = self.frame_of.size if pages.stop == self._pages else pages.stop // CHUNK
        if pages.step == 1 and first < last:
            self._release(first, last)
        zero(self.tags, self._places(self._used(pages)))

    def _release(self, first: int, last: int) -> None:
        if first == 0 and last == self.frame_of.size:
            self._start()
            return
        frames = self.frame_of[first:last]
        self.free = np.concatenate([self.free, frames[frames != 0]])
        frames[:] = 0

    def copy(self, source: slice, target: slice) -> None:
        """Copy pages that lie side by side to others that do; what was never written is not copied but cleared."""
        origin = self._rows(source)
        if isinstance(origin, slice) and origin.start >= CHUNK:
            rows = self.writing(target)
            put(self.tags, rows, self.tags[origin])
            return
        used = self._used(source)
        tags = self.tags[self._places(used)]
        self.clear(target)
        put(self.tags, self.writing(used + (target.start - source.start)), tags)

    def _used(self, pages: slice) -> npt.NDArray[np.intp]:
        """Numbers of those pages that have a frame; the work grows with them, not with the span."""
        span = _chunks_of(pages)
        chunks = span.start + np.flatnonzero(self.frame_of[span])
        numbers = (chunks[:, None] * CHUNK + np.arange(CHUNK)).reshape(-1)
        inside = (numbers >= pages.start) & (numbers < pages.stop) & ((numbers - pages.start) % pages.step == 0)
        used: npt.NDArray[np.intp] = numbers[inside]
        return used


def _chunks_of(pages: slice) -> slice:
    first = pages.start // CHUNK
    return slice(first, -(-pages.stop // CHUNK) if pages.start < pages.stop else first)


def _numbers(pages: Selection) -> npt.NDArray[np.intp]:
    return np.arange(pages.start, pages.stop, pages.step) if isinstance(pages, slice) else pages
