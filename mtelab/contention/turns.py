"""Whose turn it is: which of the threads, or groups, of each lane has its hold next."""

from __future__ import annotations

import numpy as np

from mtelab.contention.arrays import Bools, Floats, Ints
from mtelab.contention.layout import Lanes
from mtelab.contention.leaves import Leaves


class InOrder:
    """Fair locks: whoever asked first, of all that ask for any lock.

    Attributes
    ----------
    requests : float array (K, M)
        When each of M threads or groups asks next.
    now : float array (K,)
        When those that were chosen last are to have their locks, or earlier.
    """

    def __init__(self, requests: Floats) -> None:
        self.requests = requests
        self.first = np.arange(len(requests)) * requests.shape[1]
        self.who = np.empty(len(requests), np.int64)

    def earliest(self) -> Floats:
        """Return until when nobody gets a lock."""
        when: Floats = self.requests.min(axis=1)
        return when

    def choose(self) -> Ints:
        """Return who is next, as a flat index."""
        who: Ints = np.add(self.requests.argmin(axis=1, out=self.who), self.first, out=self.who)
        return who


class AnyOrder(InOrder):
    """Unfair locks: any of those that spin on the lock that is given back first.

    Parameters
    ----------
    requests : float array (K, M)
        As in `InOrder`.
    lanes : Lanes
        With `choice`.
    leaves : Leaves
        When locks are free.
    hold : int array (K * M,)
        The hold that each is to have next.
    """

    def __init__(self, requests: Floats, lanes: Lanes, leaves: Leaves, hold: Ints) -> None:
        super().__init__(requests)
        self.leaves, self.hold, self.lots = leaves, hold, Lots(lanes, leaves.locks)
        self.lane = np.arange(len(requests))

    def _wanted(self) -> tuple[Ints, Floats]:
        """Return which lock each is to have next, and when it could."""
        shape = self.requests.shape
        lock = self.leaves.lock.some(self.hold, np.repeat(self.lane, shape[1])).reshape(shape)
        free = self.leaves.free.take(lock + self.leaves.base[:, None])
        return lock, np.maximum(self.requests, free)

    def earliest(self) -> Floats:
        """Return until when nobody gets a lock."""
        when: Floats = self._wanted()[1].min(axis=1)
        return when

    def choose(self) -> Ints:
        """Return who is next, as a flat index."""
        lock, could = self._wanted()
        first = could.argmin(axis=1)
        lock_of = lock[self.lane, first]
        free = self.leaves.free.take(lock_of + self.leaves.base)
        spins = (lock == lock_of[:, None]) & (self.requests < free[:, None])
        who: Ints = self.lots.draw(self.lane, lock_of, spins, first) + self.first
        return who


class Lots:
    """Draws, for each lock, who of those that spin gets it when it is given back.

    Parameters
    ----------
    lanes : Lanes
        With `choice`.
    locks : int
        Of each lane.
    """

    def __init__(self, lanes: Lanes, locks: int) -> None:
        assert lanes.choice is not None
        self.choice = lanes.choice
        self.drawn = np.zeros((len(lanes.gap), locks), np.int64)

    def draw(self, lane: Ints, lock: Ints, spins: Bools, otherwise: Ints) -> Ints:
        """Return one of those that spin, for each lane; or `otherwise` where nobody does."""
        number = spins.sum(axis=1)
        drawn = self.drawn[lane, lock]
        share = self.choice[lane, drawn % self.choice.shape[1]]
        rank = (share * number).astype(np.int64)
        self.drawn[lane, lock] = drawn + (number > 0)
        return np.where(number > 0, (spins.cumsum(axis=1) > rank[:, None]).argmax(axis=1), otherwise)


def turns_of(requests: Floats, lanes: Lanes, leaves: Leaves, hold: Ints) -> InOrder:
    """Return whose turn it is, fair or not."""
    return InOrder(requests) if lanes.choice is None else AnyOrder(requests, lanes, leaves, hold)
