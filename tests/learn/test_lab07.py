"""Lab 07's exercises, and the cost half of lab 08's: right answers pass, wrong ones are told apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from mtelab.contention import Costs, lock_array, sweep
from mtelab.contention.closed_forms import least_wait, machine_repairman, most_throughput, saturation
from mtelab.learn import check, problem
from mtelab.learn.exercises import lab07, lab08_costs
from mtelab.sync import (
    PG_mte_tagged,
    mte_clear_page_tags,
    set_bit,
    smp_load_acquire,
    smp_store_release,
    spin_lock,
    spin_unlock,
    test_bit,
)
from mtelab.sync.protocols import PROTOCOLS


def repaired(cpu, page):
    if not (yield test_bit(PG_mte_tagged, page)):
        yield spin_lock("tag_sync_lock")
        if not (yield test_bit(PG_mte_tagged, page)):
            yield mte_clear_page_tags(page)
            yield set_bit(PG_mte_tagged, page)
        yield spin_unlock("tag_sync_lock")


def with_acquire(cpu, page):
    if (yield smp_load_acquire(PG_mte_tagged, page)):
        return
    yield spin_lock(("lock", page.pfn))
    if not (yield test_bit(PG_mte_tagged, page)):
        yield mte_clear_page_tags(page)
        yield smp_store_release(PG_mte_tagged, page, True)
    yield spin_unlock(("lock", page.pfn))


def broken(cpu, page):
    if not (yield test_bit(PG_mte_tagged, page)):
        yield spin_lock("tag_sync_lock")
        yield mte_clear_page_tags(page)
        yield set_bit(PG_mte_tagged, page)
        yield spin_unlock("tag_sync_lock")


def flag_first(cpu, page):
    if not (yield test_bit(PG_mte_tagged, page)):
        yield spin_lock("tag_sync_lock")
        if not (yield test_bit(PG_mte_tagged, page)):
            yield set_bit(PG_mte_tagged, page)
            yield mte_clear_page_tags(page)
        yield spin_unlock("tag_sync_lock")


def keeps_it(cpu, page):
    if not (yield test_bit(PG_mte_tagged, page)):
        yield spin_lock("tag_sync_lock")
        if (yield test_bit(PG_mte_tagged, page)):
            return
        yield mte_clear_page_tags(page)
        yield set_bit(PG_mte_tagged, page)
        yield spin_unlock("tag_sync_lock")


def always_locks(cpu, page):
    yield spin_lock("tag_sync_lock")
    if not (yield test_bit(PG_mte_tagged, page)):
        yield mte_clear_page_tags(page)
        yield set_bit(PG_mte_tagged, page)
    yield spin_unlock("tag_sync_lock")


def clears_nothing(cpu, page):
    if not (yield test_bit(PG_mte_tagged, page)):
        yield set_bit(PG_mte_tagged, page)


@pytest.mark.parametrize("answer", [repaired, with_acquire, PROTOCOLS["page-lock"].run])
def test_a_repaired_double_check_passes(answer: object) -> None:
    for seed in (1, 2):
        result = check("double_check", answer, seed=seed)
        # The page lock refuses memory that cannot hold tags, and nothing else: it is no answer where shared is refused.
        assert result.passed, repr(result)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (broken, "loses"),
        (flag_first, "leaks"),
        (keeps_it, "deadlocks"),
        (always_locks, "still takes the lock"),
        (clears_nothing, "leaks"),
        (PROTOCOLS["no-shared"].run, "expected"),
        (lambda cpu, page: None, "expected"),
        (5, "expected the function"),
    ],
)
def test_what_is_wrong_with_a_double_check_is_said(answer: object, said: str) -> None:
    result = check("double_check", answer, seed=3)
    assert not result.passed
    assert "Traceback" not in repr(result)
    if said != "expected":
        assert said in repr(result)


def test_a_lost_tag_comes_with_its_schedule() -> None:
    assert "schedule  0" in repr(check("double_check", broken, seed=4))


def most_faults(vcpus, cycle, hold):
    return min(vcpus * 1e9 / cycle, 1e9 / hold)


def faults_of_queue(vcpus, think, hold):
    queue = 0
    for number in range(1, vcpus + 1):
        at_lock = hold * (1 + queue)
        rate = number / (think + at_lock)
        queue = rate * at_lock
    return rate * 1e9


def times_behind_lock(alone, many, together, counts):
    return [max(alone, count * together / many) for count in counts]


def locks_for_chance(cpus, chance):
    pairs = cpus * (cpus - 1) / 2
    return 2 ** max(0, math.ceil(math.log2(pairs / chance) - 1e-12))


@pytest.mark.parametrize("answer", [most_faults, faults_of_queue, times_behind_lock, locks_for_chance])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_right_function_passes(answer: Callable[..., Any], seed: int) -> None:
    assert check(answer.__name__, answer, seed=seed).passed


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("most_faults", lambda vcpus, cycle, hold: vcpus * 1e9 / cycle),
        ("most_faults", lambda vcpus, cycle, hold: 1e9 / hold),
        ("faults_of_queue", lambda vcpus, think, hold: min(vcpus * 1e9 / (think + hold), 1e9 / hold)),
        ("times_behind_lock", lambda alone, many, together, counts: [n * together / many for n in counts]),
        ("locks_for_chance", lambda cpus, chance: 1024),
    ],
)
def test_half_a_formula_fails(name: str, wrong: object) -> None:
    answer = repr(check(name, wrong, seed=1))
    assert "failing" in answer
    assert "expected" in answer


@pytest.mark.parametrize("seed", range(20))
def test_the_question_on_saturation_has_whole_answers(seed: int) -> None:
    question = problem("never_free", seed=seed)
    guests, rate, time = lab07.never_free(question)
    vcpus = guests * question.vcpus
    assert vcpus >= saturation(question.cycle, question.hold) > vcpus - question.vcpus
    assert most_throughput(vcpus, question.cycle, question.hold) == 1000 * rate
    assert time * 1_000_000 == question.guests * question.pages * question.hold
    assert check("never_free", [guests, rate, time], seed=seed).passed
    assert not check("never_free", [guests + 1, rate, time], seed=seed).passed


def test_both_bounds_come_up() -> None:
    drawn = [lab07.a_lock_to_wait_for(Random(seed)) for seed in range(200)]
    bound = sum(vcpus * hold > cycle for vcpus, cycle, hold in drawn)
    assert 60 < bound < 180


def test_the_bounds_hold_the_formula_between_them() -> None:
    for vcpus in (1, 2, 5, 20):
        rate = machine_repairman(vcpus, 2000, 400)
        assert rate <= most_throughput(vcpus, 2400, 400) * (1 + 1e-12)
        assert vcpus / rate * 1e9 - 2400 >= least_wait(vcpus, 2400, 400) - 1e-6
    assert saturation(2400, 0) == math.inf
    for wrong in ((0, 2400, 400), (1, 300, 400), (1, math.inf, 1)):
        with pytest.raises(ValueError, match="expected"):
            most_throughput(*wrong)


@pytest.mark.parametrize("seed", range(6))
def test_an_array_chosen_by_a_sweep_is_right_and_both_neighbours_are_not(seed: int) -> None:
    target = problem("choose_locks", seed=seed)
    arrays = {f"{size}": lock_array(size) for size in lab08_costs.SIZES}
    costs = Costs(mte_clear_page_tags=target.clear)
    runs = sweep(arrays, guests=1, vcpus=target.vcpus, pages=512, costs=costs, seed=range(6))
    waits = runs.estimates("wait_mean", by=["protocol"])
    chosen = next(int(size) for (size,), wait in waits.items() if wait.mean <= target.wait)
    assert check("choose_locks", chosen, seed=seed).passed
    for wrong in (chosen // 2, chosen * 2):
        assert not check("choose_locks", wrong, seed=seed).passed


def test_a_target_lies_clear_of_the_error_bars() -> None:
    for seed in range(30):
        target = lab08_costs.a_target(Random(seed))
        waits = lab08_costs.mean_waits(target.vcpus, target.clear)
        assert min(abs(math.log(wait / target.wait)) for wait in waits) > 0.2
