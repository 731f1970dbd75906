"""Every interleaving, breadth first: all states of a machine, and the first sign of each thing that goes wrong.

A level of the search is all states that are one move further from the start. Breadth first means that the first sign of
trouble is one of the nearest to the start: its counterexample is as short as any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from mtelab.explorer.machine import CUT, LOCKED, WRONG, Machine, Move
from mtelab.explorer.seen import Seen
from mtelab.explorer.slices import Progress, Slices, finish
from mtelab.explorer.state import State, first_state, successors
from mtelab.explorer.tables import KNOWN, NEW_PLACE, POSSIBLE, SHOWS, LayoutError, Tables, Words, initial_widths

CHUNK: Final = 1 << 17
"""States that are moved at once; a few megabytes, so that they stay in the processor's caches."""

STUCK: Final = 64
"""A sign like those of `mtelab.explorer.move`: nobody can move, or those who can go round for ever."""


@dataclass
class Sign:
    """Where something first showed: at a state, or at a move from it."""

    state: int
    cpu: int = -1
    which: int = -1


@dataclass
class Search:
    """The outcome of a search.

    Attributes
    ----------
    tables : Tables
        The machine as tables.
    seen : Seen
        All states, in the order of their distance from the start.
    signs : dict
        First `Sign` of each thing that showed.
    levels : int
        Moves on the longest of the shortest ways.
    complete : bool
        Whether every state was reached, and every program could be followed.
    """

    tables: Tables
    seen: Seen
    signs: dict[int, Sign] = field(default_factory=dict)
    levels: int = 0
    complete: bool = True

    @property
    def machine(self) -> Machine:
        """The machine that was searched."""
        return self.tables.machine

    def path(self, sign: Sign) -> list[tuple[Move, State]]:
        """Moves from the start to a sign, each with the state that it leads to."""
        numbers = [sign.state]
        while numbers[-1]:
            numbers.append(int(self.seen.parent[numbers[-1]]))
        states = [self.state(number) for number in reversed(numbers)]
        way = []
        for before, after in pairwise(states):
            move = next(move for move, state, _ in successors(self.machine, before) if state == after)
            way.append((move, after))
        if sign.cpu >= 0:
            place = self.tables.place(sign.cpu, states[-1].locals[sign.cpu])
            chosen = self.tables.move(sign.cpu, place, sign.which)
            after = next(
                state
                for move, state, _ in successors(self.machine, states[-1])
                if (move.cpu, move.suffix) == (chosen.cpu, chosen.suffix)
            )
            way.append((chosen, after))
        return way

    def ends(self) -> Iterator[State]:
        """States in which every CPU has come to its end."""
        for number in np.flatnonzero(_over(self.tables, self.seen.chunk(0, self.seen.count))).tolist():
            yield self.state(number)

    def state(self, number: int) -> State:
        """State by its position in `seen`."""
        return self.tables.decode([int(array[number]) for array in self.seen.states])


def search(
    machine: Machine,
    max_states: int,
    progress: Progress | None = None,
    stop_at: int = 0,
    max_levels: int | None = None,
) -> Search:
    """Reach every state of a machine.

    Parameters
    ----------
    machine : Machine
        Whose.
    max_states : int
        Stop after the level that reaches so many.
    progress : function, optional
        Told of each level, and more often in large ones.
    stop_at : int
        Stop when this has shown.
    max_levels : int, optional
        Stop after so many levels.
    """
    return finish(search_in_slices(machine, max_states, stop_at, max_levels), progress)


def search_in_slices(
    machine: Machine, max_states: int, stop_at: int = 0, max_levels: int | None = None
) -> Slices[Search]:
    """Reach every state of a machine, as `search` does, in slices."""
    widths = initial_widths(machine)
    while True:
        try:
            return (yield from _search(Tables(machine, widths), max_states, stop_at, max_levels))
        except LayoutError:
            continue  # a field of `widths` is wider now


def _search(tables: Tables, max_states: int, stop_at: int, max_levels: int | None) -> Slices[Search]:
    state, shows = first_state(tables.machine)
    seen = Seen(tables.words)
    seen.add([np.array([word], np.uint64) for word in tables.encode(state)], np.zeros(1, np.int64))
    found = Search(tables, seen)
    _note(found, shows, lambda: Sign(0))
    start = 0
    while start < seen.count:
        stop = seen.count
        if stop >= max_states or stop_at in found.signs or found.levels == max_levels:
            found.complete = False
            break
        for first in range(start, stop, CHUNK):
            if first > start and (yield seen.count, found.levels):
                found.complete = False
                break
            _spread(found, first, min(first + CHUNK, stop))
        if not found.complete:
            break
        if seen.count > stop:
            found.levels += 1
        start = stop
        if (yield seen.count, found.levels):
            found.complete = start >= seen.count
            break
    if CUT in found.signs:
        found.complete = False
    if found.complete and WRONG not in found.signs and any(program.loops for program in tables.machine.programs):
        yield from _find_endless(found)
    return found


def _note(found: Search, shows: int, sign: Callable[[], Sign]) -> None:
    for bit in (1 << at for at in range(shows.bit_length())):
        if shows & bit:
            found.signs.setdefault(bit, sign())


def _spread(found: Search, first: int, stop: int) -> None:
    """Add all states that follow those in positions `first` up to `stop`."""
    tables, seen = found.tables, found.seen
    words = seen.chunk(first, stop)
    moved = np.zeros(stop - first, bool)
    new: list[Words] = []
    parents = []
    for cpu, which, source, after, shows in moves(tables, words):
        moved[source] = True
        new.append(after)
        parents.append(source)
        seen_now = int(np.bitwise_or.reduce(shows)) if len(shows) else 0
        for bit in (1 << at for at in range(seen_now.bit_length())):
            if seen_now & bit and bit not in found.signs:
                at = int(source[np.flatnonzero(shows & bit)[0]])
                found.signs[bit] = Sign(first + at, cpu, which)
    if STUCK not in found.signs and not moved.all():
        still = np.flatnonzero(~moved)
        stuck = still[~_over(tables, [word[still] for word in words])]
        if len(stuck):
            found.signs[STUCK] = Sign(first + int(stuck[0]))
    if new:
        joined = [np.concatenate([part[word] for part in new]) for word in range(tables.words)]
        order = np.concatenate(parents)
        seen.add(joined, order + first)


def moves(
    tables: Tables, words: Words
) -> Iterator[tuple[int, int, npt.NDArray[np.int64], Words, npt.NDArray[np.uint16]]]:
    """For each CPU and move: which of the states can make it, the states that follow, and what it shows."""
    for cpu, field_ in enumerate(tables.cpus):
        places = field_.get(words).astype(np.int64)
        unknown = tables.base[cpu][0][places] == NEW_PLACE
        if unknown.any():
            tables.open(cpu, places[unknown])
        which = 0
        while which < len(tables.base[cpu]):
            base = tables.base[cpu][which][places]
            picked = np.flatnonzero(base >= 0)
            if len(picked):
                yield cpu, which, *_moved(tables, words, cpu, which, places[picked], base[picked], picked)
            which += 1


def _moved(
    tables: Tables,
    words: Words,
    cpu: int,
    which: int,
    places: npt.NDArray[np.int64],
    base: npt.NDArray[np.int64],
    picked: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], Words, npt.NDArray[np.uint16]]:
    looked_at = words[0][picked]
    if tables.words > 1:
        word = tables.word[cpu][which][places]
        for other in range(1, tables.words):
            looked_at = np.where(word == other, words[other][picked], looked_at)
    looked_at >>= tables.shift[cpu][which][places]
    looked_at &= tables.mask[cpu][which][places]
    entries = base + looked_at.astype(np.int64)
    flags = tables.flags[entries]
    unknown = (flags & KNOWN) == 0
    if unknown.any():
        tables.fill(np.unique(entries[unknown]))
        flags = tables.flags[entries]
    possible = (flags & POSSIBLE) != 0
    if not possible.all():
        chosen = np.flatnonzero(possible)
        picked, entries, flags = picked[chosen], entries[chosen], flags[chosen]
    after = [word[picked] ^ delta[entries] for word, delta in zip(words, tables.delta, strict=True)]
    if len(tables.afters) > 1:
        _catch_up(tables, after, tables.after[entries])
    return picked, after, flags >> np.uint16(SHOWS)


def _catch_up(tables: Tables, after: Words, numbers: npt.NDArray[np.int32]) -> None:
    for number in np.flatnonzero(np.bincount(numbers, minlength=1)).tolist():
        if number:
            chosen = np.flatnonzero(numbers == number)
            some = [word[chosen] for word in after]
            tables.catch_up(some, number)
            for word, new in zip(after, some, strict=True):
                word[chosen] = new


def _over(tables: Tables, words: Words) -> npt.NDArray[np.bool_]:
    """Which states have every CPU at its end."""
    over = np.ones(len(words[0]), bool)
    for field_, ended in zip(tables.cpus, tables.ended, strict=True):
        over &= ended[field_.get(words).astype(np.int64)]
    return over


def _find_endless(found: Search) -> Slices[None]:
    """Find a state from which no end can be reached any more, however fair the scheduler is.

    From the end of the list to its start, a state is fine if it is an end or a state after it is fine; this is repeated
    until nothing changes, since loops lead backwards. To stop half way would tell nothing, so nobody is listened to.
    """
    tables, seen = found.tables, found.seen
    fine = np.zeros(seen.count, bool)
    changed = True
    while changed:
        changed = False
        for first in reversed(range(0, seen.count, CHUNK)):
            stop = min(first + CHUNK, seen.count)
            left = np.flatnonzero(~fine[first:stop])
            words = [array[left] for array in seen.chunk(first, stop)]
            good = _over(tables, words)
            for _cpu, _which, source, after, _shows in moves(tables, words):
                good[source[fine[seen.find(after)]]] = True
            if good.any():
                fine[first + left[good]] = True
                changed = True
            if first:
                yield seen.count, found.levels
    if not fine.all():
        found.signs.setdefault(STUCK, Sign(int(np.flatnonzero(~fine)[0])))


DEADLOCK: Final = (STUCK, LOCKED)
"""Signs of the verdict *deadlocks*."""
