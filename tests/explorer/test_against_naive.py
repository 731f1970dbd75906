"""The explorer against a plain enumeration, and against single random runs, on protocols that nobody thought of."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import mtelab
from mtelab.explorer import model, search
from mtelab.explorer.machine import WRONG
from mtelab.explorer.model import with_all_tags
from mtelab.explorer.report import BAD
from mtelab.explorer.walk import Walk
from tests.explorer import naive
from tests.explorer.protocols import written

MOST = 3000
few = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
situations = st.sampled_from(["two-vms", "ioctl-and-fault", "swap-in"])
memories = st.sampled_from(["sc", "arm"])


def machine_of(protocol, situation, memory, fused=False, cpus=2):
    """The machine, with all tags that its loads meet."""

    def made(tags):
        machine = model(protocol, situation, cpus=cpus, memory=memory).build(tags, fused)
        return machine, search(machine, 50_000)

    return with_all_tags(made)


def same_states(protocol, situation, memory, cpus=2):
    machine, found = machine_of(protocol, situation, memory, cpus=cpus)
    try:
        plain = naive.breadth_first(machine, MOST)
    except naive.TooMany:
        assume(False)
    states = [found.state(number) for number in range(found.seen.count)]
    assert len(set(states)) == len(states)
    assert set(states) == set(plain.distance)
    assert naive.depth_first(machine, MOST) == set(states)
    assert sorted(plain.distance.values()) == [plain.distance[state] for state in states], "breadth first"
    if WRONG not in plain.signs:
        assert set(found.signs) == set(plain.signs)
    return plain


@pytest.mark.parametrize("memory", ["sc", "arm"])
@pytest.mark.parametrize("protocol", ["flag-first", "big-lock", "two-bit-no-barriers", "page-lock", "no-shared"])
def test_a_historical_protocol_has_the_states_of_a_plain_enumeration(protocol, memory):
    same_states(protocol, "vm-and-mprotect" if memory == "sc" else "two-vms", memory)


def test_three_cpus_have_the_states_of_a_plain_enumeration():
    same_states("page-lock", "two-vms", "sc", cpus=3)


@settings(few, max_examples=40)
@given(written, situations)
def test_any_protocol_has_the_states_of_a_plain_enumeration(protocol, situation):
    same_states(protocol, situation, "sc")


@settings(few, max_examples=12)
@given(written, situations)
def test_so_it_has_weakly_ordered(protocol, situation):
    same_states(protocol, situation, "arm")


@settings(few, max_examples=25)
@given(written, situations)
def test_fused_steps_show_the_same(protocol, situation):
    _, plain = machine_of(protocol, situation, "arm")
    _, fused = machine_of(protocol, situation, "arm", fused=True)
    assume(plain.complete and fused.complete and WRONG not in plain.signs)
    assert set(fused.signs) == set(plain.signs)
    assert fused.seen.count <= plain.seen.count


@settings(few, max_examples=40)
@given(written, situations, memories)
def test_a_counterexample_shows_its_verdict_at_its_last_move_and_none_is_shorter(protocol, situation, memory):
    report = mtelab.explore(protocol, situation, memory=memory)
    for verdict, schedule in report.schedules.items():
        walk = mtelab.replay(protocol, situation, schedule, memory=memory)
        assert verdict in (walk.shown, *walk.verdicts)
        if walk.way:
            walk.undo()
            assert verdict not in walk.verdicts or verdict == "deadlocks"
    machine, _ = machine_of(protocol, situation, memory)
    try:
        plain = naive.breadth_first(machine, MOST)
    except naive.TooMany:
        return
    for verdict, signs in BAD.items():
        lengths = [plain.signs[sign] for sign in signs if sign in plain.signs]
        assert (verdict in report.violations) == bool(lengths)
        if lengths:
            assert len(report.violations[verdict]) == min(lengths), verdict


@settings(few, max_examples=60)
@given(written, situations, memories, st.randoms(use_true_random=False))
def test_a_run_that_shows_something_bad_means_that_the_verdict_is_not_safe(protocol, situation, memory, chance):
    shown = run_at_random(protocol, situation, memory, chance)
    report = mtelab.explore(protocol, situation, memory=memory)
    assert shown - {"refused"} <= set(report.violations)
    if report.verdict == "safe":
        assert not shown


def run_at_random(protocol, situation, memory, chance: random.Random) -> set[str]:
    walk = Walk(model(protocol, situation, memory=memory))
    for _ in range(60):
        moves = walk.moves()
        if not moves:
            break
        move = chance.choice(moves)
        walk.do(move.cpu, move.suffix)
    return set(walk.verdicts)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("memory", ["sc", "arm"])
def test_random_runs_of_the_last_protocol_show_nothing(seed, memory):
    assert run_at_random("page-lock", "vm-and-mprotect", memory, random.Random(seed)) == set()


def test_random_runs_of_the_first_do():
    shown = [run_at_random("flag-first", "two-vms", "sc", random.Random(seed)) for seed in range(40)]
    assert {"leaks", "loses"} <= set.union(*shown)
