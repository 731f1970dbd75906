"""Costs can all be changed, say where they come from, and are checked."""

from __future__ import annotations

import dataclasses
import math

import pytest

from mtelab.contention import Costs, contend
from mtelab.contention.costs import QUANTUM, STEPS

TIMES = [field.name for field in dataclasses.fields(Costs) if not field.name.endswith("_variation")]


@pytest.mark.parametrize("value", [-1, math.nan, math.inf, -math.inf, "3", None, True])
@pytest.mark.parametrize("name", TIMES)
def test_a_cost_is_a_finite_time(name: str, value) -> None:
    with pytest.raises(ValueError, match=f"^costs: {name}="):
        Costs(**{name: value})


def test_variations_have_names() -> None:
    with pytest.raises(ValueError, match=r"^costs: guest_variation='normal'"):
        Costs(guest_variation="normal")


def test_every_cost_has_a_source_or_is_an_assumption() -> None:
    table = Costs(spin_lock=33).table()
    assert [row.name for row in table] == TIMES
    assert all(row.about and (row.source == "assumption" or "<" in row.source or "CFS" in row.source) for row in table)
    assert next(row.value for row in table if row.name == "spin_lock") == 33


def test_every_step_has_a_cost() -> None:
    assert set(STEPS) <= set(TIMES)
    assert Costs(mte_clear_page_tags=7).of_role("fault")["mte_clear_page_tags"] == 7
    assert Costs(mte_zero_clear_page_tags=5).of_role("allocate")["mte_clear_page_tags"] == 5


def test_times_are_multiples_of_a_quantum() -> None:
    assert Costs(spin_lock=0.1).spin_lock == round(0.1 / QUANTUM) * QUANTUM
    assert Costs(spin_lock=1 / 3).spin_lock == pytest.approx(1 / 3, abs=QUANTUM / 2)


@pytest.mark.parametrize(
    ("name", "protocol", "workload"),
    [
        ("guest_work", "page-lock", "start-up"),
        ("fault_path", "page-lock", "start-up"),
        ("zero_page", "page-lock", "start-up"),
        ("map_page", "page-lock", "start-up"),
        ("smp_wmb", "page-lock", "start-up"),
        ("test_and_set_bit", "page-lock", "start-up"),
        ("set_bit", "big-lock", "start-up"),
        ("test_bit", "big-lock", "start-up"),
        ("spin_lock", "big-lock", "start-up"),
        ("spin_unlock", "big-lock", "start-up"),
        ("handover", "big-lock", "start-up"),
        ("mte_clear_page_tags", "big-lock", "start-up"),
        ("read_from_swap", "big-lock", "resume"),
        ("mte_restore_page_tags", "big-lock", "resume"),
        ("ioctl_page", "big-lock", "migration"),
        ("mte_copy_tags_from_user", "big-lock", "migration"),
    ],
)
def test_what_costs_more_takes_longer(name: str, protocol: str, workload: str) -> None:
    given = {"guests": 4, "vcpus": 4, "pages": 64}
    usual = contend(protocol, workload, **given)
    dear = contend(protocol, workload, costs=Costs(**{name: getattr(Costs(), name) + 5000}), **given)
    assert dear.time_to_start > usual.time_to_start
