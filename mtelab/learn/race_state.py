"""The state of a race as an exercise shows it, and the harm that an invariant is to foresee."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from mtelab.explorer import model
from mtelab.explorer.machine import LEAKS, LOSES, Machine
from mtelab.explorer.memory import Tag
from mtelab.explorer.program import Program
from mtelab.explorer.reach import Reached, all_reached
from mtelab.explorer.state import State
from mtelab.sync.flags import PageFlag

CLEARS: Final = ("mte_clear_page_tags", "mte_restore_page_tags")
"""Steps that initialise tags."""


@dataclass(frozen=True)
class Race:
    """One page and some CPUs, after some step.

    Attributes
    ----------
    tagged, locked : bool
        Whether PG_mte_tagged and PG_mte_lock are set.
    tags : dict
        For each granule that a CPU uses, how its tag came there: ``"stale"`` by an owner before, ``"init"`` by a clear
        or restore, ``"stored"`` by a guest, a program or the VMM.
    mapped : frozenset of int
        CPUs that have the page: they may load and store its tags.
    clearing : frozenset of int
        CPUs whose next step is (a part of) a clear or restore.
    """

    tagged: bool
    locked: bool
    tags: dict[int, str]
    mapped: frozenset[int]
    clearing: frozenset[int]


@dataclass(frozen=True)
class Met:
    """A race that is met, and the shortest schedule to it."""

    race: Race
    schedule: str


@cache
def races(protocol: str, situation: str, cpus: int = 2) -> tuple[tuple[Met, ...], str | None]:
    """Every race that a protocol meets in a situation, the nearest first, and the shortest schedule to harm."""

    def look(machine: Machine, states: Iterator[Reached]) -> tuple[tuple[Met, ...], str | None]:
        have = [_after_map(program) for program in machine.programs]
        met: dict[str, Met] = {}
        harm = None
        for at in states:
            race = _race(machine, at.state, have)
            met.setdefault(repr(race), Met(race, at.schedule))
            if harm is None and at.shows & (LEAKS | LOSES):
                harm = at.schedule
        return tuple(met.values()), harm

    return all_reached(model(protocol, situation, cpus), look)


def _race(machine: Machine, state: State, have: list[frozenset[int]]) -> Race:
    flags = PageFlag(0)
    tags = {}
    for location, contents in zip(machine.locations, state.contents, strict=True):
        if location.kind == "flags":
            flags = PageFlag(contents.value)  # type: ignore[arg-type]
        elif isinstance(contents.value, Tag):
            name: tuple[int, int] = location.name  # type: ignore[assignment]
            tags[name[1]] = contents.value.origin
    steps = [machine.node(cpu, place).step for cpu, place in enumerate(state.locals)]
    return Race(
        tagged=PageFlag.mte_tagged in flags,
        locked=PageFlag.mte_lock in flags,
        tags=tags,
        mapped=frozenset(cpu for cpu, place in enumerate(state.locals) if place.node in have[cpu]),
        clearing=frozenset(cpu for cpu, step in enumerate(steps) if step is not None and step.op in CLEARS),
    )


def _after_map(program: Program) -> frozenset[int]:
    """Nodes of a program that come after map_page."""
    todo = [
        following
        for node in program.nodes
        if node.step is not None and node.step.op == "map_page"
        for following in node.next.values()
    ]
    found: set[int] = set()
    while todo:
        number = todo.pop()
        if number not in found:
            found.add(number)
            todo += program.nodes[number].next.values()
    return frozenset(found)
