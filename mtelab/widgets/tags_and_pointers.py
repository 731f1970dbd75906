"""A pointer and the memory that it points into: three sliders, the pointer's bits, and the tag map, linked."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets

from mtelab.arch.memory import Memory
from mtelab.arch.pointers import logical_tag, strip_tag, va_range, with_tag
from mtelab.tags import GRANULE_SIZE, TagStore
from mtelab.widgets.pointer_inspector import PointerInspector
from mtelab.widgets.tag_map import TagMap

LARGEST = 64
"""Bytes of the largest access on the slider: four granules."""


class TagsAndPointers(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """One access by one pointer. Sliders, bits and map always tell the same story.

    Parameters
    ----------
    memory : mtelab.arch.Memory
        The memory to point into and to paint. After code has changed its tags, call `refresh`.
    pointer : int, optional
        Where to begin; the memory's first byte with tag 0 unless said.
    size : int
        Bytes of the access, 1 to 64.
    granules : int
        How much of the memory to show, from its first byte; 64 granules, so that all fits on a screen.

    Attributes
    ----------
    inspector : PointerInspector
        The pointer's bits. Set ``inspector.pointer`` to point elsewhere.
    map : TagMap
        The memory's tags.
    tag, offset, size : ipywidgets.IntSlider
        The pointer's tag, its distance from the memory's first byte, and the size of the access.

    Raises
    ------
    ValueError
        If `size` is not 1 to 64, or `pointer` is not a whole number of 64 bits.
    """

    def __init__(self, memory: Memory, pointer: int | None = None, *, size: int = 8, granules: int = 64) -> None:
        if not 1 <= size <= LARGEST:
            raise ValueError(f"size: {size}, expected 1 to {LARGEST}")
        self.memory = memory
        self.inspector = PointerInspector(memory.base if pointer is None else pointer, title="The pointer")
        self.shown = granules * GRANULE_SIZE
        self.map = _Map(memory.tags, self._bring_back, granules=granules, base=memory.base)
        self.tag = _slider("Pointer tag", 0, 15, "#x")
        self.offset = _slider("Offset (bytes)", 0, self.shown - LARGEST, "#x")
        self.size = _slider("Size (bytes)", 1, LARGEST)
        self._first_size = self.size.value = size
        self._following = False
        self._follow(self.inspector.pointer)
        self.inspector.on_change(self._follow)
        for slider in (self.tag, self.offset):
            slider.observe(self._slid, "value")
        self.size.observe(lambda _change: self._point(), "value")
        super().__init__([ipywidgets.HBox([self.tag, self.offset, self.size]), self.inspector, self.map])
        self.add_class("mte-linked")

    def refresh(self) -> None:
        """Show the memory's tags as they are now."""
        self.map.refresh()

    def _slid(self, _change: object) -> None:
        if not self._following:
            self.inspector.pointer = with_tag(self.memory.base + self.offset.value, self.tag.value)

    def _follow(self, pointer: int) -> None:
        """Bring sliders and map to a pointer that was set bit by bit."""
        offset = _address(pointer) - self.memory.base
        self._following = True
        try:
            self.tag.value = logical_tag(pointer)
            if 0 <= offset <= self.offset.max:
                self.offset.value = offset
        finally:
            self._following = False
        self._point()

    def _point(self) -> None:
        pointer = self.inspector.pointer
        address = _address(pointer)
        if self.memory.base <= address <= self.memory.base + self.shown - self.size.value:
            self.map.status = ""
            self.map.point(address, self.size.value, logical_tag(pointer))
        else:
            self.map.reach = {}
            self.map.status = "The pointer leads outside the memory shown."

    def _bring_back(self) -> None:
        """Show the access that the pointer makes, as large as it was at first."""
        self.size.value = self._first_size
        self._point()

    def __repr__(self) -> str:
        # ipywidgets cuts what is longer than 110 characters.
        return (
            f"TagsAndPointers: {self.inspector.describe()}, {self.size.value} bytes [run this cell to use the figure]"
        )


class _Map(TagMap):
    """The map of a pointer's memory, whose reset brings back the access as well."""

    def __init__(self, store: TagStore, bring_back: Callable[[], None], *, granules: int, base: int) -> None:
        self._bring_back = bring_back
        super().__init__(store, granules=granules, base=base, title="Memory tags and the access", brush=3)

    def reset(self) -> None:
        """Write back the tags that the map was made with, and show the first access."""
        super().reset()
        self._bring_back()


def _address(pointer: int) -> int:
    """Address of the byte in memory that a pointer names: the same in both ranges, as in the model of the processor."""
    sign = -va_range(pointer) & 0xFFFF_0000_0000_0000
    return strip_tag(pointer) ^ sign


def _slider(name: str, low: int, high: int, form: str = "d") -> ipywidgets.IntSlider:
    style = {"description_width": "initial"}
    return ipywidgets.IntSlider(low, low, high, description=name, readout_format=form, style=style)
