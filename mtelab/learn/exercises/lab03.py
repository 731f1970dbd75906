"""Lab 03, a tag store that keeps up: clear, copy, pack and unpack, and when packing pays.

Right is what counts here, in a loop or without: the figure of the lab shows what each way costs.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

from mtelab.learn.compare import kind, shown
from mtelab.learn.exercise import function, judged
from mtelab.tags import PACKED_PAGE, TAGS_PER_PAGE

Tags = npt.NDArray[np.uint8]
Pages = slice | npt.NDArray[np.int64]


def page_colours(pages: int) -> Tags:
    """Make tags ``(pages, 256)`` that differ from page to page, none of them 0."""
    granules = np.arange(TAGS_PER_PAGE)
    return np.array([1 + (page + granules * (1 + page // 15)) % 15 for page in range(pages)], np.uint8)


def some_pages(rng: Random) -> tuple[int, Pages]:
    """Draw a number of pages, and some of them: a slice or an index array."""
    pages = rng.choice((1, 3, 6, 12))
    start = rng.randint(0, pages)
    way = rng.randrange(4)
    if way == 0:
        return pages, slice(start, rng.randint(start, pages))
    if way == 1:
        return pages, slice(rng.choice((None, start)), None, rng.choice((None, 2)))
    return pages, np.array(rng.sample(range(pages), rng.randint(0, pages)), np.int64)


def two_places(rng: Random) -> tuple[int, Pages, Pages]:
    """Draw a number of pages, where to copy from, and as many pages to copy to; the two often overlap."""
    pages = rng.choice((2, 4, 8, 12))
    many = rng.randint(0, pages)
    if rng.random() < 0.5:
        first, second = (rng.randint(0, pages - many) for _ in range(2))
        return pages, slice(first, first + many), slice(second, second + many)
    source, target = (np.array(rng.sample(range(pages), many), np.int64) for _ in range(2))
    return pages, source, target


def some_tags(rng: Random) -> Tags:
    """Draw tags of any count, in one row or several."""
    shape = (rng.randint(0, 9),) if rng.random() < 0.7 else (rng.randint(1, 3), rng.choice((2, 5, TAGS_PER_PAGE)))
    return np.bitwise_and(np.frombuffer(rng.randbytes(int(np.prod(shape))), np.uint8).reshape(shape), 15)


def some_packed(rng: Random) -> tuple[Tags, int]:
    """Draw packed tags, and how many there are in a row."""
    shape = (rng.randint(0, 5),) if rng.random() < 0.7 else (rng.randint(1, 3), rng.choice((1, 3, PACKED_PAGE)))
    count = max(0, 2 * shape[-1] - rng.randrange(2))
    packed = np.frombuffer(rng.randbytes(int(np.prod(shape))), np.uint8).reshape(shape).copy()
    if count % 2:
        packed[..., -1] &= 15
    return packed, count


def wrong_page(after: Tags, before: Tags, right: Tags) -> str | None:
    """Name the first page that holds other tags than it should, and whose tags it holds."""
    wrong = np.flatnonzero((after != right).any(axis=1))
    if not wrong.size:
        return None

    def held(tags: Tags) -> str:
        if not tags.any():
            return "only tags 0"
        page = np.flatnonzero((before == tags).all(axis=1))
        return f"the tags that page {page[0]} had before" if page.size else "a mixture of tags"

    page = int(wrong[0])
    return f"page {page}: expected {held(right[page])}, found {held(after[page])}"


def in_place(answer: Callable[..., Any], pages: int, right: Callable[[Tags], None], *where: Pages) -> str | None:
    """Run a learner's function on tags that it must change, and complain where they are not as they should be."""
    before = page_colours(pages)
    after, expected = before.copy(), before.copy()
    right(expected)
    returned = answer(after, *where)
    complaint = wrong_page(after, before, expected)
    if complaint and isinstance(returned, np.ndarray):
        complaint += "\nthe function returned an array: it should change the one that it was given, tags[...] = ..."
    return complaint


def new_array(answer: Callable[..., Any], right: Tags, given: Tags, *others: Any) -> str | None:
    """Run a learner's function that returns a new array of bytes, and complain where it is not the right one."""
    kept = given.copy()
    got = answer(given, *others)
    if not isinstance(got, np.ndarray) or got.dtype != np.uint8 or got.shape != right.shape:
        return f"expected  {kind(right)}\ngot       {kind(got)}"
    if not np.array_equal(given, kept):
        return "the function changed the array that it was given"
    return None if np.array_equal(got, right) else f"expected  {shown(right)}\ngot       {shown(got)}"


@judged(
    lab=3,
    title="Clear pages",
    points=1,
    draw=some_pages,
    size=lambda drawn: drawn[0],
    hints=(
        "numpy assigns to many rows at once. What stands in the brackets may be a slice or an array of row numbers.",
        "Assign to tags[...], so that the array itself changes. `tags = ...` would only name a new array.",
        "tags[pages] = 0",
    ),
)
def clear(answer: Callable[..., Any], store: int, pages: Pages) -> str | None:
    """The named pages hold zeros, the others what they held."""
    return in_place(answer, store, lambda tags: tags.__setitem__(pages, 0), pages)


@judged(
    lab=3,
    title="Copy pages",
    points=2,
    draw=two_places,
    size=lambda drawn: drawn[0],
    hints=(
        "Rows on both sides of one assignment. Then think of two page ranges that overlap.",
        "A loop that copies upwards reads pages that it has already overwritten. Read everything first, then write.",
        "tags[target] = tags[source]: numpy sees that two slices overlap and reads first; an index array on the right "
        "always makes a copy.",
    ),
)
def copy(answer: Callable[..., Any], store: int, source: Pages, target: Pages) -> str | None:
    """Each target page holds what its source page held before the call, as with memmove."""
    return in_place(answer, store, lambda tags: tags.__setitem__(target, tags[source].copy()), source, target)


def packed_tags(tags: Tags) -> Tags:
    """Pack tags of any count; the last high nibble is 0 where the count is odd."""
    packed = tags[..., 0::2].copy()
    packed[..., : tags.shape[-1] // 2] |= tags[..., 1::2] << 4
    return packed


@judged(
    lab=3,
    title="Pack two tags in a byte",
    points=2,
    draw=lambda rng: (some_tags(rng),),
    size=lambda drawn: drawn[0].size,
    hints=(
        "tags[..., 0::2] are the even granules, tags[..., 1::2] the odd ones. Which of them goes into the low nibble?",
        "Start from a copy of the even granules; then | the odd ones, shifted by 4, into the bytes that have one.",
        "packed = tags[..., 0::2].copy(), then packed[..., :tags.shape[-1] // 2] |= tags[..., 1::2] << 4",
    ),
)
def pack(answer: Callable[..., Any], tags: Tags) -> str | None:
    """The even granule is the low nibble; an odd count leaves the last high nibble 0."""
    return new_array(answer, packed_tags(tags), tags)


@judged(
    lab=3,
    title="Unpack them again",
    points=2,
    draw=some_packed,
    size=lambda drawn: drawn[0].size,
    hints=(
        "Make an array for the result first: np.empty((*packed.shape[:-1], count), np.uint8).",
        "Even granules are packed & 15, odd ones packed >> 4. If count is odd, the last byte has no odd granule.",
        "tags[..., 0::2] = packed & 15, then tags[..., 1::2] = packed[..., :count // 2] >> 4",
    ),
)
def unpack(answer: Callable[..., Any], packed: Tags, count: int) -> str | None:
    """Undo pack."""
    tags = np.stack([packed & 15, packed >> 4], axis=-1).reshape(*packed.shape[:-1], -1)[..., :count]
    return new_array(answer, tags, packed, count)


def two_stores(rng: Random) -> tuple[int, int, int, int, int, int, int]:
    """Draw a store, its use and a machine on which one of the two formats is clearly better."""
    while True:
        slow = rng.randint(5, 20)
        drawn = (
            1 << rng.randint(8, 18),
            rng.randint(0, 12),
            rng.randint(0, 6),
            1 << rng.randint(18, 25),
            slow * rng.randint(2, 5),
            slow,
            rng.randint(2, 16),
        )
        plain, packed = costs(*drawn)
        if abs(plain - packed) > 0.02 * max(plain, packed):
            return drawn


def costs(
    pages: int, passes: int, reads: int, cache: int, fast: float, slow: float, unpack_rate: float
) -> tuple[float, float]:
    """Nanoseconds of the whole work with one tag a byte, and with two (a gigabyte a second is a byte a nanosecond)."""
    plain, packed = TAGS_PER_PAGE * pages, PACKED_PAGE * pages

    def bandwidth(size: int) -> float:
        return fast if size <= cache else slow

    return (passes + reads) * plain / bandwidth(plain), passes * packed / bandwidth(
        packed
    ) + reads * plain / unpack_rate


@function(
    lab=3,
    title="When packing pays",
    points=2,
    draw=two_stores,
    size=lambda drawn: drawn[0],
    hints=(
        "Bytes divided by GB/s are nanoseconds. Add up the time of all passes and reads, once for each format.",
        "A packed store has half the bytes: passes take half as long, or less if only the smaller one fits the cache. "
        "A read of it makes 256 bytes a page at the rate of `unpack`, and no copy.",
        "plain = (passes + reads) * 256 * pages / b(256 * pages); packed = passes * 128 * pages / b(128 * pages) + "
        "reads * 256 * pages / unpack; b(size) is fast if size <= cache, else slow.",
    ),
)
def packing_pays(pages: int, passes: int, reads: int, cache: int, fast: float, slow: float, unpack: float) -> bool:
    """Packed takes less time than one byte a tag."""
    plain, packed = costs(pages, passes, reads, cache, fast, slow, unpack)
    return packed < plain
