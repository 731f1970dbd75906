"""The scorecard: a protocol beside every one of the history, where it is safe, what it costs and what it forbids."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Iterator
from typing import Any, Final

import traitlets

from mtelab.explorer import model
from mtelab.explorer.exploration import explore_in_slices
from mtelab.explorer.report import BAD as BAD_VERDICTS
from mtelab.explorer.report import MEANS, Report
from mtelab.explorer.words import step_words
from mtelab.learn.scorecard import BAD, CELLS, GUESTS, LOADS, MEMORIES, VCPUS, Card, card
from mtelab.sync.protocols import PROTOCOLS, Function
from mtelab.sync.situations import SITUATIONS, find_protocol
from mtelab.widgets.background import Background, in_background
from mtelab.widgets.figure import Figure
from mtelab.widgets.interleaving_search import in_turns, progress_words

_REFRESH: Final = 0.15
"""Seconds between two drawings while cells are filled."""
MOST_STATES: Final = 400_000
"""States that are searched for the way to a verdict: a few seconds."""


class Scorecard(Figure):
    """A column a protocol, a row a situation; the cells are explored while you read.

    Parameters
    ----------
    protocol : str or function, optional
        Stands first and is filled at once: a learner's generator function, or a name.
    cpus : int
        CPUs in every situation.
    title : str
        What to write above the figure.

    Attributes
    ----------
    cards : list of Card
        What is known, column by column.
    selected : tuple or None
        Protocol, situation and order of memory of the cell whose counterexample is shown.

    Examples
    --------
    >>> figure = Scorecard()
    >>> figure.finish()
    >>> figure.cards[0].verdicts["two-vms", "sc"]
    'leaks'
    """

    script = "scorecard.js"

    picture = traitlets.Dict().tag(sync=True)
    """All columns, as they are drawn."""
    detail = traitlets.Dict().tag(sync=True)
    """The cell that was chosen, with its counterexample."""
    progress: traitlets.List[int] = traitlets.List().tag(sync=True)
    """How many pieces of work are done, and of how many."""
    running = traitlets.Bool(False).tag(sync=True)

    def __init__(self, protocol: str | Function | None = None, cpus: int = 2, title: str = "The scorecard") -> None:
        self.cpus = cpus
        self.cards = [] if protocol is None else [card(protocol, cpus)]
        self._own = list(self.cards)
        self.cards += [card(name, cpus) for name in PROTOCOLS if name != protocol]
        self.selected: tuple[str, str, str] | None = None
        self._way = Background()
        self._task: asyncio.Task[None] | None = None
        self._turn: object = None
        super().__init__(title=title)
        for mine in self._own:
            for _ in mine.fill():
                pass
        self._show()
        self.start()

    # ---- filling the cells

    def start(self) -> None:
        """Fill the cells in the background of a notebook, so that its cells and buttons go on working."""
        self._turn = object()
        self._task = in_background(self._filled(self._turn))  # a script calls finish()

    def stop(self) -> None:
        """Stop after the cell at hand, and keep what is known."""
        self._turn = None
        self._show()

    def finish(self) -> None:
        """Fill all cells, here and now."""
        self._turn = object()
        for _ in self._filled(self._turn):
            pass

    def _filled(self, turn: object) -> Iterator[None]:
        shown = time.monotonic()
        self.running = not all(one.done for one in self.cards)
        for one in self.cards:
            for _ in one.fill():
                if time.monotonic() - shown > _REFRESH:
                    self._show()
                    shown = time.monotonic()
                yield
                if self._turn is not turn:
                    return
        self._turn = None
        self._show()

    # ---- looking closer

    def select(self, protocol: str, situation: str, memory: str) -> None:
        """Show the shortest way to the verdict of a cell.

        Raises
        ------
        ValueError
            If there is no such cell.
        """
        self._way.stop()
        for _ in self._selected(protocol, situation, memory):
            pass

    def stop_way(self) -> None:
        """Stop looking for the way to a verdict that a click asked for, and show the cell before."""
        self._way.stop()

    def _selected(self, protocol: str, situation: str, memory: str) -> Generator[None, None, None]:
        """Look for the way to a verdict in turns; stopped half way, the cell before is shown again."""
        chosen = next((one for one in self.cards if one.name == protocol), None)
        if chosen is None:
            names = ", ".join(one.name for one in self.cards)
            raise ValueError(f"protocol: {protocol!r}, expected one of {names}")
        if (situation, memory) not in CELLS:
            raise ValueError(f"cell: {situation!r}, {memory!r}, expected a situation, and 'sc' or 'arm'")
        before = self.detail
        chosen.look(situation, memory)
        detail = _detail(chosen, situation, memory)
        try:
            if detail["verdict"] in BAD_VERDICTS:
                asked = model(chosen.protocol, situation, chosen.cpus, memory=memory)
                slices = explore_in_slices(asked, MOST_STATES)
                report = yield from in_turns(
                    slices, lambda states: self._tell({**detail, "searching": progress_words(states)})
                )
                detail |= _way(chosen, report, detail)
        except GeneratorExit:
            self.detail = before
            raise
        self.detail = detail
        self.selected = (chosen.name, situation, memory)
        self._show()

    def _tell(self, detail: dict[str, Any]) -> None:
        self.detail = detail

    def reset(self) -> None:
        """Show no counterexample; what is known stays known."""
        self._way.stop()
        self.selected = None
        self.detail = {}
        self._show()
        if not self.running:
            self.start()

    def on_select(self, protocol: str, situation: str, memory: str) -> None:
        """Handle a cell that was chosen."""
        self._way.start(self._selected(protocol, situation, memory))

    def on_stop_way(self) -> None:
        """Handle the button *Stop the search*."""
        self.stop_way()

    def on_start(self) -> None:
        """Handle the button *Go on*."""
        self.start()

    def on_stop(self) -> None:
        """Handle the button *Stop*."""
        self.stop()

    # ---- showing

    def _show(self) -> None:
        total = len(self.cards) * (len(CELLS) + len(LOADS))
        done = sum(total // len(self.cards) if one.done else len(one.verdicts) + len(one.times) for one in self.cards)
        running = self._turn is not None and done < total
        with self.hold_sync():
            self.picture = {
                "situations": [[name, (situation.__doc__ or "").strip()] for name, situation in SITUATIONS.items()],
                "memories": list(MEMORIES.items()),
                "loads": list(LOADS),
                "load": f"{GUESTS} guests of {VCPUS} vCPUs",
                "columns": [self._column(one) for one in self.cards],
            }
            self.progress = [done, total]
            self.running = running
            choose = "Choose a cell to see the shortest way to its verdict."
            if running:
                self.status = f"Exploring: {done} of {total} done. {choose}"
            else:
                self.status = f"Stopped at {done} of {total}." if done < total else choose

    def _column(self, one: Card) -> dict[str, Any]:
        function = find_protocol(one.protocol)
        text = (getattr(function, "run", function).__doc__ or "").strip().split("\n")[0]
        return {
            "name": one.name,
            "letter": one.letter,
            "mine": one in self._own,
            "about": text,
            "problem": one.problem,
            "verdicts": {f"{situation} {memory}": verdict for (situation, memory), verdict in one.verdicts.items()},
            "saved": one.saved_tags,
            "forbids": list(one.forbids) if len(one.verdicts) == len(CELLS) else None,
            "times": [one.released.get(load) for load in LOADS],
        }

    def describe(self) -> str:
        """Say who is beside whom, and what came out for the first."""
        beside = f"{len(PROTOCOLS)} designs of the history, {self.cpus} CPUs"
        if not self._own:
            return beside
        mine = self._own[0]
        safe = sum(verdict == "safe" for verdict in mine.verdicts.values())
        wrong = [verdict for verdict in BAD if verdict in mine.verdicts.values()]
        worst = f", the worst is {wrong[0]}" if wrong else ""
        return f"{mine.name} beside {beside}: safe in {safe} of {len(CELLS)}{worst}"


def _detail(one: Card, situation: str, memory: str) -> dict[str, Any]:
    """Make what is shown of a chosen cell."""
    verdict = one.verdicts[situation, memory]
    found: dict[str, Any] = {
        "protocol": one.name,
        "situation": situation,
        "about": (SITUATIONS[situation].__doc__ or "").strip(),
        "memory": memory,
        "verdict": verdict,
        "means": MEANS.get(verdict, one.problem),
        "cpus": one.cpus,
        "schedule": "",
        "steps": [],
        "call": "",
    }
    return found


def _way(one: Card, report: Report, detail: dict[str, Any]) -> dict[str, Any]:
    """Make what is shown of the way to a chosen cell's verdict."""
    named = f'"{one.name}"' if isinstance(one.protocol, str) else one.name
    cpus = f", cpus={one.cpus}" if one.cpus != 2 else ""
    where = f'"{detail["situation"]}"{cpus}, memory="{detail["memory"]}", schedule="{report.schedule}"'
    return {
        "schedule": report.schedule or "",
        "call": f"InterleavingExplorer({named}, {where})",
        "steps": [[cpu, step_words(step, 1)] for cpu, step in report.violations.get(detail["verdict"], [])],
    }
