"""Four operations on the tags of many pages, each written in several ways: the steps of lab 03.

Every way of one operation takes the same arguments, so that they can be compared and timed in turn. Tags are
uint8 arrays with a row a page: 256 bytes wide with one tag a byte, 128 wide with two. None of these functions
checks its arguments; `mtelab.TagStore` does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mtelab.tags import TAGS_PER_PAGE, pack, unpack

Tags = npt.NDArray[np.uint8]
Pages = slice | npt.NDArray[np.int64]


def clear_granules(tags: Tags, pages: npt.NDArray[np.int64]) -> None:
    """Clear the tags of pages, one granule after the other."""
    for page in pages.tolist():
        for granule in range(TAGS_PER_PAGE):
            tags[page, granule] = 0


def clear_pages(tags: Tags, pages: npt.NDArray[np.int64]) -> None:
    """Clear the tags of pages, one page after the other."""
    for page in pages.tolist():
        tags[page] = 0


def clear_rows(tags: Tags, pages: Pages) -> None:
    """Clear the tags of pages in one assignment."""
    tags[pages] = 0


def copy_granules(tags: Tags, source: npt.NDArray[np.int64], target: npt.NDArray[np.int64]) -> None:
    """Copy the tags of `source` to `target`, one granule after the other; the two must not overlap."""
    for one, other in zip(source.tolist(), target.tolist(), strict=True):
        for granule in range(TAGS_PER_PAGE):
            tags[other, granule] = tags[one, granule]


def copy_pages(tags: Tags, source: npt.NDArray[np.int64], target: npt.NDArray[np.int64]) -> None:
    """Copy the tags of `source` to `target`, one page after the other; the two must not overlap."""
    for one, other in zip(source.tolist(), target.tolist(), strict=True):
        tags[other] = tags[one]


def copy_rows(tags: Tags, source: Pages, target: Pages) -> None:
    """Copy the tags of `source` to `target` in one assignment; the two may overlap."""
    tags[target] = tags[source]


def pack_granules(tags: Tags) -> Tags:
    """Pack two tags a byte, one pair after the other."""
    packed = np.empty((len(tags), tags.shape[1] // 2), np.uint8)
    for page in range(len(tags)):
        for pair in range(packed.shape[1]):
            packed[page, pair] = int(tags[page, 2 * pair]) | int(tags[page, 2 * pair + 1]) << 4
    return packed


def pack_pages(tags: Tags) -> Tags:
    """Pack two tags a byte, one page after the other."""
    packed = np.empty((len(tags), tags.shape[1] // 2), np.uint8)
    for page in range(len(tags)):
        packed[page] = tags[page, 0::2] | tags[page, 1::2] << 4
    return packed


def pack_slices(tags: Tags) -> Tags:
    """Pack two tags a byte, from the even and the odd columns."""
    packed: Tags = np.bitwise_or(tags[:, 0::2], tags[:, 1::2] << 4)
    return packed


def unpack_granules(packed: Tags) -> Tags:
    """Unpack two tags a byte, one byte after the other."""
    tags = np.empty((len(packed), packed.shape[1] * 2), np.uint8)
    for page in range(len(packed)):
        for pair in range(packed.shape[1]):
            tags[page, 2 * pair] = packed[page, pair] & 15
            tags[page, 2 * pair + 1] = packed[page, pair] >> 4
    return tags


def unpack_pages(packed: Tags) -> Tags:
    """Unpack two tags a byte, one page after the other."""
    tags = np.empty((len(packed), packed.shape[1] * 2), np.uint8)
    for page in range(len(packed)):
        tags[page, 0::2] = packed[page] & 15
        tags[page, 1::2] = packed[page] >> 4
    return tags


def unpack_slices(packed: Tags) -> Tags:
    """Unpack two tags a byte, into the even and the odd columns."""
    tags = np.empty((len(packed), packed.shape[1] * 2), np.uint8)
    tags[:, 0::2] = packed & 15
    tags[:, 1::2] = packed >> 4
    return tags


def memset(tags: Tags, pages: slice) -> None:
    """Set as many bytes as a clear, and do nothing else."""
    tags[pages].fill(0)


def memcpy(tags: Tags, source: slice, target: slice) -> None:
    """Copy as many bytes as a copy, and do nothing else."""
    np.copyto(tags[target], tags[source])


def memcpy_new(tags: Tags) -> Tags:
    """Copy into a new array: like pack and unpack, it has to ask for the memory of its result."""
    return tags.copy()


OPERATIONS: Final = ("clear", "copy", "pack", "unpack")


@dataclass(frozen=True)
class Version:
    """One way of doing one operation, as the measurement runs it.

    Attributes
    ----------
    operation : str
        One of `OPERATIONS`.
    name : str
        What the figure's legend says.
    function : callable
        ``clear(tags, pages)``, ``copy(tags, source, target)``, ``pack(tags)`` or ``unpack(packed)``.
    pages : str
        How pages are named: ``"slice"``, ``"in order"`` (an index array that counts up) or ``"scattered"``
        (an index array in random order).
    packed : bool
        True for clear and copy on two tags a byte: rows of 128 bytes for the same pages.
    """

    operation: str
    name: str
    function: Callable[..., Any]
    pages: str = "slice"
    packed: bool = False

    def __post_init__(self) -> None:
        if self.operation not in OPERATIONS:
            raise ValueError(f"operation: {self.operation!r}, expected one of {', '.join(OPERATIONS)}")


_NEW: Final = Version("pack", "memcpy to new memory", memcpy_new)
ROOFS: Final = {
    "clear": Version("clear", "memset", memset),
    "copy": Version("copy", "memcpy", memcpy),
    "pack": _NEW,
    "unpack": _NEW,
}
"""What each operation is measured against: numpy moving as many bytes of tags and doing nothing else."""

VERSIONS: Final = (
    Version("clear", "Python loop over granules", clear_granules, "in order"),
    Version("clear", "numpy, page by page", clear_pages, "in order"),
    Version("clear", "numpy slice", clear_rows),
    Version("clear", "numpy index array", clear_rows, "scattered"),
    Version("clear", "packed, slice", clear_rows, packed=True),
    Version("copy", "Python loop over granules", copy_granules, "in order"),
    Version("copy", "numpy, page by page", copy_pages, "in order"),
    Version("copy", "numpy slice", copy_rows),
    Version("copy", "numpy index array", copy_rows, "scattered"),
    Version("copy", "packed, slice", copy_rows, packed=True),
    Version("pack", "Python loop over granules", pack_granules),
    Version("pack", "numpy, page by page", pack_pages),
    Version("pack", "numpy slices", pack_slices),
    Version("pack", "16-bit words in blocks", pack),
    Version("unpack", "Python loop over granules", unpack_granules),
    Version("unpack", "numpy, page by page", unpack_pages),
    Version("unpack", "numpy slices", unpack_slices),
    Version("unpack", "16-bit words in blocks", unpack),
)
"""The course's own versions of each operation."""


_RIGHT: Final[dict[str, Callable[..., Any]]] = {
    "clear": clear_rows,
    "copy": copy_rows,
    "pack": pack,
    "unpack": unpack,
}


def works(version: Version) -> bool:
    """Say whether a version does on a few pages what the course's version of the same operation does."""
    tags = np.random.default_rng(0).integers(0, 16, (16, TAGS_PER_PAGE), dtype=np.uint8)
    other: dict[str, tuple[Any, ...]] = {"clear": (slice(2, 9),), "copy": (slice(0, 7), slice(8, 15))}
    results = []
    for function in (version.function, _RIGHT[version.operation]):
        given = pack(tags) if version.operation == "unpack" else tags.copy()
        try:
            returned = function(given, *other.get(version.operation, ()))
        except Exception:  # a learner's function may fail in any way
            return False
        # Clear and copy change what they are given; pack and unpack return their result.
        results.append(given if version.operation in other else returned)
    return np.array_equal(results[0], results[1])
