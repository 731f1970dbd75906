"""The measurement, on a clock that the tests turn."""

from __future__ import annotations

import tracemalloc
from itertools import islice

import numpy as np
import pytest

from mtelab.bench.bandwidth import Bandwidth
from mtelab.bench.versions import ROOFS, Version

SIZES = (1 << 12, 1 << 13, 1 << 14)


class Clock:
    """Time that passes only when a version says so."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def spending(clock: Clock, nanoseconds_a_page: int, name: str = "mine") -> Version:
    """A clear that takes its time by the page."""

    def clear(tags: np.ndarray, pages: slice) -> None:
        clock.now += nanoseconds_a_page * (pages.stop - pages.start)

    return Version("clear", name, clear)


def test_bandwidth_counts_bytes_of_tags_over_time(clock: Clock) -> None:
    measured = Bandwidth([spending(clock, 64)], sizes=SIZES, rounds=2, clock=clock).run()
    # 256 bytes of tags in 64 ns are 4 bytes a nanosecond, on every working set.
    assert measured.gigabytes_per_second("clear", "mine") == pytest.approx([4, 4, 4])


def test_the_best_round_stays(clock: Clock) -> None:
    runs = iter([10_000_000, 30_000_000, 20_000_000])

    def clear(tags: np.ndarray, pages: slice) -> None:
        clock.now += next(runs)

    measured = Bandwidth([Version("clear", "mine", clear)], sizes=SIZES[:1], rounds=3, clock=clock).run()
    assert measured.best["clear", "mine"].tolist() == [10_000_000]


def test_a_ratio_is_taken_to_the_roof_of_the_operation() -> None:
    measured = Bandwidth(sizes=SIZES, rounds=1)
    for operation, roof in ROOFS.items():
        measured.best[roof.operation, roof.name][:] = 100
        measured.best[operation, "Python loop over granules"][:] = 400
        assert measured.ratio(operation, "Python loop over granules").tolist() == [0.25, 0.25, 0.25]


def test_a_version_too_slow_for_the_next_working_set_is_not_tried_there(clock: Clock) -> None:
    # Two milliseconds a page: 32 ms on 16 pages are allowed, 64 ms on 32 are not.
    measured = Bandwidth([spending(clock, 2_000_000)], sizes=SIZES, rounds=1, clock=clock).run()
    assert np.isnan(measured.best["clear", "mine"]).tolist() == [False, True, True]


def test_stopping_keeps_what_was_measured(clock: Clock) -> None:
    measured = Bandwidth([spending(clock, 64)], sizes=SIZES, rounds=2, clock=clock)
    done = list(islice(measured.pieces(), len(measured.roofs) + 1))
    assert done == [1, 2, 3, 4]
    assert np.isnan(measured.best["clear", "mine"]).tolist() == [False, True, True]


def test_pieces_count_up_to_the_total() -> None:
    measured = Bandwidth(sizes=SIZES, rounds=2)
    assert list(measured.pieces()) == list(range(1, measured.total + 1))
    assert all(np.isfinite(times[0]) for times in measured.best.values())


def test_an_added_version_is_measured_and_replaces_its_namesake(clock: Clock) -> None:
    measured = Bandwidth([spending(clock, 64)], sizes=SIZES, rounds=1, clock=clock).run()
    measured.add(spending(clock, 128))
    assert np.isnan(measured.best["clear", "mine"]).all()
    assert len(measured.versions) == 1
    measured.run()
    assert measured.gigabytes_per_second("clear", "mine") == pytest.approx([2, 2, 2])


def test_versions_work_on_separate_halves_and_leave_tags_as_tags() -> None:
    seen: list[tuple[slice, slice, int]] = []

    def copy(tags: np.ndarray, source: slice, target: slice) -> None:
        seen.append((source, target, int(tags.max())))

    Bandwidth([Version("copy", "mine", copy)], sizes=SIZES, rounds=1).run()
    assert all(source.stop <= target.start for source, target, _ in seen)
    assert all(highest <= 15 for *_, highest in seen)


@pytest.mark.parametrize(("sizes", "message"), [((100,), "multiples of 256"), ((8192, 4096), "ascending"), ((), "256")])
def test_working_sets_that_cannot_be(sizes: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Bandwidth(sizes=sizes)


def test_an_unknown_version_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"name: 'best', expected one of .*numpy slice"):
        Bandwidth(sizes=SIZES).gigabytes_per_second("clear", "best")


def test_a_whole_measurement_leaves_a_hub_half_of_its_memory() -> None:
    tracemalloc.start()
    try:
        Bandwidth(rounds=1).run()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 256 << 20
