"""Lanes: the flat arrays that the fast engine plays side by side.

A lane is a run, or one guest of it where the guests share no lock. What its threads do is a list of holds, one after
another, each of one lock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mtelab.contention.arrays import Bools, Floats, Ints

HORIZON: Final = 2.0**40
"""Runs must be over by then; in nanoseconds: 18 minutes."""
FAR: Final = 2 * HORIZON
"""Added to the time at which a thread is done, it keeps it from being looked at again; the sum is exact."""


@dataclass(frozen=True, eq=False)
class Lanes:
    """Lanes of one shape. K lanes; G groups of V threads, where without groups V is 1; H holds.

    Columns of holds are (K, 1) where they are the same for all holds of a lane.

    Attributes
    ----------
    nested : bool
        Whether groups have a mmu_lock.
    vmm : bool
        Whether every other group, with one thread, is a VMM's, and has none.
    request : float array (K, G, V)
        When each thread makes its first request; beyond `FAR` if it makes none, or is not there.
    position : int array (K, G, V)
        Its first hold.
    ending : float array (K, G, V)
        Nanoseconds from the last release of its last fault to that fault's end.
    before : float array (K, H or 1)
        Nanoseconds from the grant of mmu_lock, or from the release before, to the request of a hold.
    time : float array (K, H or 1)
        How long it is held.
    after : float array (K, H or 1)
        Where it is the last of a fault: nanoseconds from its release to the release of mmu_lock.
    last : bool array (K, H) or None
        Whether it is the last of a fault; None if all are.
    gap : float array (K, H)
        Where it is the last of a fault: nanoseconds from the last release to the first request of the thread's next
        fault; `FAR` if there is none.
    lock : int array (K, H or 1)
        Which lock is held.
    pages : int array (K, H or 1)
        Where it is the last of a fault: pages that the fault has mapped. Else 0.
    tail : float array (K, H or 1)
        Where it is the last of a fault: nanoseconds from the last release to the end.
    faults : int
        Of each lane.
    own : bool array (K, locks)
        Whether a lock is the protocol's own.
    nobodys : int array (K,)
        Which lock is nobody's: a number that no hold has if there is none.
    hidden : int array (K,)
        How often locks of the protocol's own are taken that nobody else can want then, and that are no holds here.
    hidden_time : float array (K,)
        The longest that one of them is held.
    free : bool
        Whether nobody ever waits for anything.
    crowded : bool
        Whether there are more threads than cores.
    choice : float array (K, draws) or None
        From 0 to 1: who gets an unfair lock, each time that it is given back; None if locks are fair.
    cores : int array (K,)
        Threads that can run at a time.
    time_slice, context_switch : float array (K,)
        Nanoseconds.
    handover : float array (K,)
        Nanoseconds.
    """

    nested: bool
    vmm: bool
    request: Floats
    position: Ints
    ending: Floats
    before: Floats
    time: Floats
    after: Floats
    last: Bools | None
    gap: Floats
    lock: Ints
    pages: Ints
    tail: Floats
    faults: int
    own: Bools
    nobodys: Ints
    hidden: Ints
    hidden_time: Floats
    free: bool
    crowded: bool
    choice: Floats | None
    cores: Ints
    time_slice: Floats
    context_switch: Floats
    handover: Floats

    @property
    def shape(self) -> tuple[object, ...]:
        """What must agree for lanes to be played together, apart from the number of threads."""
        groups = self.request.shape[1] if self.nested else None
        unfair = self.choice is not None
        return (
            self.nested,
            self.vmm,
            self.free,
            self.crowded,
            unfair,
            groups,
            self.gap.shape[1],
            self.own.shape[1] > 1,
            self.faults,
        )
