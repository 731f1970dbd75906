"""When Linux initialises tags: PG_mte_tagged and what sets it (arch/arm64/kernel/mte.c, mm/copypage.c).

Who initialises, and how that is kept apart from others, is the release's protocol: the generator of `mtelab.sync` that
the labs on races explore is run here, straight through, since nothing in this model runs at the same time.

A huge page has one flag for each of its small pages before 6.13, and one for all, on its first page, from then on.
`tagging_page` says on which frame the flag of a frame is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mtelab.linux.page import PG_hugetlb, PG_mte_lock, PG_mte_tagged, numbers
from mtelab.linux.page_table import LEAF, READ, SPECIAL, TAGGED, pfn_of
from mtelab.sync import PROTOCOLS
from mtelab.sync.flags import VM_MTE_ALLOWED, PageFlag
from mtelab.sync.steps import Cpu, Page
from mtelab.sync.straight import run_straight

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


class Frames:
    """Frames as a protocol sees them: one page, whose flag may stand for all small pages of a huge one.

    Parameters
    ----------
    machine : Machine
        Whose memory.
    nr_pages : int
        Frames whose tags are initialised with the first.
    saved : uint8 array, optional
        Tags that were saved at swap-out, two a byte.
    """

    def __init__(self, machine: Machine, nr_pages: int, saved: npt.NDArray[np.uint8] | None = None) -> None:
        self.machine, self.nr_pages, self.saved = machine, nr_pages, saved

    def test(self, flag: PageFlag, page: Page) -> bool:
        """Read a page flag."""
        return bool(self.machine.memory.flags[tagging_page(self.machine, page.pfn)] & int(flag))

    def change(self, flag: PageFlag, page: Page, value: bool) -> None:
        """Set or clear a page flag."""
        flags, head = self.machine.memory.flags, tagging_page(self.machine, page.pfn)
        flags[head] = flags[head] | int(flag) if value else flags[head] & ~int(flag)

    def clear_tags(self, page: Page) -> None:
        """Set the tags of all frames to 0."""
        self.machine.memory.clear_tags(slice(page.pfn, page.pfn + self.nr_pages))

    def restore_tags(self, page: Page) -> None:
        """Give the frame its saved tags."""
        assert self.saved is not None
        self.machine.memory.restore_tags(page.pfn, self.saved)


def run_protocol(
    machine: Machine, pfn: int, role: str, nr_pages: int = 1, saved: npt.NDArray[np.uint8] | None = None
) -> None:
    """Initialise the tags of a frame as the release does in a role of `mtelab.sync`.

    Parameters
    ----------
    machine : Machine
        Whose memory and rules.
    pfn : int
        Frame.
    role : str
        ``"fault"``, ``"set_pte"`` or ``"swap_in"``.
    nr_pages, saved
        See `Frames`.
    """
    # Which VMAs may be used at all was checked before: here it is about the page.
    cpu = Cpu(id=0, vm=None, mm=0, role=role, vma=VM_MTE_ALLOWED)
    run_straight(PROTOCOLS[machine.rules.protocol](cpu, Page(pfn)), Frames(machine, nr_pages, saved))


def initialise(machine: Machine, pfns: slice | npt.NDArray[np.int64]) -> None:
    """Run the protocol on many small frames at once: clear and flag those that are not initialised."""
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
    if has_folio_flag(machine, pfn):
        run_protocol(machine, tagging_page(machine, pfn), "set_pte", LEAF)
    else:
        run_protocol(machine, pfn, "set_pte")


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
