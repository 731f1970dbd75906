"""The walk through every state agrees with the search, and can ask for one CPU."""

from __future__ import annotations

import pytest

import mtelab
from mtelab.explorer import model
from mtelab.explorer.reach import all_reached, shortest_way
from mtelab.sync import PROTOCOLS

CASES = [(protocol, "two-vms") for protocol in PROTOCOLS]
CASES += [("page-lock", "swap-in"), ("big-lock", "ioctl-and-fault"), ("merged-5.14", "fork-and-mprotect")]


@pytest.mark.parametrize(("protocol", "situation"), CASES)
def test_the_same_states_and_the_same_shortest_ways_as_the_search(protocol: str, situation: str) -> None:
    report = mtelab.explore(protocol, situation)
    chosen = model(protocol, situation)
    assert all_reached(chosen, lambda _, states: len({at.state for at in states})) == report.states
    for verdict in ("leaks", "loses"):
        way = shortest_way(chosen, verdict)
        assert (len(way) if way else None) == (
            len(report.violations[verdict]) if verdict in report.violations else None
        )


@pytest.mark.parametrize("cpu", [0, 1, 2])
def test_a_way_harms_the_cpu_that_was_asked_for(cpu: int) -> None:
    way = shortest_way(model("flag-first", "two-vms", cpus=3), "loses", cpu)
    walk = mtelab.replay("flag-first", "two-vms", way, cpus=3)
    assert walk.shown == "loses"
    assert walk.way[-1][0].cpu == cpu


def test_a_verdict_that_no_move_shows_is_refused() -> None:
    assert shortest_way(model("page-lock", "two-vms"), "leaks") is None
    with pytest.raises(ValueError, match="expected one of leaks, loses"):
        shortest_way(model("page-lock", "two-vms"), "safe")
