"""The lock timeline draws who holds and who waits, and zooms within the run."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mtelab.contention import contend, lock_array
from mtelab.widgets.lock_timeline import MOST_SHOWN, LockTimeline

pytestmark = pytest.mark.usefixtures("alone")


@pytest.fixture
def timeline() -> LockTimeline:
    made = LockTimeline()
    made.show(contend("big-lock", guests=2, vcpus=2, pages=8, mmu_lock="exclusive"))
    return made


def test_each_hold_is_a_bar_and_each_wait_a_line(timeline: LockTimeline) -> None:
    run = timeline.run
    assert run is not None
    assert len(timeline.holds.data["left"]) == len(run.timeline)
    waited = [interval for interval in run.timeline if interval.granted > interval.requested]
    assert timeline.waits.data["left"] == [interval.requested / 1e3 for interval in waited]
    assert timeline.waits.data["right"] == [interval.granted / 1e3 for interval in waited]
    assert timeline.holds.data["who"][0].startswith("guest ")
    assert any(words.startswith("waits for tag_sync_lock for ") for words in timeline.waits.data["what"])
    assert "tag_sync_lock is held" in timeline.text


def test_lanes_are_named_guest_by_guest(timeline: LockTimeline) -> None:
    names = timeline.plot.yaxis[0].major_label_overrides
    assert names == {0: "0.0", 1: "0.1", 2: "1.0", 3: "1.1"}
    timeline.show(contend(lock_array(2), "migration", guests=2, vcpus=1, pages=8))
    assert timeline.plot.yaxis[0].major_label_overrides == {0: "0.0", 1: "0.VMM", 2: "1.0", 3: "1.VMM"}
    assert any("VMM's thread" in who for who in timeline.holds.data["who"])


def test_no_two_hold_one_lock_at_a_time(timeline: LockTimeline) -> None:
    bars = sorted(
        (left, right)
        for left, right, what in zip(*(timeline.holds.data[name] for name in ("left", "right", "what")), strict=True)
        if "tag_sync_lock" in what
    )
    assert all(before[1] <= after[0] for before, after in pairwise(bars))


def test_buttons_zoom_and_move_within_the_run(timeline: LockTimeline) -> None:
    whole = timeline.window
    timeline.on_press("Zoom in")
    start, end = timeline.window
    assert end - start == pytest.approx((whole[1] - whole[0]) / 2)
    timeline.on_press("Later")
    assert timeline.window == (pytest.approx(whole[1] / 2), pytest.approx(whole[1]))
    timeline.on_press("Later")
    assert timeline.window[1] == pytest.approx(whole[1])
    timeline.on_press("Earlier")
    assert timeline.window[0] == pytest.approx(whole[1] / 4)
    timeline.on_press("Zoom out")
    timeline.on_press("Zoom out")
    assert timeline.window == whole
    timeline.on_press("Zoom in")
    timeline.reset()
    assert timeline.window == whole


def test_a_long_run_shows_its_beginning(timeline: LockTimeline) -> None:
    timeline.show(contend("big-lock", guests=2, vcpus=2, pages=MOST_SHOWN, mmu_lock="shared"))
    assert len(timeline.holds.data["left"]) == MOST_SHOWN
    assert f"the first {MOST_SHOWN:,} locks" in timeline.status


def test_a_protocol_without_locks_has_an_empty_timeline(timeline: LockTimeline) -> None:
    timeline.show(contend("page-lock", guests=2, vcpus=2, pages=8))
    assert timeline.holds.data["left"] == []
    assert timeline.text == "no lock is taken."
    assert timeline.window[1] > 0
