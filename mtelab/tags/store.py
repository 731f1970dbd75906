"""The tag store: the allocation tags of a stretch of physical memory, page by page, at the speed of numpy."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mtelab.tags import checks
from mtelab.tags.checks import Selection
from mtelab.tags.formats import GRANULE_SIZE, PACKED_PAGE, PAGE_SIZE, TAGS_PER_PAGE, Bytes, pack, unpack
from mtelab.tags.frames import Flat, Rows, Sparse, as_rows, scatter

FLAT_PAGES: Final = 1 << 22
"""Up to 16 GiB of memory (1 GiB of tags) every page has its row; beyond, only pages that were written."""
MOST_PAGES: Final = 1 << 36
"""2**48 bytes of memory, as far as a 48-bit physical address reaches."""


class TagStore:
    """Allocation tags of `pages` pages, all 0 at first.

    A page argument is an int, a slice or an integer array of any shape; results have its shape with one axis
    more. Whatever is refused is refused whole: the store is then as it was.

    Parameters
    ----------
    pages : int
        Pages of 4096 bytes, 256 tags each.

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

    def __init__(self, pages: int) -> None:
        self.pages: Final = checks.whole("pages", pages, 1, MOST_PAGES)
        self._keeper = Flat(self.pages) if self.pages <= FLAT_PAGES else Sparse(self.pages)

    def __repr__(self) -> str:
        return f"TagStore({self.pages} pages)"

    def clear(self, pages: Any) -> None:
        """Set every tag of these pages to 0, as ``mte_clear_page_tags()`` does for one."""
        selection, _ = checks.pages("pages", pages, self.pages)
        self._keeper.clear(selection)

    def copy(self, source: Any, target: Any) -> None:
        """Copy the tags of pages to as many others, as ``mte_copy_page_tags()`` does for one.

        Where the two overlap, the target gets what the source held before, as with memmove.
        """
        sources, many = checks.pages("source", source, self.pages)
        targets, places = checks.pages("target", target, self.pages)
        if many != places:
            raise ValueError(f"target: pages of shape {places}, expected that of source, {many}")
        checks.once("target", targets)
        origin = self._keeper.reading(sources)
        if isinstance(origin, slice) and isinstance(targets, slice) and targets.step == 1:
            rows = self._keeper.writing(targets)
            self._keeper.tags[rows] = self._keeper.tags[origin]
        else:
            self._scatter(targets, self._gather(origin))

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
        self._scatter(selection, given.reshape(-1, TAGS_PER_PAGE))

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
            self._put(rows, unpack(given))

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

        Both must be multiples of 16.
        """
        size = self.pages * PAGE_SIZE
        bounds = {"start": start, "stop": stop}
        for name, address in bounds.items():
            if checks.whole(name, address, 0, size, IndexError) % GRANULE_SIZE:
                raise ValueError(f"{name}: {address:#x}, expected a multiple of {GRANULE_SIZE}")
        value = checks.tag(tag)
        if stop <= start:
            return
        first, head = divmod(int(start) // GRANULE_SIZE, TAGS_PER_PAGE)
        last, tail = divmod(int(stop) // GRANULE_SIZE - 1, TAGS_PER_PAGE)
        pages = slice(first, last + 1, 1)
        if value == 0 and head == 0 and tail == TAGS_PER_PAGE - 1:
            self._keeper.clear(pages)
            return
        rows = self._keeper.writing(pages)
        tags = self._keeper.tags
        if isinstance(rows, slice):
            tags[rows].reshape(-1)[head : (last - first) * TAGS_PER_PAGE + tail + 1] = value
        else:
            tags[rows[0], head:] = value
            tags[rows[1:-1]] = value
            tags[rows[-1], : tail + 1] = value

    def matches(self, addresses: npt.ArrayLike, tags: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Say where the tag stored for an address equals the one given; the two arrays broadcast."""
        where = checks.whole_array("addresses", addresses, 0, self.pages * PAGE_SIZE - 1, IndexError)
        given = checks.whole_array("tags", tags, 0, 15)
        granules = where.astype(np.int64).reshape(-1) // GRANULE_SIZE
        try:
            shape = np.broadcast_shapes(where.shape, given.shape)
        except ValueError:
            message = f"tags: an array of shape {given.shape}, expected one that broadcasts with {where.shape}"
            raise ValueError(message) from None
        rows = self._keeper.reading(granules // TAGS_PER_PAGE)
        stored = self._keeper.tags[rows, granules % TAGS_PER_PAGE].reshape(where.shape)
        return np.broadcast_to(stored == given, shape).copy()

    def _granule(self, address: int) -> tuple[slice, int]:
        checked = checks.whole("address", address, 0, self.pages * PAGE_SIZE - 1, IndexError)
        page, inside = divmod(checked, PAGE_SIZE)
        return slice(page, page + 1, 1), inside // GRANULE_SIZE

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

    def _scatter(self, pages: Selection, tags: Bytes) -> None:
        self._put(self._keeper.writing(pages), tags)

    def _put(self, rows: Rows, tags: Bytes) -> None:
        if isinstance(rows, slice):
            self._keeper.tags[rows] = tags
        else:
            scatter(self._keeper.tags, rows, as_rows(tags))
