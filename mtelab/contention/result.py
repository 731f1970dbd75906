"""What a run cost, in numbers and as a timeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from mtelab.contention.case import Case
from mtelab.contention.costs import Costs
from mtelab.contention.events import Records, play
from mtelab.contention.measures import quantiles
from mtelab.contention.programs import MMU_LOCK, family


class Interval(NamedTuple):
    """One acquisition of a lock, for a timeline. Times are nanoseconds since the start.

    Attributes
    ----------
    thread : int
        Who. The vCPUs of a guest follow each other; in the migration its VMM's thread comes after them.
    guest : int
        Guest that the thread belongs to.
    lock : str
        Which lock, as `Contention.locks` names it.
    fault : int
        In which of the run's faults; those of one thread are numbered one after another.
    requested, granted, released : float
        It waited from `requested` to `granted`, and held the lock from there to `released`.
    """

    thread: int
    guest: int
    lock: str
    fault: int
    requested: float
    granted: float
    released: float


@dataclass(frozen=True)
class LockUse:
    """How much one lock was used; of an array, all its locks together.

    Attributes
    ----------
    name : str
        ``"mmu_lock"`` (all VMs' together), or the protocol's own, such as ``"tag_sync_lock"`` or ``"tag_locks"``.
    size : int
        Locks of that name that were used.
    acquisitions, contended : int
        How often one was taken, and how often it was not free.
    utilisation : float
        Share of the time to start that it was held: the mean of all its locks.
    busiest : float
        The same, of the busiest.
    wait_mean : float
        Mean wait of an acquisition, ns.
    longest_hold : float
        ns.
    """

    name: str
    size: int
    acquisitions: int
    contended: int
    utilisation: float
    busiest: float
    wait_mean: float
    longest_hold: float


@dataclass(frozen=True)
class Contention:
    """What a run cost. Times are nanoseconds of the model, on a machine that costs what `costs` say.

    Attributes
    ----------
    protocol, workload, block, mmu_lock, frames : str
        What was run; `protocol` is the name, or that of the function.
    guests, vcpus, pages, cores, seed : int
        Likewise; vCPUs and pages are those of one guest.
    fair : bool
        Whether waiting CPUs got locks in the order in which they asked.
    faults : int
        Faults (and ioctl pages) of all guests.
    time_to_start : float
        Until the last guest has its last page, ns.
    guest_times : tuple of float (guests,)
        The same for each guest, ns.
    throughput : float
        4 KiB pages that guests got each second, all together, over the whole run.
    steady_throughput : float
        The same while all threads still had faults to take: what closed formulas speak of.
    wait_mean, wait_p50, wait_p99, wait_max : float
        How long a fault waited for locks, in all: mean, median, 99th percentile, most; ns.
    steady_wait : float
        The mean of those that were done while all threads still had faults to take, ns.
    utilisation : float
        Share of the time to start that the busiest lock was held; 0 without locks.
    interrupts_off : float
        Longest time that a CPU had interrupts off: it has while it waits for, or holds, a lock of the protocol
        (spin_lock_irqsave); ns.
    acquisitions : int
        How often a lock of the protocol was taken.
    collisions : int
        How often it was held then, by a CPU at work on another page.
    locks : dict of str to LockUse
        Use of each lock or array, mmu_lock too.
    costs : Costs
        What was assumed.
    """

    protocol: str
    workload: str
    guests: int
    vcpus: int
    pages: int
    cores: int
    block: str
    mmu_lock: str
    frames: str
    fair: bool
    seed: int
    faults: int
    time_to_start: float
    guest_times: tuple[float, ...]
    throughput: float
    steady_throughput: float
    wait_mean: float
    wait_p50: float
    wait_p99: float
    wait_max: float
    steady_wait: float
    utilisation: float
    interrupts_off: float
    acquisitions: int
    collisions: int
    locks: dict[str, LockUse]
    costs: Costs = field(repr=False)
    case: Case = field(repr=False, compare=False)

    @cached_property
    def timeline(self) -> tuple[Interval, ...]:
        """Who held and who waited for which lock, and when: all acquisitions, in order of the requests."""
        return tuple(intervals(self.case, play(self.case)))

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers as plain data, for JSON; without the timeline."""
        data = {name: value for name, value in vars(self).items() if name not in ("case", "costs", "locks", "timeline")}
        data["guest_times"] = list(self.guest_times)
        data["locks"] = {name: vars(use) for name, use in self.locks.items()}
        data["costs"] = vars(self.costs)
        return data


def intervals(case: Case, records: Records) -> Iterator[Interval]:
    """Yield the acquisitions of a run."""
    names = [family(name) for name in records.names]
    for thread, lock, fault, *times in zip(
        records.thread.tolist(),
        records.lock.tolist(),
        records.fault.tolist(),
        records.requested.tolist(),
        records.granted.tolist(),
        records.released.tolist(),
        strict=True,
    ):
        yield Interval(thread, int(case.vm[thread]), names[lock], fault, *times)


def measure(case: Case, records: Records) -> dict[str, Any]:
    """Return the numbers of `Contention` that come out of a run."""
    done, waits, faults = records.done, records.granted - records.requested, case.row.shape[1]
    wait = np.zeros(faults)
    np.add.at(wait, records.fault, waits)
    end = float(done.max(initial=0.0))
    ends = np.zeros(len(case.count))
    np.maximum.at(ends, case.thread, done)
    guest_times = np.zeros(case.guests)
    np.maximum.at(guest_times, case.vm, ends)
    pages = np.array([program.pages for program in case.programs])[case.row[0]]
    steady = float(ends[case.count > 0].min(initial=end))
    in_time = done <= steady
    own = np.array([family(name) != MMU_LOCK for name in records.names], bool)[records.lock]
    locks = use_of_locks(records, end)
    middle, high = quantiles(wait)
    return {
        "faults": faults,
        "time_to_start": end,
        "guest_times": tuple(guest_times.tolist()),
        "throughput": per_second(pages.sum(), end),
        "steady_throughput": per_second(pages[in_time].sum(), steady),
        "wait_mean": float(wait.sum() / len(wait)),
        "wait_p50": float(middle),
        "wait_p99": float(high),
        "wait_max": float(wait.max()),
        "steady_wait": float((wait * in_time).sum() / in_time.sum()),
        "utilisation": max((use.busiest for use in locks.values()), default=0.0),
        "interrupts_off": float((records.released - records.requested)[own].max(initial=0.0)),
        "acquisitions": int(own.sum()),
        "collisions": int((waits[own] > 0).sum()),
        "locks": locks,
    }


def per_second(pages: float, time: float) -> float:
    """Return pages a second, from pages and nanoseconds."""
    return float(pages / time * 1e9) if time else 0.0


def use_of_locks(records: Records, end: float) -> dict[str, LockUse]:
    """Return the use of each lock or array of locks."""
    uses = {}
    families = [family(name) for name in records.names]
    held, waits = records.released - records.granted, records.granted - records.requested
    for name in dict.fromkeys(families):
        numbers = [number for number, other in enumerate(families) if other == name]
        these = np.isin(records.lock, numbers)
        busy = np.bincount(records.lock[these], weights=held[these], minlength=len(families))[numbers] / end
        uses[name] = LockUse(
            name,
            len(numbers),
            int(these.sum()),
            int((waits[these] > 0).sum()),
            float(busy.mean()),
            float(busy.max()),
            float(waits[these].mean()),
            float(held[these].max()),
        )
    return uses
