"""A schedule as a table: a column for each CPU, a row for each step."""

from __future__ import annotations

from typing import Any

from mtelab.explorer import columns
from mtelab.explorer.machine import Machine, Move
from mtelab.explorer.report import Report
from mtelab.explorer.state import State, first_state
from mtelab.explorer.walk import Walk, verdict


def walk_of(report: Report) -> Walk:
    """The walk of a report's counterexample, or one without moves where there is none."""
    walk = Walk(report.model)
    walk.go(report.schedule or "")
    return walk


def answer(machine: Machine, before: State, move: Move, after: State) -> Any:
    """What a step was answered with; None for a step that has no answer."""
    follows = machine.node(move.cpu, before.locals[move.cpu]).next
    reached = after.locals[move.cpu].node
    found = [answer for answer, node in follows.items() if node == reached]
    return found[0] if len(found) == 1 and move.step.op != "visible" else None


def table(walk: Walk) -> str:
    """Rows of a walk: the step in the column of its CPU, with its answer and what it showed."""
    roles = [f"CPU {cpu}" for cpu in range(walk.model.cpus)]
    rows = []
    before = first_state(walk.machine)[0]
    for number, (move, after, shows) in enumerate(walk.way, 1):
        said = repr(move.step) + (f" [{move.step.why}]" if move.step.why else "")
        found = answer(walk.machine, before, move, after)
        if found is not None:
            said += f" -> {found!r}"
        if "<" in move.suffix:
            said += " (an older value)"
        cells = [""] * len(roles)
        cells[move.cpu] = said
        rows.append([str(number), *cells, verdict(shows)])
        before = after
    return columns.text(["", *roles, "shows"], rows)


def counterexample(report: Report) -> str:
    """A report in full: its verdict, the schedule, and the shortest counterexample as a table."""
    if report.schedule is None:
        return repr(report)
    return f"{report!r}\n\n{table(walk_of(report))}"
