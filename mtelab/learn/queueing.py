"""What two numbers say of a lock: how long a fault takes alone, and for how much of that the lock is held.

Times are nanoseconds, rates are faults a second. The bounds are those of Denning and Buzen, *The Operational Analysis
of Queueing Network Models* (ACM Computing Surveys 10(3), 1978). The exact formula for holds that vary at random is in
`mtelab.contention.closed_forms`.
"""

from __future__ import annotations

import math

SECOND = 1e9


def _checked(cpus: int, cycle: float, hold: float) -> None:
    if cpus < 1:
        raise ValueError(f"cpus: {cpus}, expected at least 1")
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
