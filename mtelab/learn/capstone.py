"""The capstone: a protocol that is safe everywhere, forbids nothing and costs what the page lock costs."""

from __future__ import annotations

from typing import Final

from mtelab.explorer.model import model
from mtelab.explorer.verdict import verdict_alone
from mtelab.learn.protocol_judge import MOST_STATES, complain_unless_safe, explain, straight
from mtelab.learn.scorecard import MEMORIES, STANDARD, card, saved_tags, time_of
from mtelab.learn.trial import is_stub
from mtelab.sync.protocols import PROTOCOLS, Function, Historical
from mtelab.sync.situations import PRIVATE, SITUATIONS
from mtelab.sync.steps import Cpu, Page

JUDGED_LOADS: Final = ("start-up", "resume")
"""Workloads that count. In a migration a plain function runs before the ioctl writes its tags, and so pays twice."""
MOST_TIME: Final = 1.10
"""Of the page lock's."""


def complain(protocol: object, seed: int = 0) -> str | None:
    """Return what the protocol still lacks, the first thing only, with how far it has come; None if nothing.

    Parameters
    ----------
    protocol : object
        What the learner gave.
    seed : int
        Of the contention model.

    Raises
    ------
    NotImplementedError
        If it is only a placeholder.
    """
    if is_stub(protocol):
        raise NotImplementedError
    if isinstance(protocol, Historical) or protocol in [known.run for known in PROTOCOLS.values()]:
        return "that one is the history's. Write a generator function of cpu and page of your own."
    if not callable(protocol):
        return f"expected a generator function of cpu and page, got {type(protocol).__name__}"
    return (
        _unsafe(protocol)
        or _not_alone(protocol)
        or _loses_saved_tags(protocol)
        or _unsafe_with_three(protocol)
        or _slow(protocol, seed)
    )


def _unsafe(protocol: Function) -> str | None:
    """Complain of the first situation that is not safe, and say how many are."""
    mine = card(protocol)
    cells = [(situation, memory) for situation in SITUATIONS for memory in MEMORIES]
    for situation, memory in cells:
        if mine.look(situation, memory) == "error":
            return mine.problem
    bad = [cell for cell in cells if mine.verdicts[cell] != "safe"]
    if not bad:
        return None
    # A machine in order is easier to follow, so it comes first.
    situation, memory = min(bad, key=lambda cell: list(MEMORIES).index(cell[1]))
    first = f"safe in {len(cells) - len(bad)} of {len(cells)}; not in {situation}, memory {memory}"
    return f"{first}\n{explain(protocol, situation, memory)}"


def _not_alone(protocol: Function) -> str | None:
    """Complain of what works only because a certain CPU takes part."""
    for role in ("fault", "set_pte"):
        for number in (0, 5):
            try:
                straight(protocol, Cpu(number, number, number, role, PRIVATE), Page(number))
            except ValueError as error:
                return f"CPU {number}, {role}, on a page that nobody else wants: {error}"
    return None


def _loses_saved_tags(protocol: Function) -> str | None:
    found = saved_tags(protocol)
    if found == "come back":
        return None
    return (
        f"safe in all 18, but in the role swap_in the saved tags {found}\n"
        "the guest had stored them: expected mte_restore_page_tags(page) there"
    )


def _unsafe_with_three(protocol: Function) -> str | None:
    for situation in SITUATIONS:
        for memory in MEMORIES:
            if verdict_alone(model(protocol, situation, 3, memory=memory), MOST_STATES) != "safe":
                wrong = complain_unless_safe(protocol, situation, memory, 3)
                return f"safe with 2 CPUs, not with 3: {situation}, memory {memory}\n{wrong}"
    return None


def _slow(protocol: Function, seed: int) -> str | None:
    for load in JUDGED_LOADS:
        try:
            ratio = time_of(protocol, load, seed=seed) / time_of(STANDARD, load, seed=seed)
        except ValueError as error:
            return f"safe everywhere, but {load} cannot be timed: {error}"
        if ratio > MOST_TIME:
            return (
                f"safe everywhere, but {load} takes {ratio:.2f} times as long as with the page lock\n"
                f"expected at most {MOST_TIME:.2f}: which CPUs wait for each other that have no page in common?"
            )
    return None
