"""The verdict alone: for tables of many cells, where nobody asks for counterexamples yet."""

from __future__ import annotations

from typing import Final

from mtelab.explorer.machine import LEAKS, REFUSED, WRONG
from mtelab.explorer.model import Model, with_all_tags
from mtelab.explorer.report import BAD, report
from mtelab.explorer.search import Search, search
from mtelab.explorer.slices import finish
from mtelab.sync.situations import SAVED_TAG, STALE_TAG, VMM_TAG, find_situation, own_tag

ENOUGH: Final = 2_000_000
"""States that a search for a verdict reaches at the most."""


def verdict_alone(model: Model, max_states: int = ENOUGH) -> str:
    """Explore only until the verdict is sure: it is the one that `mtelab.explore` gives, several times sooner.

    A leak is the worst that there is, so the search ends at the first; the shortest way to it is not looked for.

    Parameters
    ----------
    model : Model
        From `mtelab.explorer.model`.
    max_states : int
        Stop after so many; the verdict is then ``"unknown"`` unless something bad was found.

    Returns
    -------
    str
        As `Report.verdict`.

    Raises
    ------
    ProtocolError
        If the protocol does what no protocol may; the text names the CPU, the step and the line.
    """

    def searched(tags: set[int]) -> Search:
        return search(model.build(tags, fused=model.memory == "arm"), max_states, stop_at=LEAKS)

    found = with_all_tags(searched, _tags(model))
    if WRONG in found.signs:
        return finish(report(model, found, model.build)).verdict  # which says what is wrong, and where
    for verdict, signs in BAD.items():
        if any(sign in found.signs for sign in signs):
            return verdict
    if not found.complete:
        return "unknown"
    return "refused" if REFUSED in found.signs else "safe"


def _tags(model: Model) -> set[int]:
    """Tags that the situation puts into memory: to know them beforehand saves building the machine anew for each."""
    tags = {0, STALE_TAG}
    for cpu, actor in enumerate(find_situation(model.situation)(model.cpus)):
        if actor.stores:
            tags.add(own_tag(cpu))
        if actor.kind in ("ioctl", "swap-in vcpu"):
            tags.add(VMM_TAG if actor.kind == "ioctl" else SAVED_TAG)
    return tags
