"""The one published measurement that comes near: many vCPUs of one guest that fault at once, on one lock and without.

Nobody has published how the big tag lock would have done. But Oliver Upton measured, on 80 cores and without MTE, what
the exclusive mmu_lock of 6.1-rc3 cost when the vCPUs of one guest fault at once, and what making it shared gained
(<20221107215644.1895162-1-oliver.upton@linux.dev>): the time in which each vCPU populates 4 GiB of its own in 2 MiB
blocks, and in which it dirties them in 4 KiB pages while dirty logging is on.

The model gets two numbers for each of the four columns, from two of its rows, and must give the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from mtelab.contention.costs import PARALLEL_FAULTS, Costs
from mtelab.contention.run import contend
from mtelab.contention.workloads import PAGES_A_BLOCK, Block
from mtelab.sync.protocols import MmuLock
from mtelab.sync.steps import Cpu, Page, Protocol

SOURCE: Final = PARALLEL_FAULTS
PAGES: Final = 1 << 20
"""4 KiB pages of each vCPU: 4 GiB."""
FAULTS: Final = 64
"""Faults of each vCPU that are simulated; the time is then scaled to all of them."""

LACKS: Final = (
    "Memory bandwidth. All vCPUs together populate no more than about 124 GB/s from 16 vCPUs on; the model has every "
    "further vCPU slow down all others by the same share, at 2 vCPUs as at 48.",
    "Cache lines. A shared mmu_lock is still one word that every fault writes twice; that, too, is in the same share.",
    "The machine. There are no sockets, no caches that are shared by some cores, no TLB to be invalidated.",
    "The kernel's other locks: those of the page allocator, of page tables, mmap_lock.",
    "Retries, when a notifier changes the page tables while a fault is under way.",
    "Spread. Each time was published once, without an error bar, so a residual may be noise as well.",
)
"""What the model does not know, and the residuals must account for."""


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes
    ----------
    name : str
        What was measured.
    block : str
        Size of a fault.
    mmu_lock : str
        How faults excluded each other.
    seconds : dict of int to float
        Measured times, by number of vCPUs.
    fitted : tuple of int
        The two rows that the model is calibrated on.
    """

    name: str
    block: Block
    mmu_lock: MmuLock
    seconds: Mapping[int, float]
    fitted: tuple[int, int]

    @property
    def faults(self) -> int:
        """Faults of each vCPU."""
        return PAGES // PAGES_A_BLOCK if self.block == "2M" else PAGES

    def costs(self) -> Costs:
        """Return the costs under which the model gives the two fitted rows.

        With an exclusive lock the busy rows tell how long it is held, and a lonely vCPU what else a fault takes. With
        a shared one they tell by which share each vCPU slows down the others.
        """
        few, many = self.fitted
        alone, together = (self.seconds[vcpus] / self.faults * 1e9 for vcpus in self.fitted)
        nothing: dict[str, Any] = dict.fromkeys(
            ("spin_lock", "spin_unlock", "handover", "zero_page", "map_page", "map_block"), 0.0
        )
        if self.mmu_lock == "exclusive":  # many vCPUs: the lock is never free, so that each waits for all
            held = together / many
            given = {**nothing, "map_block" if self.block == "2M" else "map_page": held, "fault_path": alone - held}
            share = 0.0
        else:
            share = (together / alone - 1) / (many - few)
            given = {**nothing, "fault_path": alone}
        return Costs(guest_work=0, guest_variation="constant", interference=share, **given)

    def simulated(self, vcpus: int, seed: int = 0) -> float:
        """Return the time that the model has for a number of vCPUs, in seconds."""
        pages = FAULTS * vcpus * (PAGES_A_BLOCK if self.block == "2M" else 1)
        result = contend(
            no_tags, guests=1, vcpus=vcpus, pages=pages, block=self.block, mmu_lock=self.mmu_lock, costs=self.costs(),
            seed=seed,
        )  # fmt: skip
        return result.time_to_start * self.faults / FAULTS / 1e9


def no_tags(cpu: Cpu, page: Page) -> Protocol:
    """Do nothing: a guest without MTE."""
    yield from ()


TABLE: Final = (
    Column("populate, before", "2M", "exclusive", {1: 0.21, 8: 0.68, 16: 1.26, 32: 2.51, 48: 3.94}, (1, 48)),
    Column("populate, after", "2M", "shared", {1: 0.17, 8: 0.39, 16: 0.53, 32: 1.04, 48: 1.55}, (1, 48)),
    Column("dirty, before", "4K", "exclusive", {1: 0.87, 4: 2.39, 16: 8.89, 48: 32.10}, (1, 48)),
    Column("dirty, after", "4K", "shared", {1: 0.93, 4: 1.27, 16: 2.07, 48: 6.23}, (1, 48)),
)
"""The published table: before and after mmu_lock became shared for faults."""


class Residual(NamedTuple):
    """One row of a column.

    Attributes
    ----------
    column : str
        What was measured.
    vcpus : int
        Row.
    fitted : bool
        Whether the model was calibrated on it.
    measured, simulated : float
        Seconds.
    """

    column: str
    vcpus: int
    fitted: bool
    measured: float
    simulated: float

    @property
    def error(self) -> float:
        """How much longer the model takes, as a share of the measured time."""
        return self.simulated / self.measured - 1


def residuals() -> list[Residual]:
    """Return the whole table beside what the model makes of it."""
    return [
        Residual(column.name, vcpus, vcpus in column.fitted, measured, column.simulated(vcpus))
        for column in TABLE
        for vcpus, measured in column.seconds.items()
    ]
