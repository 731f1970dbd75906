"""The migration view shows what the two hosts hold, and drives the migration as a cell does."""

from __future__ import annotations

import numpy as np
import pytest

from mtelab.kvm.precopy import TAG_POLICIES
from mtelab.widgets import MigrationView
from mtelab.widgets.migration_view import DIRTY, STALE_DATA, STALE_TAGS


def states(view: MigrationView) -> np.ndarray:
    return np.frombuffer(view.pages, np.uint8)


def test_before_the_first_round_nothing_is_there() -> None:
    view = MigrationView(seed=3)
    assert view.rounds == []
    assert (states(view) & STALE_TAGS).all()
    assert not (states(view) & DIRTY).any()
    assert not any(view.destination)


def test_what_is_stale_is_dirty_as_long_as_tags_go_with_the_data() -> None:
    view = MigrationView(rate=2, seed=3)
    for _ in range(4):
        view.round()
        stale = states(view) & (STALE_DATA | STALE_TAGS) != 0
        dirty = states(view) & DIRTY != 0
        assert not (stale & ~dirty).any()
        assert view.state["dirty"] == dirty.sum()


@pytest.mark.parametrize("tags", TAG_POLICIES)
def test_the_end_says_what_is_lost(tags: str) -> None:
    view = MigrationView(rate=1, tags=tags, seed=3)
    view.run()
    lost = view.migration.lost()
    assert view.state["done"]
    assert view.state["stale_tags"] == sum(lost.tags.values())
    assert bool(lost) == (tags == "once at the start")
    assert str(lost) in view.status
    assert str(lost) in repr(view)
    assert [one["paused"] for one in view.rounds] == [False] * (len(view.rounds) - 1) + [True]


def test_the_browser_says_the_same_as_a_cell() -> None:
    one, other = MigrationView(seed=3), MigrationView(seed=3)
    one.set(tags="at the end", rate=2)
    one.round()
    one.round()
    one.stop()
    for event in ({"event": "set", "tags": "at the end"}, {"event": "set", "rate": 2}, *[{"event": "round"}] * 2):
        other._dispatch(other, event, [])
    other._dispatch(other, {"event": "stop"}, [])
    assert (one.pages, one.source, one.destination, one.rounds) == (
        other.pages,
        other.source,
        other.destination,
        other.rounds,
    )
    other._dispatch(other, {"event": "reset"}, [])
    fresh = MigrationView(seed=3)
    assert (other.pages, other.source, other.state) == (fresh.pages, fresh.source, fresh.state)


def test_a_bad_setting_changes_nothing() -> None:
    view = MigrationView(seed=3)
    view.round()
    before = (view.pages, view.rounds, view.state)
    with pytest.raises(ValueError, match="rate: 9, expected 0 to 4"):
        view.set(rate=9)
    with pytest.raises(ValueError, match="tags: 'never', expected one of"):
        view.set(tags="never")
    view._dispatch(view, {"event": "set", "rate": -1}, [])
    assert view.status.startswith("Refused: rate: -1")
    assert (view.pages, view.rounds, view.state) == before
    with pytest.raises(ValueError, match="pages: 100, expected 8 to 64"):
        MigrationView(pages=100)
