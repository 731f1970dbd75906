"""The pointer inspector: the 64 bits of a pointer, what each field means, and what the processor makes of it."""

from __future__ import annotations

from collections.abc import Callable

import traitlets

from mtelab.arch.pointers import logical_tag, strip_tag, va_range
from mtelab.tags import GRANULE_SIZE
from mtelab.widgets.figure import Figure

VA_SIZES = (39, 48)
"""Bits of a virtual address that page tables translate: Linux with 4 KiB pages and three or four levels."""

Row = tuple[str, str, str]
"""Label, what to say, and a verdict: "good", "bad" or "" where there is none."""


class PointerInspector(Figure):
    """Shows a 64-bit pointer bit by bit; a click, the space bar or `flip` changes one.

    Parameters
    ----------
    pointer : int
        The pointer to begin with, 0 to 2**64 - 1.
    va_bits : int
        Size of a virtual address in bits, 39 or 48. The bits from there to 54 must be copies of bit 55.
    """

    script = "pointer_inspector.js"

    word = traitlets.Unicode("0" * 16).tag(sync=True)
    """The pointer as 16 hex digits; JSON numbers end at 53 bits."""
    va_bits = traitlets.Int(48).tag(sync=True)
    rows: traitlets.List[Row] = traitlets.List().tag(sync=True)
    """What the pointer means, line by line (`Row`)."""

    def __init__(self, pointer: int = 0, *, va_bits: int = 48, title: str = "A pointer, bit by bit") -> None:
        self._first = (pointer, va_bits)
        super().__init__(title=title, word=f"{pointer:016x}", va_bits=va_bits, rows=explain(pointer, va_bits))

    @property
    def pointer(self) -> int:
        """The pointer shown."""
        return int(self.word, 16)

    @pointer.setter
    def pointer(self, pointer: int) -> None:
        self._show(pointer, self.va_bits)

    def _show(self, pointer: int, va_bits: int) -> None:
        rows = explain(pointer, va_bits)  # refuses what is no pointer
        with self.hold_sync():
            self.va_bits = va_bits
            self.rows = rows
            self.word = f"{pointer:016x}"
        self.status = ""

    def flip(self, bit: int) -> None:
        """Turn one bit, 0 to 63, over."""
        if not 0 <= bit <= 63:
            raise IndexError(f"bit: {bit}, expected 0 to 63")
        self.pointer ^= 1 << bit

    def on_change(self, callback: Callable[[int], None]) -> None:
        """Call ``callback(pointer)`` after every change of the pointer, whoever made it."""
        self.observe(lambda _change: callback(self.pointer), "word")

    def reset(self) -> None:
        """Return to the pointer and the address size that the figure was made with."""
        self._show(*self._first)

    def on_flip(self, bit: int) -> None:
        """Handle a click on a bit."""
        self.flip(bit)

    def on_size(self, va_bits: int) -> None:
        """Handle the choice of an address size."""
        self._show(self.pointer, va_bits)

    def on_enter(self, text: str) -> None:
        """Handle a pointer typed as hex digits, with or without ``0x`` and ``_``."""
        try:
            pointer = int(text, 16)
        except ValueError:
            raise ValueError(f"pointer: {text!r}, expected up to 16 hex digits") from None
        self.pointer = pointer

    def describe(self) -> str:
        """Say the pointer's tag, its range and the byte it points to."""
        half = ("lower", "upper")[va_range(self.pointer)]
        return f"tag {logical_tag(self.pointer):x}, {half} range, byte {_inside(self.pointer, self.va_bits):#x}"


def explain(pointer: int, va_bits: int) -> list[Row]:
    """Say what a pointer means to a processor with tags, TBI on and addresses of `va_bits` bits.

    The rules are those of Arm DDI 0487, D8 ("Address tagging") and D10 (the Memory Tagging Extension).

    Raises
    ------
    ValueError
        If `pointer` is not a whole number of 64 bits, or `va_bits` is neither 39 nor 48.
    """
    if va_bits not in VA_SIZES:
        raise ValueError(f"va_bits: {va_bits!r}, expected 39 or 48")
    tag, upper = logical_tag(pointer), va_range(pointer)
    byte = _inside(pointer, va_bits)
    halves = (
        "bit 55 is 0: lower range, translated through TTBR0_EL1 (in Linux: user space)",
        "bit 55 is 1: upper range, translated through TTBR1_EL1 (in Linux: the kernel)",
    )
    address = strip_tag(pointer)
    sign = ((1 << (64 - va_bits)) - 1) * upper
    if address >> va_bits == sign:
        with_tbi = "bits 63:56 are ignored: the address translates", "good"
    else:
        with_tbi = f"translation fault, bits 54:{va_bits} are not all copies of bit 55", "bad"
    if pointer >> va_bits == sign:
        without = f"canonical, bits 63:{va_bits} are all alike: the address translates", "good"
    else:
        without = f"translation fault, bits 63:{va_bits} are not all alike", "bad"
    return [
        ("Logical tag", f"{tag:x} (bits 59:56 are {tag:04b})", ""),
        ("Range", halves[upper], ""),
        ("Address", f"{address:#018x}: the top byte replaced by copies of bit 55", ""),
        ("Granule", f"number {byte // GRANULE_SIZE:#x} of the range, and byte {byte % GRANULE_SIZE} in it", ""),
        ("With TBI", *with_tbi),
        ("Without TBI", *without),
    ]


def _inside(pointer: int, va_bits: int) -> int:
    """The byte of its range that a pointer names."""
    return pointer & ((1 << va_bits) - 1)
