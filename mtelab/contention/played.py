"""What the fast engine gives back."""

from __future__ import annotations

from dataclasses import dataclass

from mtelab.contention.arrays import Floats, Ints


@dataclass(frozen=True, eq=False)
class Played:
    """What came out of K lanes of H holds and F faults each. Nanoseconds.

    Attributes
    ----------
    wait : float array (K, H)
        Of each hold, for its leaf; in any order if the holds of a lane are all alike.
    order : int array (K, H) or None
        Which hold that was, counted through all lanes; None if they are in their own order, or are all alike.
    fault_wait : float array (K, F)
        Of each fault, for all its locks.
    released : float array (K, F)
        When its last lock was given back.
    ends : float array (K, threads)
        When each thread was done with all; infinite if it did nothing.
    inside : float array (K, G) or None
        How long each VM's mmu_lock was held, if it is around other locks.
    interrupts_off : float array (K,)
        Longest wait and hold together of the protocol's own locks.
    """

    wait: Floats
    order: Ints | None
    fault_wait: Floats
    released: Floats
    ends: Floats
    inside: Floats | None
    interrupts_off: Floats
