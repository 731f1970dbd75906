"""Swap of anonymous pages: the data goes to a slot, the tags to 128 bytes of memory (arch/arm64/mm/mteswap.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mtelab.linux import mte
from mtelab.linux.page_table import HUGE, PRESENT, SPECIAL, SWAP, make_entry, pfn_of

if TYPE_CHECKING:
    from mtelab.linux.machine import Machine
    from mtelab.linux.mm import AddressSpace


@dataclass
class SwapSlot:
    """A page on the swap device.

    Attributes
    ----------
    data : int
        First byte of the page.
    users : int
        Page table entries that name the slot.
    tags : uint8 array (128,) or None
        Saved tags, two a byte; None if the page's tags were never initialised.
    """

    data: int
    users: int
    tags: npt.NDArray[np.uint8] | None


class Swap:
    """All swap slots in use."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.slots: dict[int, SwapSlot] = {}
        self._next = 0

    def __repr__(self) -> str:
        return f"Swap({len(self.slots)} slots in use)"

    def out(self, mm: AddressSpace, page: int) -> bool:
        """Move the anonymous page at `page` of `mm` out, for every process that maps it.

        Returns
        -------
        bool
            False, and nothing done, if there is no such page: not present, the zero page, a file's page, or huge.
        """
        entry = mm.page_table[page]
        vma = mm.vmas.find(page)
        if not entry & PRESENT or entry & (SPECIAL | HUGE) or vma is None or mm.is_file_page(vma, page, entry):
            return False
        pfn = pfn_of(entry)
        memory = self._machine.memory
        number, self._next = self._next, self._next + 1
        users = 0
        for other in self._machine.mms:
            for place in other.mappings_of(pfn):
                other.invalidate(place, place + 1)
                other.page_table[place] = make_entry(number, SWAP)
                memory.mapcount[pfn] -= 1
                users += 1
        tags = memory.save_tags(pfn) if mte.page_mte_tagged(self._machine, pfn) else None
        self.slots[number] = SwapSlot(int(memory.data[pfn]), users, tags)
        for _ in range(users):
            memory.put_page(pfn)
        return True

    def into(self, number: int) -> int:
        """Read a slot into a fresh frame, tags restored before anybody can see it (arch_swap_restore)."""
        slot = self.slots[number]
        memory = self._machine.memory
        pfn = memory.alloc_page()
        memory.data[pfn] = slot.data
        if slot.tags is not None:
            mte.run_protocol(self._machine, pfn, "swap_in", saved=slot.tags)
        return pfn

    def get(self, number: int) -> None:
        """Count one more entry that names the slot."""
        self.slots[number].users += 1

    def put(self, number: int) -> None:
        """Count one entry less; the last frees the slot and its saved tags."""
        self.slots[number].users -= 1
        if self.slots[number].users == 0:
            del self.slots[number]
