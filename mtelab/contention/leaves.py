"""The locks of lanes that are played side by side, and one hold of each lane."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mtelab.contention.arrays import Floats, Ints
from mtelab.contention.lanes import Lanes


class Column:
    """A column of holds: flat, or one value a lane."""

    def __init__(self, values: npt.NDArray[Any]) -> None:
        short = values.shape[1] == 1
        self.of_lane = np.ascontiguousarray(values[:, 0]) if short else None
        self.flat = values.reshape(-1)

    def at(self, position: Ints, out: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Look up one hold of each lane."""
        if self.of_lane is not None:
            return self.of_lane
        return self.flat.take(position, out=out, mode="clip")

    def some(self, position: Ints, lanes: Ints) -> npt.NDArray[Any]:
        """Look up one hold of each of some lanes."""
        if self.of_lane is not None:
            return self.of_lane.take(lanes)
        return self.flat.take(position, mode="clip")


class Leaves:
    """Leaf locks: what both kinds of lanes have.

    Attributes
    ----------
    in_order : bool
        Whether results are kept in the order of the requests, which is quicker, as the holds of a lane are all alike
        but for their locks; else they are kept by hold.
    wait, released : float array (H, K) if `in_order`, or (K, H)
        Of each hold: how long it was waited for, and when it ended.
    order : int array (H, K) or None
        If `in_order`, and if locks differ: which hold it was, counted through all lanes.
    interrupts_off : float array (K,)
        As `mtelab.contention.played.Played` has it.
    """

    def __init__(self, lanes: Lanes, by_hold: bool = False) -> None:
        count, holds = lanes.gap.shape
        self.handover = lanes.handover if lanes.handover.any() else None
        self.time, self.lock = Column(lanes.time), Column(lanes.lock)
        self.times = None  # where all holds of a lane take as long: without a handover, and with one
        if self.time.of_lane is not None:
            self.times = self.time.of_lane, self.time.of_lane + lanes.handover
        self.locks = lanes.own.shape[1]
        self.base = np.arange(count) * self.locks
        self.free = np.zeros(count * self.locks)
        self.own = lanes.own.reshape(-1) if lanes.own.any() else None
        self.all_own = bool(lanes.own.all())
        self.interrupts_off = np.zeros(count)
        columns = lanes.pages, lanes.time, lanes.tail
        self.in_order = not by_hold and lanes.last is None and all(column.shape[1] == 1 for column in columns)
        shape = (holds, count) if self.in_order else (count, holds)
        self.wait, self.released = np.zeros(shape), np.empty(shape)
        self.order = np.empty(shape, np.int64) if self.in_order and self.lock.of_lane is None else None
        self._wait, self._end = np.empty(count), np.empty(count)
        self._term, self._late = np.empty(count), np.empty(count, bool)
        self._which, self._free = np.empty(count, np.int64), np.empty(count)

    def take(self, number: int, now: Floats, position: Ints) -> Floats:
        """Let each lane have its hold at `position`, requested at `now`; return when it is released.

        Whoever asks for a lock gets it at once, or as soon as those before have given it back; in the latter case its
        cache line must come over first.
        """
        wait, end, term = self._wait, self._end, self._term
        if self.in_order:
            wait, end = self.wait[number], self.released[number]
        if self.locks == 1:
            free = self.free
        else:
            which = np.add(self.lock.at(position, self._which), self.base, out=self._which)
            free = self.free.take(which, out=self._free, mode="clip")
        np.subtract(free, now, out=wait)
        np.maximum(wait, 0.0, out=wait)
        np.add(now, wait, out=end)
        if self.handover is None:
            np.add(end, self.time.at(position, term), out=end)
        elif self.times is not None:
            soon, late = self.times
            np.add(end, np.where(np.greater(wait, 0.0, out=self._late), late, soon), out=end)
        else:
            np.multiply(np.greater(wait, 0.0, out=self._late), self.handover, out=term)
            np.add(end, term, out=end)
            np.add(end, self.time.at(position, term), out=end)
        if self.locks == 1:
            self.free = end
        else:
            self.free[which] = end
        if self.own is not None:
            np.subtract(end, now, out=term)
            if not self.all_own:
                own = self.own if self.locks == 1 else self.own.take(which, mode="clip")
                np.multiply(term, own, out=term)
            np.maximum(self.interrupts_off, term, out=self.interrupts_off)
        if not self.in_order:
            self.wait.reshape(-1)[position] = wait
            self.released.reshape(-1)[position] = end
        return end

    def take_some(self, lane: Ints, now: Floats, position: Ints) -> Floats:
        """Do what `take` does for some lanes, by hold; return when each hold is released."""
        which = lane if self.locks == 1 else self.lock.some(position, lane) + self.base.take(lane)
        wait = self.free.take(which)
        np.subtract(wait, now, out=wait)
        np.maximum(wait, 0.0, out=wait)
        self.wait.reshape(-1)[position] = wait
        end: Floats = now + wait
        if self.handover is not None:
            end += (wait > 0.0) * self.handover.take(lane)
        end += self.time.some(position, lane)
        self.free[which] = end
        if self.own is not None:
            held = np.subtract(end, now, out=wait)
            if not self.all_own:
                held *= self.own.take(which)
            self.interrupts_off[lane] = np.maximum(self.interrupts_off.take(lane), held)
        return end
