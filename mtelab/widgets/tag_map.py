"""The tag map: every granule of a stretch of memory with its tag, to look at and to paint."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import traitlets

from mtelab.tags import GRANULE_SIZE, TAGS_PER_PAGE, TagStore
from mtelab.widgets.figure import Figure

COLUMNS = 16


class TagMap(Figure):
    """One tile a granule, sixteen to a row, so that a row is 256 bytes.

    Parameters
    ----------
    store : TagStore
        The tags to show. The map reads and writes this object and keeps no tags of its own; after code has
        changed the store, call `refresh`.
    start, granules : int
        First granule shown, and how many: a page (256) unless said otherwise.
    base : int
        Address of the store's first byte, for labels.
    brush : int
        Tag that the mouse and the space bar paint.
    paintable : bool
        False makes a map that can only be looked at.
    """

    script = "tag_map.js"

    frame = traitlets.Bytes(b"").tag(sync=True)
    """One byte a granule: its tag."""
    changed = traitlets.Bytes(b"").tag(sync=True)
    """One byte a granule: 1 where the last action changed the tag."""
    reach = traitlets.Dict().tag(sync=True)
    """The access shown on top: pointer, its tag, the granules that it touches, and whether each matches."""
    columns = traitlets.Int(COLUMNS).tag(sync=True)
    address = traitlets.Int(0).tag(sync=True)
    brush = traitlets.Int(1, min=0, max=15).tag(sync=True)
    paintable = traitlets.Bool(True).tag(sync=True)

    def __init__(
        self,
        store: TagStore,
        *,
        start: int = 0,
        granules: int = TAGS_PER_PAGE,
        base: int = 0,
        brush: int = 1,
        title: str = "",
        paintable: bool = True,
    ) -> None:
        self.store = store
        self.start = start
        self.base = base
        self.granules = np.arange(start, start + granules)
        first = base + start * GRANULE_SIZE
        self._first, self._first_brush = self.tags, brush
        super().__init__(
            title=title or f"Allocation tags, {first:#x} to {first + granules * GRANULE_SIZE - 1:#x}",
            address=first,
            brush=brush,
            paintable=paintable,
            frame=self._first.tobytes(),
            changed=bytes(granules),
        )

    @property
    def tags(self) -> npt.NDArray[np.uint8]:
        """The tags shown, uint8 ``(granules,)``, as the store has them now."""
        pages, inside = np.divmod(self.granules, TAGS_PER_PAGE)
        first, last = int(pages[0]), int(pages[-1])
        block = self.store.read(slice(first, last + 1))
        tags: npt.NDArray[np.uint8] = block[pages - first, inside]
        return tags

    def refresh(self) -> None:
        """Show the store as it is now, and mark what changed since the last look."""
        tags = self.tags
        before = np.frombuffer(self.frame, dtype=np.uint8)
        with self.hold_sync():
            self.changed = (tags != before).astype(np.uint8).tobytes()
            self.frame = tags.tobytes()
            if self.reach:
                self.point(self.reach["address"], self.reach["size"], self.reach["tag"])

    def paint(self, granules: Iterable[int], tag: int) -> None:
        """Give granules of the store a tag, as a stroke of the mouse does; `granules` count from the map's first."""
        chosen = np.unique(np.fromiter(granules, dtype=np.int64))
        if chosen.size and not (0 <= chosen[0] and chosen[-1] < self.granules.size):
            raise IndexError(f"granules: {chosen.tolist()}, expected 0 to {self.granules.size - 1}")
        for run in np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1):
            if run.size:
                begin = (self.start + int(run[0])) * GRANULE_SIZE
                self.store.fill(begin, begin + run.size * GRANULE_SIZE, tag)
        self.refresh()

    def point(self, address: int, size: int = 1, tag: int = 0) -> None:
        """Show which granules an access would touch, and which of them carry its pointer's tag.

        Parameters
        ----------
        address : int
            First byte, without a tag.
        size : int
            Bytes.
        tag : int
            The pointer's logical tag.
        """
        first = (address - self.address) // GRANULE_SIZE
        last = (address + size - 1 - self.address) // GRANULE_SIZE
        if not (0 <= first and last < self.granules.size):
            low, high = self.address, self.address + self.granules.size * GRANULE_SIZE - 1
            raise IndexError(f"address: {address:#x} for {size} bytes, expected within {low:#x} to {high:#x}")
        addresses = (self.start + np.arange(first, last + 1)) * GRANULE_SIZE
        matches = self.store.matches(addresses, np.full(addresses.size, tag)).tolist()
        self.reach = {
            "address": address,
            "size": size,
            "tag": tag,
            "first": first,
            "last": last,
            "matches": matches,
        }

    def reset(self) -> None:
        """Write back the tags that the map was made with, and take up its first brush."""
        for tag in np.unique(self._first):
            self.paint(np.flatnonzero(self._first == tag), int(tag))
        self.changed = bytes(self.granules.size)
        self.reach = {}
        self.brush = self._first_brush
        self.status = ""

    def on_paint(self, tag: int, data: bytes) -> None:
        """Handle a stroke: `data` holds the granules as little-endian 32-bit numbers."""
        cells = np.frombuffer(data, dtype="<u4")
        self.brush = tag
        self.paint(cells, tag)
        noun = "granule" if cells.size == 1 else "granules"
        self.status = f"{cells.size} {noun} tagged {tag:x}."

    def describe(self) -> str:
        """Say how much memory is shown and which tags it holds."""
        values, counts = np.unique(self.tags, return_counts=True)
        held = ", ".join(f"{count} x {tag:x}" for tag, count in zip(values, counts, strict=True))
        return f"{self.granules.size} granules from {self.address:#x}, tags {held}"
