"""The simulation agrees with queueing theory where that has an answer: within 2 %."""

from __future__ import annotations

import pytest

from mtelab.contention import Costs, closed_forms, sweep
from mtelab.sync import PG_mte_tagged, spin_lock, spin_unlock, test_bit

HOLD = 1000.0
NOTHING = dict.fromkeys(("spin_lock", "spin_unlock", "handover", "fault_path", "zero_page", "map_page"), 0.0)


def one_lock(cpu, page):
    yield spin_lock("the lock")
    yield test_bit(PG_mte_tagged, page)
    yield spin_unlock("the lock")


def runs(vcpus: int, think: float, faults: int, hold_variation: str, seeds: int):
    costs = Costs(**NOTHING, test_bit=HOLD, guest_work=think, hold_variation=hold_variation)
    return sweep(one_lock, guests=1, vcpus=vcpus, pages=vcpus * faults, costs=costs, seed=range(seeds))


@pytest.mark.parametrize("vcpus", [1, 2, 5, 10, 20])
def test_the_machine_repairman(vcpus: int) -> None:
    think = 9 * HOLD
    found = runs(vcpus, think, 20_000 // vcpus, "exponential", 16)
    throughput = closed_forms.machine_repairman(vcpus, think, HOLD)
    assert found["steady_throughput"].mean() == pytest.approx(throughput, rel=0.02)
    wait = vcpus / throughput * 1e9 - think - HOLD
    assert found["steady_wait"].mean() == pytest.approx(wait, rel=0.02, abs=1e-6)


@pytest.mark.parametrize("load", [0.3, 0.5, 0.7])
def test_many_vcpus_that_seldom_want_the_lock_are_an_open_queue(load: float) -> None:
    vcpus = 800
    found = runs(vcpus, vcpus * HOLD / load, 60, "constant", 24)
    rate = found["steady_throughput"].mean()
    assert rate == pytest.approx(load / HOLD * 1e9, rel=0.02)
    assert found["steady_wait"].mean() == pytest.approx(closed_forms.md1_wait(rate, HOLD), rel=0.02)


@pytest.mark.parametrize("variation", ["constant", "exponential"])
@pytest.mark.parametrize("vcpus", [1, 4, 16])
def test_no_run_is_better_than_the_bounds(vcpus: int, variation: str) -> None:
    think = 5 * HOLD
    found = runs(vcpus, think, 500, variation, 6)
    most = closed_forms.most_throughput(vcpus, think + HOLD, HOLD)
    assert found["throughput"].mean() <= 1.02 * most
    assert found["steady_wait"].mean() >= 0.98 * closed_forms.least_wait(vcpus, think + HOLD, HOLD)


def test_far_beyond_saturation_the_lock_is_all() -> None:
    found = runs(64, 5 * HOLD, 100, "constant", 6)
    assert found["throughput"] == pytest.approx([1e9 / HOLD] * 6, rel=0.02)
    assert found["steady_wait"].mean() == pytest.approx(closed_forms.least_wait(64, 6 * HOLD, HOLD), rel=0.02)
    assert found["utilisation"].min() > 0.99
    assert closed_forms.saturation(6 * HOLD, HOLD) == 6


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: closed_forms.machine_repairman(0, 1.0, 1.0), "cpus"),
        (lambda: closed_forms.most_throughput(1, 1.0, 2.0), "hold"),
        (lambda: closed_forms.md1_wait(1e9, 1.0), "rate"),
        (lambda: closed_forms.md1_wait(-1, 1.0), "rate"),
        (lambda: closed_forms.md1_wait(1, float("nan")), "hold"),
    ],
)
def test_numbers_out_of_range_are_named(call, name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        call()
