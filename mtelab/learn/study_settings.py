"""What a study of contention may be asked: settings, what may grow along its axis, and the array of locks."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from mtelab.contention import WORKLOADS, Costs, lock_array
from mtelab.sync.protocols import INITIALISES, PROTOCOLS, Historical, copy_tags_unlocked
from mtelab.sync.steps import Cpu, Page, Protocol

ARRAY: Final = "lock-array"
"""The series whose size and hash can be set."""
MOST_VCPUS: Final = 64
"""Of all guests together."""
COUNTS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
LOCKS: Final = tuple(1 << power for power in range(11))
GROWS: Final = {"vcpus": "vCPUs of each guest", "guests": "guests", "locks": "locks of the array"}
"""What may grow along the axis."""


@dataclass(frozen=True)
class Settings:
    """What `contend` takes, but for protocol and seed; and how large the array of locks is.

    `vcpus` and `pages` are those of one guest.
    """

    workload: str = "start-up"
    guests: int = 2
    vcpus: int = 8
    pages: int = 512
    cores: int | None = None
    block: str = "4K"
    mmu_lock: str | None = "shared"
    locks: int = 64
    hash: str = "pfn"
    frames: str = "scattered"
    fair: bool = True
    costs: Costs = field(default_factory=Costs)

    @property
    def faults(self) -> int:
        """Faults of one guest's vCPUs."""
        faults = self.pages // 512 if self.block == "2M" else self.pages
        return faults // 2 if WORKLOADS[self.workload].ioctl else faults

    @property
    def faults_of_all(self) -> int:
        """Faults of all guests' vCPUs, one at the least."""
        return max(self.guests * self.faults, 1)

    @property
    def threads(self) -> int:
        """vCPUs of all guests, and a thread of each VMM if the workload has one."""
        return self.guests * (self.vcpus + (WORKLOADS[self.workload].ioctl is not None))

    def arguments(self) -> dict[str, Any]:
        """Return it as `sweep` and `contend` take it."""
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in given.items() if name not in ("locks", "hash")}


@lru_cache(maxsize=256)
def array_of(locks: int, hash: str) -> Historical:
    """Return the array of locks as the history would have had it: with the roles, and mmu_lock, of its time."""
    plain, posted = lock_array(locks, hash), PROTOCOLS[ARRAY]

    def run(cpu: Cpu, page: Page) -> Protocol:
        if cpu.role in INITIALISES:
            yield from plain(cpu, page)
        elif cpu.role == "ioctl":
            yield from copy_tags_unlocked(page)

    return Historical(posted.name, posted.letter, run, posted.mmu_lock)
