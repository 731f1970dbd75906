"""The tag store: the allocation tags of a stretch of physical memory, page by page, at the speed of numpy."""

from __future__ import annotations

import sys
from math import prod
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mtelab.tags import checks
from mtelab.tags.checks import Selection
from mtelab.tags.formats import GRANULE_SIZE, PACKED_PAGE, PAGE_SIZE, TAGS_PER_PAGE, Bytes, pack, unpack
from mtelab.tags.frames import Flat, Rows, Sparse, as_rows, put

FLAT_PAGES: Final = 1 << 22
"""Up to 16 GiB of memory (1 GiB of tags) every page has its row; beyond, only pages that were written."""
MOST_PAGES: Final = min(1 << 36, sys.maxsize)
"""2**48 bytes of memory, as far as a 48-bit physical address reaches; less where Python itself has 32 bits."""


class TagStore:
    """Allocation tags of `pages` pages, all 0 at first.

    A page argument is an int, a slice or an integer array of any shape; results have its shape with one axis
    more. Whatever is refused is refused whole: the store is then as it was.

    Parameters
    ----------
    pages : int
        Pages of 4096 bytes, 256 tags each.
    sparse : bool, optional
        Whether memory is kept for written pages alone; decided by the size when not given.

    Raises
    ------
    ValueError
        From every method: an argument of the wrong type or shape, a tag above 15, a page twice in a target.
    IndexError
        From every method: a page or an address outside the store.

    Notes
    -----
    Inside, a tag is one byte: clear and copy then are memset and memcpy, and nothing has to be packed to be
    read. A store for a terabyte keeps memory only for pages that were written.
    """

    def __init__(self, pages: int, *, sparse: bool | None = None) -> None:
        self.pages: Final = checks.whole("pages", pages, 1, MOST_PAGES)
        if sparse is None:
            sparse = self.pages > FLAT_PAGES
        self._keeper = Sparse(self.pages) if sparse else Flat(self.pages)

    def __repr__(self) -> str:
        return f"TagStore({self.pages} pages)"

    def clear(self, pages: Any) -> None:
        """Set every tag of these pages to 0, as ``mte_clear_page_tags()`` does for one."""
        selection, _ = checks.pages("pages", pages, self.pages)
        self._keeper.clear(selection)

    def copy(self, source: Any, target: Any) -> None:
        """Copy the tags of pages to as many others, in order, as ``mte_copy_page_tags()`` does for one.

        Where the two overlap, the target gets what the source held before, as with memmove.
        """
        sources, many = checks.pages("source", source, self.pages)
        targets, places = checks.pages("target", target, self.pages)
        if prod(many) != prod(places):
            raise ValueError(f"target: {prod(places)} pages, expected {prod(many)}, as many as source")
        checks.once("target", targets)
        if isinstance(sources, slice) and isinstance(targets, slice) and sources.step == targets.step == 1:
            self._keeper.copy(sources, targets)
        else:
            self._write(targets, self._gather(self._keeper.reading(sources)))

    def read(self, pages: Any, out: Bytes | None = None) -> Bytes:
        """Read tags, one a byte, into a fresh uint8 array ``(..., 256)`` or into `out`."""
        selection, shape = checks.pages("pages", pages, self.pages)
        tags = checks.output(out, (*shape, TAGS_PER_PAGE))
        self._gather(self._keeper.reading(selection), tags.reshape(-1, TAGS_PER_PAGE))
        return tags

    def write(self, pages: Any, tags: npt.ArrayLike) -> None:
        """Write tags, one a byte, each 0 to 15, from an array ``(..., 256)``."""
        selection, shape = checks.pages("pages", pages, self.pages)
        checks.once("pages", selection)
        given = checks.shaped("tags", tags, (*shape, TAGS_PER_PAGE), 15)
        self._write(selection, given.reshape(-1, TAGS_PER_PAGE))

    def save(self, pages: Any, out: Bytes | None = None) -> Bytes:
        """Read tags packed two to a byte, uint8 ``(..., 128)``, as Linux saves those of a swapped page."""
        selection, shape = checks.pages("pages", pages, self.pages)
        packed = checks.output(out, (*shape, PACKED_PAGE))
        rows = self._keeper.reading(selection)
        tags = self._keeper.tags[rows] if isinstance(rows, slice) else self._gather(rows)
        pack(tags, packed.reshape(-1, PACKED_PAGE))
        return packed

    def restore(self, pages: Any, packed: npt.ArrayLike) -> None:
        """Write tags that `save` read, from an array ``(..., 128)``."""
        selection, shape = checks.pages("pages", pages, self.pages)
        checks.once("pages", selection)
        given = checks.shaped("packed", packed, (*shape, PACKED_PAGE), 255).reshape(-1, PACKED_PAGE)
        rows = self._keeper.writing(selection)
        if isinstance(rows, slice) and rows.step in (None, 1):
            unpack(given, self._keeper.tags[rows])
        else:
            put(self._keeper.tags, rows, unpack(given))

    def load(self, address: int) -> int:
        """Read the tag of the granule that holds the byte at `address`, as LDG does."""
        page, granule = self._granule(address)
        return int(self._keeper.tags[self._keeper.reading(page)][0, granule])

    def store(self, address: int, tag: int) -> None:
        """Set the tag of the granule that holds the byte at `address`."""
        page, granule = self._granule(address)
        value = checks.tag(tag)
        self._keeper.tags[self._keeper.writing(page)][0, granule] = value

    def fill(self, start: int, stop: int, tag: int) -> None:
        """Give every granule from byte address `start` up to, not including, `stop` the same tag.

        Both must be multiples of 16, and `stop` not below `start`.
        """
        first = self._boundary("start", start, 0)
        last = self._boundary("stop", stop, first * GRANULE_SIZE)
        value = checks.tag(tag)
        whole = slice(-(-first // TAGS_PER_PAGE), last // TAGS_PER_PAGE, 1)
        if value == 0 and whole.start < whole.stop:
            # Whole pages are cleared, not written: in a large store they then need no memory.
            self._keeper.clear(whole)
            self._fill(first, whole.start * TAGS_PER_PAGE, 0)
            self._fill(whole.stop * TAGS_PER_PAGE, last, 0)
        else:
            self._fill(first, last, value)

    def matches(self, addresses: npt.ArrayLike, tags: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Say where the tag stored for an address equals the one given; the two arrays broadcast."""
        where = checks.whole_array("addresses", addresses, self.pages * PAGE_SIZE - 1, IndexError)
        given = checks.whole_array("tags", tags, 15)
        try:
            shape = np.broadcast_shapes(where.shape, given.shape)
        except ValueError:
            message = f"tags: an array of shape {given.shape}, expected one that broadcasts with {where.shape}"
            raise ValueError(message) from None
        page, inside = np.divmod(where.astype(np.int64, copy=False).reshape(-1), PAGE_SIZE)
        rows = self._keeper.reading(page.astype(np.intp, copy=False))
        stored = self._keeper.tags[rows, inside // GRANULE_SIZE].reshape(where.shape)
        same = np.empty(shape, np.bool_)
        np.equal(stored, given, out=same)
        return same

    def _granule(self, address: int) -> tuple[slice, int]:
        checked = checks.whole("address", address, 0, self.pages * PAGE_SIZE - 1, IndexError)
        page, inside = divmod(checked, PAGE_SIZE)
        return slice(page, page + 1, 1), inside // GRANULE_SIZE

    def _boundary(self, name: str, address: int, low: int) -> int:
        """Check an end of a stretch of granules, and return the granule's number."""
        size = self.pages * PAGE_SIZE
        checked = checks.whole(name, address, low, size, IndexError)
        if checked % GRANULE_SIZE:
            raise ValueError(f"{name}: {checked}, expected a multiple of {GRANULE_SIZE} from {low} to {size}")
        return checked // GRANULE_SIZE

    def _fill(self, first: int, last: int, value: int) -> None:
        """Give the granules from number `first` up to, not including, `last` a tag."""
        if first == last:
            return
        pages = slice(first // TAGS_PER_PAGE, -(-last // TAGS_PER_PAGE), 1)
        head, tail = first - pages.start * TAGS_PER_PAGE, last - (pages.stop - 1) * TAGS_PER_PAGE
        rows = self._keeper.writing(pages)
        tags = self._keeper.tags
        if isinstance(rows, slice):
            tags[rows].reshape(-1)[head : head + last - first] = value
        else:
            tags[rows[0], head:] = value
            put(tags, rows[1:-1], np.full((1, TAGS_PER_PAGE), value, np.uint8))
            tags[rows[-1], :tail] = value

    def _gather(self, rows: Rows, out: Bytes | None = None) -> Bytes:
        """Copy rows out, into a fresh array or into `out`, ``(n, 256)``."""
        tags = self._keeper.tags
        if isinstance(rows, slice):
            if out is None:
                return tags[rows].copy()
            np.copyto(out, tags[rows])
            return out
        if out is None:
            out = np.empty((rows.size, TAGS_PER_PAGE), np.uint8)
        # The rows were checked; "clip" only spares numpy a buffer that it would need to raise in the middle.
        as_rows(tags).take(rows, out=as_rows(out), mode="clip")
        return out

    def _write(self, pages: Selection, tags: Bytes) -> None:
        # First the rows, then the tags: making room may move them.
        rows = self._keeper.writing(pages)
        put(self._keeper.tags, rows, tags)
