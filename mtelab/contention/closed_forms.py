"""What queueing theory says without a simulation: bounds, the machine-repairman's formula, and M/D/1.

vCPUs at one lock are the oldest closed queue there is. Each works for a while (thinks), then wants the lock, waits,
holds it (is served), and goes back to work: machines that break down, and one repairman. Times are nanoseconds,
throughputs per second.
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import NamedTuple

import numpy as np

from mtelab.contention.case import Case
from mtelab.contention.checks import amount, count
from mtelab.contention.programs import OWN_MMU_LOCK, family

SECOND = 1e9


class Queue(NamedTuple):
    """What is known of a queue in equilibrium.

    Attributes
    ----------
    throughput : float
        Services each second.
    utilisation : float
        Share of time that the lock is held.
    wait_mean : float
        Mean time from asking for the lock to having it, ns.
    """

    throughput: float
    utilisation: float
    wait_mean: float


def machine_repairman(vcpus: int, think: float, service: float) -> Queue:
    """Solve the closed queue with one lock in which both times are exponential (M/M/1//N). Exact.

    Parameters
    ----------
    vcpus : int
        How many.
    think, service : float
        Mean time of work between two uses of the lock, and mean time of holding it; ns.

    Raises
    ------
    ValueError
        If a number is out of range.
    """
    vcpus, think, service = count("vcpus", vcpus), amount("think", think), amount("service", service, above=0)
    queue = 0.0  # mean value analysis: a vCPU that comes finds what one vCPU less would leave
    for customers in range(1, vcpus + 1):
        response = service * (1 + queue)
        rate = customers / (think + response)
        queue = rate * response
    return Queue(rate * SECOND, rate * service, response - service)


def md1(rate: float, service: float) -> Queue:
    """Solve the open queue with Poisson arrivals and a constant service time (Pollaczek and Khinchine). Exact.

    Many vCPUs that each seldom want the lock are such a queue.

    Parameters
    ----------
    rate : float
        Arrivals each second.
    service : float
        Time of holding the lock, ns.

    Raises
    ------
    ValueError
        If a number is out of range, or the lock cannot serve so many.
    """
    rate, service = amount("rate", rate, above=0), amount("service", service, above=0)
    load = rate * service / SECOND
    if load >= 1:
        raise ValueError(f"rate: {rate:g} a second, expected less than {SECOND / service:g}, which is all it can serve")
    return Queue(rate, load, load * service / (2 * (1 - load)))


class Bounds(NamedTuple):
    """Asymptotic bounds of a closed queue: no schedule is better. Throughputs are faults a second.

    Attributes
    ----------
    cycle : float
        Mean time of one fault and the guest's work before it, with nobody in the way; ns.
    ceiling : float
        What the busiest lock can serve, however many vCPUs there are; infinite without a lock.
    saturated : float
        The same where the lock's cache line has to move for each: what is reached in the end.
    lock : str
        That lock, ``""`` without one.
    threads : int
        vCPUs, and threads of VMMs, that can run at a time.
    """

    cycle: float
    ceiling: float
    saturated: float
    lock: str
    threads: int

    @property
    def throughput(self) -> float:
        """The lower of the two bounds, for this number of vCPUs."""
        return min(self.threads * SECOND / self.cycle, self.ceiling)

    @property
    def knee(self) -> float:
        """Number of vCPUs, of all guests together, where the bounds meet: from there on the lock decides."""
        return self.ceiling * self.cycle / SECOND


def bounds(case: Case) -> Bounds:
    """Return the asymptotic bounds of a run, such as ``bounds(contend("big-lock").case)``.

    Parameters
    ----------
    case : Case
        The run.
    """
    held: dict[Hashable, list[float]] = {}  # time and number of holds of each lock in the whole run
    used = np.zeros((case.guests, len(case.programs)), np.int64)
    np.add.at(used, (case.vm[case.thread], case.row[0]), 1)
    alone = np.array([program.alone for program in case.programs])
    for guest, row in zip(*np.nonzero(used), strict=True):
        times = int(used[guest, row])
        inside: dict[Hashable, float] = {}
        for op in case.programs[row].ops:
            for lock in inside:
                inside[lock] += op.delay
            if op.request:
                inside[op.lock] = 0.0
                continue
            name = (family(OWN_MMU_LOCK), int(guest)) if op.lock == OWN_MMU_LOCK else op.lock
            total = held.setdefault(name, [0.0, 0])
            total[0] += times * inside.pop(op.lock)
            total[1] += times
    faults = case.row.shape[1]
    cycle = float(case.think[0].mean() + alone[case.row[0]].mean())
    if not held:
        return Bounds(cycle, math.inf, math.inf, "", case.cores)
    busiest = max(held, key=lambda name: held[name][0])
    time, number = held[busiest]
    ceiling = faults / time * SECOND if time else math.inf
    saturated = faults / (time + number * case.handover) * SECOND if time + case.handover else math.inf
    return Bounds(cycle, ceiling, saturated, family(busiest), case.cores)
