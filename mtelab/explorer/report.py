"""What an exploration found, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mtelab.explorer.machine import LEAKS, LOCKED, LOSES, REFUSED, WRONG, Machine
from mtelab.explorer.model import Model
from mtelab.explorer.program import ProtocolError
from mtelab.explorer.schedule import written
from mtelab.explorer.search import STUCK, Search
from mtelab.explorer.slices import Slices
from mtelab.explorer.state import first_state
from mtelab.explorer.ways import shortest
from mtelab.sync.steps import Step

BAD: Final = {"leaks": (LEAKS,), "loses": (LOSES,), "deadlocks": (STUCK, LOCKED)}
"""Bad verdicts, the worst first, with the signs of each."""

MEANS: Final = {
    "leaks": "somebody saw a tag that an earlier owner left",
    "loses": "a tag that was stored was wiped by an initialiser",
    "deadlocks": "somebody waits for ever, or a lock was never given back",
    "unknown": "a bound was hit, and nothing bad was found before",
    "refused": "some interleaving refuses, and none is bad",
    "safe": "no interleaving is bad, and none refuses",
}
"""Verdicts, in words."""


@dataclass(frozen=True)
class Report:
    """What an exploration found.

    Attributes
    ----------
    model : Model
        What was explored.
    verdict : str
        The first that holds of ``"leaks"``, ``"loses"``, ``"deadlocks"``, ``"unknown"``, ``"refused"``, ``"safe"``.
    violations : dict
        For each bad verdict that was found, its shortest counterexample: a list of ``(cpu, step)``.
    schedules : dict
        The same as strings, which `mtelab.replay` takes back.
    states : int
        Distinct states that were reached. Under ``"arm"`` a CPU goes on at once through steps that nobody else can
        see, and the states on the way are not counted.
    exhaustive : bool
        Whether those are all there are.
    depth : int
        Moves from the start to the farthest state.
    """

    model: Model
    verdict: str
    violations: dict[str, list[tuple[int, Step]]]
    schedules: dict[str, str]
    states: int
    exhaustive: bool
    depth: int

    @property
    def counterexample(self) -> list[tuple[int, Step]] | None:
        """Shortest counterexample of the verdict; None where there is nothing to show."""
        return self.violations.get(self.verdict)

    @property
    def schedule(self) -> str | None:
        """The counterexample as a string."""
        return self.schedules.get(self.verdict)

    def __repr__(self) -> str:
        model = self.model
        every = "all" if self.exhaustive else "not all"
        lines = [
            f"{model.name} in {model.situation}, {model.cpus} CPUs, {model.pages} page{'s' * (model.pages > 1)}, "
            f"memory {model.memory}: {self.verdict}",
            f"  {MEANS[self.verdict]}; {self.states:,} states, {every} there are",
        ]
        if self.schedule is not None:
            lines.append(f"  shortest schedule: {self.schedule or 'no move, the start is as bad'}")
        return "\n".join(lines)


def report(model: Model, found: Search, plain: Callable[[], Machine]) -> Slices[Report]:
    """Judge a search, in slices; `plain` makes the machine in single steps.

    Raises
    ------
    ProtocolError
        If some interleaving makes the protocol do what no protocol may; the text says how it comes to that.
    """
    if WRONG in found.signs:
        raise ProtocolError((yield from _mistake(found, plain)))
    violations: dict[str, list[tuple[int, Step]]] = {}
    schedules: dict[str, str] = {}
    for verdict, signs in BAD.items():
        shown = []
        for sign in signs:
            if sign in found.signs:
                shown.append((yield from shortest(found, plain, sign)))
        if shown:
            moves = [move for move, _, _ in min(shown, key=len)]
            violations[verdict] = [(move.cpu, move.step) for move in moves]
            schedules[verdict] = written(moves)
    if violations:
        verdict = next(iter(violations))
    elif not found.complete:
        verdict = "unknown"
    else:
        verdict = "refused" if REFUSED in found.signs else "safe"
    return Report(model, verdict, violations, schedules, found.seen.count, found.complete, found.levels)


def _mistake(found: Search, plain: Callable[[], Machine]) -> Slices[str]:
    """Say which CPU makes the mistake, after which of its steps, and where."""
    machine = plain()
    way = yield from shortest(found, plain, WRONG)
    state = way[-1][1] if way else first_state(machine)[0]
    for cpu, place in enumerate(state.locals):
        error = machine.node(cpu, place).error
        if error:
            own = [move.step for move, _, _ in way if move.cpu == cpu]
            after = f"after its step {len(own)}, {own[-1]!r}" if own else "at its first step"
            return f"CPU {cpu}, {after}: {error}"
    raise AssertionError("a mistake that nobody made")
