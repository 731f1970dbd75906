"""The same runs in SimPy: one process a thread, one resource a lock, and nothing clever.

The tests hold the engines to it, event for event, and the benchmark measures their speed against it.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable
from typing import Any, NamedTuple

import simpy

from mtelab.contention.case import Case
from mtelab.contention.costs import quantised
from mtelab.contention.programs import MMU_LOCK, OWN_MMU_LOCK, Op

Process = Generator[simpy.Event, Any, None]


class Acquisition(NamedTuple):
    """Who took which lock in which fault, and when. Nanoseconds."""

    thread: int
    lock: Hashable
    fault: int
    requested: float
    granted: float
    released: float


class Model:
    """A run: the first of a case, whose locks must be fair, on as many cores as there are threads.

    Attributes
    ----------
    acquisitions : list of Acquisition
        What happened, in the order of the releases; empty unless `keep`.
    done : list of float
        When each fault was done.
    """

    def __init__(self, case: Case, keep: bool = True) -> None:
        self.case, self.keep = case, keep
        self.environment = simpy.Environment()
        self.acquisitions: list[Acquisition] = []
        self.rows, self.think = case.row[0].tolist(), case.think[0].tolist()
        self.scale = None if case.scale is None else case.scale[0].tolist()
        self.done = [0.0] * len(self.rows)
        self.locks: dict[Hashable, simpy.Resource] = {}
        for thread, (vm, first, count) in enumerate(
            zip(case.vm.tolist(), case.first.tolist(), case.count.tolist(), strict=True)
        ):
            self.environment.process(self.thread(thread, vm, range(first, first + count)))

    def run(self) -> None:
        """Run it to its end."""
        self.environment.run()

    def lock(self, name: Hashable, vm: int) -> tuple[Hashable, simpy.Resource]:
        """Return a lock by its full name."""
        if name == OWN_MMU_LOCK:
            name = MMU_LOCK, vm
        if name not in self.locks:
            self.locks[name] = simpy.Resource(self.environment)
        return name, self.locks[name]

    def thread(self, thread: int, vm: int, faults: range) -> Process:
        """Work, fault, work, fault."""
        environment = self.environment
        for fault in faults:
            program = self.case.programs[self.rows[fault]]
            delay = self.think[fault]
            held: dict[Hashable, tuple[simpy.resources.resource.Request, float, float]] = {}
            for op in program.ops:
                delay += self.delay(op, fault)
                if delay:
                    yield environment.timeout(delay)
                    delay = 0.0
                name, lock = self.lock(op.lock, vm)
                if op.request:
                    requested = environment.now
                    request = lock.request()
                    if not request.triggered:
                        yield request
                        delay = self.case.handover
                    held[name] = request, requested, environment.now
                else:
                    request, requested, granted = held.pop(name)
                    lock.release(request)
                    if self.keep:
                        self.acquisitions.append(Acquisition(thread, name, fault, requested, granted, environment.now))
            delay += program.tail
            if delay:
                yield environment.timeout(delay)
            self.done[fault] = environment.now

    def delay(self, op: Op, fault: int) -> float:
        """Return the time before an op."""
        if op.held and self.scale is not None:
            return quantised(op.delay * self.scale[fault])
        return op.delay
