"""One state of the machine, and the states that follow it: the explorer at the pace of a person.

The search (`mtelab.explorer.search`) does the same for millions of states at once.
"""

from __future__ import annotations

from typing import NamedTuple

from mtelab.explorer.machine import NOWHERE, Local, Machine, Move
from mtelab.explorer.memory import Contents


class State(NamedTuple):
    """Where each CPU is, and what each location holds."""

    locals: tuple[Local, ...]
    contents: tuple[Contents, ...]


def first_state(machine: Machine) -> tuple[State, int]:
    """Return the state before any move, and what it shows."""
    shows = 0
    places = []
    for cpu in range(len(machine.programs)):
        place, seen = machine.start(cpu)
        places.append(place)
        shows |= seen
    return State(tuple(places), tuple(machine.begin())), shows


def successor(machine: Machine, state: State, move: Move) -> tuple[State, int] | None:
    """State after a move, and what the move shows; None if memory does not let it be made."""
    effect = move.effect(state.contents[move.where] if move.where >= 0 else NOWHERE)
    if effect is None:
        return None
    contents = list(state.contents)
    if move.where >= 0:
        contents[move.where] = effect.contents
    before = state.locals[move.cpu]
    for where, looks in machine.afterwards(move.cpu, before, effect.local, move.catches_up):
        contents[where] = machine.locations[where].catch_up(contents[where], move.cpu, looks)
    places = (*state.locals[: move.cpu], effect.local, *state.locals[move.cpu + 1 :])
    return State(places, tuple(contents)), effect.shows


def successors(machine: Machine, state: State) -> list[tuple[Move, State, int]]:
    """Every move that can be made, with the state that follows and what it shows."""
    made = []
    for cpu, place in enumerate(state.locals):
        for move in machine.moves(cpu, place):
            after = successor(machine, state, move)
            if after is not None:
                made.append((move, *after))
    return made


def over(machine: Machine, state: State) -> bool:
    """Whether every CPU has come to its end."""
    return all(machine.ended(cpu, place) for cpu, place in enumerate(state.locals))
