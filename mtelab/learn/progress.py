"""What a learner has solved, kept in a small file beside the notebooks.

The file is ``.mtelab/progress.json`` in the working directory, or the one named by ``MTELAB_PROGRESS``. A file that
cannot be read or written is never an error: what is known then lasts as long as the kernel.

Once passed, an exercise stays passed: a later failing check is kept as the *last* state, but a learner who plays on
with a solved exercise loses nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mtelab.learn.exercise import exercises
from mtelab.learn.result import SYMBOLS, State

_memory: dict[str, dict[str, Any]] = {}


def path() -> Path:
    """Return the file that progress is kept in."""
    return Path(os.environ.get("MTELAB_PROGRESS") or Path(".mtelab") / "progress.json")


def _read() -> dict[str, dict[str, Any]]:
    try:
        entries = json.loads(path().read_text(encoding="utf-8"))["exercises"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    if not isinstance(entries, dict):
        return {}
    return {
        name: entry for name, entry in entries.items() if isinstance(entry, dict) and entry.get("last") in list(State)
    }


def _write(entries: dict[str, dict[str, Any]]) -> None:
    target = path()
    with contextlib.suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        # Written beside and renamed: another notebook never reads half a file.
        with tempfile.NamedTemporaryFile("w", dir=target.parent, delete=False, encoding="utf-8") as file:
            json.dump({"version": 1, "exercises": entries}, file, indent=1, sort_keys=True)
        try:
            os.replace(file.name, target)
        except OSError:
            os.unlink(file.name)


def _known() -> dict[str, dict[str, Any]]:
    """Return what the file says, and what only this kernel knows; a pass in either one counts."""
    entries = _read()
    for name, mine in _memory.items():
        other = entries.get(name, {"passed": False})
        entries[name] = {"last": mine["last"], "passed": mine["passed"] or other.get("passed") is True}
    return entries


def record(name: str, state: State) -> None:
    """Keep the outcome of one check."""
    before = _known().get(name, {})
    _memory[name] = {"last": state, "passed": state is State.PASSED or before.get("passed") is True}
    _write(_known())


@dataclass(frozen=True)
class Row:
    """One exercise in the table of progress."""

    lab: int
    exercise: str
    title: str
    points: int
    state: State


@dataclass(frozen=True, repr=False)
class Progress:
    """The table of progress, a row for every exercise of the course."""

    rows: tuple[Row, ...]

    @property
    def points(self) -> int:
        """Points of all passed exercises."""
        return sum(row.points for row in self.rows if row.state is State.PASSED)

    def __repr__(self) -> str:
        passed = sum(row.state is State.PASSED for row in self.rows)
        total = sum(row.points for row in self.rows)
        lines = [f"{passed} of {len(self.rows)} exercises passed, {self.points} of {total} points"]
        for row in self.rows:
            lines.append(f"  lab {row.lab:02}  {SYMBOLS[row.state]} {row.state:<9}  {row.title}")
        return "\n".join(lines)


def progress() -> Progress:
    """Return the state of every exercise: passed once is passed, else the state of the last check."""
    entries = _known()

    def state(name: str) -> State:
        entry = entries.get(name, {"last": State.NOT_TRIED})
        return State.PASSED if entry.get("passed") is True else State(entry["last"])

    return Progress(tuple(Row(e.lab, e.name, e.title, e.points, state(e.name)) for e in exercises()))
