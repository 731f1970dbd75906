"""The scorecard: what it says of each design, of a learner's own, and that it agrees with the explorer."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

import mtelab
from mtelab.explorer.model import model
from mtelab.explorer.verdict import verdict_alone
from mtelab.learn import scorecard as module
from mtelab.learn.protocol_judge import locks_taken, straight
from mtelab.learn.scorecard import CELLS, LOADS, Card, saved_tags, scorecard, side_by_side
from mtelab.sync import (
    PROTOCOLS,
    SITUATIONS,
    PG_mte_lock,
    PG_mte_tagged,
    mte_clear_page_tags,
    mte_restore_page_tags,
    smp_store_release,
    spin_lock,
    test_and_set_bit,
    test_bit,
    wait_for_bit,
)
from mtelab.sync.situations import PRIVATE
from mtelab.sync.steps import Cpu, Page

Steps = Generator[Any, Any, None]


def mine(cpu: Cpu, page: Page) -> Steps:
    if (yield test_and_set_bit(PG_mte_lock, page)):
        yield wait_for_bit(PG_mte_tagged, page)
        return
    yield mte_restore_page_tags(page) if cpu.role == "swap_in" else mte_clear_page_tags(page)
    yield smp_store_release(PG_mte_tagged, page, True)


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_known", {})


@pytest.mark.parametrize("memory", ["sc", "arm"])
@pytest.mark.parametrize("protocol", ["flag-first", "big-lock", "no-shared", "two-bit-no-barriers", "page-lock"])
def test_the_verdict_alone_is_the_explorers(protocol: str, memory: str) -> None:
    for situation in ("two-vms", "ioctl-and-fault", "swap-in"):
        whole = mtelab.explore(protocol, situation, memory=memory)
        assert verdict_alone(model(protocol, situation, memory=memory)) == whole.verdict


def test_all_designs_on_one_table() -> None:
    cards = {name: scorecard(name) for name in PROTOCOLS}
    assert all(card.done and len(card.verdicts) == len(CELLS) for card in cards.values())

    def safe(memory: str) -> set[str]:
        return {name for name, card in cards.items() if card.worst(memory) == "safe"}

    assert safe("sc") == {"two-bit-no-barriers", "page-lock", "always-tagged"}
    assert safe("arm") == {"page-lock", "always-tagged"}
    assert {name for name, card in cards.items() if card.forbids} == {"no-shared-slot-only", "no-shared", "merged-5.14"}
    assert "mmap-over" in cards["no-shared"].forbids
    assert "mmap-over" not in cards["no-shared-slot-only"].forbids
    assert {card.saved_tags for card in cards.values()} == {"come back"}
    times = {name: card.times["start-up"] for name, card in cards.items()}
    assert times["page-lock"] == 1
    assert max(times, key=lambda name: times[name]) == "big-lock"
    assert times["big-lock"] > 4
    assert times["lock-array"] < 1.1
    assert list(cards["big-lock"].times) == list(LOADS)
    table = side_by_side(list(cards.values()))
    assert len(table.splitlines()) == 12
    assert "9 of 9, safe" in table.splitlines()[10]


def test_a_learners_own() -> None:
    card = scorecard(mine)
    assert set(card.verdicts.values()) == {"safe"}
    assert card.saved_tags == "come back"
    assert card.forbids == ()
    assert card.times["start-up"] == pytest.approx(1, abs=0.1)
    assert "scorecard of mine, 2 CPUs" in repr(card)
    assert scorecard(mine) is not card, "a function may have changed what it calls"
    assert scorecard("page-lock", cpus=2) is scorecard("page-lock")


def test_stopping_keeps_what_is_known() -> None:
    half = scorecard("always-tagged", progress=lambda card: len(card.verdicts) == 5)
    assert len(half.verdicts) == 5
    assert not half.done
    assert "?" in repr(half)
    whole = scorecard("always-tagged")
    assert whole is half
    assert whole.done


def clears(cpu: Cpu, page: Page) -> Steps:
    yield mte_clear_page_tags(page)


def away(cpu: Cpu, page: Page) -> Steps:
    yield test_bit(PG_mte_tagged, page)


def waits(cpu: Cpu, page: Page) -> Steps:
    yield wait_for_bit(PG_mte_tagged, page)


@pytest.mark.parametrize(
    ("protocol", "said"),
    [(mine, "come back"), (clears, "are cleared"), (away, "stay away"), (waits, "stay away")],
)
def test_saved_tags(protocol: Any, said: str) -> None:
    assert saved_tags(protocol) == said


def loops(cpu: Cpu, page: Page) -> Steps:
    while True:
        pass
    yield


def counts(cpu: Cpu, page: Page) -> Steps:
    number = 0
    while number >= 0:
        number += 1
        yield test_bit(PG_mte_tagged, page)


def nonsense(cpu: Cpu, page: Page) -> Steps:
    yield "wait_for_bit"


def raises_in_swap_in(cpu: Cpu, page: Page) -> Steps:
    yield test_bit(PG_mte_tagged, page)
    assert cpu.role != "swap_in", "no idea"


def no_generator(cpu: Cpu, page: Page) -> int:
    return 3


@pytest.mark.parametrize(
    ("protocol", "said"),
    [
        (loops, "does the loop end?"),
        (nonsense, "expected a step of mtelab.sync"),
        (no_generator, "expected a generator"),
        (raises_in_swap_in, "no idea"),
    ],
)
def test_what_cannot_be_explored_is_a_sentence(protocol: Any, said: str) -> None:
    card = scorecard(protocol)
    assert "error" in card.verdicts.values()
    assert said in card.problem
    assert card.done
    assert said in repr(card)
    assert not card.times


def test_a_count_without_end_is_looked_at_once() -> None:
    card = Card("counts", counts)
    assert card.look("two-vms", "sc") == "unknown"
    calls: list[str] = []
    card._verdict = lambda situation, memory: calls.append(situation) or "safe"  # type: ignore[method-assign,func-returns-value]
    assert card.look("two-vcpus", "sc") == "unknown"
    assert not calls


@pytest.mark.parametrize(("protocol", "cpus"), [("page-locks", 2), (7, 2), ("page-lock", 0)])
def test_bad_arguments(protocol: Any, cpus: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        scorecard(protocol, cpus)


def test_a_protocol_alone() -> None:
    page = Page(3)
    assert [step.op for step in straight(mine, Cpu(0, 0, 0, "swap_in", PRIVATE), page)] == [
        "test_and_set_bit",
        "mte_restore_page_tags",
        "smp_store_release",
    ]
    with pytest.raises(ValueError, match="nobody will set"):
        straight(waits, Cpu(0, 0, 0, "fault", PRIVATE), page)
    with pytest.raises(ValueError, match="not at its end"):
        straight(counts, Cpu(0, 0, 0, "fault", PRIVATE), page)

    def locked(cpu: Cpu, page: Page) -> Steps:
        yield spin_lock(("mm", cpu.mm))

    assert locks_taken(locked, 3, 1) == [("mm", 1)]


def test_every_situation_is_a_row() -> None:
    assert [situation for situation, memory in CELLS if memory == "arm"] == list(SITUATIONS)
