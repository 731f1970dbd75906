"""Every mutant of a protocol that is safe: the explorer says what it breaks, or a list says why it breaks nothing."""

from __future__ import annotations

import pytest

import mtelab
from mtelab.explorer import ProtocolError
from mtelab.sync import PROTOCOLS
from tests.explorer.mutants import mutants

MEET = ("two-vms", "fork-and-mprotect", "ioctl-and-fault", "swap-in")
"""Of the situations in which a protocol acts alike, one."""

SAFE = {
    "page-lock": ("arm", MEET),
    "always-tagged": ("arm", MEET),
    "two-bit-no-barriers": ("sc", MEET),
    "big-lock": ("sc", ("two-vms", "fork-and-mprotect", "swap-in")),
    "lock-array": ("sc", ("two-vms", "fork-and-mprotect", "swap-in")),
}
"""Protocols with the memory order and the situations in which they are safe. Whatever is safe under ``"arm"`` is in
order too."""

UNDER_THE_PAGE_LOCK = "whoever restores holds the page lock, and nobody else finds the page before the entry is written"
NOT_RUN = "tags are copied in ioctl-and-fault alone, where this protocol loses as it is"

UNDER_LOCK = {
    "no test_bit in under_lock, line 2": "the first test only saves the lock: the second decides",
    "swap mte_restore_page_tags in under_lock": UNDER_THE_PAGE_LOCK,
    "drop mte_copy_tags_from_user in copy_tags_unlocked": NOT_RUN,
    "swap mte_copy_tags_from_user in copy_tags_unlocked": NOT_RUN,
    "drop set_bit in copy_tags_unlocked": NOT_RUN,
}

HARMLESS = {
    "page-lock": {
        "no test_bit in page_mte_tagged": "it only saves a read-modify-write: test_and_set_bit decides",
        "drop smp_wmb in page_lock": "the barrier before the flag keeps the tags before the entry too",
        "swap smp_rmb in page_mte_tagged": "what follows is a barrier for stores: both come before the page is read",
        "swap set_bit in set_page_mte_tagged": "what follows keeps tags before the entry; the flag may come after",
        "swap mte_restore_page_tags in page_lock": UNDER_THE_PAGE_LOCK + ", behind the second barrier",
    },
    "always-tagged": {
        "drop mte_restore_page_tags in always_tagged": "tags that were saved get lost, but none that a CPU stored here",
    },
    "two-bit-no-barriers": {
        "swap mte_restore_page_tags in two_bit_no_barriers": UNDER_THE_PAGE_LOCK,
    },
    "big-lock": UNDER_LOCK,
    "lock-array": UNDER_LOCK,
}
"""Mutants that stay safe, by the beginning of their name, and why."""


def harm(mutant, memory: str, situations: tuple[str, ...]) -> str:
    """The first bad verdict of a mutant, ``"mistake"`` where it does what no protocol may, or ""."""
    for situation in situations:
        try:
            report = mtelab.explore(mutant.historical(), situation, memory=memory)
        except ProtocolError:
            return "mistake"
        if report.verdict != "safe":
            return report.verdict
    return ""


@pytest.mark.parametrize("protocol", SAFE)
def test_every_harmful_mutant_is_flagged(protocol):
    memory, situations = SAFE[protocol]
    found = {mutant.name: harm(mutant, memory, situations) for mutant in mutants(PROTOCOLS[protocol])}
    assert len(found) >= 5
    harmless = [name for name, harmed in found.items() if not harmed]
    listed = [name for name in found if any(name.startswith(start) for start in HARMLESS[protocol])]
    assert harmless == listed
    assert all(any(name.startswith(start) for name in harmless) for start in HARMLESS[protocol]), "all that are listed"
    assert {"leaks", "loses"} <= set(found.values())


def test_each_kind_of_mistake_has_its_verdict():
    """What the maintainers did not do, each with what it would have cost."""
    memory, situations = SAFE["big-lock"]
    mistakes = {
        "no test_bit in under_lock, line 5": "loses",  # the second check is forgotten
        "swap set_bit in under_lock, line 7": "loses",  # unlocked too early
        "drop spin_unlock in under_lock, line 8": "deadlocks",
        "drop spin_lock in under_lock, line 4": "mistake",  # unlocks what it does not hold
    }
    made = {mutant.name: mutant for mutant in mutants(PROTOCOLS["big-lock"])}
    assert {name: harm(made[name], memory, situations) for name in mistakes} == mistakes


def test_two_of_three_barriers_are_needed_and_only_where_order_is_weak():
    _, situations = SAFE["page-lock"]
    barriers = [mutant for mutant in mutants(PROTOCOLS["page-lock"]) if "drop smp" in mutant.name]
    assert {mutant.name.split(",")[0]: harm(mutant, "arm", situations) for mutant in barriers} == {
        "drop smp_wmb in set_page_mte_tagged": "leaks",
        "drop smp_rmb in page_mte_tagged": "leaks",
        "drop smp_wmb in page_lock": "",
    }
    assert all(harm(mutant, "sc", situations) == "" for mutant in barriers)
