"""Look for a schedule that harms one CPU in particular: the question, its judge, and a search for instructors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mtelab.explorer import model, replay
from mtelab.explorer.reach import shortest_way
from mtelab.explorer.walk import verdict
from mtelab.explorer.words import step_words

MOST_MOVES: Final = 400
"""Moves of a schedule that is looked at; none needs so many."""
SEES: Final = {"leaks": "reads a tag that an owner before has left", "loses": "no longer finds its own tag"}


@dataclass(frozen=True, repr=False)
class Hunt:
    """What a schedule is to show.

    Attributes
    ----------
    protocol, situation : str
        What runs, and where.
    cpus : int
        How many.
    shows : str
        ``"leaks"`` or ``"loses"``.
    cpu : int
        Which CPU's move must show it.
    """

    protocol: str
    situation: str
    cpus: int
    shows: str
    cpu: int

    def __repr__(self) -> str:
        return "\n".join(
            [
                f"{self.protocol} in {self.situation}, {self.cpus} CPUs:",
                f"  find a schedule in which CPU {self.cpu} {SEES[self.shows]}",
                "answer: the schedule, a string of digits such as '0110'",
            ]
        )


def complain_about(answer: object, hunt: Hunt) -> str | None:
    """Follow a schedule, and say what is missing."""
    if not isinstance(answer, str):
        return f"expected a schedule, a string of digits such as '0110', got {answer!r}"
    if len(answer) > MOST_MOVES:
        return f"that schedule has {len(answer)} characters; the shortest needs fewer than 30"
    try:
        walk = replay(hunt.protocol, hunt.situation, answer, hunt.cpus)
    except ValueError as error:
        return str(error)
    shown = [(move.cpu, verdict(shows)) for move, _, shows in walk.way if shows]
    if (hunt.cpu, hunt.shows) in shown:
        return None
    if shown:
        others = ", ".join(f"{word} on CPU {cpu}" for cpu, word in shown)
        return f"it shows: {others}. Asked for: {hunt.shows} on CPU {hunt.cpu}"
    lane = walk.lanes()[hunt.cpu]
    rest = "is at its end" if lane.ended or lane.step is None else f"would next make {step_words(lane.step)}"
    return f"after these {len(walk.way)} moves nothing bad has shown; CPU {hunt.cpu} {rest}"


def by_search(hunt: Hunt) -> str:
    """Shortest schedule that a hunt is about, for instructors."""
    found = shortest_way(model(hunt.protocol, hunt.situation, hunt.cpus), hunt.shows, hunt.cpu)
    if found is None:
        raise ValueError(f"no interleaving of {hunt!r} shows that")
    return found
