"""Spins, deadlocks, locks that stay held, refusals and bounds."""

from __future__ import annotations

import pytest

import mtelab
from mtelab import sync
from mtelab.sync import PG_mte_lock, PG_mte_tagged


def initialised(page):
    yield sync.mte_clear_page_tags(page)
    yield sync.smp_wmb()
    yield sync.set_bit(PG_mte_tagged, page)


def test_a_spin_that_another_cpu_ends_is_none_to_complain_of():
    def two_bits(cpu, page):
        if (yield sync.test_and_set_bit(PG_mte_lock, page)):
            while not (yield sync.smp_load_acquire(PG_mte_tagged, page)):
                pass
        else:
            yield from initialised(page)

    for memory in ("sc", "arm"):
        report = mtelab.explore(two_bits, "two-vms", cpus=3, memory=memory)
        assert (report.verdict, report.exhaustive) == ("safe", True)


@pytest.mark.parametrize("memory", ["sc", "arm"])
def test_a_spin_without_end_is_a_deadlock(memory):
    def forever(cpu, page):
        while True:
            yield sync.test_bit(PG_mte_tagged, page)

    report = mtelab.explore(forever, "two-vms", memory=memory)
    assert (report.verdict, report.exhaustive) == ("deadlocks", True)


@pytest.mark.parametrize("memory", ["sc", "arm"])
def test_a_spin_on_what_nobody_sets_is_a_deadlock_and_so_is_a_wait(memory):
    def spins(cpu, page):
        yield from initialised(page)
        while not (yield sync.test_bit(PG_mte_lock, page)):
            pass

    def waits(cpu, page):
        yield from initialised(page)
        yield sync.wait_for_bit(PG_mte_lock, page)

    for protocol in (spins, waits):
        report = mtelab.explore(protocol, "two-vms", memory=memory)
        assert "deadlocks" in report.violations


def test_two_locks_in_two_orders_are_a_deadlock_at_which_nobody_can_move():
    def crossed(cpu, page):
        first, second = ("a", "b") if cpu.id == 0 else ("b", "a")
        yield sync.spin_lock(first)
        yield sync.spin_lock(second)
        yield sync.spin_unlock(second)
        yield sync.spin_unlock(first)

    report = mtelab.explore(crossed, "two-vms")
    assert "deadlocks" in report.violations
    walk = mtelab.replay(crossed, "two-vms", report.schedules["deadlocks"])
    assert walk.moves() == []
    assert walk.verdicts == ["deadlocks"]
    assert all(lane.waits for lane in walk.lanes())


def test_a_lock_that_is_taken_twice_is_a_deadlock():
    def twice(cpu, page):
        yield sync.spin_lock("lock")
        yield sync.spin_lock("lock")

    report = mtelab.explore(twice, "two-vms")
    assert report.verdict == "deadlocks"
    walk = mtelab.replay(twice, "two-vms", report.schedule)
    assert walk.locks()["lock"] is not None


def test_a_lock_that_is_held_at_the_end_is_a_deadlock():
    def keeps(cpu, page):
        yield from initialised(page)
        yield sync.spin_lock(("lock", cpu.id))

    report = mtelab.explore(keeps, "two-vms")
    assert "deadlocks" in report.violations
    assert mtelab.replay(keeps, "two-vms", report.schedules["deadlocks"]).shown == "deadlocks"


def test_a_refusal_gives_back_the_kernel_s_locks_and_not_one_s_own():
    def refuses(cpu, page):
        yield sync.refuse("EFAULT")

    report = mtelab.explore(refuses, "two-vcpus", mmu_lock="exclusive")
    assert (report.verdict, report.exhaustive) == ("refused", True)

    def refuses_with_a_lock(cpu, page):
        yield sync.spin_lock("mine")
        yield sync.refuse("EFAULT")

    assert mtelab.explore(refuses_with_a_lock, "two-vcpus", mmu_lock="exclusive").verdict == "deadlocks"


def test_one_that_refuses_and_one_that_does_not_is_refused():
    def some(cpu, page):
        if cpu.id:
            yield sync.refuse("EFAULT")
        yield from initialised(page)

    assert mtelab.explore(some, "two-vms").verdict == "refused"


def test_a_bound_is_unknown_and_never_safe():
    report = mtelab.explore("page-lock", "two-vms", max_states=30)
    assert (report.verdict, report.exhaustive) == ("unknown", False)
    assert report.counterexample is None
    stopped = mtelab.explore("page-lock", "two-vms", progress=lambda states, level: level == 3)
    assert (stopped.verdict, stopped.exhaustive) == ("unknown", False)


def test_a_bound_hides_nothing_that_was_found_before():
    report = mtelab.explore("flag-first", "two-vms", max_states=100)
    assert report.verdict in ("leaks", "loses")
    assert not report.exhaustive


def test_progress_is_told_of_every_level():
    told = []
    report = mtelab.explore("page-lock", "two-vms", progress=lambda *counts: told.append(counts))
    assert told[-1] == (report.states, report.depth)
    assert [level for _, level in told[:5]] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("memory", ["sc", "arm"])
def test_a_protocol_that_counts_while_it_spins_is_unknown_unless_it_is_bad(memory):
    def counts(cpu, page):
        i = 0
        while not (yield sync.test_bit(PG_mte_tagged, page)):
            i += 1
            if cpu.id == 0 and i == 1:
                yield from initialised(page)

    report = mtelab.explore(counts, "two-vms", memory=memory)
    assert not report.exhaustive
    assert report.verdict in ("unknown", "leaks")
