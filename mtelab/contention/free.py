"""Lanes in which no thread takes a lock: each goes its own way, in sums of times."""

from __future__ import annotations

import numpy as np

from mtelab.contention.lanes import FAR, Lanes
from mtelab.contention.played import Played


def play_free(lanes: Lanes) -> Played:
    """Play lanes in which nobody waits for anybody: each thread goes from fault to fault."""
    count, holds = lanes.gap.shape
    lane, thread = np.nonzero(lanes.request[..., 0] < FAR)
    first = lane * holds + lanes.position[lane, thread, 0]
    request = lanes.request[lane, thread, 0]
    since = np.empty((count, holds))  # what was done before, in the order of the holds
    since[:, 1:] = lanes.gap[:, :-1]
    since.reshape(-1)[first] = 0.0
    last = request + np.add.reduceat(since.reshape(-1), first)
    same = np.diff(lane, prepend=-1) == 0
    since.reshape(-1)[first] = request - np.where(same, np.append(0.0, last[:-1]), 0.0)
    done = np.cumsum(since, axis=1, out=since)
    ends = np.full(lanes.request.shape[:2], np.inf)
    ends[lane, thread] = last + lanes.ending[lane, thread, 0]
    nothing = np.zeros((count, 1))
    return Played(nothing, None, nothing, done, ends, None, np.zeros(count))
