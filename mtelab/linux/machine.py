"""The machine: its memory, its pool of huge pages, its swap, and the address spaces of its processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtelab.linux.hugetlb import HugetlbPool
from mtelab.linux.page import PhysicalMemory
from mtelab.linux.rules import MemoryRules
from mtelab.linux.swap import Swap

if TYPE_CHECKING:
    from mtelab.linux.mm import AddressSpace


class Machine:
    """What all processes share.

    Parameters
    ----------
    rules : MemoryRules
        What the release at hand does.
    frames : int
        Size of memory in frames of 4 KiB.
    hugepages : int
        Huge pages of 2 MiB set aside in a pool.
    seed : int
        From which the tags come that frames hold before anybody has used them.
    """

    def __init__(self, rules: MemoryRules, frames: int = 1 << 16, hugepages: int = 0, seed: int = 0) -> None:
        self.rules = rules
        self.memory = PhysicalMemory(frames, seed)
        self.pool = HugetlbPool(self, hugepages)
        self.swap = Swap(self)
        self.mms: list[AddressSpace] = []

    def __repr__(self) -> str:
        return f"Machine({self.memory!r}, {len(self.mms)} address spaces)"
