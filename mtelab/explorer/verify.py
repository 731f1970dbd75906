"""``mtelab verify``."""

from __future__ import annotations

import json
import sys
from typing import Any

from mtelab.explorer.counterexample import counterexample
from mtelab.explorer.litmus_table import litmus
from mtelab.explorer.matrix import matrix, report_data


def verify(
    protocol: str | None = None,
    situation: str | None = None,
    memory: str | None = None,
    as_json: bool = False,
    **options: Any,
) -> int:
    """Print the verdict matrix, a row or column of it, or the shortest counterexample of one cell.

    Parameters
    ----------
    protocol, situation : str, optional
        Names; all if left out. With both, the counterexample is printed.
    memory : str, optional
        ``"sc"`` or ``"arm"``; both if left out.
    as_json : bool
        Print JSON: a list of cells.
    options
        `cpus`, `pages`, `mmu_lock` and `max_states`, as for `mtelab.explore`.

    Returns
    -------
    int
        0.

    Raises
    ------
    ValueError
        Bad input; nothing has been printed.
    """
    made = matrix(
        None if protocol is None else [protocol],
        None if situation is None else [situation],
        memory=("sc", "arm") if memory is None else memory,
        told=_told if sys.stderr.isatty() else None,
        **options,
    )
    reports = list(made.cells.values())
    if as_json:
        print(json.dumps([report_data(report) for report in reports], indent=1))
    elif protocol is not None and situation is not None:
        print("\n\n".join(counterexample(report) for report in reports))
    else:
        print(made)
    return 0


def _told(done: int, total: int) -> None:
    print(f"\r{done} of {total}" if done < total else "\r\033[K", end="", file=sys.stderr, flush=True)


def verify_litmus(as_json: bool = False) -> int:
    """Print the litmus tests; 1 if the model shows what Arm forbids."""
    table = litmus()
    print(json.dumps([row.data() for row in table.rows], indent=1) if as_json else table)
    return 1 if table.wrong else 0
