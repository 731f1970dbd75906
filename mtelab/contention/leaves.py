"""The locks of lanes that are played side by side, and one hold of each lane."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mtelab.contention.arrays import Bools, Floats, Ints
from mtelab.contention.layout import Lanes


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

    def some(self, position: Ints, lanes: Ints | slice) -> npt.NDArray[Any]:
        """Look up one hold of each of some lanes."""
        if self.of_lane is not None:
            return self.of_lane[lanes]
        return self.flat.take(position, mode="clip")


class Leaves:
    """Leaf locks: what both kinds of lanes have.

    Attributes
    ----------
    wait, done : float array (H, K)
        As `mtelab.contention.engine.Played` has them.
    hold : int array (H, K) or None
        Likewise.
    interrupts_off : float array (K,)
        Likewise.
    """

    def __init__(self, lanes: Lanes) -> None:
        count, holds = lanes.gap.shape
        self.handover = lanes.handover if lanes.handover.any() else None
        self.time, self.tail, self.lock = Column(lanes.time), Column(lanes.tail), Column(lanes.lock)
        self.locks = lanes.own.shape[1]
        self.base = np.arange(count) * self.locks
        self.free = np.zeros(count * self.locks)
        self.own = lanes.own.reshape(-1) if lanes.own.any() else None
        self.interrupts_off = np.zeros(count)
        self.wait, self.done = np.empty((holds, count)), np.empty((holds, count))
        alike = lanes.pages.shape[1] == lanes.lock.shape[1] == lanes.time.shape[1] == 1
        self.hold = None if alike else np.empty((holds, count), np.int64)
        self._end, self._term, self._late = np.empty(count), np.empty(count), np.empty(count, bool)
        self._which, self._free = np.empty(count, np.int64), np.empty(count)

    def take(self, number: int, now: Floats, position: Ints) -> Floats:
        """Let each lane have its hold at `position`, requested at `now`; return when it is released.

        Whoever asks for a lock gets it at once, or as soon as those before have given it back; in the latter case its
        cache line must come over first.
        """
        wait, end, term = self.wait[number], self._end, self._term
        if self.locks == 1:
            free = self.free
        else:
            which = np.add(self.lock.at(position, self._which), self.base, out=self._which)
            free = self.free.take(which, out=self._free, mode="clip")
        np.subtract(free, now, out=wait)
        np.maximum(wait, 0.0, out=wait)
        np.add(now, wait, out=end)
        if self.handover is not None:
            np.greater(wait, 0.0, out=self._late)
            np.multiply(self._late, self.handover, out=term)
            np.add(end, term, out=end)
        np.add(end, self.time.at(position, term), out=end)
        if self.locks == 1:
            self.free[:] = end
        else:
            self.free[which] = end
        if self.own is not None:
            np.subtract(end, now, out=term)
            if self.locks > 1:
                np.multiply(term, self.own.take(which, mode="clip"), out=term)
            np.maximum(self.interrupts_off, term, out=self.interrupts_off)
        if self.hold is not None:
            self.hold[number] = position
        return end


def last_of_fault(lanes: Lanes) -> Bools | None:
    """Which holds are the last of a fault, flat; None if all are."""
    holds = lanes.gap.shape[1]
    return None if holds == lanes.faults else lanes.pages.reshape(-1) > 0
