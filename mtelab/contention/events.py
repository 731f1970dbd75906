"""The plain engine: plays one run event by event, and writes down who held and who waited for which lock.

The rules, which the fast engine keeps to the last bit:

* Events happen in order of time; at the same time releases and ends of faults come first, then the thread with the
  lower number.
* A fair lock is given to whoever asked first, an unfair one to any that spins, all with the same chance.
* A CPU that had to wait then needs the lock's cache line: its hold is longer by the handover.
* A CPU that waits spins, and is not preempted. A vCPU whose time slice is over gives way when a fault of its is done,
  and goes to the end of the one queue of those that have no core.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from heapq import heappop, heappush

import numpy as np

from mtelab.contention.arrays import Floats, Ints
from mtelab.contention.case import Case
from mtelab.contention.costs import quantised
from mtelab.contention.programs import OWN_MMU_LOCK, Program

_RELEASE, _OVER, _REQUEST = 0, 1, 2


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


class Deadlock(Exception):
    """CPUs wait for each other."""


class _Lock:
    """A spinlock: which acquisition holds it, and which threads wait."""

    __slots__ = ("choices", "held", "number", "waiting")

    def __init__(self, number: int) -> None:
        self.number = number
        self.held = False
        self.waiting: deque[int] = deque()
        self.choices = 0


class _Thread:
    """A vCPU, or a thread of a VMM."""

    __slots__ = ("asked", "end", "fault", "ops", "since", "step", "vm")

    def __init__(self, vm: int, first: int, count: int) -> None:
        self.vm = vm
        self.fault = first
        self.end = first + count
        self.ops: list[tuple[bool, _Lock, float, bool]] = []
        self.step = 0
        self.since = 0.0
        self.asked: dict[_Lock, int] = {}  # number of the acquisition of each lock it has, or wants


def play(case: Case) -> Records:
    """Play a run: the first of a case.

    Raises
    ------
    Deadlock
        If CPUs wait for each other's locks for ever.
    """
    return _Play(case).run()


class _Play:
    def __init__(self, case: Case) -> None:
        self.case = case
        self.row: list[int] = case.row[0].tolist()
        self.think: list[float] = case.think[0].tolist()
        self.scale: list[float] | None = None if case.scale is None else case.scale[0].tolist()
        self.choice: list[float] | None = None if case.choice is None else case.choice[0].tolist()
        self.locks: dict[Hashable, _Lock] = {}
        self.resolved: dict[tuple[int, int], list[tuple[bool, _Lock, float, bool]]] = {}
        columns = zip(case.vm.tolist(), case.first.tolist(), case.count.tolist(), strict=True)
        self.threads = [_Thread(*column) for column in columns]
        busy = np.flatnonzero(case.count).tolist()
        self.running, self.queue = busy[: case.cores], deque(busy[case.cores :])
        self.crowded = bool(self.queue)
        self.heap: list[tuple[float, int, int]] = []
        self.record: list[list[float]] = []  # thread, lock, fault, requested, granted, released
        self.done = [0.0] * len(self.row)

    def run(self) -> Records:
        for number in self.running:
            self.begin(number, 0.0)
        heap = self.heap
        while heap:
            now, kind, number = heappop(heap)
            thread = self.threads[number]
            if kind == _REQUEST:
                self.request(number, thread, now)
            elif kind == _RELEASE:
                self.release(number, thread, now)
            else:
                self.over(number, thread, now)
        if any(lock.waiting for lock in self.locks.values()):
            raise Deadlock
        columns = np.array(self.record).reshape(-1, 6)
        columns = columns[np.lexsort((columns[:, 0], columns[:, 3]))]
        thread_number, lock, fault = columns[:, :3].astype(np.int64).T
        requested, granted, released = columns[:, 3:].T
        return Records(thread_number, lock, fault, requested, granted, released, list(self.locks), np.array(self.done))

    def ops_of(self, thread: _Thread) -> list[tuple[bool, _Lock, float, bool]]:
        """Ops of the thread's fault, with its own VM's locks."""
        key = self.row[thread.fault], thread.vm
        if key not in self.resolved:
            self.resolved[key] = [
                (op.request, self.lock(op.lock, thread.vm), op.delay, op.held) for op in self.program(thread).ops
            ]
        return self.resolved[key]

    def program(self, thread: _Thread) -> Program:
        return self.case.programs[self.row[thread.fault]]

    def lock(self, name: Hashable, vm: int) -> _Lock:
        key = (OWN_MMU_LOCK[0], vm) if name == OWN_MMU_LOCK else name
        if key not in self.locks:
            self.locks[key] = _Lock(len(self.locks))
        return self.locks[key]

    def begin(self, number: int, now: float) -> None:
        """The guest works, then faults; a thread that has no more faults leaves its core to another."""
        thread = self.threads[number]
        if thread.fault < thread.end:
            thread.ops = self.ops_of(thread)
            thread.step = 0
            self.go_on(number, thread, now + self.think[thread.fault])
        elif self.queue:
            self.switch_to(self.queue.popleft(), now)

    def switch_to(self, number: int, now: float) -> None:
        now += self.case.context_switch
        self.threads[number].since = now
        self.begin(number, now)

    def go_on(self, number: int, thread: _Thread, now: float) -> None:
        """Find the next op of a thread, and when it happens."""
        if thread.step == len(thread.ops):
            end = now + self.program(thread).tail
            if self.crowded or not thread.ops:
                heappush(self.heap, (end, _OVER, number))
            else:
                self.over(number, thread, end)
            return
        request, _, delay, held = thread.ops[thread.step]
        if held and self.scale is not None:
            delay = quantised(delay * self.scale[thread.fault])
        heappush(self.heap, (now + delay, _REQUEST if request else _RELEASE, number))

    def request(self, number: int, thread: _Thread, now: float) -> None:
        lock = thread.ops[thread.step][1]
        thread.asked[lock] = len(self.record)
        self.record.append([number, lock.number, thread.fault, now, now, now])
        if lock.held:
            lock.waiting.append(number)
            return
        lock.held = True
        thread.step += 1
        self.go_on(number, thread, now)

    def release(self, number: int, thread: _Thread, now: float) -> None:
        lock = thread.ops[thread.step][1]
        self.record[thread.asked.pop(lock)][5] = now
        lock.held = False
        if lock.waiting:
            self.hand_over(lock, now)
        thread.step += 1
        self.go_on(number, thread, now)

    def hand_over(self, lock: _Lock, now: float) -> None:
        if self.choice is None:
            number = lock.waiting.popleft()
        else:
            choice = self.choice[lock.choices % len(self.choice)]
            lock.choices += 1
            number = sorted(lock.waiting)[int(choice * len(lock.waiting))]
            lock.waiting.remove(number)
        thread = self.threads[number]
        lock.held = True
        self.record[thread.asked[lock]][4] = now
        thread.step += 1
        self.go_on(number, thread, now + self.case.handover)

    def over(self, number: int, thread: _Thread, now: float) -> None:
        """A fault is done: the guest goes on, unless others want the core and its slice is over."""
        self.done[thread.fault] = now
        thread.fault += 1
        if thread.fault < thread.end and self.queue and now - thread.since >= self.case.time_slice:
            self.queue.append(number)
            self.switch_to(self.queue.popleft(), now)
        else:
            self.begin(number, now)
