"""Lab 11's exercises: more than one design passes the capstone, each requirement is missed by one that fails."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from mtelab.learn import check, problem
from mtelab.learn.exercises import lab11
from mtelab.learn.variants import VARIANTS
from mtelab.sync import (
    PROTOCOLS,
    PG_mte_lock,
    PG_mte_tagged,
    mte_clear_page_tags,
    mte_restore_page_tags,
    refuse,
    set_bit,
    smp_load_acquire,
    smp_rmb,
    smp_store_release,
    smp_wmb,
    spin_lock,
    spin_unlock,
    test_and_set_bit,
    test_bit,
    wait_for_bit,
)
from mtelab.sync.steps import Cpu, Page, Step

Steps = Generator[Any, Any, None]


def init(cpu: Cpu, page: Page) -> Step:
    return mte_restore_page_tags(page) if cpu.role == "swap_in" else mte_clear_page_tags(page)


def with_two_bits(cpu: Cpu, page: Page) -> Steps:
    if (yield test_bit(PG_mte_tagged, page)):
        yield smp_rmb()
        return
    if (yield test_and_set_bit(PG_mte_lock, page)):
        yield wait_for_bit(PG_mte_tagged, page)
        return
    yield init(cpu, page)
    yield smp_wmb()
    yield set_bit(PG_mte_tagged, page)


def locked(name: Callable[[Page], Any]) -> Callable[[Cpu, Page], Steps]:
    def protocol(cpu: Cpu, page: Page) -> Steps:
        if (yield smp_load_acquire(PG_mte_tagged, page)):
            return
        yield spin_lock(name(page))
        if not (yield test_bit(PG_mte_tagged, page)):
            yield init(cpu, page)
            yield smp_store_release(PG_mte_tagged, page, True)
        yield spin_unlock(name(page))

    return protocol


@pytest.mark.parametrize("protocol", [with_two_bits, locked(lambda page: ("page", page.pfn))], ids=["bits", "lock"])
def test_several_designs_pass(protocol: Callable[[Cpu, Page], Steps]) -> None:
    assert check("capstone", protocol, seed=1).passed


def unordered(cpu: Cpu, page: Page) -> Steps:
    if (yield test_and_set_bit(PG_mte_lock, page)):
        while not (yield test_bit(PG_mte_tagged, page)):
            pass
        return
    yield init(cpu, page)
    yield set_bit(PG_mte_tagged, page)


def clears_saved_tags(cpu: Cpu, page: Page) -> Steps:
    if not (yield test_and_set_bit(PG_mte_lock, page)):
        yield mte_clear_page_tags(page)
        yield smp_store_release(PG_mte_tagged, page, True)
    yield wait_for_bit(PG_mte_tagged, page)


def forbids(cpu: Cpu, page: Page) -> Steps:
    if cpu.role == "set_pte":
        yield refuse("EINVAL")
    yield from with_two_bits(cpu, page)


def cpu_0_does_it(cpu: Cpu, page: Page) -> Steps:
    if cpu.id in (0, 5) or cpu.role == "swap_in":
        yield from with_two_bits(cpu, page)
    else:
        yield wait_for_bit(PG_mte_tagged, page)


def two_at_most(cpu: Cpu, page: Page) -> Steps:
    if cpu.id < 2:
        yield from with_two_bits(cpu, page)


def nothing(cpu: Cpu, page: Page) -> Steps:
    return
    yield


def loops(cpu: Cpu, page: Page) -> Steps:
    while True:
        pass
    yield


@pytest.mark.parametrize(
    ("protocol", "said"),
    [
        (unordered, "not in two-vcpus, memory arm"),
        (unordered, 'shortest schedule (9 moves): "101111c000"'),
        (clears_saved_tags, "in the role swap_in the saved tags are cleared"),
        (forbids, "refused: some interleaving refuses"),
        (two_at_most, "safe with 2 CPUs, not with 3"),
        (nothing, "safe in 0 of 18"),
        (locked(lambda page: "one for all"), "times as long as with the page lock"),
        (loops, "does the loop end?"),
        (PROTOCOLS["page-lock"], "of your own"),
        (PROTOCOLS["page-lock"].run, "of your own"),
        (lambda cpu, page: 3, "expected a generator"),
    ],
)
def test_the_first_thing_that_is_missing_is_said(protocol: Any, said: str) -> None:
    result = check("capstone", protocol, seed=2)
    assert not result.passed
    assert said in repr(result)
    assert len(result.lines) <= 6
    assert all("Traceback" not in line for line in result.lines)


def test_a_protocol_that_leans_on_one_cpu_fails() -> None:
    assert not check("capstone", cpu_0_does_it, seed=1).passed


def test_a_stub_is_not_tried() -> None:
    def my_protocol(cpu: Cpu, page: Page) -> Any: ...

    assert check("capstone", my_protocol).state == "not tried"


def test_no_two_cards_look_the_same() -> None:
    assert len({lab11.rows_of(name) for name in PROTOCOLS}) == len(PROTOCOLS)


@pytest.mark.parametrize("seed", range(4))
def test_questions_can_be_answered(seed: int) -> None:
    cards = problem("whose_card", seed=seed)
    names = lab11.whose_card(cards)
    assert [lab11.rows_of(name) for name in names] == list(cards.columns)
    assert check("whose_card", names, seed=seed).passed
    changes = problem("which_line_matters", seed=seed)
    assert "safe" in lab11.which_line_matters(changes)
    assert not check("which_line_matters", ["leaks"] * 5, seed=seed).passed


def test_what_each_change_does() -> None:
    harmless = {change for change in VARIANTS if lab11.changed(change, "two-vms") == "safe"}
    assert harmless == {
        "the first test and its smp_rmb are left out",
        "smp_mb in place of smp_wmb",
        "smp_store_release in place of smp_wmb and set_bit",
    }
    assert lab11.changed("PG_mte_tagged is never set", "two-vms") == "deadlocks"
    assert lab11.changed("PG_mte_lock is cleared at the end", "two-vms") == "loses"
