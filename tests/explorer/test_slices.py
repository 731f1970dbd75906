"""A search in slices finds what one in a piece does, and can be stopped between any two."""

from __future__ import annotations

import importlib
from itertools import islice

import pytest

import mtelab
from mtelab.explorer import Report, model
from mtelab.explorer.exploration import explore_in_slices
from mtelab.explorer.slices import finish

CASES = [
    ("flag-first", "two-vms"),
    ("clear-first", "two-vms"),
    ("page-lock", "two-vms"),
    ("two-bit-no-barriers", "swap-in"),  # where somebody waits for a bit, round and round
]


def cut_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut levels up that are a slice each otherwise."""
    # By its full name, as `mtelab.explorer.search` is the function.
    monkeypatch.setattr(importlib.import_module("mtelab.explorer.search"), "CHUNK", 5)


def outcome(report: Report) -> tuple[object, ...]:
    """All but which of several counterexamples, equally short, came first."""
    lengths = {verdict: len(moves) for verdict, moves in report.violations.items()}
    return report.verdict, lengths, report.states, report.exhaustive, report.depth


@pytest.mark.parametrize("memory", ["sc", "arm"])
@pytest.mark.parametrize(("protocol", "situation"), CASES)
def test_small_slices_find_what_large_ones_do(
    protocol: str, situation: str, memory: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = mtelab.explore(protocol, situation, memory=memory)
    cut_up(monkeypatch)
    told: list[tuple[int, int]] = []
    small = finish(
        explore_in_slices(model(protocol, situation, memory=memory)), lambda states, level: told.append((states, level))
    )
    assert outcome(small) == outcome(large)
    levels = [level for _, level in told]
    assert len(levels) > 2 * len(set(levels))
    assert told[-1] == (large.states, large.depth)


def test_a_search_is_stopped_within_a_level(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_up(monkeypatch)
    stopped = mtelab.explore("page-lock", "two-vms", progress=lambda states, _level: states > 20)
    assert (stopped.verdict, stopped.exhaustive) == ("unknown", False)
    assert 20 < stopped.states < mtelab.explore("page-lock", "two-vms").states


def test_a_search_that_is_closed_half_way_does_not_go_on() -> None:
    slices = explore_in_slices(model("page-lock", "two-vms", cpus=3))
    assert [level for _, level in islice(slices, 3)] == [1, 2, 3]
    slices.close()
    assert list(slices) == []


def test_bad_arguments_are_refused_by_the_first_slice() -> None:
    slices = explore_in_slices(model("page-lock", "two-vms"), max_states=0)
    with pytest.raises(ValueError, match="max_states: 0, expected a number of 1 or more"):
        next(slices)
