"""A walk ends as the model of the scenario language does, and shows what happens on the way."""

from __future__ import annotations

import pytest

from mtelab.kvm.fault import STEPS
from mtelab.kvm.releases import RELEASES
from mtelab.learn.fault_situations import SITUATIONS
from mtelab.learn.fault_walk import ACCESSES, LOOKS_AT, FaultWalk, Stop, fault_walk
from mtelab.scenario import run

OPERATIONS = {"gload": "gload V {}", "gstore": "gstore V {} 1", "gldg": "gldg V {} 0", "gstg": "gstg V {} 0 3"}

each_kernel = pytest.mark.parametrize("kernel", RELEASES)
each_situation = pytest.mark.parametrize("situation", SITUATIONS)
each_access = pytest.mark.parametrize("access", ACCESSES)


def stop_at(walk: FaultWalk, name: str) -> Stop:
    """The last time that a walk came to a step."""
    return [stop for stop in walk.stops if stop.name == name][-1]


@each_kernel
@each_situation
@each_access
def test_a_walk_ends_as_the_scenario_does(kernel: str, situation: str, access: str) -> None:
    prepared = SITUATIONS[situation]
    *setup, result = run([*prepared.setup, OPERATIONS[access].format(prepared.page)], kernel)
    assert not [word for word in setup if word.startswith(("E", "SEGV", "bad"))]
    ending = fault_walk(kernel, situation, access).ending
    assert ending == (result if result in ("mmio", "ENOSYS", "EFAULT") else ending)
    assert (ending in ("mapped", "none")) == (result not in ("mmio", "ENOSYS", "EFAULT"))


@each_kernel
@each_situation
@each_access
def test_each_try_follows_the_path_from_its_start(kernel: str, situation: str, access: str) -> None:
    walk = fault_walk(kernel, situation, access)
    for attempt in {stop.attempt for stop in walk.stops}:
        tried = [stop for stop in walk.stops if stop.attempt == attempt]
        assert tuple(stop.name for stop in tried) == walk.path[: len(tried)]
        assert [stop.outcome for stop in tried[:-1]] == [None] * (len(tried) - 1)
        assert tried[-1].outcome is not None


def test_every_step_says_which_panels_it_looks_at() -> None:
    state = fault_walk("linux-7.2", "fresh page", "gload").start
    assert set(LOOKS_AT) == set(STEPS)
    assert {panel for panels in LOOKS_AT.values() for panel in panels} == set(state)


@each_kernel
def test_tags_are_cleared_before_the_guest_gets_the_frame(kernel: str) -> None:
    walk = fault_walk(kernel, "fresh page", "gstore")
    assert set(stop_at(walk, "faultin_pfn").state["frame"]["tags"]) != {"0"}
    cleared = stop_at(walk, "sanitise_mte_tags").state
    assert set(cleared["frame"]["tags"]) == {"0"}
    assert cleared["frame"]["flags"].startswith("PG_mte_tagged")
    assert cleared["stage 2"]["entry"] == "none"
    assert cleared["locks"]["mmu_lock"] == "held"


def test_7_2_checks_the_vma_before_it_takes_the_lock() -> None:
    locks = [
        stop_at(fault_walk(kernel, "fresh page", "gload"), "check_mte_allowed").state["locks"] for kernel in RELEASES
    ]
    assert [state["mmu_lock"] for state in locks] == ["held", "held", "held", "free"]


@each_kernel
def test_a_permission_fault_keeps_the_tags(kernel: str) -> None:
    walk = fault_walk(kernel, "write-protected for the log", "gstore")
    assert stop_at(walk, "sanitise_mte_tags").answer == "passed over: a permission fault"
    assert walk.stops[-1].state["frame"]["tags"][0] == "7"


def test_only_the_old_order_of_steps_misses_a_mapping_that_changes() -> None:
    tries = {kernel: 1 + fault_walk(kernel, "mapped over meanwhile", "gstore").stops[-1].attempt for kernel in RELEASES}
    assert tries == {"linux-6.1": 1, "linux-6.12": 2, "linux-6.18": 2, "linux-7.2": 2}


@each_kernel
def test_a_fault_shows_what_it_notes_from_that_step_on(kernel: str) -> None:
    walk = fault_walk(kernel, "shared memory mapped over", "gload")
    noted = [stop.state["fault"]["mte_allowed"] for stop in walk.stops]
    verdict = "False" if kernel == "linux-6.1" else "True"
    assert noted == ["" if at < walk.path.index("sample_vma") else verdict for at in range(len(noted))]
    assert walk.start["fault"]["mmu_seq"] == ""


def test_locks_are_free_at_the_end() -> None:
    for kernel in RELEASES:
        for situation in SITUATIONS:
            walk = fault_walk(kernel, situation, "gload")
            for stop in walk.stops[-1:]:
                assert "held" not in stop.state["locks"].values()
