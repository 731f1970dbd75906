"""The tag map drives a tag store, and a cell, a test and a mouse do it through the same calls."""

from __future__ import annotations

import numpy as np
import pytest

from mtelab import TagStore
from mtelab.widgets import TagMap


def shown(page: TagMap) -> list[int]:
    return list(page.frame)


def test_painting_changes_the_store_and_the_drawing() -> None:
    store = TagStore(1)
    page = TagMap(store)
    page.paint([3, 4, 9], 5)
    assert np.flatnonzero(store.read(0) == 5).tolist() == [3, 4, 9]
    assert np.flatnonzero(np.frombuffer(page.frame, np.uint8)).tolist() == [3, 4, 9]
    assert np.flatnonzero(np.frombuffer(page.changed, np.uint8)).tolist() == [3, 4, 9]


def test_refresh_shows_what_code_did_and_marks_only_that() -> None:
    store = TagStore(2)
    page = TagMap(store, start=256)
    page.paint(range(8), 1)
    store.fill(4096 + 16, 4096 + 48, 6)
    page.refresh()
    assert shown(page)[:4] == [1, 6, 6, 1]
    assert np.flatnonzero(np.frombuffer(page.changed, np.uint8)).tolist() == [1, 2]


def test_a_map_may_show_a_part_that_crosses_pages() -> None:
    store = TagStore(2)
    store.fill(4096 - 32, 4096 + 32, 9)
    page = TagMap(store, start=250, granules=12, base=0x8000)
    assert shown(page) == [0, 0, 0, 0, 9, 9, 9, 9, 0, 0, 0, 0]
    assert page.address == 0x8000 + 250 * 16


def test_pointing_says_which_granules_match() -> None:
    page = TagMap(TagStore(1), base=0x1000)
    page.paint([2], 3)
    page.point(0x1018, size=16, tag=3)
    assert (page.reach["first"], page.reach["last"]) == (1, 2)
    assert page.reach["matches"] == [False, True]
    page.paint([1], 3)
    assert page.reach["matches"] == [True, True]


def test_pointing_outside_the_map_is_refused() -> None:
    page = TagMap(TagStore(1), base=0x1000)
    with pytest.raises(IndexError, match="0x1ff8 for 16 bytes, expected within 0x1000 to 0x1fff"):
        page.point(0x1FF8, size=16)
    assert page.reach == {}


def test_painting_outside_or_a_bad_tag_changes_nothing() -> None:
    page = TagMap(TagStore(1))
    with pytest.raises(IndexError, match="0 to 255"):
        page.paint([0, 256], 1)
    with pytest.raises(ValueError, match="16"):
        page.paint([0], 16)
    assert not any(shown(page))
    assert not page.store.read(0).any()


def test_reset_returns_to_the_first_state() -> None:
    store = TagStore(1)
    store.fill(0, 64, 8)
    page = TagMap(store)
    page.paint(range(256), 2)
    page.point(0)
    page.reset()
    assert shown(page) == [8] * 4 + [0] * 252
    assert page.reach == {}
    assert not any(page.changed)


def test_the_repr_names_the_tags_held() -> None:
    page = TagMap(TagStore(1))
    page.paint([0, 1], 10)
    assert "254 x 0, 2 x a" in repr(page)
