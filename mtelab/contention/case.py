"""Runs, laid out: which thread takes which faults, and how long its guest works before each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mtelab.contention.arrays import Floats, Ints, quantise
from mtelab.contention.compiler import Compiler, Faults
from mtelab.contention.costs import Costs
from mtelab.contention.programs import Program
from mtelab.contention.workloads import PAGES_A_BLOCK

UNTAGGED: Final = 0.05
"""Share of pages that have no tags yet in the steady state. An assumption."""

CHOICES: Final = 4096
"""Random numbers that decide who gets an unfair lock, used again and again."""

# Streams of random numbers, so that a change to one leaves the others as they were.
_GUEST, _HOLD, _FRAMES, _TAGGED, _UNFAIR = range(5)


@dataclass(frozen=True, eq=False)
class Case:
    """Runs that differ in their seeds alone: R runs of T threads, with F faults each.

    The faults of a run are numbered through; those of one thread follow each other.

    Attributes
    ----------
    vm : int array (T,)
        Guest of each thread. The vCPUs of a guest follow each other; its VMM's thread comes after them.
    vmm : bool
        Whether guests have such a thread.
    count : int array (T,)
        Faults of each thread.
    think : float array (R, F)
        Nanoseconds that the guest works before the fault.
    row : int array (R, F)
        Program of the fault.
    scale : float array (R, F) or None
        Factor on its work under locks.
    programs : sequence of Program
        What `row` counts in.
    choice : float array (R, CHOICES) or None
        From 0 to 1: who of those that spin gets an unfair lock, each time that it is given back. None if locks are
        fair: queued.
    cores : int
        Threads that can run at a time.
    handover, time_slice, context_switch : float
        Nanoseconds.
    """

    vm: Ints
    vmm: bool
    count: Ints
    think: Floats
    row: Ints
    scale: Floats | None
    programs: Sequence[Program]
    choice: Floats | None
    cores: int
    handover: float
    time_slice: float
    context_switch: float

    @property
    def runs(self) -> int:
        """How many."""
        return len(self.row)

    @property
    def guests(self) -> int:
        """Of each run."""
        return int(self.vm[-1]) + 1

    @cached_property
    def first(self) -> Ints:
        """First fault of each thread."""
        return np.cumsum(self.count) - self.count

    @cached_property
    def thread(self) -> Ints:
        """Thread of each fault of a run."""
        return np.repeat(np.arange(len(self.count)), self.count)

    def run(self, number: int) -> Case:
        """Return one of the runs."""
        one = slice(number, number + 1)
        return replace(
            self,
            think=self.think[one],
            row=self.row[one],
            scale=None if self.scale is None else self.scale[one],
            choice=None if self.choice is None else self.choice[one],
        )


@lru_cache(maxsize=256)
def stream(seed: int, number: int, size: int, pages: int = 1) -> npt.NDArray[Any]:
    """Return random numbers of a seed.

    Parameters
    ----------
    seed, number : int
        Which stream.
    size : int
        How many numbers: the first of the stream, or a permutation.
    pages : int
        Pages that a guest works on before each fault.

    Returns
    -------
    array (size,)
        Not to be written to.
    """
    random = np.random.default_rng([seed, number])
    drawn: npt.NDArray[Any]
    if number == _GUEST:
        drawn = random.standard_gamma(pages, size)  # as many exponential times
    elif number == _HOLD:
        drawn = random.exponential(size=size)
    else:
        drawn = random.permutation(size) if number == _FRAMES else random.random(size)
    drawn.flags.writeable = False
    return drawn


@lru_cache(maxsize=256)
def guest_work(seed: int, size: int, pages: int, mean: float) -> Floats:
    """Return how long a guest works before each of `size` faults of so many pages; not to be written to."""
    times = quantise(mean * stream(seed, _GUEST, size, pages))
    times.flags.writeable = False
    return times


def slowdown_of(costs: Costs, running: int) -> float:
    """Return the factor on work outside locks when so many CPUs run."""
    return 1 + costs.interference * (running - 1)


def make_case(
    compiler: Compiler,
    guests: int,
    vcpus: int,
    pages: int,
    cores: int | None,
    fair: bool,
    frames: str,
    seeds: Sequence[int],
) -> Case:
    """Lay out runs.

    Parameters
    ----------
    compiler : Compiler
        The protocol, the workload, the costs, how mmu_lock is held and how large a block is.
    guests, vcpus, pages : int
        How many; vCPUs and pages of each guest.
    cores : int or None
        None is one for each thread.
    fair : bool
        Whether locks are queued.
    frames : str
        ``"scattered"`` or ``"contiguous"``: where in memory the pages of a guest are.
    seeds : sequence of int
        One for each run.
    """
    costs, workload = compiler.costs, compiler.workload
    size = PAGES_A_BLOCK if compiler.block == "2M" else 1
    blocks = pages // size
    faulted = blocks // 2 if workload.ioctl else blocks
    total = guests * blocks
    each = vcpus + (workload.ioctl is not None)  # threads of a guest
    running = guests * each if cores is None else min(cores, guests * each)
    slowdown = slowdown_of(costs, running)

    def streams(number: int, size: int, pages: int = 1) -> npt.NDArray[Any]:
        return np.array([stream(seed, number, size, pages) for seed in seeds])

    def place() -> Ints:
        """Return the first frame of each fault, (runs, guests, blocks); only if a protocol asks for it."""
        order = streams(_FRAMES, total) if frames == "scattered" else np.tile(np.arange(total), (len(seeds), 1))
        frame: Ints = order.reshape(-1, guests, blocks) * size
        return frame

    vm = np.repeat(np.arange(guests), each)
    share = np.diff(np.arange(vcpus + 1) * faulted // vcpus)
    first_thread = np.arange(guests)[:, None] * each

    # What the vCPUs do: arrays (runs, guests, faulted).
    shape = (len(seeds), guests, faulted)
    thread = (first_thread + np.repeat(np.arange(vcpus), share)).reshape(-1)
    faults = Faults(thread, vm, size, slowdown, len(seeds), lambda: place()[..., :faulted].reshape(len(seeds), -1))
    row = compiler.rows(workload.fault, faults)
    if workload.other is not None:
        untagged = streams(_TAGGED, total) < UNTAGGED
        row = np.where(untagged, row, compiler.rows(workload.other, faults))
    row = row.reshape(shape)
    if costs.guest_variation == "exponential":
        worked = np.array([guest_work(seed, total, size, costs.guest_work) for seed in seeds])
        think = worked.reshape(-1, guests, blocks)[..., :faulted]
    else:
        think = np.full(shape, costs.guest_work * size)

    if workload.ioctl is not None:  # and then what each VMM's thread does
        copied = (blocks - faulted) * size
        share = np.append(share, copied)
        thread = np.repeat(first_thread[:, 0] + vcpus, copied)

        def page() -> Ints:
            where: Ints = (place()[..., faulted:, None] + np.arange(size)).reshape(len(seeds), -1)
            return where

        rows = compiler.rows(workload.ioctl, Faults(thread, vm, 1, slowdown, len(seeds), page))
        row = np.concatenate([row, rows.reshape(-1, guests, copied)], axis=2)
        think = np.concatenate([think, np.zeros((len(seeds), guests, copied))], axis=2)

    row, think = row.reshape(len(seeds), -1), think.reshape(len(seeds), -1)
    return Case(
        vm=vm,
        vmm=workload.ioctl is not None,
        count=np.tile(share, guests),
        think=think,
        row=row,
        scale=streams(_HOLD, row.shape[1]) if costs.hold_variation == "exponential" else None,
        programs=compiler.programs,
        choice=None if fair else streams(_UNFAIR, CHOICES),
        cores=running,
        handover=costs.handover,
        time_slice=costs.time_slice,
        context_switch=costs.context_switch,
    )
