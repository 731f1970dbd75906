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

import numpy as np

from mtelab.contention.arrays import Floats, Ints
from mtelab.contention.crowd import NEVER, Crowd, Entrances
from mtelab.contention.layout import FAR, HORIZON, Lanes
from mtelab.contention.leaves import Column, Leaves, last_of_fault
from mtelab.contention.turns import Lots, turns_of


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


def play_lanes(lanes: Lanes) -> Played:
    """Play lanes to their ends."""
    if lanes.free:
        return _play_free(lanes)
    if lanes.nested:
        groups = _Groups(lanes)
        groups.play()
        inside = groups.inside.reshape(len(lanes.gap), -1)[:, :: 2 if lanes.vmm else 1]
        return groups.played(groups.outer, inside)
    threads = _Threads(lanes)
    threads.play()
    return threads.played(threads.requests, None)


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


class _Lanes:
    """Lanes on their way: what is the same with groups and without.

    Attributes
    ----------
    requests : float array (K, M)
        When each of the M threads or groups of a lane asks for its next leaf.
    current : int array (K * M,)
        The hold that each asks for then.
    """

    requests: Floats
    current: Ints

    def __init__(self, lanes: Lanes) -> None:
        count, holds = lanes.gap.shape
        self.lanes, self.leaves = lanes, Leaves(lanes)
        self.crowd = Crowd(lanes) if lanes.crowded else None
        self.before, self.after = Column(lanes.before), Column(lanes.after)
        self.gap = lanes.gap.reshape(-1)
        self.last = last_of_fault(lanes)
        self.every = np.arange(count)
        self.fault_wait = np.empty((holds, count))
        self.first_requests = lanes.request.reshape(count, -1).copy()
        self.first_holds = (lanes.position.reshape(count, -1) + self.every[:, None] * holds).reshape(-1)
        if self.crowd is not None:
            self.first_requests.reshape(-1)[self.crowd.outside] = NEVER

    def play(self) -> None:
        """Give every lane all its holds, one in each step."""
        turns = turns_of(self.requests, self.lanes, self.leaves, self.current)
        request = self.requests.reshape(-1)
        count = len(self.requests)
        at, now = np.empty(count, np.int64), np.empty(count)
        for number in range(self.lanes.gap.shape[1]):
            if self.crowd is not None:
                while len(due := np.flatnonzero(self.crowd.next_end <= turns.earliest())):
                    self.enter(self.crowd.settle(due))
            who = turns.choose()
            request.take(who, out=now, mode="clip")
            self.current.take(who, out=at, mode="clip")
            self.go_on(number, who, at, self.leaves.take(number, now, at))

    def go_on(self, number: int, who: Ints, at: Ints, end: Floats) -> None:
        """Find what those ask for next who have just had a leaf until `end`."""
        raise NotImplementedError

    def enter(self, entrances: Entrances) -> None:
        """Let threads go on that have a core, or have one again."""
        raise NotImplementedError

    def ends(self, requests: Floats) -> Floats:
        """When each thread was done: its next request, which it will not make, is that much later."""
        count = len(self.lanes.gap)
        if self.crowd is not None:
            while len(due := np.flatnonzero(self.crowd.next_end < NEVER)):
                self.crowd.settle(due)
            ends = self.crowd.ends.reshape(count, -1)
            return np.where(ends < HORIZON, ends, np.inf)
        requests = requests.reshape(count, -1)
        ended = (requests >= FAR) & (requests < FAR + HORIZON)
        return np.where(ended, requests - FAR + self.lanes.ending.reshape(count, -1), np.inf)

    def played(self, requests: Floats, inside: Floats | None) -> Played:
        leaves = self.leaves
        return Played(
            leaves.wait,
            leaves.hold,
            self.fault_wait,
            leaves.done,
            self.ends(requests),
            inside,
            leaves.interrupts_off,
        )


class _Threads(_Lanes):
    """Lanes in which each thread asks for leaves and nothing else."""

    def __init__(self, lanes: Lanes) -> None:
        super().__init__(lanes)
        self.requests, self.current = self.first_requests, self.first_holds
        self.request = self.requests.reshape(-1)
        self.waited = np.zeros(self.request.size)
        self.term = np.empty(len(lanes.gap))
        if self.last is None:
            self.fault_wait = self.leaves.wait

    def go_on(self, number: int, who: Ints, at: Ints, end: Floats) -> None:
        leaves, term = self.leaves, self.term
        done = leaves.done[number]
        np.add(end, leaves.tail.at(at, term), out=done)
        gap = self.gap.take(at, out=term, mode="clip")
        if self.crowd is None:
            self.request[who] = np.add(end, gap, out=gap)
        else:
            self.request[who] = end + gap
            some = self.every if self.last is None else np.flatnonzero(self.last.take(at))
            tail = leaves.tail.some(at[some], some)
            over = self.crowd.leaves(some, who[some], done[some], gap[some], tail)
            self.request[who[some[over]]] = NEVER
        if self.last is not None:
            wait = np.add(self.waited.take(who), leaves.wait[number], out=self.fault_wait[number])
            self.waited[who] = np.where(self.last.take(at, mode="clip"), 0.0, wait)
        np.add(at, 1, out=at)
        self.current[who] = at

    def enter(self, entrances: Entrances) -> None:
        self.request[entrances.thread] = entrances.request


class _Groups(_Lanes):
    """Lanes in which each VM's threads are a group: one of them is inside its mmu_lock, or will be next."""

    def __init__(self, lanes: Lanes) -> None:
        super().__init__(lanes)
        count, self.groups, self.members = lanes.request.shape
        self.outer = self.first_requests.reshape(count * self.groups, self.members)  # requests of mmu_lock
        self.outer_flat = self.outer.reshape(-1)
        self.position = self.first_holds
        size = count * self.groups
        self.lots = None if lanes.choice is None else Lots(lanes, self.groups)
        self.lots_before = np.zeros(size, np.int64)
        self.inside, self.waited, self.out, self.granted = (np.zeros(size) for _ in range(4))
        self.member, self.current = np.zeros(size, np.int64), np.zeros(size, np.int64)
        self.request = np.zeros(size)
        self.requests = self.request.reshape(count, self.groups)
        self.term = np.empty(count)
        every = np.arange(size)
        self.let_in(every // self.groups, every)

    def go_on(self, number: int, who: Ints, at: Ints, end: Floats) -> None:
        wait = self.waited.take(who, out=self.term, mode="clip")
        np.add(wait, self.leaves.wait[number], out=self.fault_wait[number])
        if self.last is None:
            self.leave(number, self.every, who, at, end)
            return
        self.waited[who] = self.fault_wait[number]
        self.current[who] = at + 1
        self.request[who] = end + self.before.some(at + 1, self.every)
        some = np.flatnonzero(self.last.take(at, mode="clip"))
        if len(some):
            self.leave(number, some, who[some], at[some], end[some])

    def leave(self, number: int, lane: Ints, group: Ints, at: Ints, end: Floats) -> None:
        """Release mmu_lock after the last leaf of a fault, and let in the next."""
        out = end + self.after.some(at, lane)
        tail = self.leaves.tail.some(at, lane)
        done = out + tail
        self.leaves.done[number, lane] = done
        self.inside[group] += out - self.granted.take(group)
        gap = self.gap.take(at)
        request = out + gap
        member = self.member.take(group)
        if self.crowd is not None:
            request[self.crowd.leaves(lane, member, done, gap, tail)] = NEVER
        self.outer_flat[member] = request
        self.position[member] = at + 1
        self.out[group] = out
        if self.lots is not None:
            self.lots_before[group] = self.lots.drawn.reshape(-1)[group]
        self.let_in(lane, group)

    def let_in(self, lane: Ints, group: Ints) -> None:
        """Let in whoever is next when mmu_lock is given back."""
        out = self.out.take(group)
        if self.members > 1:
            requests = self.outer.take(group, axis=0)
            member = requests.argmin(axis=1)
            if self.lots is not None:
                member = self.lots.draw(lane, group % self.groups, requests < out[:, None], member)
            member += group * self.members
        else:
            member = group
        self.member[group] = member
        request = self.outer_flat.take(member)
        hold = self.position.take(member)
        granted = np.maximum(request, out)
        wait = granted - request
        self.granted[group] = granted
        self.waited[group] = wait
        self.current[group] = hold
        granted += self.before.some(hold, lane)
        if self.leaves.handover is not None:
            granted += (wait > 0) * self.leaves.handover[lane]
        self.request[group] = granted

    def enter(self, entrances: Entrances) -> None:
        self.outer_flat[entrances.thread] = entrances.request
        group = entrances.thread // self.members
        again = self.granted[group] > entrances.time  # nobody is inside yet: who will be may be somebody else
        if self.lots is not None:
            self.lots.drawn.reshape(-1)[group[again]] = self.lots_before[group[again]]
        self.let_in(entrances.lane[again], group[again])
