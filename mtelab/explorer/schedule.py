"""A schedule: who moved, in order, as a short string that can be sent to somebody else.

Each move is the number of a CPU. Under ``"arm"`` a sign may follow it: ``<`` for a load that is satisfied with a value
one older than the newest (``<<`` two older), a letter for a waiting store that becomes visible (``a`` the first in the
buffer).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from mtelab.explorer.machine import Move

_MOVE = re.compile(r"(\d)([a-z]|<*)")


def written(moves: Iterable[Move]) -> str:
    """Schedule of some moves."""
    return "".join(f"{move.cpu}{move.suffix}" for move in moves)


def read(schedule: str) -> list[tuple[int, str]]:
    """Moves of a schedule: CPU and sign.

    Raises
    ------
    ValueError
        If it is none; the text says where.
    """
    if not isinstance(schedule, str):
        raise ValueError(f"schedule: {schedule!r}, expected a text such as '0011'; a safe report has none")
    made = []
    at = 0
    text = "".join(schedule.split())
    while at < len(text):
        found = _MOVE.match(text, at)
        if found is None:
            raise ValueError(
                f"schedule: {text[at]!r} at position {at + 1}, expected the number of a CPU, "
                "with a letter or < after it where a store or an older value is meant"
            )
        made.append((int(found[1]), found[2]))
        at = found.end()
    return made
