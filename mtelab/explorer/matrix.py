"""The verdict matrix: protocols against situations, under each memory order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

from mtelab.explorer import columns
from mtelab.explorer.exploration import MAX_STATES, explore
from mtelab.explorer.model import model
from mtelab.explorer.report import Report
from mtelab.sync.protocols import PROTOCOLS, Function
from mtelab.sync.situations import SITUATIONS

Cell = tuple[str, str, str]
"""Protocol, situation, memory order."""

Told = Callable[[int, int], None]
"""Told how many cells are done, of how many."""


@dataclass(frozen=True, repr=False)
class Matrix:
    """Verdicts; shown as a table for each memory order, with the number of states in each cell.

    Attributes
    ----------
    cells : dict
        From protocol, situation and memory order, by name, to the `Report`.
    """

    cells: dict[Cell, Report]

    def verdict(self, protocol: str, situation: str, memory: str = "sc") -> str:
        """Verdict of a cell."""
        return self.cells[protocol, situation, memory].verdict

    def _tables(self) -> list[tuple[str, list[str], list[list[str]]]]:
        protocols, situations, memories = (list(dict.fromkeys(names)) for names in zip(*self.cells, strict=True))
        model = next(iter(self.cells.values())).model
        tables = []
        for memory in memories:
            pages = f"{model.pages} page{'s' * (model.pages > 1)}"
            caption = f"memory {memory}, {model.cpus} CPU{'s' * (model.cpus > 1)}, {pages}: verdict and states"
            header = ["protocol", *(_folded(situation) for situation in situations)]
            rows = [
                [name, *(_cell(self.cells[name, situation, memory]) for situation in situations)] for name in protocols
            ]
            tables.append((caption, header, rows))
        return tables

    def __repr__(self) -> str:
        return "\n\n".join(f"{caption}\n\n{columns.text(header, rows)}" for caption, header, rows in self._tables())

    def _repr_html_(self) -> str:
        return "".join(columns.html(header, rows, caption) for caption, header, rows in self._tables())

    def data(self) -> list[dict[str, Any]]:
        """For JSON."""
        return [report_data(report) for report in self.cells.values()]


def _folded(name: str) -> str:
    """Name of a situation in lines that are not much wider than a verdict."""
    lines = [""]
    for word in name.split("-"):
        if lines[-1] and len(lines[-1]) + len(word) > 9:
            lines.append("")
        lines[-1] += word + "-"
    return "\n".join(lines)[:-1]


def _cell(report: Report) -> str:
    return f"{report.verdict} {report.states:,}"


def report_data(report: Report) -> dict[str, Any]:
    """A report for JSON."""
    model = report.model
    return {
        "protocol": model.name,
        "situation": model.situation,
        "memory": model.memory,
        "cpus": model.cpus,
        "pages": model.pages,
        "mmu_lock": model.mmu_lock,
        "verdict": report.verdict,
        "states": report.states,
        "exhaustive": report.exhaustive,
        "schedule": report.schedule,
        "counterexample": [[cpu, repr(step)] for cpu, step in report.counterexample or []],
    }


def matrix(
    protocols: Iterable[str | Function] | None = None,
    situations: Iterable[str] | None = None,
    cpus: int = 2,
    pages: int = 1,
    memory: str | Iterable[str] = ("sc", "arm"),
    mmu_lock: str | None = None,
    max_states: int | None = None,
    told: Told | None = None,
) -> Matrix:
    """Explore protocols in situations.

    Parameters
    ----------
    protocols : iterable of str or function, optional
        Names, or a learner's functions; all eleven if left out.
    situations : iterable of str, optional
        Names; all nine if left out.
    memory : str or iterable of str
        ``"sc"``, ``"arm"`` or several.
    cpus, pages, mmu_lock, max_states
        As for `mtelab.explore`.
    told : function, optional
        Called after each cell with how many are done, and how many there are.

    Raises
    ------
    ValueError, ProtocolError
        As `mtelab.explore` does.

    Examples
    --------
    >>> from mtelab.explorer import matrix
    >>> matrix(["big-lock"], ["two-vms"], memory="arm").verdict("big-lock", "two-vms", "arm")
    'leaks'
    """
    memories = (memory,) if isinstance(memory, str) else tuple(memory)
    wanted = list(product(PROTOCOLS if protocols is None else protocols, situations or SITUATIONS, memories))
    if not wanted:
        raise ValueError("matrix: nothing to explore, expected a protocol, a situation and a memory order at least")
    limit = MAX_STATES if max_states is None else max_states
    models = [model(name, situation, cpus, pages, order, mmu_lock) for name, situation, order in wanted]
    cells: dict[Cell, Report] = {}
    for (protocol, situation, order), checked in zip(wanted, models, strict=True):
        cells[checked.name, situation, order] = explore(protocol, situation, cpus, pages, order, mmu_lock, limit)
        if told is not None:
            told(len(cells), len(wanted))
    return Matrix(cells)
