"""Ways from the start to a sign of trouble, in steps that a person can follow, and the shortest of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mtelab.explorer.machine import Machine, Move
from mtelab.explorer.search import Search, search_in_slices
from mtelab.explorer.slices import Slices, quietly
from mtelab.explorer.state import State, first_state, successor

Way = list[tuple[Move, State, int]]
"""Moves from the start, each with the state that it leads to and what it shows."""

LOOK_FOR_SHORTER: Final = 2_000_000
"""States that are searched for a way that is shorter than the one at hand."""


def shortest(found: Search, plain: Callable[[], Machine], sign: int) -> Slices[Way]:
    """Shortest way to a sign that a search has found.

    A search of fused steps finds a way, but perhaps not the shortest; one of single steps, no deeper than that way,
    then looks for a better one. Its slices tell of the states that were found before; it is not stopped half way, as
    another way would come out then.
    """
    if not found.machine.fused:
        return follow(plain(), [(move.cpu, move.suffix) for move, _ in found.path(found.signs[sign])])
    way = unfused(plain(), [(move.cpu, move.suffix) for move, _ in found.path(found.signs[sign])], sign)
    slices = search_in_slices(plain(), LOOK_FOR_SHORTER, stop_at=sign, max_levels=len(way) - 1)
    better = yield from quietly(slices, found.seen.count, found.levels)
    if sign in better.signs:
        return follow(plain(), [(move.cpu, move.suffix) for move, _ in better.path(better.signs[sign])])
    return way


def follow(machine: Machine, moves: list[tuple[int, str]]) -> Way:
    """Make moves one after the other.

    Raises
    ------
    ValueError
        If one cannot be made; the text says which, and what could be.
    """
    state, _ = first_state(machine)
    way: Way = []
    for number, (cpu, suffix) in enumerate(moves, 1):
        made = _make(machine, state, cpu, suffix)
        if made is None:
            raise ValueError(
                f"schedule: move {number}, {cpu}{suffix}, cannot be made, expected {_possible(machine, state)}"
            )
        way.append(made)
        state = made[1]
    return way


def _make(machine: Machine, state: State, cpu: int, suffix: str) -> tuple[Move, State, int] | None:
    if not 0 <= cpu < len(machine.programs):
        return None
    for move in machine.moves(cpu, state.locals[cpu]):
        if move.suffix == suffix:
            after = successor(machine, state, move)
            if after is not None:
                return move, *after
    return None


def _possible(machine: Machine, state: State) -> str:
    able = [
        f"{cpu}{move.suffix}"
        for cpu, place in enumerate(state.locals)
        for move in machine.moves(cpu, place)
        if successor(machine, state, move) is not None
    ]
    return "one of " + ", ".join(able) if able else "the end: nobody can move"


def unfused(machine: Machine, fused: list[tuple[int, str]], sign: int) -> Way:
    """The way of a fused machine in single steps, without those at its end that nothing needs."""
    state, _ = first_state(machine)
    way: Way = []
    order = [*((cpu, None) for cpu in range(len(machine.programs))), *fused]
    for cpu, suffix in order:
        if suffix is not None:
            made = _make(machine, state, cpu, suffix)
            assert made is not None, "a fused way has a move that single steps do not have"
            way.append(made)
            state = made[1]
        while machine.private(cpu, state.locals[cpu]) is not None and not (way and way[-1][2] & sign):
            made = _make(machine, state, cpu, "")
            assert made is not None
            way.append(made)
            state = made[1]
    return follow(machine, _needed(way, sign))


def _needed(way: Way, sign: int) -> list[tuple[int, str]]:
    """Drop private steps after which their CPU does nothing more."""
    needed: list[tuple[int, str]] = []
    goes_on: set[int] = set()
    for at, (move, _, shows) in reversed(list(enumerate(way))):
        private = move.where < 0 and not move.catches_up and move.step.op != "visible"
        if move.cpu in goes_on or not private or (shows & sign and at == len(way) - 1):
            goes_on.add(move.cpu)
            needed.append((move.cpu, move.suffix))
    return needed[::-1]
