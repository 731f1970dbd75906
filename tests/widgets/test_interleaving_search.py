"""A search that a button of the interleaving explorer begins says how far it has come, and can be stopped."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import mtelab
from mtelab.widgets import InterleavingExplorer, interleaving_search


def event(figure: InterleavingExplorer, name: str, **fields: object) -> None:
    """What a browser would send."""
    figure._dispatch(figure, {"event": name, **fields}, [])


@pytest.fixture(autouse=True)
def in_small_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rest after each level, so that a search of a small model has many turns."""
    monkeypatch.setattr(interleaving_search, "_SLICE", -1.0)


def drawn(figure: InterleavingExplorer) -> dict[str, Any]:
    """All that is seen but the status line."""
    names = ("chosen", "line", "picture", "position", "schedule", "found", "playing", "searching")
    return {name: getattr(figure, name) for name in names}


async def search_to_its_end(figure: InterleavingExplorer) -> None:
    while figure.searching:
        await asyncio.sleep(0)


def test_a_search_says_how_far_it_has_come_and_stops_at_once_with_all_as_it_was() -> None:
    async def press() -> None:
        explorer = InterleavingExplorer("per-mm-lock", "two-vms", cpus=4, pages=2)
        explorer.find_bug(max_states=1_000)
        explorer.go("01")
        before = drawn(explorer)
        assert before["found"]["look"] == "warn"
        event(explorer, "find")
        first = explorer.searching
        assert first.startswith("Searching: ")
        while explorer.searching == first:
            await asyncio.sleep(0)
        states = int(explorer.searching.split()[1].replace(",", ""))
        assert states > int(first.split()[1].replace(",", ""))
        event(explorer, "stop")
        assert drawn(explorer) == before
        assert explorer.status == f"The search was stopped after {states:,} states. Nothing else has changed."
        task = explorer._background.task
        assert task is not None
        await task
        assert drawn(explorer) == before

        explorer.set(cpus=2, pages=1)  # and the next search is not held up
        event(explorer, "find")
        await search_to_its_end(explorer)
        assert (explorer.playing, explorer.position) == (True, 0)

    asyncio.run(press())


def test_a_search_finds_the_same_in_turns_and_shows_it_only_where_nobody_has_moved() -> None:
    async def press(move: bool) -> InterleavingExplorer:
        explorer = InterleavingExplorer("clear-first", "two-vms")
        event(explorer, "find")
        assert explorer.searching
        event(explorer, "find")  # one that runs is not begun again
        await asyncio.sleep(0)
        if move:
            event(explorer, "step", cpu=1)
        await search_to_its_end(explorer)
        return explorer

    shortest = mtelab.explore("clear-first", "two-vms").schedule
    still, moved = asyncio.run(press(move=False)), asyncio.run(press(move=True))
    assert still.found == moved.found
    assert still.found["words"].endswith(f"has 13 moves: {shortest}")
    assert (still.playing, len(still.line)) == (True, 13)
    assert (moved.playing, moved.schedule) == (False, "1")


@pytest.mark.parametrize("name", ["set", "reset"])
def test_a_search_ends_with_what_it_was_about(name: str) -> None:
    async def press() -> None:
        explorer = InterleavingExplorer("clear-first", "two-vms")
        event(explorer, "find")
        assert explorer.searching
        event(explorer, name, **({"protocol": "page-lock"} if name == "set" else {}))
        assert explorer.searching == ""
        task = explorer._background.task
        assert task is not None
        await task
        assert (explorer.found, explorer.line) == ({}, [])
        event(explorer, "stop")  # too late, and no harm
        assert explorer.status == ""

    asyncio.run(press())


def test_a_cell_that_searches_is_answered_at_once_whatever_a_button_has_begun() -> None:
    async def press() -> None:
        explorer = InterleavingExplorer("clear-first", "two-vms")
        event(explorer, "find")
        assert explorer.find_bug().verdict == "loses"
        assert (explorer.searching, explorer.position) == ("", 13)

    asyncio.run(press())
