"""One run, laid out for the engines: which thread does which faults, and how long each guest works before each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mtelab.contention.costs import QUANTUM, Costs
from mtelab.contention.programs import Program, program
from mtelab.contention.straight import ProtocolRunner
from mtelab.contention.workloads import PAGES_A_BLOCK, Block, Kind, Setting, Workload
from mtelab.sync.protocols import Function, MmuLock
from mtelab.sync.situations import PRIVATE
from mtelab.sync.steps import Cpu, Page

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Streams of random numbers, so that a change to one leaves the others as they were.
_GUEST, _HOLD, _FRAMES, _TAGGED, _UNFAIR = range(5)


class Compiler:
    """Turns faults into programs, for one protocol under given costs, once for all that look the same to it."""

    def __init__(self, name: str, function: Function, costs: Costs, mmu_lock: MmuLock, block: Block) -> None:
        self.runner = ProtocolRunner(name, function, costs)
        self.setting = Setting(self.runner, mmu_lock, block)
        self.programs: list[Program] = []
        self._numbers: dict[Program, int] = {}
        self._tables: dict[tuple[Any, ...], Ints] = {}
        if self.runner.acts("memslot"):
            self.runner.run(Cpu(0, 0, 0, "memslot", PRIVATE), Page(0), frozenset())

    def rows(self, kind: Kind, cpu: Cpu, frames: Ints, pages: int, slowdown: float) -> Ints:
        """Return the number of the program of each fault.

        Parameters
        ----------
        kind : function
            Kind of fault.
        cpu : Cpu
            Who faults.
        frames : int array
            The first page frame of each fault.
        pages : int
            Pages of each fault, one after another.
        slowdown : float
            Factor on work that is done with no lock held.
        """
        while True:
            looked_at = self.runner.looked_at
            if "pfn" not in looked_at:
                index, needed = np.zeros_like(frames), np.zeros(1, np.int64)
            else:
                index = frames // pages
                needed = np.unique(index)
            of_cpu = tuple((name, getattr(cpu, name)) for name in ("id", "vm", "mm", "vma") if name in looked_at)
            key = (kind, pages, slowdown, "pfn" in looked_at, of_cpu)
            table = self._tables.get(key)
            if table is None or len(table) <= needed[-1]:
                longer = np.full(int(needed[-1]) + 1, -1, np.int64)
                if table is not None:
                    longer[: len(table)] = table
                self._tables[key] = table = longer
            for number in needed[table[needed] < 0].tolist():
                row = self._row(kind, cpu, number * pages, pages, slowdown)
                if self.runner.looked_at != looked_at:
                    break  # it tells more faults apart than we knew
                table[number] = row
            else:
                return table[index]

    def _row(self, kind: Kind, cpu: Cpu, frame: int, pages: int, slowdown: float) -> int:
        group = [Page(frame + offset) for offset in range(pages)]
        made = program(kind(self.setting, cpu, group), pages, slowdown)
        if made not in self._numbers:
            self._numbers[made] = len(self.programs)
            self.programs.append(made)
        return self._numbers[made]


@dataclass(frozen=True, eq=False)
class Case:
    """A run that an engine can play.

    Faults are numbered through; those of one thread follow each other.

    Attributes
    ----------
    vm : int array (threads,)
        Guest of each thread: vCPUs first, then the VMM's threads if the workload has any.
    first, count : int array (threads,)
        Its faults.
    think : float array (faults,)
        Nanoseconds that the guest works before the fault.
    row : int array (faults,)
        Program of the fault.
    scale : float array (faults,) or None
        Factor on its work under locks.
    programs : sequence of Program
        What `row` counts in.
    choice : float array
        From 0 to 1: who of those that spin gets an unfair lock, at each time that it is given back.
    cores : int
        Threads that can run at a time.
    fair : bool
        Whether locks are queued.
    handover, time_slice, context_switch : float
        Nanoseconds.
    """

    vm: Ints
    first: Ints
    count: Ints
    think: Floats
    row: Ints
    scale: Floats | None
    programs: Sequence[Program]
    choice: Floats
    cores: int
    fair: bool
    handover: float
    time_slice: float
    context_switch: float


UNTAGGED: Final = 0.05
"""Share of pages that have no tags yet in the steady state. An assumption."""


def quantise(times: Floats) -> Floats:
    """Round times in nanoseconds to multiples of `QUANTUM`."""
    return np.rint(times / QUANTUM) * QUANTUM


def stream(seed: int, number: int) -> np.random.Generator:
    """Return one of the streams of random numbers of a seed."""
    return np.random.default_rng([seed, number])


def make_case(
    compiler: Compiler,
    workload: Workload,
    guests: int,
    vcpus: int,
    pages: int,
    cores: int | None,
    fair: bool,
    frames: str,
    seed: int,
) -> Case:
    """Lay out a run.

    Parameters
    ----------
    compiler : Compiler
        The protocol, the costs, how mmu_lock is held and how large a block is.
    workload : Workload
        What is done.
    guests, vcpus, pages : int
        How many; vCPUs and pages of each guest.
    cores : int or None
        None is one for each thread.
    fair : bool
        Whether locks are queued.
    frames : str
        ``"scattered"`` or ``"contiguous"``: where in memory the pages of a guest are.
    seed : int
        Of all that varies.
    """
    costs = compiler.runner.costs
    size = PAGES_A_BLOCK if compiler.setting.block == "2M" else 1
    blocks = pages // size
    faulted = blocks // 2 if workload.ioctl else blocks
    place = np.arange(guests * blocks)
    if frames == "scattered":
        place = stream(seed, _FRAMES).permutation(guests * blocks)
    vm, count, rows, think = [], [], [], []
    threads = guests * (vcpus + (workload.ioctl is not None))
    running = threads if cores is None else min(cores, threads)
    slowdown = 1 + costs.interference * (running - 1)
    exponential = costs.guest_variation == "exponential"
    factor = stream(seed, _GUEST).exponential(size=guests * blocks) if exponential else np.ones(guests * blocks)
    untagged = stream(seed, _TAGGED).random(guests * blocks) < UNTAGGED
    share = np.arange(vcpus + 1) * faulted // vcpus
    for guest in range(guests):
        for vcpu in range(vcpus):
            cpu = Cpu(guest * vcpus + vcpu, guest, guest, "fault", PRIVATE)
            mine = slice(guest * blocks + share[vcpu], guest * blocks + share[vcpu + 1])
            where = place[mine] * size
            if workload.other is None or not len(where):
                row = compiler.rows(workload.fault, cpu, where, size, slowdown) if len(where) else where
            else:
                row = np.where(
                    untagged[mine],
                    compiler.rows(workload.fault, cpu, where, size, slowdown),
                    compiler.rows(workload.other, cpu, where, size, slowdown),
                )
            vm.append(guest)
            count.append(len(where))
            rows.append(row)
            think.append(quantise(costs.guest_work * size * factor[mine]))
    if workload.ioctl:
        for guest in range(guests):
            cpu = Cpu(guests * vcpus + guest, guest, guest, "ioctl", PRIVATE)
            copied = place[guest * blocks + faulted : (guest + 1) * blocks]
            where = (copied[:, None] * size + np.arange(size)).reshape(-1)
            vm.append(guest)
            count.append(len(where))
            rows.append(compiler.rows(workload.ioctl, cpu, where, 1, slowdown) if len(where) else where)
            think.append(np.zeros(len(where)))
    row = np.concatenate(rows)
    scale = stream(seed, _HOLD).exponential(size=len(row)) if costs.hold_variation == "exponential" else None
    counts = np.array(count)
    return Case(
        vm=np.array(vm),
        first=np.cumsum(counts) - counts,
        count=counts,
        think=np.concatenate(think),
        row=row,
        scale=scale,
        programs=compiler.programs,
        choice=np.empty(0) if fair else stream(seed, _UNFAIR).random(4096),
        cores=running,
        fair=fair,
        handover=costs.handover,
        time_slice=costs.time_slice,
        context_switch=costs.context_switch,
    )
