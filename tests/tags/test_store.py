"""The tag store against a plain array, in both ways of keeping tags, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtelab import TagStore
from mtelab.tags import PACKED_PAGE, PAGE_SIZE, TAGS_PER_PAGE, frames, pack, store

PAGES = 300  # more than four chunks of the sparse keeper, the last one cut short


@pytest.fixture(params=["flat", "sparse"])
def tags(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> TagStore:
    if request.param == "sparse":
        monkeypatch.setattr(store, "FLAT_PAGES", 0)
    return TagStore(PAGES)


def random_tags(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 16, (*shape, TAGS_PER_PAGE), np.uint8)


# Page arguments of every kind; a target must not name a page twice.
spans = st.tuples(st.integers(0, PAGES), st.integers(0, PAGES), st.integers(1, 70)).map(lambda t: slice(*t))
ones = st.integers(0, PAGES - 1)
lists = st.lists(ones, max_size=40, unique=True).map(lambda pages: np.array(pages, np.int64))
grids = st.permutations(range(PAGES)).map(lambda pages: np.array(pages[:12]).reshape(3, 4))
anything = st.one_of(spans, ones, lists, grids)
fill_lengths = st.one_of(st.integers(0, 900), st.integers(0, PAGES * 256))  # within a few pages, or over many
operations = st.one_of(
    st.tuples(st.just("clear"), anything),
    st.tuples(st.just("write"), anything, st.integers(0, 99)),
    st.tuples(st.just("restore"), anything, st.integers(0, 99)),
    st.tuples(st.just("copy"), ones, ones, st.integers(0, PAGES)),
    st.tuples(st.just("gather"), lists, st.randoms(use_true_random=False)),
    st.tuples(st.just("fill"), st.integers(0, PAGES * 256), fill_lengths, st.integers(0, 15)),
    st.tuples(st.just("store"), st.integers(0, PAGES * PAGE_SIZE - 1), st.integers(0, 15)),
)


def apply(tags: TagStore, plain: np.ndarray, operation: tuple[Any, ...]) -> None:
    """Do one operation on the store and on a plain array."""
    match operation:
        case ("clear", pages):
            tags.clear(pages)
            plain[pages] = 0
        case ("write", pages, seed):
            given_tags = random_tags(seed, *plain[pages].shape[:-1])
            tags.write(pages, given_tags)
            plain[pages] = given_tags
        case ("restore", pages, seed):
            given_tags = random_tags(seed, *plain[pages].shape[:-1])
            tags.restore(pages, pack(given_tags))
            plain[pages] = given_tags
        case ("copy", source, target, count):
            count = min(count, PAGES - source, PAGES - target)
            tags.copy(slice(source, source + count), slice(target, target + count))
            plain[target : target + count] = plain[source : source + count].copy()
        case ("gather", pages, random):
            shuffled = pages.copy()
            random.shuffle(shuffled)
            tags.copy(shuffled, pages)
            plain[pages] = plain[shuffled].copy()
        case ("fill", start, count, tag):
            stop = min(start + count, PAGES * 256)
            tags.fill(start * 16, stop * 16, tag)
            plain.reshape(-1)[start:stop] = tag
        case ("store", address, tag):
            tags.store(address, tag)
            plain.reshape(-1)[address // 16] = tag


@pytest.mark.parametrize("flat_pages", [store.FLAT_PAGES, 0], ids=["flat", "sparse"])
@settings(max_examples=120, deadline=None)
@given(st.lists(operations, max_size=12), anything)
def test_any_operations_agree_with_a_plain_array(flat_pages: int, script: list[Any], look: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "FLAT_PAGES", flat_pages)
        tags = TagStore(PAGES)
        plain = np.zeros((PAGES, TAGS_PER_PAGE), np.uint8)
        for operation in script:
            apply(tags, plain, operation)
        assert (tags.read(slice(None)) == plain).all()
        assert (tags.read(look) == plain[look]).all()
        assert (tags.save(look) == pack(np.ascontiguousarray(plain[look]))).all()
        addresses = np.arange(5, PAGES * PAGE_SIZE, 997)
        assert (tags.matches(addresses, 3) == (plain.reshape(-1)[addresses // 16] == 3)).all()


def test_a_result_has_the_shape_of_the_argument(tags: TagStore) -> None:
    assert tags.read(3).shape == (256,)
    assert tags.read(np.int32(3)).shape == (256,)
    assert tags.read(slice(2, 10, 3)).shape == (3, 256)
    assert tags.read([[1, 2], [3, 4]]).shape == (2, 2, 256)
    assert tags.save(slice(None)).shape == (PAGES, PACKED_PAGE)
    assert tags.read([]).shape == (0, 256)
    assert tags.read(slice(7, 3)).shape == (0, 256)


def test_read_and_save_return_fresh_arrays(tags: TagStore) -> None:
    for take in (tags.read, tags.save):
        take(slice(0, 4))[:] = 9
        take([1, 2])[:] = 9
        take(0)[:] = 9
    assert not tags.read(slice(None)).any()


def test_out_is_filled_and_returned(tags: TagStore) -> None:
    tags.fill(0, 2 * PAGE_SIZE, 6)
    out = np.zeros((3, 256), np.uint8)
    assert tags.read([1, 0, 2], out=out) is out
    assert out.mean(axis=1).tolist() == [6, 6, 0]
    packed = np.zeros(128, np.uint8)
    assert tags.save(1, out=packed) is packed
    assert (packed == 0x66).all()


def test_load_and_store_address_the_granule_that_holds_the_byte(tags: TagStore) -> None:
    tags.store(PAGE_SIZE + 31, 7)
    assert [tags.load(PAGE_SIZE + byte) for byte in (15, 16, 31, 32)] == [0, 7, 7, 0]


def test_matches_broadcasts(tags: TagStore) -> None:
    tags.fill(16, 32, 4)
    assert tags.matches([[0], [16]], [0, 4]).tolist() == [[True, False], [False, True]]
    assert tags.matches(16, 4).tolist() is True


def test_a_page_may_be_cleared_twice_but_not_written_twice(tags: TagStore) -> None:
    tags.clear([1, 1])
    for write in (
        lambda: tags.write([5, 1, 5], np.zeros((3, 256), np.uint8)),
        lambda: tags.restore([5, 1, 5], np.zeros((3, 128), np.uint8)),
        lambda: tags.copy([0, 1, 2], [5, 1, 5]),
    ):
        with pytest.raises(ValueError, match="page 5 is named 2 times"):
            write()


BAD = [
    (lambda t: t.clear(PAGES), IndexError, "pages: 300, expected 0 to 299"),
    (lambda t: t.clear(-1), IndexError, "pages: -1, expected 0 to 299"),
    (lambda t: t.clear(1.0), ValueError, "pages: 1.0, expected a whole number from 0 to 299"),
    (lambda t: t.clear(True), ValueError, "pages: True, expected a whole number"),
    (lambda t: t.clear("3"), ValueError, "pages: '3', expected a whole number"),
    (lambda t: t.clear(None), ValueError, "pages: None, expected a whole number"),
    (lambda t: t.clear([0, 300]), IndexError, "pages: 300 at position 1, expected 0 to 299"),
    (lambda t: t.clear([0, -2]), IndexError, "pages: -2 at position 1, expected 0 to 299"),
    (lambda t: t.clear(np.array([2**63], np.uint64)), IndexError, "pages: 9223372036854775808 at position 0"),
    (lambda t: t.clear(np.array([0, -2], np.int8)), IndexError, "pages: -2 at position 1, expected 0 to 299"),
    (lambda t: t.clear(2**70), IndexError, "pages: 1180591620717411303424, expected 0 to 299"),
    (lambda t: t.clear([2**70]), ValueError, "pages: 1180591620717411303424 at position 0 is object"),
    (lambda t: t.clear([0.5]), ValueError, "pages: 0.5 at position 0 is float64, expected whole numbers from 0 to 299"),
    (lambda t: t.clear([True]), ValueError, "pages: True at position 0 is bool"),
    (lambda t: t.clear([[1], [2, 3]]), ValueError, "pages: rows of unequal length"),
    (lambda t: t.clear(slice(0, 1.5)), ValueError, "pages.stop: 1.5, expected a whole number from 0 to 300"),
    (lambda t: t.clear(slice(0, 301)), IndexError, "pages.stop: 301, expected 0 to 300"),
    (lambda t: t.clear(slice(-3, None)), IndexError, "pages.start: -3, expected 0 to 300"),
    (lambda t: t.clear(slice(None, None, -1)), ValueError, "pages.step: -1, expected 1 to"),
    (lambda t: t.write(0, np.full(256, 16)), ValueError, "tags: 16 at position 0, expected 0 to 15"),
    (lambda t: t.write(0, np.full(256, -1)), ValueError, "tags: -1 at position 0, expected 0 to 15"),
    (lambda t: t.write(0, np.zeros(256)), ValueError, "tags: 0.0 at position 0 is float64"),
    (lambda t: t.write([0, 1], np.repeat(np.uint8([[3], [16]]), 256, 1)), ValueError, "tags: 16 at position 256"),
    (lambda t: t.write(0, np.zeros(255, np.uint8)), ValueError, r"tags: an array of shape \(255,\), expected \(256,\)"),
    (lambda t: t.restore(0, np.full(128, 256)), ValueError, "packed: 256 at position 0, expected 0 to 255"),
    (lambda t: t.restore([1, 2], np.zeros((1, 128), np.uint8)), ValueError, "packed: an array of shape"),
    (lambda t: t.copy([1, 2], 3), ValueError, "target: 1 pages, expected 2, as many as source"),
    (lambda t: t.copy(slice(0, 4), slice(0, 5)), ValueError, "target: 5 pages, expected 4, as many as source"),
    (lambda t: t.copy(slice(0, 4), slice(298, 302)), IndexError, "target.stop: 302, expected 0 to 300"),
    (lambda t: t.copy(300, 0), IndexError, "source: 300, expected 0 to 299"),
    (lambda t: t.store(0, 16), ValueError, "tag: 16, expected 0 to 15"),
    (lambda t: t.store(0, 1.0), ValueError, "tag: 1.0, expected a whole number from 0 to 15"),
    (lambda t: t.store(PAGES * PAGE_SIZE, 1), IndexError, "address: 1228800, expected 0 to 1228799"),
    (lambda t: t.load(-16), IndexError, "address: -16"),
    (lambda t: t.fill(8, 32, 1), ValueError, "start: 8, expected a multiple of 16 from 0 to 1228800"),
    (lambda t: t.fill(0, 40, 1), ValueError, "stop: 40, expected a multiple of 16 from 0 to 1228800"),
    (lambda t: t.fill(64, 32, 1), IndexError, "stop: 32, expected 64 to 1228800"),
    (lambda t: t.fill(0.0, 32, 1), ValueError, "start: 0.0, expected a whole number from 0 to 1228800"),
    (lambda t: t.fill(0, PAGES * PAGE_SIZE + 16, 1), IndexError, "stop: 1228816, expected 0 to 1228800"),
    (lambda t: t.fill(0, 32, 16), ValueError, "tag: 16"),
    (lambda t: t.matches([0, 16], [1, 2, 3]), ValueError, r"tags: an array of shape \(3,\), expected one that"),
    (lambda t: t.matches([PAGES * PAGE_SIZE], 1), IndexError, "addresses: 1228800 at position 0"),
    (lambda t: t.matches([0], 16), ValueError, "tags: 16 at position 0"),
    (lambda t: t.read(0, out=np.zeros(256)), ValueError, "out: float64"),
    (lambda t: t.read(0, out=np.zeros(128, np.uint8)), ValueError, "out: uint8"),
    (lambda t: t.save(0, out=np.zeros(256, np.uint8)[::2]), ValueError, "out: an array that is read-only or has gaps"),
    (lambda t: t.save(0, out=b"x" * 128), ValueError, "out: bytes"),
]


@pytest.mark.parametrize(("refused", "error", "message"), BAD, ids=[message for _, _, message in BAD])
def test_bad_input_is_named_and_changes_nothing(tags: TagStore, refused: Any, error: Any, message: str) -> None:
    tags.write(slice(None), random_tags(3, PAGES))
    before = tags.read(slice(None))
    with pytest.raises(error, match=message):
        refused(tags)
    assert (tags.read(slice(None)) == before).all()


@pytest.mark.parametrize("pages", [0, -1, 2.0, True, 1 << 40])
def test_a_store_needs_a_sensible_size(pages: Any) -> None:
    with pytest.raises(ValueError, match="pages: "):
        TagStore(pages)


def test_a_terabyte_keeps_only_what_was_written() -> None:
    tags = TagStore(1 << 28)
    for first in range(0, 1 << 28, 1 << 20):
        tags.fill(first * PAGE_SIZE, (first + 512) * PAGE_SIZE, 5)
    assert tags.load((1 << 40) - 1) == 0
    assert (tags.read(slice((1 << 20) + 510, (1 << 20) + 514)).mean(axis=1) == [5, 5, 0, 0]).all()
    kept = tags._keeper.tags.nbytes
    assert kept < 256 * 512 * TAGS_PER_PAGE * 1.3
    tags.clear(slice(None))
    assert tags._keeper.tags.nbytes == frames.CHUNK * TAGS_PER_PAGE
    assert not tags.read(slice(0, 512)).any()


def test_a_small_store_keeps_only_what_was_written_if_asked_to() -> None:
    tags = TagStore(1 << 12, sparse=True)
    tags.fill(7 * PAGE_SIZE, 9 * PAGE_SIZE, 5)
    assert (tags.read(slice(6, 10)).mean(axis=1) == [0, 5, 5, 0]).all()
    assert tags._keeper.tags.nbytes < 4 * frames.CHUNK * TAGS_PER_PAGE


def test_pages_that_were_never_written_cost_nothing_to_move_or_clear() -> None:
    tags = TagStore(1 << 23)
    middle = 1 << 22
    tags.fill(0, 600 * PAGE_SIZE, 5)
    kept = tags._keeper.tags.nbytes
    tags.fill(16 * PAGE_SIZE - 16, (1 << 35) - 16, 0)  # ends inside a page at both ends
    tags.clear(slice(1, None, 3))
    tags.copy(slice(0, middle), slice(middle, 2 * middle))
    tags.copy(slice(0, middle), slice(1, middle + 1))
    tags.write(slice(5, None, middle), np.full((2, 256), 9, np.uint8))
    assert tags._keeper.tags.nbytes <= kept
    expected = {0: 5, 1: 5, 2: 0, 3: 5, 5: 9, middle: 0, middle + 2: 5, middle + 3: 5, middle + 5: 9}
    assert {page: tags.load(page * PAGE_SIZE) for page in expected} == expected


def test_arrays_of_any_integer_type_name_pages(tags: TagStore) -> None:
    tags.fill(2 * PAGE_SIZE, 3 * PAGE_SIZE, 6)
    for kind in (np.int8, np.uint8, np.int32, np.uint64, ">i4"):
        assert tags.read(np.array([2, 0], kind))[:, 0].tolist() == [6, 0]
        assert tags.matches(np.array([2 * 4096 % 128], kind), 0).tolist() == [True]
    assert tags.matches(np.array([2 * PAGE_SIZE], np.uint64), np.uint64(6)).tolist() == [True]


def test_pages_are_copied_in_order_whatever_the_shape(tags: TagStore) -> None:
    tags.write(slice(0, 4), random_tags(4, 4))
    tags.copy([[0, 1], [2, 3]], slice(10, 14))
    tags.copy(3, [20])
    assert (tags.read([10, 11, 12, 13, 20]) == tags.read([0, 1, 2, 3, 3])).all()


def test_frames_that_were_given_back_come_back_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "FLAT_PAGES", 0)
    tags = TagStore(PAGES)
    tags.fill(0, 256 * PAGE_SIZE, 9)
    tags.clear(slice(64, 192))
    tags.store(260 * PAGE_SIZE, 1)
    tags.store(100 * PAGE_SIZE, 2)
    assert tags.read(slice(64, 192)).sum() == 2
    assert tags.read(slice(192, 256)).min() == 9
    assert tags.read(slice(256, PAGES)).sum() == 1


def test_the_repr_is_short_and_stable() -> None:
    assert repr(TagStore(4)) == "TagStore(4 pages)"
