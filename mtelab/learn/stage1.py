"""What Linux did about tags when it wrote a stage-1 entry, and what others could see of the page meanwhile."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

from mtelab.sync import PG_mte_tagged, mte_clear_page_tags, mte_restore_page_tags, test_and_set_bit
from mtelab.sync.steps import Page, Protocol, Step

MOST_STEPS: Final = 50
"""Steps of one run that is looked at."""


def set_pte_5_14(page: Page, old: str, tagged: bool, saved: bool) -> Protocol:
    """Stage 1 of 5.14 to 6.0: what set_pte_at() does about tags before it writes the entry (mte_sync_tags)."""
    if not (tagged or old in ("swap", "migration")):
        return
    if (yield test_and_set_bit(PG_mte_tagged, page)):
        return
    if old == "swap" and saved:
        yield mte_restore_page_tags(page)
    elif tagged:
        yield mte_clear_page_tags(page)


def pages_seen(run: Generator[Step, Any, None], tagged: bool) -> list[str]:
    """What others could see of a page while one CPU runs alone: its flag and its tags, each time that they change.

    Raises
    ------
    ValueError
        For a step that stage 1 does not make.
    """
    flag, tags, answer = tagged, "its own" if tagged else "stale", None
    seen: list[str] = []
    for _ in range(MOST_STEPS):
        shown = f"flag {'set' if flag else 'clear'}, tags {tags}"
        if not seen or seen[-1] != shown:
            seen.append(shown)
        try:
            step = run.send(answer)
        except StopIteration:
            return seen
        op = getattr(step, "op", None)
        answer = flag if op in ("test_bit", "test_and_set_bit") else None
        if op in ("set_bit", "test_and_set_bit"):
            flag = True
        elif op == "clear_bit":
            flag = False
        elif op in ("mte_clear_page_tags", "mte_restore_page_tags"):
            tags = "cleared" if op == "mte_clear_page_tags" else "restored"
        elif op != "test_bit":
            raise ValueError(f"yielded {step!r}, expected a step on the page's flag or tags")
    raise ValueError(f"expected a few steps, and these do not end: {MOST_STEPS} and more")
