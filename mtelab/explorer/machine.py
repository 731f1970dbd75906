"""The machine that programs run on: which moves each CPU has, and what each does to memory.

A move is one CPU's next step, a load that is satisfied with an older value, or a store that leaves the CPU's buffer
(the last two under ``"arm"`` only). Every move looks at one location and writes one location at most, so its effect is
a table from the location's contents; the search (`mtelab.explorer.search`) makes the tables, a figure asks for one
move. What each kind of step does is told in `mtelab.explorer.step_moves`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from mtelab.explorer.ahead import loaded_by, looked_at
from mtelab.explorer.buffer import Store, said, trimmed
from mtelab.explorer.memory import Contents, Location
from mtelab.explorer.move import (
    CUT,
    LEAKS,
    LOCKED,
    LOSES,
    NOWHERE,
    REFUSED,
    WRONG,
    Effect,
    Local,
    Move,
    NewTagError,
)
from mtelab.explorer.program import Node, Program
from mtelab.explorer.step_moves import WHOLE_PAGE, Memory, StepMoves
from mtelab.sync.steps import Page, Step

__all__ = [
    "CUT",
    "LEAKS",
    "LOCKED",
    "LOSES",
    "NOWHERE",
    "REFUSED",
    "WRONG",
    "Effect",
    "Local",
    "Machine",
    "Memory",
    "Move",
    "NewTagError",
    "Store",
    "loaded_by",
    "said",
]


class Machine(StepMoves):
    """Some CPUs' programs on one memory.

    Parameters
    ----------
    programs, locations, memory
        As for `StepMoves`.
    fused : bool
        Whether a CPU goes on at once through steps that touch nothing but its own buffer. No other CPU can tell the
        difference, so verdicts are the same, with far fewer states.
    """

    def __init__(self, programs: list[Program], locations: list[Location], memory: Memory, fused: bool = False) -> None:
        super().__init__(programs, locations, memory)
        self.fused = fused
        in_order = memory == "sc"
        self._looks = [
            [frozenset[int]()] * len(one.nodes) if in_order else looked_at(one, self._index) for one in programs
        ]

    def begin(self) -> list[Contents]:
        """What every location holds at the start."""
        contents = [location.start for location in self.locations]
        for cpu in range(len(self.programs)):
            for where in range(len(contents)):
                looks = where in self._looks[cpu][0]
                contents[where] = self.locations[where].catch_up(contents[where], cpu, looks)
        return contents

    def afterwards(self, cpu: int, before: Local, after: Local, catches_up: bool) -> tuple[tuple[int, bool], ...]:
        """Locations where `cpu` gives up older values once a move is made, and whether it looks there again."""
        if self.memory == "sc" or before.node == after.node:
            return ()
        old, new = self._looks[cpu][before.node], self._looks[cpu][after.node]
        if not catches_up:
            return tuple((where, False) for where in sorted(old - new))
        readers = (at for at, location in enumerate(self.locations) if cpu in location.readers)
        return tuple((where, where in new) for where in readers)

    # ---- how much there can be, in order

    def most_places(self, cpu: int) -> int:
        """Places that a CPU can be at, none of its stores waiting."""
        places = 0
        for node in self.programs[cpu].nodes:
            op = "" if node.step is None else node.step.op
            if node.step is not None and op in WHOLE_PAGE:
                places += max(len(self._granules.get(node.step.args[0].pfn, ())), 2)
            else:
                places += 2 + len(node.held) if op == "refuse" else 1
        return places

    def most_values(self, location: Location) -> int:
        """Values that a location can hold."""
        steps = [step for program in self.programs for step in program.steps()]
        if location.kind == "tag":
            name: tuple[int, int] = location.name  # type: ignore[assignment]
            pages = {step.op for step in steps if step.op in WHOLE_PAGE and step.args[0].pfn == name[0]}
            stores = {step for step in steps if step.op == "store_tag" and step.args[:2] == (Page(name[0]), name[1])}
            return 1 + len(pages) + len(stores)
        if location.kind == "lock":
            takers = [program for program in self.programs if Step("spin_lock", (location.name,)) in program.steps()]
            return 1 + len(takers)
        return 4 if location.kind == "flags" else 2

    # ---- places

    def start(self, cpu: int) -> tuple[Local, int]:
        """Where a CPU begins, and what that shows."""
        local, shows = self.enter(cpu, 0, ())
        return self._onwards(cpu, local, shows) if self.fused else (local, shows)

    def node(self, cpu: int, local: Local) -> Node:
        """Node of the program that a CPU is at."""
        return self.programs[cpu].nodes[local.node]

    def ended(self, cpu: int, local: Local) -> bool:
        """Whether the CPU has come to an end, and its stores have reached memory."""
        node = self.node(cpu, local)
        if local.buffer:
            return False
        return node.step is None or (node.step.op == "refuse" and local.part > len(self.to_release(node)))

    # ---- moves

    def moves(self, cpu: int, local: Local) -> list[Move]:
        """All moves of a CPU that is at `local`, whether memory lets it make them or not."""
        made = [*self._next(cpu, local), *self._drains(cpu, local)]
        return [self._fuse(cpu, move) for move in made] if self.fused else made

    def _next(self, cpu: int, local: Local) -> list[Move]:
        """Moves that are the CPU's next step."""
        node = self.node(cpu, local)
        return [] if node.step is None else list(self._steps(cpu, local, node))

    def _fuse(self, cpu: int, move: Move) -> Move:
        def effect(contents: Contents) -> Effect | None:
            made = move.effect(contents)
            return None if made is None else Effect(made.contents, *self._onwards(cpu, made.local, made.shows))

        return replace(move, effect=effect)

    def private(self, cpu: int, local: Local) -> Effect | None:
        """What the CPU's next step does, if it is one that no other CPU can see; None if it is not."""
        made = self._next(cpu, local)
        # A load that finds a waiting store of its own is none: it would find memory once that store has left.
        if len(made) != 1 or made[0].where >= 0 or made[0].catches_up or loaded_by(made[0].step) is not None:
            return None
        return made[0].effect(NOWHERE)

    def _onwards(self, cpu: int, local: Local, shows: int) -> tuple[Local, int]:
        seen = {local}
        while (made := self.private(cpu, local)) is not None:
            local, shows = made.local, shows | made.shows
            if local in seen:
                break  # a loop of private steps: the search will find that it has no end
            seen.add(local)
        return local, shows

    def _drains(self, cpu: int, local: Local) -> Iterator[Move]:
        """Moves by which a waiting store reaches memory."""
        before: set[int] = set()
        letter = 0
        blocked = False
        for at, entry in enumerate(local.buffer):
            if isinstance(entry, str):
                blocked = True  # not empty before it: see trimmed
                continue
            suffix = chr(ord("a") + letter)
            letter += 1
            free = not blocked and entry.where not in before and not (entry.release and before)
            before.add(entry.where)
            if free:
                rest = trimmed(local.buffer[:at] + local.buffer[at + 1 :])
                yield self._drain(cpu, entry, local._replace(buffer=rest), suffix)

    def _drain(self, cpu: int, store: Store, after: Local, suffix: str) -> Move:
        location = self.locations[store.where]

        def effect(contents: Contents) -> Effect:
            return Effect(self._stored(cpu, store, contents), after, 0)

        return Move(cpu, suffix, Step("visible", (said(location, store),)), store.where, effect)
