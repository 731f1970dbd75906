"""A 64-bit pointer as MTE reads it: an address, and in bits 59:56 of its top byte a tag.

Arm ARM (DDI 0487), chapter D8 on address tagging and chapter D10 on the Memory Tagging Extension.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from mtelab.tags import checks

MASK_64: Final = (1 << 64) - 1
TAG_SHIFT: Final = 56
"""Lowest bit of the logical tag."""
_TAG_MASK: Final = 0xF << TAG_SHIFT
_LOW_56: Final = (1 << 56) - 1


class PointerField(NamedTuple):
    """Some bits of a pointer, for a figure that shows them one by one."""

    name: str
    high: int
    low: int
    value: int
    meaning: str


def pointer(value: int) -> int:
    """Check that `value` is a pointer, a whole number of 64 bits, and return it as an int.

    Raises
    ------
    ValueError
        If it is no whole number, is negative or needs more than 64 bits.
    """
    try:
        number = value.__index__()
    except AttributeError:
        raise ValueError(f"pointer: {value!r}, expected a whole number of 64 bits") from None
    if not 0 <= number <= MASK_64:
        raise ValueError(f"pointer: {number:#x}, expected 0 to {MASK_64:#x}")
    return number


def logical_tag(value: int) -> int:
    """Tag that the pointer `value` carries, bits 59:56: 0 to 15 (Arm's AllocationTagFromAddress)."""
    return (pointer(value) >> TAG_SHIFT) & 0xF


def with_tag(value: int, tag: int) -> int:
    """Pointer `value` with `tag` (0 to 15) in bits 59:56; no other bit changes.

    This is Arm's AddressWithAllocationTag. A tag above 15 is a ValueError.
    """
    return (pointer(value) & ~_TAG_MASK) | (checks.tag(tag) << TAG_SHIFT)


def va_range(value: int) -> int:
    """Which half of the address space `value` is in: its bit 55.

    0 is the range of TTBR0_EL1 (user space in Linux), 1 that of TTBR1_EL1 (the kernel).
    """
    return (pointer(value) >> 55) & 1


def strip_tag(value: int) -> int:
    """Address that is translated where Top Byte Ignore is on: bits 63:56 become copies of bit 55."""
    return (pointer(value) & _LOW_56) | (0xFF << TAG_SHIFT if va_range(value) else 0)


def pointer_fields(value: int) -> tuple[PointerField, ...]:
    """Split the pointer `value` into its named parts, highest bits first; together they are all 64 bits."""
    names = (
        ("top byte, rest", 63, 60, "ignored with TBI; part of the address without"),
        ("logical tag", 59, 56, "compared with the allocation tag of the granule"),
        ("VA range", 55, 55, "0: translated by TTBR0_EL1, 1: by TTBR1_EL1"),
        ("granule", 54, 4, "number of the granule of 16 bytes; each has one allocation tag"),
        ("byte", 3, 0, "byte inside the granule"),
    )
    number = pointer(value)
    return tuple(
        PointerField(name, high, low, (number >> low) & ((1 << (high - low + 1)) - 1), meaning)
        for name, high, low, meaning in names
    )
