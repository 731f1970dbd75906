"""Whose turn it is: which of the threads, or groups, of each lane has its hold next."""

from __future__ import annotations

import numpy as np

from mtelab.contention.arrays import Bools, Floats, Ints
from mtelab.contention.lanes import Lanes
from mtelab.contention.leaves import Leaves


class InOrder:
    """Fair locks: whoever asked first, of all that ask for any lock.

    Attributes
    ----------
    requests : float array (K, M)
        When each of M threads or groups asks next.
    when : float array (K,)
        When the lock is given to whoever was found: not before.
    """

    def __init__(self, requests: Floats) -> None:
        self.requests, self.flat = requests, requests.reshape(-1)
        self.first = np.arange(len(requests)) * requests.shape[1]
        self.who, self.when = np.empty(len(requests), np.int64), np.empty(len(requests))

    def find(self) -> None:
        """Find who is next."""
        np.add(self.requests.argmin(axis=1, out=self.who), self.first, out=self.who)
        self.flat.take(self.who, out=self.when, mode="clip")

    def choose(self) -> Ints:
        """Return who was found, as flat indices."""
        return self.who


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
        self.lane_of_each = np.repeat(self.lane, requests.shape[1])
        self.lock_of_each = np.zeros(requests.shape, np.int64)

    def find(self) -> None:
        """Find which lock is given to somebody next."""
        if self.leaves.locks == 1:
            super().find()
            np.maximum(self.when, self.leaves.free, out=self.when)
            return
        lock = self.leaves.lock.some(self.hold, self.lane_of_each).reshape(self.requests.shape)
        could = np.maximum(self.requests, self.leaves.free.take(lock + self.leaves.base[:, None]))
        np.add(could.argmin(axis=1, out=self.who), self.first, out=self.who)
        self.when[:] = could.reshape(-1)[self.who]
        self.lock_of_each = lock

    def choose(self) -> Ints:
        """Draw lots, and return who wins, as flat indices."""
        lock = self.lock_of_each.reshape(-1)[self.who]
        free = self.leaves.free[lock + self.leaves.base]
        spins = self.requests < free[:, None]
        if self.leaves.locks > 1:
            spins &= self.lock_of_each == lock[:, None]
        self.who[:] = self.lots.draw(self.lane, lock, spins, self.who - self.first) + self.first
        return self.who


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
        rank_of_each = spins.cumsum(axis=1, dtype=np.int32)
        number = rank_of_each[:, -1]
        drawn = self.drawn[lane, lock]
        share = self.choice[lane, drawn % self.choice.shape[1]]
        rank = (share * number).astype(np.int64)
        self.drawn[lane, lock] = drawn + (number > 0)
        return np.where(number > 0, (rank_of_each > rank[:, None]).argmax(axis=1), otherwise)


def turns_of(requests: Floats, lanes: Lanes, leaves: Leaves, hold: Ints) -> InOrder:
    """Return whose turn it is, fair or not."""
    return InOrder(requests) if lanes.choice is None else AnyOrder(requests, lanes, leaves, hold)
