"""Lab 08's exercises: right answers pass, half a repair fails, and the order of memory is what makes the difference."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

import mtelab
from mtelab.explorer.model import model
from mtelab.explorer.verdict import verdict_alone
from mtelab.learn import check, problem
from mtelab.learn.barriers import ORDERED, PATCHES, READERS, WRITERS, double_check, two_bits
from mtelab.learn.exercises import lab08
from mtelab.sync import (
    PROTOCOLS,
    PG_mte_tagged,
    mte_clear_page_tags,
    smp_load_acquire,
    smp_rmb,
    smp_store_release,
    spin_lock,
    spin_unlock,
    test_bit,
)
from mtelab.sync.protocols import Function, under_lock
from mtelab.sync.steps import Cpu, Page

Steps = Generator[Any, Any, None]
REPAIRED = two_bits(("clear", "smp_wmb", "set_bit"), ("test_bit", "smp_rmb"))


@pytest.mark.parametrize("seed", range(4))
def test_questions_have_both_answers_and_can_be_answered(seed: int) -> None:
    locks = problem("which_lock", seed=seed)
    answers = lab08.which_lock(locks)
    assert set(answers) == {"safe", "loses"}
    assert answers == [mtelab.explore(lab08.under(key), situation).verdict for key, situation in locks.pairs]
    assert check("which_lock", answers, seed=seed).passed
    placements = problem("barrier_placement", seed=seed)
    answers = lab08.barrier_placement(placements)
    assert set(answers) == {"safe", "leaks"}
    assert check("barrier_placement", answers, seed=seed).passed
    assert not check("barrier_placement", ["safe"] * 5, seed=seed).passed


def test_a_lock_holds_where_both_compute_the_same_name() -> None:
    assert lab08.holds('("mm_lock", cpu.mm)', "two-vms") == "loses"
    assert lab08.holds('("mm_lock", cpu.mm)', "two-vms-one-process") == "safe"
    assert lab08.holds('("vm_lock", cpu.vm)', "two-vms-one-process") == "loses"
    assert lab08.holds('("role", cpu.role)', "vm-and-mprotect") == "loses"
    assert lab08.holds('("page", page.pfn)', "vm-and-mprotect") == "safe"


@pytest.mark.parametrize("make", [two_bits, double_check])
def test_a_placement_is_safe_if_both_sides_are_in_order(make: Callable[..., Function]) -> None:
    for writer in WRITERS:
        for reader in READERS[:2] + READERS[2:4] if writer in ORDERED else READERS[:2]:
            protocol = make(writer, reader)
            expected = "safe" if {writer, reader} <= ORDERED else "leaks"
            assert verdict_alone(model(protocol, "two-vms", memory="arm")) == expected, (writer, reader)


def weak(patch: str) -> str:
    schedule = mtelab.explore(PATCHES[patch], "two-vms", memory="arm").schedule
    assert schedule is not None
    return schedule


def test_only_a_weakly_ordered_machine_allows_the_schedule() -> None:
    for patch, protocol in PATCHES.items():
        assert mtelab.explore(protocol, "two-vms").verdict == "safe"
        assert mtelab.replay(protocol, "two-vms", weak(patch), memory="arm").shown == "leaks"
        with pytest.raises(ValueError, match="expected"):
            mtelab.replay(protocol, "two-vms", weak(patch))
    assert check("weak_schedule", weak, seed=1).passed


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda patch: weak("no barrier"), "patch="),
        (lambda patch: "0000", "shows nothing bad; expected that it leaks"),
        (lambda patch: "x10", "expected the number of a CPU"),
        (lambda patch: ["0", "1"], "expected a schedule"),
        ("0011", "expected the function"),
    ],
)
def test_other_schedules_fail_with_a_sentence(answer: Any, said: str) -> None:
    result = check("weak_schedule", answer, seed=1)
    assert not result.passed
    assert said in repr(result)


def test_the_repair_needs_both_barriers() -> None:
    assert check("missing_barrier", REPAIRED, seed=1).passed
    for half in PATCHES.values():
        result = check("missing_barrier", half, seed=1)
        assert not result.passed
        assert "memory='arm'" in repr(result)
        assert "shortest schedule" in repr(result)
    assert not check("missing_barrier", PROTOCOLS["clear-first"].run, seed=1).passed


def array(locks: int) -> Callable[[Cpu, Page], Steps]:
    def protocol(cpu: Cpu, page: Page) -> Steps:
        if (yield smp_load_acquire(PG_mte_tagged, page)):
            return
        yield spin_lock(("tag_locks", page.pfn % locks))
        if not (yield test_bit(PG_mte_tagged, page)):
            yield mte_clear_page_tags(page)
            yield smp_store_release(PG_mte_tagged, page, True)
        yield spin_unlock(("tag_locks", page.pfn % locks))

    return protocol


def read_barrier_for_everybody(cpu: Cpu, page: Page) -> Steps:
    tagged = yield test_bit(PG_mte_tagged, page)
    yield smp_rmb()
    if not tagged:
        yield spin_lock(page.pfn % 8)
        if not (yield test_bit(PG_mte_tagged, page)):
            yield mte_clear_page_tags(page)
            yield smp_store_release(PG_mte_tagged, page, True)
        yield spin_unlock(page.pfn % 8)


@pytest.mark.parametrize("protocol", [array(64), array(2), read_barrier_for_everybody])
def test_an_ordered_array_passes(protocol: Callable[[Cpu, Page], Steps]) -> None:
    assert check("ordered_array", protocol, seed=1).passed


def as_it_was_proposed(cpu: Cpu, page: Page) -> Steps:
    yield from under_lock(cpu, page, ("tag_locks", page.pfn % 64))


def by_process(cpu: Cpu, page: Page) -> Steps:
    yield from PROTOCOLS["per-mm-lock"].run(cpu, page)


@pytest.mark.parametrize(
    ("protocol", "said"),
    [
        (array(1), "128 pages all take one lock"),
        (REPAIRED, "no lock is taken"),
        (as_it_was_proposed, "leaks"),
        (by_process, "loses"),
    ],
)
def test_what_is_no_ordered_array_fails(protocol: Any, said: str) -> None:
    result = check("ordered_array", protocol, seed=5)
    assert not result.passed
    assert said in repr(result)
