"""Recorded scenarios: what real kernels answered, beside what the model does."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mtelab import recordings
from mtelab.kvm.releases import RELEASES
from mtelab.recordings import Record, RecordingError
from mtelab.scenario.language import Operation, parse
from mtelab.scenario.words import ScenarioError

_KERNEL: Final = "linux-"
"""What the fields with results begin with."""


@dataclass(frozen=True)
class Recorded:
    """A recorded scenario.

    Attributes
    ----------
    where : str
        ``file:line``.
    id : str
        Its name.
    operations : list of Operation
        What was done.
    results : dict of str to list of str
        What each kernel answered, one result an operation.
    """

    where: str
    id: str
    operations: list[Operation]
    results: dict[str, list[str]]

    def table(self, *names: str) -> str:
        """Return what the kernels answered to the operations of these names, or to all; a column for each kernel."""
        rows = [[self.id, *(kernel.removeprefix(_KERNEL) for kernel in self.results)]]
        for place, operation in enumerate(self.operations):
            if operation.name in names or not names:
                rows.append([f"   {operation.text}", *(results[place] for results in self.results.values())])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join(line.rstrip() for line in lines)


def read_recorded(path: Path, kernel: str | None = None) -> list[Recorded]:
    """Read the scenarios of a recording, a file or a folder of ``.jsonl`` files.

    Parameters
    ----------
    path : Path
        The recording.
    kernel : str or None
        Whose results; None is every kernel that a line has.

    Raises
    ------
    RecordingError
        It cannot be read, holds no scenario, or a line is malformed.
    """
    found = [recorded(record, kernel) for record in recordings.read(path)]
    if not found:
        raise RecordingError(f"{path}: no scenarios in it")
    return found


def recorded(record: Record, kernel: str | None = None) -> Recorded:
    """Read a line of a recording, with the results of one kernel or of all it has.

    Raises
    ------
    RecordingError
        A field is missing or malformed, an operation is not of the language, or a kernel is not known.
    """
    texts = _strings(record, "ops")
    try:
        operations = parse(texts)
    except ScenarioError as error:
        raise RecordingError(f"{record.where}: field ops: operation {error.line}: {error.problem}") from None
    if len(operations) != len(texts):
        raise record.error("ops", "one operation a string")
    kernels = [kernel] if kernel else [name for name in record.values if name.startswith(_KERNEL)]
    for name in kernels:
        if name not in RELEASES:
            raise RecordingError(f"{record.where}: field {name}: expected one of {', '.join(RELEASES)}")
    if not kernels:
        raise RecordingError(f"{record.where}: no results of any of {', '.join(RELEASES)}")
    results = {name: _strings(record, name, len(operations)) for name in kernels}
    return Recorded(record.where, record.text("id"), operations, results)


def _strings(record: Record, field: str, count: int | None = None) -> list[str]:
    """Read a list of strings. `Record.get` would look for ``linux-6.1`` inside a field ``linux-6``."""
    value = record.values.get(field)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        found = "missing" if field not in record.values else f"{value!r:.80}"
        raise RecordingError(f"{record.where}: field {field}: {found}, expected a list of strings")
    if count is not None and len(value) != count:
        raise RecordingError(f"{record.where}: field {field}: {len(value)} results, expected {count}, one an operation")
    return value
