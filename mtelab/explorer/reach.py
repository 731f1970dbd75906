"""Every state that some CPUs can come to, one by one: for questions that the search does not answer.

`mtelab.explore` is for verdicts, and thousands of times faster. This is for small models: a judge of invariants, or the
shortest way to harm one CPU in particular.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from mtelab.explorer.machine import Machine, Move
from mtelab.explorer.model import Model, with_all_tags
from mtelab.explorer.schedule import written
from mtelab.explorer.state import State, first_state, successors
from mtelab.explorer.walk import SHOWN

T = TypeVar("T")


@dataclass(frozen=True)
class Reached:
    """A move to a state that was not known before, and the way there.

    Attributes
    ----------
    state : State
        Where it leads.
    move : Move or None
        The last move; None for the start.
    shows : int
        What the move showed.
    before : Reached or None
        The state before it.
    """

    state: State
    move: Move | None = None
    shows: int = 0
    before: Reached | None = None

    @property
    def schedule(self) -> str:
        """Moves from the start, as a string."""
        moves = []
        at: Reached | None = self
        while at is not None and at.move is not None:
            moves.append(at.move)
            at = at.before
        return written(reversed(moves))


def reached(machine: Machine) -> Iterator[Reached]:
    """Yield the start, and each move that leads to a new state or shows something, the nearest first."""
    start = Reached(*first_state(machine)[:1])
    yield start
    known = {start.state}
    todo = deque([start])
    while todo:
        at = todo.popleft()
        for move, state, shows in successors(machine, at.state):
            new = state not in known
            if not new and not shows:
                continue
            found = Reached(state, move, shows, at)
            yield found
            if new:
                known.add(state)
                todo.append(found)


def all_reached(model: Model, look: Callable[[Machine, Iterator[Reached]], T]) -> T:
    """Call ``look(machine, reached(machine))``, with programs that know every tag that is met."""

    def again(tags: set[int]) -> T:
        machine = model.build(tags)
        return look(machine, reached(machine))

    return with_all_tags(again)


def shortest_way(model: Model, verdict: str, cpu: int | None = None) -> str | None:
    """Shortest schedule whose last move shows ``"leaks"``, ``"loses"`` or ``"refused"``, on one CPU or on any.

    Parameters
    ----------
    model : Model
        From `mtelab.explorer.model`; a small one.
    verdict : str
        What is to be shown.
    cpu : int, optional
        Which CPU's move must show it.

    Returns
    -------
    str or None
        None if no interleaving shows it.

    Raises
    ------
    ValueError
        For a verdict that no move shows.
    """
    signs = {word: sign for sign, word in SHOWN.items()}
    if verdict not in signs:
        raise ValueError(f"verdict: {verdict!r}, expected one of {', '.join(signs)}")

    def look(_machine: Machine, states: Iterator[Reached]) -> str | None:
        for at in states:
            if at.shows & signs[verdict] and at.move is not None and cpu in (None, at.move.cpu):
                return at.schedule
        return None

    return all_reached(model, look)
