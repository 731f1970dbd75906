"""From a protocol to programs: what each fault of a workload does, found out once for all that look the same to it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtelab.contention.arrays import Ints
from mtelab.contention.costs import Costs
from mtelab.contention.programs import Program, program
from mtelab.contention.runner import ProtocolRunner
from mtelab.contention.workloads import PAGES_A_BLOCK, Block, Kind, Setting, Workload
from mtelab.sync.protocols import Function, MmuLock
from mtelab.sync.situations import PRIVATE
from mtelab.sync.steps import Cpu, Page


@dataclass(frozen=True, eq=False)
class Faults:
    """Who takes some faults.

    Attributes
    ----------
    thread : int array (faults,)
        Thread of each.
    vm : int array (threads,)
        Guest of each thread.
    pages : int
        Pages of each fault.
    slowdown : float
        Factor on work that is done with no lock held.
    runs : int
        Runs in which they do.
    frames : function
        Returns an int array (runs, faults): the first page frame of each.
    """

    thread: Ints
    vm: Ints
    pages: int
    slowdown: float
    runs: int
    frames: Callable[[], Ints]

    def cpu(self, thread: int) -> Cpu:
        """Return a thread as protocols see it: each guest is a process of its own."""
        vm = int(self.vm[thread])
        return Cpu(thread, vm, vm, "fault", PRIVATE)


class Compiler:
    """Knows the programs of one protocol in one workload.

    It can be sent to another process once it has seen every fault: then without the protocol.

    Attributes
    ----------
    name : str
        What the protocol is called.
    programs : list of Program
        Those found so far.
    """

    def __init__(
        self, name: str, function: Function, workload: Workload, costs: Costs, mmu_lock: MmuLock, block: Block
    ) -> None:
        self.name, self.workload, self.costs, self.block = name, workload, costs, block
        self.programs: list[Program] = []
        self._runner: ProtocolRunner | None = ProtocolRunner(name, function, costs)
        self._setting = Setting(costs, mmu_lock, block, self._runner.plain)
        self._numbers: dict[Any, int] = {}
        self._tables: dict[tuple[Any, ...], Ints] = {}
        self._looked_at: frozenset[str] = frozenset()
        self._covered: set[tuple[int, int, int, float]] = set()
        self._runner.chain(Cpu(0, 0, 0, "memslot", PRIVATE), Page(0), ("memslot",))

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_runner": None, "_numbers": {}}

    def signature(self) -> tuple[Any, ...]:
        """Return what tells this from others: two with the same signature give the same results."""
        tables = tuple((key, table.tobytes()) for key, table in self._tables.items())
        return tuple(self.programs), self.workload, self.costs, self.block, tables

    def rows(self, kind: Kind, faults: Faults) -> Ints:
        """Return the number of the program of each fault.

        Parameters
        ----------
        kind : Kind
            Kind of fault.
        faults : Faults
            Who takes them.

        Returns
        -------
        int array (runs, faults)
        """
        shape = faults.runs, len(faults.thread)
        if not shape[1]:
            return np.zeros(shape, np.int64)
        while True:
            looked_at = self._looked_at
            index = faults.frames() // faults.pages if "pfn" in looked_at else np.zeros((1, 1), np.int64)
            rows: Ints = np.empty(shape, np.int64)
            for thread, mine in _cpus(faults, looked_at):
                part = index[:, mine] if "pfn" in looked_at else index
                rows[:, mine] = self._of_cpu(kind, faults.cpu(thread), part, faults)
                if self._looked_at != looked_at:
                    break  # the protocol tells more faults apart than we knew
            else:
                return rows

    def cover(self, guests: int, vcpus: int, pages: int, slowdown: float) -> None:
        """Find the programs of every fault, whoever takes it, on whichever page.

        Parameters
        ----------
        guests, vcpus, pages : int
            vCPUs and pages of each guest.
        slowdown : float
            Factor on work that is done with no lock held.
        """
        if (guests, vcpus, pages, slowdown) in self._covered:
            return
        each = vcpus + (self.workload.ioctl is not None)
        vm = np.repeat(np.arange(guests), each)
        threads = np.arange(guests * each).reshape(guests, each)
        size = PAGES_A_BLOCK if self.block == "2M" else 1
        for kind, who, width in (
            (self.workload.fault, threads[:, :vcpus], size),
            (self.workload.other, threads[:, :vcpus], size),
            (self.workload.ioctl, threads[:, vcpus:], 1),
        ):
            if kind is None:
                continue
            frames = np.arange(0, guests * pages, width)[None]

            def all_frames(frames: Ints = frames) -> Ints:
                return frames

            for thread in who.reshape(-1).tolist():
                if thread in who[:, 0] or "id" in self._looked_at:
                    one = np.full(frames.size, thread)
                    self.rows(kind, Faults(one, vm, width, slowdown, 1, all_frames))
                if not self._looked_at - {"pfn"}:
                    break  # one is like another
        self._covered.add((guests, vcpus, pages, slowdown))

    def _of_cpu(self, kind: Kind, cpu: Cpu, index: Ints, faults: Faults) -> Ints:
        """Return the rows of some faults of a CPU, by the number of the block; or of all, if it does not matter."""
        looked_at = self._looked_at
        of_cpu = tuple((name, getattr(cpu, name)) for name in ("id", "vm", "mm") if name in looked_at)
        key = (kind, faults.pages, faults.slowdown, "pfn" in looked_at, of_cpu)
        table = self._tables.get(key, np.zeros(0, np.int64))
        last = int(index.max())
        if last >= len(table):
            table = np.append(table, np.full(last + 1 - len(table), -1))
            self._tables[key] = table
        rows = table[index]
        alike: dict[Hashable, int] = {}
        for number in np.unique(index[rows < 0]).tolist() if rows.min() < 0 else ():
            page = self._kind_of_page(number) if faults.pages == 1 else number
            if page not in alike:
                alike[page] = self._row(kind, cpu, number * faults.pages, faults)
                if self._looked_at != looked_at:
                    return rows  # of no use: more must be told apart
            table[number] = alike[page]
        return table[index]

    def _kind_of_page(self, frame: int) -> Hashable:
        assert self._runner is not None, "a fault that was not covered"
        return self._runner.kind_of_page(frame)

    def _row(self, kind: Kind, cpu: Cpu, frame: int, faults: Faults) -> int:
        assert self._runner is not None, "a fault that was not covered"
        pages = tuple([self._runner.chain(cpu, Page(frame + offset), kind.roles) for offset in range(faults.pages)])
        self._looked_at |= self._runner.looked_at - {"vma"}  # which is the same for all
        key = kind, pages, faults.slowdown
        if key not in self._numbers:
            made = program(kind.actions(self._setting, pages), faults.pages, faults.slowdown)
            if made not in self._numbers:
                self._numbers[made] = len(self.programs)
                self.programs.append(made)
            self._numbers[key] = self._numbers[made]
        return self._numbers[key]


def _cpus(faults: Faults, looked_at: frozenset[str]) -> Iterator[tuple[int, slice]]:
    """Yield those that a protocol can tell apart, threads or guests: one thread of each, and the faults it takes."""
    if not looked_at - {"pfn"}:
        yield int(faults.thread[0]), slice(None)
        return
    cpu = faults.thread if "id" in looked_at else faults.vm[faults.thread]
    starts = np.flatnonzero(np.diff(cpu, prepend=-1)).tolist()
    for start, stop in zip(starts, [*starts[1:], len(cpu)], strict=True):
        yield int(faults.thread[start]), slice(start, stop)
