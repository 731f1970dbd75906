"""A move: what one CPU may do next, and what it does to the one location that it looks at.

A move is a CPU's next step, a load that is satisfied with an older value, or a store that leaves the CPU's buffer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from mtelab.explorer.buffer import Entry
from mtelab.explorer.memory import Contents
from mtelab.sync.steps import Step

LEAKS, LOSES, LOCKED, REFUSED, WRONG, CUT = 1, 2, 4, 8, 16, 32
"""What a move may show: a stale tag seen, a stored tag lost, a lock held at the end, an errno, a mistake of the
protocol, a program too long to follow."""


class NewTagError(Exception):
    """A tag load met a tag that its program was not made for; `tags` of the machine has it now."""


class Local(NamedTuple):
    """Where a CPU is: the node of its program, how far within its step, and its waiting stores."""

    node: int
    part: int
    buffer: tuple[Entry, ...] = ()


class Effect(NamedTuple):
    """What a move does, given a location's contents: the contents and the CPU's place after it, and what it shows."""

    contents: Contents
    local: Local
    shows: int


@dataclass(frozen=True)
class Move:
    """One thing that a CPU may do next.

    Attributes
    ----------
    cpu : int
        Which.
    suffix : str
        After the CPU's number in a schedule: ``""`` its next step, ``"<"`` the same with a value one older,
        ``"a"`` the first of its waiting stores becomes visible, ``"b"`` the second.
    step : Step
        What it is, for people.
    where : int
        Location that it looks at, -1 for none.
    effect : function
        From the location's contents to the effect, or None where the move is not possible.
    catches_up : bool
        Afterwards the CPU reads nothing older than what memory holds now.
    """

    cpu: int
    suffix: str
    step: Step
    where: int
    effect: Callable[[Contents], Effect | None]
    catches_up: bool = False


NOWHERE = Contents(None, ())
