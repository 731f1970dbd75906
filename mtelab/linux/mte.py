"""When Linux initialises tags: PG_mte_tagged and what sets it (arch/arm64/kernel/mte.c, mm/copypage.c).

A huge page has one flag for each of its small pages before 6.13, and one for all, on its first page, from then on.
`tagging_page` says on which frame the flag of a frame is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mtelab.linux.page import PG_hugetlb, PG_mte_lock, PG_mte_tagged, numbers
from mtelab.linux.page_table import LEAF, READ, SPECIAL, TAGGED, pfn_of

if TYPE_CHECKING:
    from mtelab.linux.machine import Machine


def has_folio_flag(machine: Machine, pfn: int) -> bool:
    """Whether this frame's flag is that of a whole huge page."""
    return machine.rules.hugetlb_mte and bool(machine.memory.flags[pfn] & PG_hugetlb)


def tagging_page(machine: Machine, pfn: int) -> int:
    """Frame on which the tag flag of `pfn` is."""
    return pfn // LEAF * LEAF if has_folio_flag(machine, pfn) else pfn


def page_mte_tagged(machine: Machine, pfn: int) -> bool:
    """Whether the tags of a frame count as initialised."""
    return bool(machine.memory.flags[tagging_page(machine, pfn)] & PG_mte_tagged)


def try_page_mte_tagging(machine: Machine, pfn: int) -> bool:
    """Whether the caller is the one to initialise the tags; from 6.2 on this takes PG_mte_lock.

    Nothing here runs at the same time, so nobody ever waits; `mtelab.sync` is about those who do.
    """
    page = tagging_page(machine, pfn)
    flags = machine.memory.flags
    if flags[page] & (PG_mte_tagged | PG_mte_lock):
        return False
    if machine.rules.page_lock:
        flags[page] |= PG_mte_lock
    return True


def set_page_mte_tagged(machine: Machine, pfn: int) -> None:
    """Say that the tags are initialised."""
    machine.memory.flags[tagging_page(machine, pfn)] |= PG_mte_tagged


def initialise(machine: Machine, pfns: slice | npt.NDArray[np.int64]) -> None:
    """Clear the tags of those of many small frames that are not initialised, and flag them."""
    flags = machine.memory.flags
    done = flags[pfns] & (PG_mte_tagged | PG_mte_lock) != 0
    new = numbers(pfns)[~done] if done.any() else pfns
    machine.memory.clear_tags(new)
    flags[new] |= PG_mte_tagged | (PG_mte_lock if machine.rules.page_lock else 0)


def mte_sync_tags(machine: Machine, entry: int) -> None:
    """Initialise the tags of a frame that a program gets to see, before its entry is written (set_pte_at).

    Only entries that are tagged, that the program may read, and that are not the zero page.
    """
    if entry & (READ | TAGGED | SPECIAL) != READ | TAGGED:
        return
    pfn = pfn_of(entry)
    if not try_page_mte_tagging(machine, pfn):
        return
    if has_folio_flag(machine, pfn):
        head = tagging_page(machine, pfn)
        machine.memory.clear_tags(slice(head, head + LEAF))
    else:
        machine.memory.clear_tags(pfn)
    set_page_mte_tagged(machine, pfn)


def copy_highpage(machine: Machine, source: int, target: int) -> None:
    """Copy a frame: its data, and its tags where they are initialised."""
    memory = machine.memory
    memory.data[target] = memory.data[source]
    if not page_mte_tagged(machine, source):
        return
    if has_folio_flag(machine, source):
        if source % LEAF:
            return  # All small pages were copied with the first.
        try_page_mte_tagging(machine, target)
        for offset in range(LEAF):
            memory.copy_tags(source + offset, target + offset)
    else:
        try_page_mte_tagging(machine, target)
        memory.copy_tags(source, target)
    set_page_mte_tagged(machine, target)


def tag_clear_highpage(machine: Machine, pfn: int) -> None:
    """Give a fresh frame zero tags at birth: anonymous memory of a PROT_MTE mapping (__GFP_ZEROTAGS)."""
    try_page_mte_tagging(machine, pfn)
    machine.memory.clear_tags(pfn)
    set_page_mte_tagged(machine, pfn)
