"""The tag instructions that touch registers only, as pure functions of 64-bit values.

They follow the pseudocode of the Arm ARM (DDI 0487): IRG, ADDG, SUBG, GMI, SUBP, SUBPS and the shared functions
ChooseNonExcludedTag, RandomTag and NextRandomTagBit. `Processor` has the same instructions with its registers
filled in.
"""

from __future__ import annotations

from typing import NamedTuple

from mtelab.arch.pointers import MASK_64, logical_tag, pointer, with_tag
from mtelab.tags.checks import whole

ALL_EXCLUDED = 0xFFFF
"""Exclude mask that leaves no tag."""


class Drawn(NamedTuple):
    """Result of one IRG: the tag, and the seed of the next."""

    tag: int
    seed: int


class Difference(NamedTuple):
    """Result of SUBPS: the difference, 64 bits, and the flags N, Z, C, V as bits 3, 2, 1, 0."""

    value: int
    nzcv: int


def choose_non_excluded_tag(tag: int, offset: int, exclude: int) -> int:
    """Step `offset` tags on from `tag`, counting only tags whose bit in `exclude` is 0, after 15 comes 0.

    With offset 0 an excluded `tag` moves to the next allowed one. With another offset it counts as no step, even
    if `tag` is excluded. If all 16 are excluded, the answer is 0.
    """
    if exclude & ALL_EXCLUDED == ALL_EXCLUDED:
        return 0
    if offset == 0:
        return _allowed_from(tag, exclude)
    for _ in range(offset):
        tag = _allowed_from((tag + 1) % 16, exclude)
    return tag


def _allowed_from(tag: int, exclude: int) -> int:
    while exclude >> tag & 1:
        tag = (tag + 1) % 16
    return tag


def next_random_tag_bit(seed: int) -> tuple[int, int]:
    """Shift the 16-bit register RGSR_EL1.SEED once: the new top bit, and the register after.

    The new bit is the exclusive or of bits 5, 3, 2 and 0. A seed of 0 gives zeros for ever.
    """
    bit = (seed >> 5 ^ seed >> 3 ^ seed >> 2 ^ seed) & 1
    return bit, bit << 15 | seed >> 1


def random_tag(seed: int) -> Drawn:
    """Draw four bits, the lowest first, as IRG does for its random step."""
    tag = 0
    for place in range(4):
        bit, seed = next_random_tag_bit(seed)
        tag |= bit << place
    return Drawn(tag, seed)


def draw_tag(tag: int, seed: int, exclude: int) -> Drawn:
    """Draw the tag of one IRG with GCR_EL1.RRND = 0.

    Parameters
    ----------
    tag, seed : int
        RGSR_EL1.TAG (the tag drawn before, 4 bits) and RGSR_EL1.SEED (16 bits).
    exclude : int
        Tags not to be drawn, one bit each: GCR_EL1.Exclude or Xm<15:0>, or both.

    Returns
    -------
    Drawn
        The tag, which is RGSR_EL1.TAG afterwards too, and the new seed. The seed moves on even if all are excluded.
    """
    offset, seed = random_tag(seed)
    return Drawn(choose_non_excluded_tag(tag, offset, exclude), seed)


def addg(xn: int, offset: int, tag_offset: int, exclude: int = 0) -> int:
    """Add `offset` bytes to the pointer `xn` and step its tag on by `tag_offset` allowed tags.

    `offset` is a multiple of 16 up to 1008, `tag_offset` is 0 to 15, `exclude` is GCR_EL1.Exclude.
    """
    _check_offsets(offset, tag_offset)
    return with_tag((pointer(xn) + offset) & MASK_64, choose_non_excluded_tag(logical_tag(xn), tag_offset, exclude))


def subg(xn: int, offset: int, tag_offset: int, exclude: int = 0) -> int:
    """Subtract `offset` bytes from the pointer `xn`; the tag still steps forward, as in `addg`."""
    _check_offsets(offset, tag_offset)
    return with_tag((pointer(xn) - offset) & MASK_64, choose_non_excluded_tag(logical_tag(xn), tag_offset, exclude))


def _check_offsets(offset: int, tag_offset: int) -> None:
    if whole("offset", offset, 0, 1008) % 16:
        raise ValueError(f"offset: {offset}, expected a multiple of 16 from 0 to 1008")
    whole("tag_offset", tag_offset, 0, 15)


def gmi(xn: int, xm: int) -> int:
    """Add the tag of the pointer `xn` to the exclude mask `xm`."""
    return whole("xm", xm, 0, MASK_64) | 1 << logical_tag(xn)


def subp(xn: int, xm: int) -> int:
    """Distance from pointer `xm` to pointer `xn` in bytes, whatever their top bytes: bits 55:0, sign-extended."""
    return subps(xn, xm).value


def subps(xn: int, xm: int) -> Difference:
    """As `subp`, with the flags of the subtraction."""
    first, second = _signed_56(xn), _signed_56(xm)
    value = (first - second) & MASK_64
    negative, zero = value >> 63, value == 0
    # No borrow means carry, as in every Arm subtraction. 56-bit operands cannot overflow 64 bits: V stays 0.
    carry = first & MASK_64 >= second & MASK_64
    return Difference(value, negative << 3 | zero << 2 | carry << 1)


def _signed_56(value: int) -> int:
    low = pointer(value) & (1 << 56) - 1
    return low - (1 << 56) if low >> 55 else low
