"""Rounds: of lanes with groups, as many holds at once as cannot get in each other's way.

A group's next request comes no sooner than its last leaf is released and the group has gone through what must follow.
So whoever asks before the earliest such time can be served before anybody's next request is known. And what takes no
lock at all gets in nobody's way.
"""

from __future__ import annotations

import numpy as np

from mtelab.contention.arrays import Floats, Ints
from mtelab.contention.costs import QUANTUM
from mtelab.contention.lanes import FAR, Lanes
from mtelab.contention.leaves import Column, Leaves

FEW = 8
"""A round ends when fewer than one in so many lanes has somebody to serve: the next round serves more at once."""


class Rounds:
    """Serves groups, for fair locks and a core for each thread.

    Parameters
    ----------
    lanes : Lanes
        K lanes of G groups.
    leaves : Leaves
        Their leaf locks; results by hold.
    before, after : Column
        Of `lanes`.
    """

    def __init__(self, lanes: Lanes, leaves: Leaves, before: Column, after: Column) -> None:
        count, self.groups = lanes.request.shape[:2]
        self.leaves, self.after = leaves, after
        size = count * self.groups
        self.first, self.lane = np.arange(count) * self.groups, np.repeat(np.arange(count), self.groups)
        self.every = np.arange(count)
        private = lanes.lock == lanes.nobodys[:, None]
        self.private = Column(private) if private.any() else None
        # Less than what passes from a release to the group's next request at the least, whatever comes after it.
        self.least = lanes.before.min(axis=1) - QUANTUM
        self.soonest, self.end, self.served = np.empty((count, self.groups)), np.empty(size), np.empty(size, bool)

    def serve(self, requests: Floats, hold: Ints) -> tuple[Ints, Floats]:
        """Let every lane have some holds, and at least one unless it is done.

        Parameters
        ----------
        requests : float array (K, G)
            When each group asks for its next leaf.
        hold : int array (K * G,)
            Which hold that is.

        Returns
        -------
        int array (n,), float array (n,)
            Groups that were served, as flat indices in order, and when their holds are released.
        """
        request = requests.reshape(-1)
        self.soonest[:] = requests  # at which each group may ask next
        self.served[:] = False
        if self.private is not None:
            free = np.flatnonzero(self.private.some(hold, self.lane) & (request < FAR))
            self._note(free, self.lane.take(free), hold.take(free), request.take(free))
        lane, first, soonest = self.every, self.first, self.soonest
        while True:
            who = soonest.argmin(axis=1)
            who += first
            able = np.flatnonzero(~self.served.take(who) & (request.take(who) < FAR))
            lane, who = lane.take(able), who.take(able)
            if len(who):
                at = hold.take(who)
                self._note(who, lane, at, self.leaves.take_some(lane, request.take(who), at))
            if len(who) * FEW < len(self.every):
                break
            first, soonest = self.first.take(lane), self.soonest.take(lane, axis=0)
        group = np.flatnonzero(self.served)
        return group, self.end.take(group)

    def _note(self, group: Ints, lane: Ints, at: Ints, end: Floats) -> None:
        """Note that groups have been served."""
        self.served[group] = True
        self.end[group] = end
        self.soonest.reshape(-1)[group] = end + self.after.some(at, lane) + self.least.take(lane)
