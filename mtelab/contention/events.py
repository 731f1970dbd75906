"""The plain engine: plays one run event by event, and writes down who held and who waited for which lock.

The rules, which the fast engine keeps to the last bit:

* Events happen in order of time; at the same time releases come first, then CPUs in order of their number.
* A fair lock is given to whoever asked first, an unfair one to any that spins, all with the same chance.
* A CPU that had to wait then needs the lock's cache line: its hold is longer by the handover.
* A CPU that waits spins, and is not preempted; a vCPU whose time slice is over gives way when it next returns to its
  guest, and goes to the end of the one queue of those that have no core.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

import numpy as np

from mtelab.contention.case import Case, Floats, Ints
from mtelab.contention.costs import QUANTUM
from mtelab.contention.programs import OWN_MMU_LOCK, Program

_RELEASE, _REQUEST = 0, 1
_HANDED_ON: Final = 1 << 30


@dataclass(frozen=True, eq=False)
class Records:
    """What happened in a run.

    Attributes
    ----------
    thread, lock, fault : int array (acquisitions,)
        Who took which lock (an index of `names`), in which fault; in order of the requests.
    requested, granted, released : float array (acquisitions,)
        When; nanoseconds.
    names : list
        Names of locks.
    done : float array (faults,)
        When the guest went on.
    """

    thread: Ints
    lock: Ints
    fault: Ints
    requested: Floats
    granted: Floats
    released: Floats
    names: list[Hashable]
    done: Floats


class _Lock:
    """A spinlock: who holds it, and who waits."""

    __slots__ = ("choices", "holder", "number", "waiting")

    def __init__(self, number: int) -> None:
        self.number = number
        self.holder: int | None = None
        self.waiting: deque[int] = deque()
        self.choices = 0


class Deadlock(Exception):
    """CPUs wait for each other."""


def play(case: Case) -> Records:
    """Play a run.

    Raises
    ------
    Deadlock
        If CPUs wait for each other's locks for ever.
    """
    return _Play(case).run()


class _Play:
    def __init__(self, case: Case) -> None:
        self.case = case
        self.locks: dict[Hashable, _Lock] = {}
        self.thread_of = list(range(case.cores))  # of each core
        self.queue = deque(range(case.cores, len(case.count)))
        self.crowded = bool(self.queue)
        self.next = case.first.tolist()  # of each thread: the fault it is in, or is about to have
        self.end = (case.first + case.count).tolist()
        self.op = [0] * len(case.count)
        self.since = [0.0] * case.cores
        self.open: list[tuple[int, ...]] = []
        self.heap: list[tuple[float, int, int]] = []
        self.record: list[list[float]] = []  # thread, lock, fault, requested, granted, released
        self.held: list[dict[Hashable, int]] = [{} for _ in case.count]  # record of each lock a thread has or wants
        self.done = np.zeros(len(case.row))

    def run(self) -> Records:
        for core in range(self.case.cores):
            self.begin(core, 0.0)
        while self.heap:
            now, kind, core = heappop(self.heap)
            thread = self.thread_of[core]
            program = self.program(thread)
            if self.op[thread] == len(program.ops):
                self.over(core, thread, now)
                continue
            op = program.ops[self.op[thread]]
            lock = self.lock(op.lock, thread)
            if kind == _REQUEST:
                self.request(core, thread, lock, op.lock, now)
            else:
                self.release(core, thread, lock, op.lock, now)
        if any(lock.waiting for lock in self.locks.values()):
            raise Deadlock
        columns = np.array(self.record).reshape(-1, 6)
        columns = columns[np.lexsort((columns[:, 0], columns[:, 3]))]
        thread, lock, fault = columns[:, :3].astype(np.int64).T
        requested, granted, released = columns[:, 3:].T
        return Records(thread, lock, fault, requested, granted, released, list(self.locks), self.done)

    def program(self, thread: int) -> Program:
        program: Program = self.case.programs[int(self.case.row[self.next[thread]])]
        return program

    def lock(self, name: Hashable, thread: int) -> _Lock:
        key = ("mmu_lock", int(self.case.vm[thread])) if name == OWN_MMU_LOCK else name
        if key not in self.locks:
            self.locks[key] = _Lock(len(self.locks))
        return self.locks[key]

    def begin(self, core: int, now: float) -> None:
        """The guest works, then faults."""
        thread = self.thread_of[core]
        if self.next[thread] < self.end[thread]:
            self.op[thread] = 0
            self.go_on(core, thread, now + self.case.think[self.next[thread]])
        elif self.queue:
            self.thread_of[core] = self.queue.popleft()
            self.since[core] = now + self.case.context_switch
            self.begin(core, now + self.case.context_switch)

    def go_on(self, core: int, thread: int, now: float) -> None:
        """Find the next op of a thread, and when it happens."""
        program = self.program(thread)
        if self.op[thread] == len(program.ops):
            end = now + program.tail
            if self.crowded or not program.ops:
                heappush(self.heap, (end, _RELEASE, core))
            else:
                self.over(core, thread, end)
            return
        op = program.ops[self.op[thread]]
        delay = op.delay
        if op.held and self.case.scale is not None:
            delay = round(delay * self.case.scale[self.next[thread]] / QUANTUM) * QUANTUM
        heappush(self.heap, (now + delay, _REQUEST if op.request else _RELEASE, core))

    def request(self, core: int, thread: int, lock: _Lock, name: Hashable, now: float) -> None:
        self.held[thread][name] = len(self.record)
        self.record.append([thread, lock.number, self.next[thread], now, now, now])
        if lock.holder is None:
            lock.holder = thread
            self.op[thread] += 1
            self.go_on(core, thread, now)
        else:
            lock.waiting.append(core)

    def release(self, core: int, thread: int, lock: _Lock, name: Hashable, now: float) -> None:
        self.record[self.held[thread].pop(name)][5] = now
        self.op[thread] += 1
        lock.holder = None
        if lock.waiting:
            self.hand_over(lock, name, now)
        self.go_on(core, thread, now)

    def hand_over(self, lock: _Lock, name: Hashable, now: float) -> None:
        if self.case.fair:
            core = lock.waiting.popleft()
        else:
            choice = self.case.choice[lock.choices % len(self.case.choice)]
            lock.choices += 1
            core = sorted(lock.waiting)[int(choice * len(lock.waiting))]
            lock.waiting.remove(core)
        lock.holder = thread = self.thread_of[core]
        self.record[self.held[thread][name]][4] = now
        self.op[thread] += 1
        self.go_on(core, thread, now + self.case.handover)

    def over(self, core: int, thread: int, now: float) -> None:
        """A fault is done: the guest goes on, unless others want the core and its slice is over."""
        self.done[self.next[thread]] = now
        self.next[thread] += 1
        if self.next[thread] < self.end[thread] and self.queue and now - self.since[core] >= self.case.time_slice:
            self.queue.append(thread)
            self.thread_of[core] = self.queue.popleft()
            now += self.case.context_switch
            self.since[core] = now
        self.begin(core, now)
