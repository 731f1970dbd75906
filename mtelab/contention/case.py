"""One run, laid out for the engines: which thread does which faults, and how long each guest works before each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
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

CHOICES: Final = 4096
"""Random numbers that decide who gets an unfair lock, used again and again."""

# Streams of random numbers, so that a change to one leaves the others as they were.
_GUEST, _HOLD, _FRAMES, _TAGGED, _UNFAIR = range(5)


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
    """

    thread: Ints
    vm: Ints
    pages: int
    slowdown: float

    def cpu(self, thread: int) -> Cpu:
        """Return a thread as protocols see it: each guest is a process of its own."""
        vm = int(self.vm[thread])
        return Cpu(thread, vm, vm, "fault", PRIVATE)


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

    def rows(self, kind: Kind, frames: Ints, faults: Faults) -> Ints:
        """Return the number of the program of each fault.

        Parameters
        ----------
        kind : function
            Kind of fault.
        frames : int array (faults,)
            The first page frame of each.
        faults : Faults
            Who takes them.
        """
        rows = np.zeros(len(frames), np.int64)
        if not len(frames):
            return rows
        while True:
            looked_at = self.runner.looked_at
            cpu_of = faults.thread if "id" in looked_at else faults.vm[faults.thread]
            if looked_at <= {"pfn", "vma"}:
                cpu_of = np.zeros_like(cpu_of)
            for cpu in np.unique(cpu_of).tolist():
                mine = cpu_of == cpu
                thread = int(faults.thread[np.argmax(mine)])
                rows[mine] = self._rows_of_cpu(kind, faults.cpu(thread), frames[mine], faults)
            if self.runner.looked_at == looked_at:
                return rows

    def _rows_of_cpu(self, kind: Kind, cpu: Cpu, frames: Ints, faults: Faults) -> Ints:
        while True:
            looked_at = self.runner.looked_at
            index = frames // faults.pages if "pfn" in looked_at else np.zeros_like(frames)
            of_cpu = tuple((name, getattr(cpu, name)) for name in ("id", "vm", "mm", "vma") if name in looked_at)
            key = (kind, faults.pages, faults.slowdown, "pfn" in looked_at, of_cpu)
            table = self._tables.get(key, np.zeros(0, np.int64))
            last = int(index.max())
            if last >= len(table):
                table = np.append(table, np.full(last + 1 - len(table), -1))
                self._tables[key] = table
            rows = table[index]
            for number in np.unique(index[rows < 0]).tolist():
                row = self._row(kind, cpu, number * faults.pages, faults.pages, faults.slowdown)
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
        Guest of each thread. The vCPUs of a guest follow each other; its VMM's thread comes after them.
    vmm : bool
        Whether guests have such a thread.
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
    vmm: bool
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

    @property
    def guests(self) -> int:
        """How many there are."""
        return int(self.vm[-1]) + 1

    @cached_property
    def thread(self) -> Ints:
        """Thread of each fault."""
        return np.repeat(np.arange(len(self.count)), self.count)


UNTAGGED: Final = 0.05
"""Share of pages that have no tags yet in the steady state. An assumption."""


def quantise(times: Floats) -> Floats:
    """Round times in nanoseconds to multiples of `QUANTUM`."""
    return np.rint(times / QUANTUM) * QUANTUM


@lru_cache(maxsize=128)
def stream(seed: int, number: int, size: int) -> npt.NDArray[Any]:
    """Return random numbers of a seed: of one stream, the first `size`; not to be written to."""
    random = np.random.default_rng([seed, number])
    if number in (_GUEST, _HOLD):
        drawn: npt.NDArray[Any] = random.exponential(size=size)
    else:
        drawn = random.permutation(size) if number == _FRAMES else random.random(size)
    drawn.flags.writeable = False
    return drawn


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
    total = guests * blocks
    threads = guests * (vcpus + (workload.ioctl is not None))
    running = threads if cores is None else min(cores, threads)
    slowdown = 1 + costs.interference * (running - 1)

    place: Ints = stream(seed, _FRAMES, total) if frames == "scattered" else np.arange(total)
    place = place.reshape(guests, blocks) * size
    vm = np.repeat(np.arange(guests), threads // guests)
    share = np.diff(np.arange(vcpus + 1) * faulted // vcpus)
    first_thread = np.arange(guests)[:, None] * (threads // guests)

    # What the vCPUs do: arrays (guests, faulted).
    thread = first_thread + np.repeat(np.arange(vcpus), share)
    faults = Faults(thread.reshape(-1), vm, size, slowdown)
    row = compiler.rows(workload.fault, place[:, :faulted].reshape(-1), faults)
    if workload.other is not None:
        untagged = stream(seed, _TAGGED, total) < UNTAGGED
        row = np.where(untagged, row, compiler.rows(workload.other, place.reshape(-1), faults))
    row = row.reshape(guests, faulted)
    think: Floats = np.full((guests, faulted), costs.guest_work * size)
    if costs.guest_variation == "exponential":
        think = quantise(think * stream(seed, _GUEST, total).reshape(guests, blocks)[:, :faulted])

    if workload.ioctl is not None:  # and then what each VMM's thread does
        copied = (place[:, faulted:, None] + np.arange(size)).reshape(guests, -1)
        share = np.append(share, copied.shape[1])
        thread = np.broadcast_to(first_thread + vcpus, copied.shape)
        faults = Faults(thread.reshape(-1), vm, 1, slowdown)
        rows = compiler.rows(workload.ioctl, copied.reshape(-1), faults)
        row = np.concatenate([row, rows.reshape(copied.shape)], axis=1)
        think = np.concatenate([think, np.zeros(copied.shape)], axis=1)

    row = row.reshape(-1)
    count = np.tile(share, guests)
    return Case(
        vm=vm,
        vmm=workload.ioctl is not None,
        first=np.cumsum(count) - count,
        count=count,
        think=think.reshape(-1),
        row=row,
        scale=stream(seed, _HOLD, len(row)) if costs.hold_variation == "exponential" else None,
        programs=compiler.programs,
        choice=np.empty(0) if fair else stream(seed, _UNFAIR, CHOICES),
        cores=running,
        fair=fair,
        handover=costs.handover,
        time_slice=costs.time_slice,
        context_switch=costs.context_switch,
    )
