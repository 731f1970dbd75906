"""A lock as a queue, without a simulation: what is true of any schedule, and what is exact for some.

A fixed number of CPUs that work, want the lock, hold it, and work again are the machine-repairman model: machines run,
break, and wait for the one who repairs them. Times are nanoseconds, rates are faults a second. The bounds are those of
Denning and Buzen, *The Operational Analysis of Queueing Network Models* (ACM Computing Surveys 10(3), 1978); the closed
queue is solved by Reiser and Lavenberg's mean value analysis (JACM 27(2), 1980), the open one by Pollaczek's and
Khinchine's formula.
"""

from __future__ import annotations

import math
from typing import Final

from mtelab.contention.checks import amount, count

SECOND: Final = 1e9


def _checked(cpus: int, cycle: float, hold: float) -> None:
    count("cpus", cpus)
    if not 0 <= hold <= cycle < math.inf or cycle == 0:
        raise ValueError(f"hold: {hold}, cycle: {cycle}; expected 0 <= hold <= cycle, and a finite cycle above 0")


def most_throughput(cpus: int, cycle: float, hold: float) -> float:
    """Return a rate that no schedule can exceed: all work at once, or the lock is never free.

    Parameters
    ----------
    cpus : int
        That want the lock.
    cycle : float
        From one fault to the next of one CPU when nobody else is there, the hold included; ns.
    hold : float
        That each fault holds the lock; ns. With an array of locks, divided by their number.

    Returns
    -------
    float
        Faults a second.

    Raises
    ------
    ValueError
        If there is no CPU, or the hold is longer than the cycle.
    """
    _checked(cpus, cycle, hold)
    return min(cpus * SECOND / cycle, SECOND / hold if hold else math.inf)


def least_wait(cpus: int, cycle: float, hold: float) -> float:
    """Return the mean wait that a fault cannot go below, ns: what is left of N holds after one's own cycle."""
    _checked(cpus, cycle, hold)
    return max(0.0, cpus * hold - cycle)


def saturation(cycle: float, hold: float) -> float:
    """Return the number of CPUs at which the two bounds meet, N* = cycle / hold; infinite without a hold."""
    _checked(1, cycle, hold)
    return cycle / hold if hold else math.inf


def machine_repairman(cpus: int, think: float, hold: float) -> float:
    """Return the throughput of one first-come-first-served lock with exponential holds, by mean value analysis. Exact.

    Whoever arrives finds the queue that there would be without them. Adding one CPU after the other,

        time at the lock = hold x (1 + queue found)
        throughput       = cpus / (think + time at the lock)
        queue            = throughput x time at the lock

    Parameters
    ----------
    cpus : int
        That want the lock.
    think : float
        Mean time from giving the lock back to wanting it again, ns; of any distribution.
    hold : float
        Mean time that it is held, ns.

    Returns
    -------
    float
        Faults a second. What a fault waits is ``cpus / throughput - think - hold``.
    """
    _checked(cpus, think + hold, hold)
    queue = rate = 0.0
    for number in range(1, cpus + 1):
        at_lock = hold * (1 + queue)
        rate = number / (think + at_lock)
        queue = rate * at_lock
    return rate * SECOND


def md1_wait(rate: float, hold: float) -> float:
    """Return the mean wait for a lock that is asked for at random times and always held as long (M/D/1), ns. Exact.

    Many CPUs that each want the lock seldom are such a queue.

    Parameters
    ----------
    rate : float
        How often the lock is asked for each second, by all together. Of an array, each lock has its share.
    hold : float
        How long it is held, ns.

    Raises
    ------
    ValueError
        If a number is not positive and finite, or the lock cannot keep up.
    """
    load = amount("rate", rate, above=0) * amount("hold", hold, above=0) / SECOND
    if load >= 1:
        raise ValueError(f"rate: {rate:g} a second, expected less than {SECOND / hold:g}: more cannot be served")
    return load * hold / (2 * (1 - load))
