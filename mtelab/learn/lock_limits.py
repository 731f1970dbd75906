"""The two times of the closed forms, for any protocol: how long a fault takes alone, and which lock fills up first.

Both are read off runs in which nobody waits: one vCPU a guest, and nothing varies.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from mtelab.contention import WORKLOADS, Costs, closed_forms, contend
from mtelab.sync.protocols import Function

_PAGES = {"4K": 256, "2M": 1024}


@dataclass(frozen=True)
class Limits:
    """What no schedule can exceed.

    Attributes
    ----------
    cycle : float
        Nanoseconds from one fault of a vCPU to its next when nobody else is there, the guest's work included.
    hold : float
        Nanoseconds that a fault holds the lock which fills up first, its handovers included; of an array or of the
        guests' own locks, divided by their number. 0 if there is no lock.
    lock : str
        Which lock that is.
    pages : int
        4 KiB pages that a fault maps.
    """

    cycle: float
    hold: float
    lock: str
    pages: int

    def throughput(self, vcpus: int) -> float:
        """Most pages a second."""
        return self.pages * closed_forms.most_throughput(vcpus, self.cycle, self.hold)

    def wait(self, vcpus: int) -> float:
        """Least mean wait of a fault, ns."""
        return closed_forms.least_wait(vcpus, self.cycle, self.hold)

    def time_to_start(self, vcpus: int, pages: int) -> float:
        """Least time for pages of all guests together, ns."""
        return pages / self.throughput(vcpus) * 1e9

    @property
    def saturation(self) -> float:
        """VCPUs at which the lock is never free, if none were idle by chance: N*."""
        return closed_forms.saturation(self.cycle, self.hold)


@dataclass(frozen=True)
class _Use:
    """A lock or an array: ns that a fault holds it, how many there are, and whether each guest has its own."""

    hold: float
    size: int
    own: bool


@dataclass(frozen=True)
class Measured:
    """What was read off: `at` makes `Limits` of it."""

    cycle: float
    pages: int
    uses: dict[str, _Use]

    def at(self, guests: int, locks: int | None = None) -> Limits:
        """Return the limits for a number of guests, and of locks in the protocol's array if it has one."""
        holds = {name: use.hold / self._number(use, guests, locks) for name, use in self.uses.items()}
        lock = max(holds, key=lambda name: holds[name], default="")
        return Limits(self.cycle, min(holds.get(lock, 0.0), self.cycle), lock, self.pages)

    @staticmethod
    def _number(use: _Use, guests: int, locks: int | None) -> int:
        if use.own:
            return guests
        return use.size if locks is None or use.size == 1 else locks


def only_the_lock(cycle: float, hold: float, **changes: Any) -> Costs:
    """Return costs under which a fault of the big lock is a guest's work and one hold, and nothing else takes time.

    Parameters
    ----------
    cycle, hold : float
        Mean nanoseconds from one fault to the next of a vCPU alone, and of them under the lock. Both vary at random,
        exponentially.
    **changes
        Any of `Costs`, such as ``hold_variation="constant"`` or ``handover=60``.
    """
    closed_forms.most_throughput(1, cycle, hold)  # refuses what cannot be
    free = {row.name: 0.0 for row in Costs().table()}
    free |= {"guest_work": cycle - hold, "mte_clear_page_tags": hold}
    return Costs(**{**free, "guest_variation": "exponential", "hold_variation": "exponential", **changes})


@lru_cache(maxsize=256)
def measured(
    protocol: Function,
    workload: str = "start-up",
    block: str = "4K",
    mmu_lock: str | None = None,
    frames: str = "contiguous",
    costs: Costs | None = None,
) -> Measured | None:
    """Measure a protocol alone; None for a workload in which threads of the VMM do something else than vCPUs."""
    if WORKLOADS[workload].ioctl is not None:
        return None
    costs = costs or Costs()
    constant = dataclasses.replace(costs, guest_variation="constant", hold_variation="constant")
    one, two = (
        contend(
            protocol,
            workload,
            guests=guests,
            vcpus=1,
            pages=_PAGES[block],
            block=block,
            mmu_lock=mmu_lock,
            frames=frames,
            costs=constant,
        )
        for guests in (1, 2)
    )
    uses = {}
    for name, use in one.locks.items():
        hold = use.utilisation * use.size * one.time_to_start / one.faults
        handovers = costs.handover * use.acquisitions / one.faults
        own = two.locks[name].size == 2 * use.size == 2
        uses[name] = _Use(hold + handovers, use.size, own)
    return Measured(one.time_to_start / one.faults, _PAGES[block] // one.faults, uses)
