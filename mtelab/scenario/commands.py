"""``mtelab scenario`` and ``mtelab conformance scenarios``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from mtelab.kvm.releases import RELEASES, release
from mtelab.recordings import RecordingError
from mtelab.scenario.language import Operation, parse_file
from mtelab.scenario.machine import replay
from mtelab.scenario.recorded import Recorded, read_recorded
from mtelab.scenario.shrink import first_difference, shrink_disagreement

SHOWN: Final = 5
"""Disagreements that are shown in full."""


def scenario(path: str, kernel: str, compare: str | None = None, small: bool = False) -> int:
    """Run a scenario and print each operation with its result.

    Parameters
    ----------
    path : str
        File of operations.
    kernel : str
        Name of a release.
    compare : str or None
        Recording, file or folder, that has these operations; results that differ from it are marked.
    small : bool
        Shrink the first difference, and print that too.

    Returns
    -------
    int
        0, or 1 if a result differs from the recording.

    Raises
    ------
    ScenarioError, RecordingError, UnknownKernel
        Bad input; nothing has then been run or printed.
    """
    release(kernel)
    operations = parse_file(Path(path))
    theirs = find(operations, Path(compare), kernel).results[kernel] if compare else None
    ours = replay(operations, kernel)
    print_results(operations, ours, theirs)
    if theirs is None:
        return 0
    print(f"\n{kernel} {agreement(ours, theirs)}/{len(ours)}")
    if ours == theirs:
        return 0
    if small:
        texts = shrink_disagreement([operation.text for operation in operations], theirs, kernel)
        print(f"\nThe fewest operations, {len(texts)}, the last of which differs:")
        print("\n".join(texts))
    return 1


def find(operations: Sequence[Operation], path: Path, kernel: str) -> Recorded:
    """Find the recorded scenario with these operations."""
    wanted = [operation.text.split() for operation in operations]
    for found in read_recorded(path, kernel):
        if [operation.text.split() for operation in found.operations] == wanted:
            return found
    raise RecordingError(f"{path}: expected a scenario with the same operations in the same order, found none")


def print_results(operations: Sequence[Operation], ours: Sequence[str], theirs: Sequence[str] | None = None) -> None:
    """Print operations and results in two columns; where a recorded result differs, it follows."""
    width = max((len(operation.text) for operation in operations), default=0)
    for place, operation in enumerate(operations):
        line = f"{operation.text:<{width}}  {ours[place]}"
        if theirs is not None and ours[place] != theirs[place]:
            line += f"  <- differs: recorded {theirs[place]}"
        print(line)


def agreement(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """How many results agree."""
    return sum(a == b for a, b in zip(ours, theirs, strict=True))


def conformance(paths: Iterable[str | Path], kernel: str | None = None) -> int:
    """Run every recorded scenario of files or folders, and print a line a kernel: ``linux-6.1 574/574``.

    Parameters
    ----------
    paths : iterable of str
        Files, or folders of ``.jsonl`` files.
    kernel : str or None
        The kernel to compare with; None is every kernel that is recorded.

    Returns
    -------
    int
        0 if every result agrees, else 1.

    Raises
    ------
    RecordingError, UnknownKernel
        Bad input; nothing has then been run or printed.
    """
    if kernel is not None:
        release(kernel)
    scenarios = [found for path in paths for found in read_recorded(Path(path), kernel)]
    agreed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    differing: list[tuple[Recorded, str, list[str]]] = []
    for found in scenarios:
        for name, theirs in found.results.items():
            ours = replay(found.operations, name)
            agreed[name] += agreement(ours, theirs)
            total[name] += len(theirs)
            if ours != theirs:
                differing.append((found, name, ours))
    for name in RELEASES:
        if name in total:
            print(f"{name} {agreed[name]}/{total[name]}")
    for found, name, ours in differing[:SHOWN]:
        print(f"\n{found.where}: scenario {found.id} on {name}:")
        place = first_difference(ours, found.results[name])
        assert place is not None
        print_results(found.operations[: place + 1], ours, found.results[name])
    if len(differing) > SHOWN:
        print(f"\n{len(differing) - SHOWN} more scenarios disagree.")
    return 1 if differing else 0
