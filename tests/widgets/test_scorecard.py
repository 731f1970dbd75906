"""The scorecard figure fills its cells, stops, and shows the way to a verdict; all through plain calls."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

import pytest

import mtelab
from mtelab.learn import scorecard as module
from mtelab.learn.scorecard import CELLS, LOADS
from mtelab.sync import (
    PROTOCOLS,
    PG_mte_lock,
    PG_mte_tagged,
    mte_clear_page_tags,
    smp_store_release,
    test_and_set_bit,
    wait_for_bit,
)
from mtelab.sync.steps import Cpu, Page
from mtelab.widgets import InterleavingExplorer, Scorecard, interleaving_search

PIECES = len(CELLS) + len(LOADS)


def mine(cpu: Cpu, page: Page) -> Generator[Any, Any, None]:
    """Clear once."""
    if (yield test_and_set_bit(PG_mte_lock, page)):
        yield wait_for_bit(PG_mte_tagged, page)
        return
    yield mte_clear_page_tags(page)
    yield smp_store_release(PG_mte_tagged, page, True)


def event(figure: Scorecard, name: str, **fields: object) -> None:
    """What a browser would send."""
    figure._dispatch(figure, {"event": name, **fields}, [])


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_known", {})


def test_a_learners_column_comes_first_and_is_filled_at_once() -> None:
    figure = Scorecard(mine)
    column = figure.picture["columns"][0]
    assert (column["name"], column["mine"], column["about"]) == ("mine", True, "Clear once.")
    assert set(column["verdicts"].values()) == {"safe"}
    assert (column["saved"], column["forbids"]) == ("are cleared", [])
    assert figure.progress == [PIECES, PIECES * (len(PROTOCOLS) + 1)]
    assert not figure.running
    assert "mine beside 11 designs" in repr(figure)
    assert "safe in 18 of 18" in repr(figure)


def test_the_cells_fill_while_the_notebook_is_awake_and_stop() -> None:
    async def look() -> None:
        figure = Scorecard()
        assert figure.running is False or figure.progress[0] == 0
        while figure.progress[0] < 3:
            await asyncio.sleep(0.01)
        assert figure.running
        event(figure, "stop")
        assert not figure.running
        done = figure.progress[0]
        await asyncio.sleep(0.05)
        assert figure.progress[0] <= done + 1
        assert figure.status.startswith("Stopped at")
        event(figure, "start")
        while figure.progress[0] <= done + 1:
            await asyncio.sleep(0.01)
        figure.stop()

    asyncio.run(look())


def test_a_cell_shows_the_shortest_way_to_its_verdict() -> None:
    figure = Scorecard()
    event(figure, "select", protocol="big-lock", situation="two-vms", memory="arm")
    detail = figure.detail
    assert detail["verdict"] == "leaks"
    assert mtelab.replay("big-lock", "two-vms", detail["schedule"], memory="arm").shown == "leaks"
    assert len(detail["steps"]) == len(mtelab.replay("big-lock", "two-vms", detail["schedule"], memory="arm").way)
    assert figure.selected == ("big-lock", "two-vms", "arm")
    shown = eval(detail["call"], {"InterleavingExplorer": InterleavingExplorer})  # what a learner would paste
    assert shown.walk.shown == "leaks"
    event(figure, "select", protocol="page-lock", situation="two-vms", memory="arm")
    assert (figure.detail["verdict"], figure.detail["steps"]) == ("safe", [])
    event(figure, "reset")
    assert figure.detail == {}
    assert figure.selected is None


def test_the_search_for_a_way_is_told_of_and_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleaving_search, "_SLICE", -1.0)  # rest after each level
    cell = {"protocol": "big-lock", "situation": "two-vms", "memory": "arm"}

    async def press() -> None:
        figure = Scorecard()
        figure.stop()
        figure.select("page-lock", "two-vms", "sc")
        before = figure.detail
        event(figure, "select", **cell)
        assert figure.detail["searching"].startswith("Searching: ")
        assert (figure.detail["verdict"], figure.detail["steps"]) == ("leaks", [])
        await asyncio.sleep(0)
        event(figure, "stop_way")
        assert (figure.detail, figure.selected) == (before, ("page-lock", "two-vms", "sc"))
        await figure._way.task
        assert figure.detail == before
        event(figure, "select", **cell)
        while "searching" in figure.detail:
            await asyncio.sleep(0)
        shown = figure.detail
        figure.select(**cell)
        assert figure.detail == shown
        assert shown["steps"]

    asyncio.run(press())


def test_an_unknown_cell_is_refused_and_changes_nothing() -> None:
    figure = Scorecard()
    figure.select("page-lock", "two-vms", "sc")
    before = dict(figure.detail)
    event(figure, "select", protocol="page-lock", situation="nowhere", memory="sc")
    assert figure.status.startswith("Refused: cell: 'nowhere'")
    event(figure, "select", protocol="nobody", situation="two-vms", memory="sc")
    assert "expected one of flag-first" in figure.status
    assert figure.detail == before


def test_a_broken_protocol_has_its_reason_in_the_column() -> None:
    def broken(cpu: Cpu, page: Page) -> Generator[Any, Any, None]:
        yield "no step"

    figure = Scorecard(broken)
    column = figure.picture["columns"][0]
    assert "expected a step" in column["problem"]
    assert column["times"] == [None, None, None]
    figure.select("broken", "two-vcpus", "sc")
    assert "expected a step" in figure.detail["means"]


def test_a_name_of_the_history_stands_first_when_asked_for() -> None:
    figure = Scorecard("page-lock")
    names = [column["name"] for column in figure.picture["columns"]]
    assert names[0] == "page-lock"
    assert sorted(names) == sorted(PROTOCOLS)
    assert "safe in 18 of 18" in repr(figure)
