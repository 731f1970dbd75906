"""The test window of an instruction vector: memory filled as the recording program filled it, and what changed."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mtelab.arch.memory import Memory
from mtelab.recordings import Record
from mtelab.tags import GRANULE_SIZE, PAGE_SIZE, TAGS_PER_PAGE

VA_BITS: Final = 39
"""Address bits of each VA range in every vector."""
KINDS_OF_MEMORY: Final = ("T", "U", "M", "X")
"""Tagged, untagged, first half tagged, tagged with an unmapped page behind."""
_STEPS: Final = 37 * np.arange(512)

Bytes = npt.NDArray[np.uint8]


class Window:
    """The memory of one vector.

    Parameters
    ----------
    vector : Record
        A vector with the fields base, mem, dseed and tags.

    Attributes
    ----------
    memory : Memory
        The window with at least a page of the same memory on each side.
    before : ndarray of uint8
        Bytes of the window at the start.
    """

    def __init__(self, vector: Record) -> None:
        granules = 8 if "op" in vector else 32
        tags = vector.digits("tags", granules)
        self._vector = vector
        self._size = granules * GRANULE_SIZE
        start = vector.word("base") & ((1 << VA_BITS) - 1)
        if start % GRANULE_SIZE or start < PAGE_SIZE:
            raise vector.error("base", "a multiple of 16 above the first page")
        first = start // PAGE_SIZE * PAGE_SIZE - PAGE_SIZE
        last = (start + self._size - 1) // PAGE_SIZE * PAGE_SIZE + PAGE_SIZE
        kind = vector.choice("mem", KINDS_OF_MEMORY)
        # The unmapped page of the recordings has no level 3 table: its walk ends at level 2.
        self.memory = Memory(first, last + PAGE_SIZE - first, tagged=kind != "U", walk_level=2)
        self._offset = start - first
        if kind == "M":
            self.memory.tagged[self._page_at(self._size // 2) :] = False
        if kind == "X":
            self.memory.mapped[self._page_at(self._size) :] = False
        self.before: Bytes = ((_STEPS[: self._size] + vector.integer("dseed", 0, 255)) & 255 | 1).astype(np.uint8)
        self.memory.data[self._offset : self._offset + self._size] = self.before
        store = self.memory.tags
        every = np.zeros(store.pages * TAGS_PER_PAGE, np.uint8)
        every[self._offset // GRANULE_SIZE :][:granules] = [int(tag, 16) for tag in tags]
        store.write(slice(0, store.pages), every.reshape(-1, TAGS_PER_PAGE))

    def _page_at(self, offset: int) -> int:
        """Page of the memory that begins `offset` bytes into the window."""
        page, inside = divmod(self._offset + offset, PAGE_SIZE)
        if inside:
            raise self._vector.error("base", f"a page boundary {offset} bytes further on")
        return page

    def tags(self) -> str:
        """Tags of the window now, a hex digit each."""
        store = self.memory.tags
        first = self._offset // GRANULE_SIZE
        every = store.read(slice(0, store.pages)).reshape(-1)[first : first + self._size // GRANULE_SIZE]
        return every.tobytes().hex()[1::2]

    def data(self) -> str:
        """Bytes that changed, as text: ``"96: 00000000; 112: 12"``, offsets from the base."""
        return self._changes(self.memory.data[self._offset : self._offset + self._size])

    def recorded_data(self) -> str:
        """Bytes that the recording says changed, written as `data` writes them."""
        after = self.before.copy()
        for field in ("out.zeroed", "out.written"):
            for item in self._list(field):
                offset, data = self._change(field, item)
                after[offset : offset + len(data)] = np.frombuffer(data, np.uint8)
        return self._changes(after)

    def _list(self, field: str) -> list[object]:
        if self._vector.values.get("acc") in ("load", "prefetch"):
            return []
        items = self._vector.get(field)
        if not isinstance(items, list):
            raise self._vector.error(field, "a list")
        return items

    def _change(self, field: str, item: object) -> tuple[int, bytes]:
        """Read one item of out.zeroed, [offset, length], or of out.written, [offset, hex bytes]."""
        match item:
            case [int(offset), int(length)] if field == "out.zeroed" and 0 <= length <= self._size:
                data = bytes(length)
            case [int(offset), str(digits)] if field == "out.written":
                try:
                    data = bytes.fromhex(digits)
                except ValueError:
                    raise self._vector.error(field, "items [offset, hex bytes]") from None
            case _:
                raise self._vector.error(field, f"items [offset, {'length' if 'zeroed' in field else 'hex bytes'}]")
        if not 0 <= offset <= self._size - len(data):
            raise self._vector.error(field, f"items inside the window of {self._size} bytes")
        return offset, data

    def _changes(self, after: Bytes) -> str:
        places = np.flatnonzero(after != self.before)
        if not places.size:
            return "unchanged"
        runs = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
        return "; ".join(f"{run[0]}: {after[run[0] : run[-1] + 1].tobytes().hex()}" for run in runs)
