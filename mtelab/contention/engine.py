"""The fast engine: plays many lanes at once, one hold of each lane in every step of a loop over numpy calls.

Locks are fair, so all that is needed of a lock is when it will be free: whoever requests it at `now` gets it at
``max(now, free)``, provided that requests are looked at in order of time. So in every step each lane looks at its
earliest request. A VM's mmu_lock that is held around other locks is as simple: who is next inside is known as soon as
it is known when the one inside will leave. Where some faults take mmu_lock alone, several VMs of a lane go on at once
(`mtelab.contention.rounds`).

The plain engine (`mtelab.contention.events`) says the rules. The two agree to the last bit, because times are
multiples of one small quantum and sums of them are exact.
"""

from __future__ import annotations

import numpy as np

from mtelab.contention.arrays import Floats, Ints
from mtelab.contention.crowd import NEVER, Crowd, Entrances
from mtelab.contention.free import play_free
from mtelab.contention.lanes import FAR, HORIZON, Lanes
from mtelab.contention.leaves import Column, Leaves
from mtelab.contention.played import Played
from mtelab.contention.rounds import Rounds
from mtelab.contention.turns import Lots, turns_of


def play_lanes(lanes: Lanes) -> Played:
    """Play lanes to their ends."""
    if lanes.free:
        return play_free(lanes)
    kind: type[_Lanes] = _Groups if lanes.nested else _Threads
    playing = kind(lanes)
    playing.play()
    return playing.played()


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

    def __init__(self, lanes: Lanes, by_hold: bool = False) -> None:
        count, holds = lanes.gap.shape
        self.lanes, self.leaves = lanes, Leaves(lanes, by_hold)
        self.crowd = Crowd(lanes) if lanes.crowded else None
        self.before, self.after, self.tail = Column(lanes.before), Column(lanes.after), Column(lanes.tail)
        self.gap = lanes.gap.reshape(-1)
        self.last = None if lanes.last is None else lanes.last.reshape(-1)
        self.every = np.arange(count)
        self.first_requests = lanes.request.reshape(count, -1).copy()
        self.first_holds = (lanes.position.reshape(count, -1) + self.every[:, None] * holds).reshape(-1)
        if self.crowd is not None:
            self.first_requests.reshape(-1)[self.crowd.outside] = NEVER

    def play(self) -> None:
        """Give every lane all its holds, one in each step."""
        turns = turns_of(self.requests, self.lanes, self.leaves, self.current)
        request = self.requests.reshape(-1)
        count = len(self.requests)
        at, now = np.empty(count, np.int64), turns.when
        for number in range(self.lanes.gap.shape[1]):
            turns.find()
            if self.crowd is not None:
                while len(due := np.flatnonzero(self.crowd.next_end <= turns.when)):
                    self.enter(self.crowd.settle(due))
                    turns.find()
            who = turns.choose()
            if self.lanes.choice is not None:
                now = request.take(who)
            if self.leaves.order is not None:
                at = self.leaves.order[number]
            self.current.take(who, out=at, mode="clip")
            self.go_on(number, who, at, self.leaves.take(number, now, at))

    def go_on(self, number: int, who: Ints, at: Ints, end: Floats) -> None:
        """Find what those ask for next who have just had a leaf until `end`."""
        raise NotImplementedError

    def enter(self, entrances: Entrances) -> None:
        """Let threads go on that have a core, or have one again."""
        raise NotImplementedError

    def played(self) -> Played:
        """Return what came out."""
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

    def of_faults(self, wait: Floats, released: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the waits of holds by lane, and of each fault the wait and when its last lock was given back."""
        if self.leaves.in_order:
            return wait.T, wait.T, released.T
        if self.last is None:
            return wait, wait, released
        start = np.append(0, np.flatnonzero(self.last)[:-1] + 1)  # of each fault, with fillers before some
        waits, ends = np.add.reduceat(wait.reshape(-1), start), released.reshape(-1)[self.last]
        return wait, waits.reshape(len(wait), -1), ends.reshape(len(wait), -1)


class _Threads(_Lanes):
    """Lanes in which each thread asks for leaves and nothing else."""

    def __init__(self, lanes: Lanes) -> None:
        super().__init__(lanes)
        self.requests, self.current = self.first_requests, self.first_holds
        self.request = self.requests.reshape(-1)
        self.term = np.empty(len(lanes.gap))

    def go_on(self, number: int, who: Ints, at: Ints, end: Floats) -> None:
        gap = self.gap.take(at, out=self.term, mode="clip")
        if self.crowd is None:
            self.request[who] = np.add(end, gap, out=gap)
        else:
            self.request[who] = end + gap
            some = self.every if self.last is None else np.flatnonzero(self.last.take(at))
            tail = self.tail.some(at[some], some)
            over = self.crowd.leaves(some, who[some], end[some] + tail, gap[some], tail)
            self.request[who[some[over]]] = NEVER
        self.current[who] = at + 1

    def enter(self, entrances: Entrances) -> None:
        self.request[entrances.thread] = entrances.request

    def played(self) -> Played:
        leaves = self.leaves
        wait, fault_wait, released = self.of_faults(leaves.wait, leaves.released)
        order = None if leaves.order is None else leaves.order.T
        return Played(wait, order, fault_wait, released, self.ends(self.requests), None, leaves.interrupts_off)


class _Groups(_Lanes):
    """Lanes in which each VM's threads are a group: one of them is inside its mmu_lock, or will be next."""

    def __init__(self, lanes: Lanes) -> None:
        private = bool((lanes.lock == lanes.nobodys[:, None]).any())
        self.in_rounds = private and lanes.choice is None and not lanes.crowded
        super().__init__(lanes, by_hold=self.in_rounds)
        count, self.groups, self.members = lanes.request.shape
        self.outer = self.first_requests.reshape(count * self.groups, self.members)  # requests of mmu_lock
        self.outer_flat = self.outer.reshape(-1)
        self.position = self.first_holds
        self.released, self.outer_wait = np.zeros_like(self.leaves.wait), np.zeros_like(self.leaves.wait)
        size = count * self.groups
        self.lots = None if lanes.choice is None else Lots(lanes, self.groups)
        self.lots_before = np.zeros(size, np.int64)
        self.inside, self.waited, self.out, self.granted = (np.zeros(size) for _ in range(4))
        self.member, self.current = np.zeros(size, np.int64), np.zeros(size, np.int64)
        self.request = np.zeros(size)
        self.requests = self.request.reshape(count, self.groups)
        every = np.arange(size)
        self.let_in(every // self.groups, every, self.out)

    def play(self) -> None:
        """Give every lane all its holds: in rounds, where some holds are of nobody's lock."""
        if not self.in_rounds:
            super().play()
            return
        rounds = Rounds(self.lanes, self.leaves, self.before, self.after)
        left = self.lanes.gap.size
        while left:
            group, end = rounds.serve(self.requests, self.current)
            left -= len(group)
            self.served(group // self.groups, group, self.current.take(group), end)

    def go_on(self, number: int, who: Ints, at: Ints, end: Floats) -> None:
        if self.leaves.in_order:
            self.waited.take(who, out=self.outer_wait[number], mode="clip")
            self.released[number] = self.leave(self.every, who, at, end)
        else:
            self.served(self.every, who, at, end)

    def served(self, lane: Ints, group: Ints, at: Ints, end: Floats) -> None:
        """Go on after holds that have ended: to the fault's next leaf, or out of mmu_lock."""
        if self.last is not None:
            last = self.last.take(at, mode="clip")
            more = np.flatnonzero(~last)
            if len(more):
                to = at[more] + 1
                self.current[group[more]] = to
                self.request[group[more]] = end[more] + self.before.some(to, lane[more])
                some = np.flatnonzero(last)
                lane, group, at, end = lane[some], group[some], at[some], end[some]
        if len(group):
            self.outer_wait.reshape(-1)[at] = self.waited.take(group)
            self.released.reshape(-1)[at] = self.leave(lane, group, at, end)

    def leave(self, lane: Ints, group: Ints, at: Ints, end: Floats) -> Floats:
        """Release mmu_lock after the last leaf of a fault, and let in the next; return when."""
        out: Floats = end + self.after.some(at, lane)
        self.inside[group] += out - self.granted.take(group)
        gap = self.gap.take(at)
        request = out + gap
        member = self.member.take(group)
        if self.crowd is not None:
            tail = self.tail.some(at, lane)
            request[self.crowd.leaves(lane, member, out + tail, gap, tail)] = NEVER
            self.out[group] = out
        self.outer_flat[member] = request
        self.position[member] = at + 1
        if self.lots is not None:
            self.lots_before[group] = self.lots.drawn.reshape(-1)[group]
        self.let_in(lane, group, out)
        return out

    def let_in(self, lane: Ints, group: Ints, out: Floats) -> None:
        """Let in whoever is next when mmu_lock is given back."""
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
            granted += (wait > 0) * self.leaves.handover.take(lane)
        self.request[group] = granted

    def enter(self, entrances: Entrances) -> None:
        self.outer_flat[entrances.thread] = entrances.request
        group = entrances.thread // self.members
        again = self.granted[group] > entrances.time  # nobody is inside yet: who will be may be somebody else
        if self.lots is not None:
            self.lots.drawn.reshape(-1)[group[again]] = self.lots_before[group[again]]
        self.let_in(entrances.lane[again], group[again], self.out.take(group[again]))

    def played(self) -> Played:
        leaves = self.leaves
        wait, fault_wait, released = self.of_faults(leaves.wait, self.released)
        _, outer, _ = self.of_faults(self.outer_wait, self.released)
        inside = self.inside.reshape(len(wait), -1)[:, :: 2 if self.lanes.vmm else 1]
        order = None if leaves.order is None else leaves.order.T
        return Played(wait, order, fault_wait + outer, released, self.ends(self.outer), inside, leaves.interrupts_off)
