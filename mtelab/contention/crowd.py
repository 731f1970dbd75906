"""More threads than cores: who has one, and who waits for one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mtelab.contention.arrays import Floats, Ints
from mtelab.contention.lanes import FAR, HORIZON, Lanes

NEVER = 2 * FAR


class Entrances(NamedTuple):
    """Threads that go on: at `time`, each asks for its next lock at `request`; with their lanes, and flat indices."""

    lane: Ints
    thread: Ints
    time: Floats
    request: Floats


class Crowd:
    """The cores of each lane, and the one queue of threads that have none.

    A thread whose slice is over when a fault of its is done goes to the end of the queue if somebody waits there.

    Parameters
    ----------
    lanes : Lanes
        T threads each, in groups or not.

    Attributes
    ----------
    next_end : float array (K,)
        When the next thread is done with a fault after which it may have to leave its core.
    ends : float array (K * T,)
        When each thread was done with all; infinite if it did nothing.
    """

    def __init__(self, lanes: Lanes) -> None:
        request = lanes.request.reshape(len(lanes.gap), -1)
        self.count, self.threads = request.shape
        self.time_slice, self.context_switch = lanes.time_slice, lanes.context_switch
        there = request < HORIZON
        rank = np.cumsum(there, axis=1) - 1
        waits = there & (rank >= lanes.cores[:, None])
        lane, thread = np.nonzero(waits)
        self.queue = np.zeros((self.count, self.threads), np.int64)
        self.queue[lane, (rank - lanes.cores[:, None])[waits]] = thread
        self.head, self.length = np.zeros(self.count, np.int64), waits.sum(axis=1)
        self.since = np.zeros(self.count * self.threads)
        self.work = np.where(there, request, 0.0).reshape(-1)  # from getting a core to the next request
        self.end = np.full((self.count, self.threads), NEVER)  # of a fault that may be the last on this core
        self.next_end = np.full(self.count, NEVER)
        self.ends = np.full(self.count * self.threads, np.inf)
        self.outside = waits.reshape(-1)

    def leaves(self, lane: Ints, thread: Ints, done: Floats, gap: Floats, tail: Floats) -> Ints:
        """Note the ends of faults, and return the numbers of those threads that may have to leave their cores.

        Parameters
        ----------
        lane, thread : int array (n,)
            Lanes, and flat indices of threads.
        done : float array (n,)
            When the faults are done.
        gap, tail : float array (n,)
            From the last release to the next request, and to the end.
        """
        over = np.flatnonzero((gap == FAR) | (done - self.since.take(thread) >= self.time_slice[lane]))
        if len(over):
            lane, thread, done = lane[over], thread[over], done[over]
            self.work[thread] = gap[over] - tail[over]
            self.end.reshape(-1)[thread] = done
            self.next_end[lane] = np.minimum(self.next_end[lane], done)
        return over

    def settle(self, lane: Ints) -> Entrances:
        """Let the next thread of some lanes come to the end of its fault, and return who goes on instead."""
        first = self.end[lane].argmin(axis=1)
        thread = first + lane * self.threads
        now = self.end[lane, first]
        self.end[lane, first] = NEVER
        self.next_end[lane] = self.end[lane].min(axis=1)
        finished = self.work[thread] > HORIZON
        self.ends[thread[finished]] = now[finished]
        waited = self.length[lane] > 0
        following = self.queue[lane, self.head[lane]] + lane * self.threads
        last = (self.head[lane] + self.length[lane]) % self.threads
        gives_way = waited & ~finished
        self.queue[lane[gives_way], last[gives_way]] = first[gives_way]
        self.head[lane] = (self.head[lane] + waited) % self.threads
        self.length[lane] -= waited & finished
        start = now + np.where(waited, self.context_switch[lane], 0.0)
        going = np.where(waited, following, thread)
        self.since[following[waited]] = start[waited]
        on = waited | ~finished
        lane, going, now, start = lane[on], going[on], now[on], start[on]
        return Entrances(lane, going, now, start + self.work[going])
