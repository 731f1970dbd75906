"""One interleaving, walked by hand: make a move, take it back, see what everybody sees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from mtelab.explorer.machine import LEAKS, LOCKED, LOSES, REFUSED, WRONG, Machine, Move, NewTagError, Store, said
from mtelab.explorer.memory import Tag
from mtelab.explorer.model import Model, with_all_tags
from mtelab.explorer.program import Node
from mtelab.explorer.schedule import read, written
from mtelab.explorer.state import State, first_state, over, successor, successors
from mtelab.explorer.ways import Way, follow
from mtelab.sync.flags import PageFlag
from mtelab.sync.situations import SAVED_TAG, STALE_TAG, VMM_TAG, own_tag
from mtelab.sync.steps import Step

T = TypeVar("T")

LOOK_AHEAD = 2000
"""States that are looked at to tell whether an end can still be reached."""

SHOWN = {LEAKS: "leaks", LOSES: "loses", LOCKED: "deadlocks", REFUSED: "refused", WRONG: "wrong"}


@dataclass(frozen=True)
class Lane:
    """What one CPU is at.

    Attributes
    ----------
    cpu : int
        Which.
    step : Step or None
        What it does next; None at its end.
    node : Node
        Place in its program, with file, line and locks held.
    ended : bool
        It has nothing left to do, and its stores are visible.
    waits : bool
        Its next step cannot be made now.
    moves : tuple of Move
        What it can do now.
    pending : tuple of str
        Its stores that nobody else sees yet, oldest first.
    """

    cpu: int
    step: Step | None
    node: Node
    ended: bool
    waits: bool
    moves: tuple[Move, ...]
    pending: tuple[str, ...]


@dataclass(frozen=True)
class PageView:
    """A page as memory has it: flags that are set, and tags by granule with how each came there."""

    pfn: int
    flags: PageFlag
    tags: dict[int, Tag]


class Walk:
    """An interleaving of a protocol in a situation.

    Parameters
    ----------
    model : Model
        From `mtelab.explorer.model`.

    Attributes
    ----------
    way : list
        Moves that were made, each with the state after it and what it showed.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self._tags = {0, STALE_TAG, SAVED_TAG, VMM_TAG, *map(own_tag, range(model.cpus))}
        self.machine: Machine = model.build(self._tags)
        self.way: Way = []

    # ---- moving

    @property
    def state(self) -> State:
        """State after the last move."""
        return self.way[-1][1] if self.way else first_state(self.machine)[0]

    @property
    def schedule(self) -> str:
        """The moves as a string."""
        return written(move for move, _, _ in self.way)

    def moves(self) -> list[Move]:
        """All moves that can be made now, those of CPU 0 first."""
        return self._with_tags(lambda: [move for move, _, _ in successors(self.machine, self.state)])

    def do(self, cpu: int, suffix: str = "") -> str:
        """Make a move, and return what it showed: a verdict, or "".

        Raises
        ------
        ValueError
            If it cannot be made; nothing has changed then.
        """
        self.go(self.schedule + f"{cpu}{suffix}")
        return self.shown

    def undo(self) -> None:
        """Take the last move back, if there is one."""
        self.way = self.way[:-1]

    def restart(self) -> None:
        """Go back to the start."""
        self.way = []

    def go(self, schedule: str) -> None:
        """Go from the start through a schedule.

        Raises
        ------
        ValueError
            If it is none, or has a move that cannot be made; nothing has changed then.
        """
        moves = read(schedule)
        self.way = self._with_tags(lambda: follow(self.machine, moves))

    def _with_tags(self, work: Callable[[], T]) -> T:
        """Call `work`, with programs that know every tag that is met."""
        try:
            return work()
        except NewTagError:
            schedule = [(move.cpu, move.suffix) for move, _, _ in self.way]

            def again(tags: set[int]) -> T:
                self.machine = self.model.build(tags)
                self.way = follow(self.machine, schedule)
                return work()

            return with_all_tags(again, self._tags)

    # ---- seeing

    @property
    def shown(self) -> str:
        """What the last move showed: ``"leaks"``, ``"loses"``, ``"deadlocks"``, ``"refused"``, ``"wrong"`` or ""."""
        return verdict(self.way[-1][2]) if self.way else ""

    @property
    def verdicts(self) -> list[str]:
        """What all moves have shown, each once, and ``"deadlocks"`` where no end can be reached any more."""
        found = [verdict(shows) for _, _, shows in self.way if shows]
        if self._with_tags(self._endless):
            found.append("deadlocks")
        return list(dict.fromkeys(word for word in found if word))

    def _endless(self) -> bool:
        """Whether nobody can move, or those who can go round for ever."""
        seen = {self.state}
        todo = [self.state]
        while todo and len(seen) < LOOK_AHEAD:
            state = todo.pop()
            if over(self.machine, state):
                return False
            new = {after for _, after, _ in successors(self.machine, state)} - seen
            seen |= new
            todo += new
        return not todo

    @property
    def over(self) -> bool:
        """Whether every CPU has come to its end."""
        return over(self.machine, self.state)

    def lanes(self) -> list[Lane]:
        """What each CPU is at."""
        return self._with_tags(self._lanes)

    def _lanes(self) -> list[Lane]:
        state = self.state
        lanes = []
        for cpu, place in enumerate(state.locals):
            node = self.machine.node(cpu, place)
            able = tuple(m for m in self.machine.moves(cpu, place) if successor(self.machine, state, m) is not None)
            steps = [move.step for move in self.machine.moves(cpu, place) if move.step.op != "visible"]
            pending = tuple(
                said(self.machine.locations[entry.where], entry) for entry in place.buffer if isinstance(entry, Store)
            )
            ended = self.machine.ended(cpu, place)
            waits = node.step is not None and not ended and not any(move.step.op != "visible" for move in able)
            step = steps[0] if steps else (None if ended or node.step is None else node.step)
            lanes.append(Lane(cpu, step, node, ended, waits, able, pending))
        return lanes

    def pages(self) -> list[PageView]:
        """Every page as memory has it."""
        views = {pfn: PageView(pfn, PageFlag(0), {}) for pfn in range(self.model.pages)}
        for location, contents in zip(self.machine.locations, self.state.contents, strict=True):
            if location.kind == "flags":
                pfn: int = location.name  # type: ignore[assignment]
                views[pfn] = PageView(pfn, PageFlag(contents.value), views[pfn].tags)  # type: ignore[arg-type]
            elif location.kind == "tag":
                name: tuple[int, int] = location.name  # type: ignore[assignment]
                assert isinstance(contents.value, Tag)
                views[name[0]].tags[name[1]] = contents.value
        return list(views.values())

    def locks(self) -> dict[object, int | None]:
        """Every lock, with the CPU that holds it."""
        return {
            location.name: int(contents.value) - 1 if contents.value else None  # type: ignore[call-overload]
            for location, contents in zip(self.machine.locations, self.state.contents, strict=True)
            if location.kind == "lock"
        }


def verdict(shows: int) -> str:
    """The worst of what a move showed, as a word."""
    return next((word for bit, word in SHOWN.items() if shows & bit), "")
