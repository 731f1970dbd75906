"""Make a disagreement small: leave out operations while the model still errs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from mtelab.kvm.releases import RELEASES
from mtelab.scenario.language import parse
from mtelab.scenario.machine import replay
from mtelab.scenario.words import ScenarioError

Item = TypeVar("Item")


def shrink(items: Sequence[Item], fails: Callable[[list[Item]], bool]) -> list[Item]:
    """Leave out items, first many at a time and then one by one, as long as the rest still fails.

    Parameters
    ----------
    items : sequence
        A scenario that fails: its operations, or whatever stands for them.
    fails : function
        Says of a list of items whether it fails. Where it raises `ScenarioError`, as of a list that uses a name no
        longer declared, the list does not.

    Returns
    -------
    list
        Items that fail, and do not if any one is left out.
    """
    kept = list(items)
    size = max(len(kept) // 2, 1)
    while True:
        shorter = False
        start = 0
        while start < len(kept):
            candidate = kept[:start] + kept[start + size :]
            if _fails(candidate, fails):
                kept, shorter = candidate, True
            else:
                start += size
        if size == 1 and not shorter:
            return kept
        size = max(size // 2, 1)


def _fails(candidate: list[Item], fails: Callable[[list[Item]], bool]) -> bool:
    try:
        return fails(candidate)
    except ScenarioError:
        return False


def shrink_disagreement(operations: Sequence[str], recorded: Sequence[str], kernel: str) -> list[str]:
    """Shrink the first disagreement of the model with a recording.

    No kernel can be asked about the shorter scenario. So an operation may go only if the model answers the others as
    before: all but the last rightly. Where the model of another release agrees with the recording, it stands in for
    the kernel: to the last operation it must give the recorded answer, and the erring model any other. Where none
    does, the wrong answer must stay the same.

    Parameters
    ----------
    operations, recorded : sequence of str
        What was done, and what the kernel answered.
    kernel : str
        Whose model errs.

    Returns
    -------
    list of str
        Operations; the model's answer to the last is wrong.

    Raises
    ------
    ValueError
        The model agrees.
    """
    answers = {name: replay(parse(operations), name) for name in RELEASES}
    wrong = first_difference(answers[kernel], recorded)
    if wrong is None:
        raise ValueError(f"the model of {kernel} agrees with the recording")
    witness = next((name for name in RELEASES if answers[name][: wrong + 1] == list(recorded[: wrong + 1])), None)

    def fails(places: list[int]) -> bool:
        if not places or places[-1] != wrong:
            return False
        rest = parse([operations[place] for place in places])
        *before, last = replay(rest, kernel)
        if before != [recorded[place] for place in places[:-1]]:
            return False
        if witness is None:
            return last == answers[kernel][wrong]
        return last != recorded[wrong] == replay(rest, witness)[-1]

    return [operations[place] for place in shrink(range(wrong + 1), fails)]


def first_difference(ours: Sequence[str], theirs: Sequence[str]) -> int | None:
    """Place of the first result that differs; None if all agree."""
    return next((place for place, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b), None)
