"""``mtelab conformance insn``: agreement of the processor with recorded vectors, kind by kind."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mtelab import recordings
from mtelab.arch.vectors import is_target, replay
from mtelab.arch.vectors.outcome import Replay
from mtelab.recordings import RecordingError

SHOWN: Final = 5
"""Disagreements that are shown in full."""


def report(paths: Iterable[str | Path]) -> int:
    """Replay every vector of `paths`, files or folders, and print a line a kind: ``irg 1353/1353``.

    Kinds that are not targets are counted only.

    Returns
    -------
    int
        0 if every vector of every target kind agrees, else 1.

    Raises
    ------
    RecordingError
        If a file is malformed, or holds no vectors; nothing has then been printed.
    """
    found: Counter[str] = Counter()
    agreed: Counter[str] = Counter()
    disagreements: list[Replay] = []
    for path in paths:
        count = 0
        for vector in recordings.read(Path(path)):
            count += 1
            kind = vector.text("k")
            found[kind] += 1
            if not is_target(kind):
                continue
            result = replay(vector)
            agreed[kind] += result.agrees
            if not result.agrees:
                disagreements.append(result)
        if not count:
            raise RecordingError(f"{path}: no vectors in it")
    for kind in sorted(found):
        print(f"{kind} {agreed[kind]}/{found[kind]}" if is_target(kind) else f"{kind} not a target ({found[kind]})")
    for result in disagreements[:SHOWN]:
        print(f"\n{explain(result)}")
    if len(disagreements) > SHOWN:
        print(f"\n{len(disagreements) - SHOWN} more vectors disagree.")
    return 1 if disagreements else 0


def explain(result: Replay) -> str:
    """Write a disagreement in full: where it is, every result that differs, and the whole vector."""
    lines = [f"{result.vector.where}: {result.vector.text('asm')}"]
    lines += [f"  {field}: recorded {old}, model {new}" for field, old, new in result.differences]
    lines.append(f"  {json.dumps(result.vector.values)}")
    return "\n".join(lines)
