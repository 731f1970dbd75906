"""The two formats of a page's tags: one byte a tag, and two tags a byte.

One byte a tag is what ``KVM_ARM_MTE_COPY_TAGS`` carries and what numpy likes best. Two tags a byte, the even
granule in the low nibble, is how LDGM returns tags and how Linux keeps those of a swapped page
(``mte_save_page_tags()`` in ``arch/arm64/lib/mte.S``): 128 bytes for 4 KiB.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

GRANULE_SIZE: Final = 16
"""Bytes that share one allocation tag."""
PAGE_SIZE: Final = 4096
"""Bytes in a page."""
TAGS_PER_PAGE: Final = PAGE_SIZE // GRANULE_SIZE
"""Tags of a page: 256."""
PACKED_PAGE: Final = TAGS_PER_PAGE // 2
"""Bytes that hold a page's tags packed: 128."""

Bytes = npt.NDArray[np.uint8]

# Packing takes several passes over the data. In blocks of this many pairs all but the first pass find it in
# the processor's cache; without blocks each pass would go to memory.
_BLOCK: Final = 1 << 16


def pack(tags: Bytes, out: Bytes | None = None) -> Bytes:
    """Pack tags two to a byte, the even granule in the low nibble.

    Parameters
    ----------
    tags : uint8 array ``(..., n)``, n even
        One tag a byte, each 0 to 15 (not checked here).
    out : uint8 array ``(..., n // 2)``, C-contiguous, optional
        Where the result goes.

    Returns
    -------
    uint8 array ``(..., n // 2)``

    Examples
    --------
    >>> pack(np.array([0x1, 0x2, 0x3, 0xF], dtype=np.uint8)).tobytes().hex()
    '21f3'
    """
    packed = np.empty((*tags.shape[:-1], tags.shape[-1] // 2), np.uint8) if out is None else out
    # A pair of tags read as one little-endian number is (odd << 8 | even); shifting the odd one down by four
    # and keeping the low byte gives the packed byte.
    pairs = np.ascontiguousarray(tags).reshape(-1).view("<u2")
    flat = packed.reshape(-1)
    moved = np.empty(min(_BLOCK, pairs.size), np.uint16)
    for start in range(0, pairs.size, _BLOCK):
        block = pairs[start : start + _BLOCK]
        work = moved[: block.size]
        np.right_shift(block, 4, out=work)
        np.bitwise_or(work, block, out=work)
        np.copyto(flat[start : start + block.size], work, casting="unsafe")
    return packed


def unpack(packed: Bytes, out: Bytes | None = None) -> Bytes:
    """Unpack two tags a byte to one; the inverse of `pack`.

    Parameters
    ----------
    packed : uint8 array ``(..., n)``
        Two tags a byte.
    out : uint8 array ``(..., 2 * n)``, C-contiguous, optional
        Where the result goes.

    Returns
    -------
    uint8 array ``(..., 2 * n)``
    """
    tags = np.empty((*packed.shape[:-1], packed.shape[-1] * 2), np.uint8) if out is None else out
    flat = np.ascontiguousarray(packed).reshape(-1)
    pairs = tags.reshape(-1).view("<u2")
    moved = np.empty(min(_BLOCK, pairs.size), np.uint16)
    for start in range(0, pairs.size, _BLOCK):
        block = pairs[start : start + _BLOCK]
        work = moved[: block.size]
        np.copyto(block, flat[start : start + block.size])
        np.left_shift(block, 4, out=work)
        np.bitwise_or(block, work, out=block)
        np.bitwise_and(block, 0x0F0F, out=block)
    return tags
