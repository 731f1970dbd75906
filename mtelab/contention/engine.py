"""The fast engine: plays many lanes at once, one hold of each lane in every step of a loop over numpy calls.

Locks are fair, so all that is needed of a lock is when it will be free: whoever requests it at `now` gets it at
``max(now, free)``, provided that requests are looked at in order of time. So in every step each lane looks at its
earliest request. A VM's mmu_lock that is held around other locks is as simple: who is next inside is known as soon as
it is known when the one inside will leave.

The plain engine (`mtelab.contention.events`) says the rules. The two agree to the last bit, because times are
multiples of one small quantum and sums of them are exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mtelab.contention.arrays import Bools, Floats, Ints
from mtelab.contention.layout import FAR, HORIZON, Lanes


@dataclass(frozen=True, eq=False)
class Played:
    """What came out of K lanes of H holds and F faults each. Nanoseconds.

    Attributes
    ----------
    wait : float array (H, K)
        Of each hold, for its leaf; in the order of the requests.
    hold : int array (H, K) or None
        Which hold that was, counted through all lanes; None if those of a lane are all alike.
    fault_wait : float array (H, K)
        Where the hold is the last of a fault: of the fault, for all its locks.
    done : float array (H, K)
        Where the hold is the last of a fault: when the fault was done.
    ends : float array (K, threads)
        When each thread was done with all; infinite if it did nothing.
    inside : float array (K, G) or None
        How long each VM's mmu_lock was held, if it is around other locks.
    interrupts_off : float array (K,)
        Longest wait and hold together of the protocol's own locks.
    """

    wait: Floats
    hold: Ints | None
    fault_wait: Floats
    done: Floats
    ends: Floats
    inside: Floats | None
    interrupts_off: Floats


class _Column:
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
        """Look up one hold of some lanes."""
        if self.of_lane is not None:
            return self.of_lane[lanes]
        return self.flat.take(position, mode="clip")


class _Leaves:
    """The locks of the lanes, and the part of a step that both kinds of lanes have: one hold of each."""

    def __init__(self, lanes: Lanes) -> None:
        count, holds = lanes.gap.shape
        self.handover = lanes.handover if lanes.handover.any() else None
        self.time, self.tail = _Column(lanes.time), _Column(lanes.tail)
        self.lock = _Column(lanes.lock)
        self.locks = lanes.own.shape[1]
        self.base = np.arange(count) * self.locks
        self.free = np.zeros(count * self.locks)
        self.own = lanes.own.reshape(-1) if lanes.own.any() else None
        self.interrupts_off = np.zeros(count)
        self.wait, self.done = np.empty((holds, count)), np.empty((holds, count))
        alike = lanes.pages.shape[1] == lanes.lock.shape[1] == lanes.time.shape[1] == 1
        self.hold = None if alike else np.empty((holds, count), np.int64)
        self.end, self.term, self.late = np.empty(count), np.empty(count), np.empty(count, bool)
        self.which, self.was_free = np.empty(count, np.int64), np.empty(count)

    def step(self, number: int, now: Floats, position: Ints) -> Floats:
        """Let each lane have its hold at `position`, requested at `now`; return when it is released."""
        wait, end, term = self.wait[number], self.end, self.term
        if self.locks == 1:
            free = self.free
        else:
            which = np.add(self.lock.at(position, self.which), self.base, out=self.which)
            free = self.free.take(which, out=self.was_free, mode="clip")
        np.subtract(free, now, out=wait)
        np.maximum(wait, 0.0, out=wait)
        np.add(now, wait, out=end)
        if self.handover is not None:
            np.greater(wait, 0.0, out=self.late)
            np.multiply(self.late, self.handover, out=term)
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


def _last_of_fault(lanes: Lanes) -> Bools | None:
    """Which holds are the last of a fault, flat; None if all are."""
    holds = lanes.gap.shape[1]
    return None if holds == lanes.faults else lanes.pages.reshape(-1) > 0


def _ends(request: Floats, lanes: Lanes) -> Floats:
    """When each thread was done: its next request, which it will not make, is that much later."""
    request = request.reshape(len(lanes.gap), -1)
    ended = (request >= FAR) & (request < FAR + HORIZON)
    return np.where(ended, request - FAR + lanes.ending.reshape(len(lanes.gap), -1), np.inf)


def play_lanes(lanes: Lanes) -> Played:
    """Play lanes to their ends."""
    if lanes.free:
        return _play_free(lanes)
    return _play_nested(lanes) if lanes.nested else _play_leaves(lanes)


def _play_free(lanes: Lanes) -> Played:
    """Play lanes in which nobody waits for anybody: each thread goes from fault to fault."""
    count, holds = lanes.gap.shape
    final = lanes.gap == FAR  # the last of each thread
    gap = np.where(final, 0.0, lanes.gap)
    before = np.cumsum(gap, axis=1) - gap
    lane, thread = np.nonzero(lanes.request[..., 0] < FAR)
    place = lane, lanes.position[lane, thread, 0]
    begin = np.zeros((count, holds))
    begin[place] = lanes.request[lane, thread, 0] - before[place]  # what a thread's times are counted from
    change = np.diff(begin[place], prepend=0.0)
    change[np.flatnonzero(np.diff(lane, prepend=-1))] = begin[place][np.flatnonzero(np.diff(lane, prepend=-1))]
    begin[place] = change
    done = before + np.cumsum(begin, axis=1)
    ends = np.full(lanes.request.shape[:2], np.inf)
    ends[lane, thread] = done[final] + lanes.ending[lane, thread, 0]
    nothing = np.zeros((holds, count))
    in_order = np.arange(count * holds).reshape(count, holds).T
    return Played(nothing, in_order, nothing, (done + lanes.tail).T, ends, None, np.zeros(count))


def _play_leaves(lanes: Lanes) -> Played:
    leaves, (count, holds) = _Leaves(lanes), lanes.gap.shape
    threads = lanes.request.shape[1]
    requests = lanes.request.reshape(count, threads).copy()
    request = requests.reshape(-1)
    position = (lanes.position.reshape(count, threads) + np.arange(count)[:, None] * holds).reshape(-1)
    first = np.arange(count) * threads
    gap = lanes.gap.reshape(-1)
    last = _last_of_fault(lanes)
    waited = np.zeros(count * threads)
    fault_wait = leaves.wait if last is None else np.empty((holds, count))
    who, at = np.empty(count, np.int64), np.empty(count, np.int64)
    now, term = np.empty(count), np.empty(count)
    for number in range(holds):
        np.add(requests.argmin(axis=1, out=who), first, out=who)
        request.take(who, out=now, mode="clip")
        position.take(who, out=at, mode="clip")
        end = leaves.step(number, now, at)
        np.add(end, leaves.tail.at(at, term), out=leaves.done[number])
        np.add(end, gap.take(at, out=term, mode="clip"), out=term)
        request[who] = term
        if last is not None:
            np.add(waited.take(who, out=term, mode="clip"), leaves.wait[number], out=fault_wait[number])
            waited[who] = np.where(last.take(at, mode="clip"), 0.0, fault_wait[number])
        np.add(at, 1, out=at)
        position[who] = at
    ends = _ends(requests, lanes)
    return Played(leaves.wait, leaves.hold, fault_wait, leaves.done, ends, None, leaves.interrupts_off)


def _play_nested(lanes: Lanes) -> Played:
    return _Nested(lanes).play()


class _Nested:
    """Lanes in which each VM's threads are a group: one of them is inside its mmu_lock, or will be next."""

    def __init__(self, lanes: Lanes) -> None:
        self.lanes, self.leaves = lanes, _Leaves(lanes)
        count, groups, self.members = lanes.request.shape
        self.outer = lanes.request.reshape(count * groups, self.members).copy()  # requests of mmu_lock
        self.outer_flat = self.outer.reshape(-1)
        start = np.arange(count)[:, None, None] * lanes.gap.shape[1]
        self.position = (lanes.position + start).reshape(-1)
        self.before, self.after, self.gap = _Column(lanes.before), _Column(lanes.after), lanes.gap.reshape(-1)
        self.inside = np.zeros(count * groups)
        group = np.arange(count * groups)
        self.member = self.outer.argmin(axis=1) + group * self.members  # who is inside
        self.granted = self.outer_flat[self.member]
        self.current = self.position[self.member]
        self.request = self.granted + self.before.some(self.current, group // groups)  # of the leaf, by who is inside
        self.waited = np.zeros(count * groups)

    def play(self) -> Played:
        lanes, leaves = self.lanes, self.leaves
        count, groups, _ = lanes.request.shape
        holds = lanes.gap.shape[1]
        first = np.arange(count) * groups
        requests = self.request.reshape(count, groups)
        last = _last_of_fault(lanes)
        fault_wait = np.empty((holds, count))
        who, at = np.empty(count, np.int64), np.empty(count, np.int64)
        now, term = np.empty(count), np.empty(count)
        everywhere = slice(None)
        for number in range(holds):
            np.add(requests.argmin(axis=1, out=who), first, out=who)
            self.request.take(who, out=now, mode="clip")
            self.current.take(who, out=at, mode="clip")
            end = leaves.step(number, now, at)
            np.add(self.waited.take(who, out=term, mode="clip"), leaves.wait[number], out=fault_wait[number])
            if last is None:
                self.leave(number, everywhere, who, at, end)
                continue
            is_last = last.take(at, mode="clip")
            self.waited[who] = fault_wait[number]
            self.current[who] = at + 1
            self.request[who] = end + self.before.some(at + 1, everywhere)
            some = np.flatnonzero(is_last)
            if len(some):
                self.leave(number, some, who[some], at[some], end[some])
        inside = self.inside.reshape(count, groups)[:, :: 2 if lanes.vmm else 1]
        return Played(
            leaves.wait, leaves.hold, fault_wait, leaves.done, _ends(self.outer, lanes), inside, leaves.interrupts_off
        )

    def leave(self, number: int, lane: Ints | slice, group: Ints, at: Ints, end: Floats) -> None:
        """Release mmu_lock after the last leaf of a fault, and let in whoever asked for it first."""
        leaves = self.leaves
        out = end + self.after.some(at, lane)
        leaves.done[number, lane] = out + leaves.tail.some(at, lane)
        self.inside[group] += out - self.granted.take(group)
        request = out + self.gap.take(at)
        following = at + 1
        if self.members == 1:
            self.outer_flat[group] = request
        else:
            member = self.member.take(group)
            self.outer_flat[member] = request
            self.position[member] = following
            member = self.outer.take(group, axis=0).argmin(axis=1)
            member += group * self.members
            self.member[group] = member
            request = self.outer_flat.take(member)
            following = self.position.take(member)
        granted = np.maximum(request, out)
        wait = granted - request
        self.granted[group] = granted
        self.waited[group] = wait
        self.current[group] = following
        granted += self.before.some(following, lane)
        if leaves.handover is not None:
            granted += (wait > 0) * leaves.handover[lane]
        self.request[group] = granted
