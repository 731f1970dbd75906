"""`contend`: one run, from what is asked to what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from mtelab.contention.checks import count, one_of
from mtelab.contention.compiler import Compiler
from mtelab.contention.costs import Costs
from mtelab.contention.jobs import Job, play_case
from mtelab.contention.result import Contention, measure
from mtelab.contention.workloads import PAGES_A_BLOCK, Block, find_workload
from mtelab.sync.protocols import Function, Historical, MmuLock
from mtelab.sync.situations import find_protocol

Frames = Literal["scattered", "contiguous"]

MOST_FAULTS: Final = 10_000_000
"""Of all guests together, in one run."""


DEFAULT_COSTS: Final = Costs()


@dataclass(frozen=True)
class Setup:
    """What is asked for, checked, with every default filled in; the arguments are those of `contend`."""

    protocol: Function
    name: str
    workload: str
    guests: int
    vcpus: int
    pages: int
    cores: int | None
    block: Block
    mmu_lock: MmuLock
    costs: Costs
    fair: bool
    frames: Frames
    seed: int

    def job(self, *seeds: int) -> Job:
        """Lay it out for an engine; with several seeds, if they are given."""
        compiler = compiler_for(self.name, self.protocol, self.workload, self.costs, self.mmu_lock, self.block)
        return Job(
            compiler, self.guests, self.vcpus, self.pages, self.cores, self.fair, self.frames, seeds or (self.seed,)
        )

    def labels(self) -> dict[str, Any]:
        """Return the arguments as a result has them."""
        threads = self.guests * (self.vcpus + (find_workload(self.workload).ioctl is not None))
        return {
            "protocol": self.name,
            "workload": self.workload,
            "guests": self.guests,
            "vcpus": self.vcpus,
            "pages": self.pages,
            "cores": threads if self.cores is None else self.cores,
            "block": self.block,
            "mmu_lock": self.mmu_lock,
            "frames": self.frames,
            "fair": self.fair,
            "seed": self.seed,
        }


@lru_cache(maxsize=64)
def compiler_for(
    name: str, function: Function, workload: str, costs: Costs, mmu_lock: MmuLock, block: Block
) -> Compiler:
    """Return a compiler, the same one for the same protocol and workload."""
    return Compiler(name, function, find_workload(workload), costs, mmu_lock, block)


def set_up(
    protocol: str | Function,
    workload: str,
    guests: int,
    vcpus: int,
    pages: int | None,
    cores: int | None,
    block: str,
    mmu_lock: str | None,
    costs: Costs | None,
    fair: bool,
    frames: str,
    seed: int,
    name: str | None = None,
) -> Setup:
    """Check arguments and fill in defaults; see `contend`."""
    function = find_protocol(protocol)
    if name is None:
        name = function.name if isinstance(function, Historical) else str(getattr(function, "__name__", repr(function)))
    find_workload(workload)
    one_of("block", block, ("4K", "2M"))
    size = PAGES_A_BLOCK if block == "2M" else 1
    number = count("pages", 16 * size if block == "2M" else 1024) if pages is None else count("pages", pages)
    if number % size:
        raise ValueError(f"pages: {pages}, expected a multiple of {size} with block='2M'")
    if mmu_lock is None:
        mmu_lock = function.mmu_lock if isinstance(function, Historical) else "shared"
    if costs is None:
        costs = DEFAULT_COSTS
    if not isinstance(costs, Costs):
        raise ValueError(f"costs: {costs!r}, expected Costs(...)")
    if count("guests", guests) * number > MOST_FAULTS:
        raise ValueError(f"pages: {number:,} in each of {guests:,} guests, expected at most {MOST_FAULTS:,} in all")
    return Setup(
        function,
        name,
        workload,
        count("guests", guests),
        count("vcpus", vcpus),
        number,
        None if cores is None else count("cores", cores),
        one_of("block", block, ("4K", "2M")),
        one_of("mmu_lock", mmu_lock, ("exclusive", "shared")),
        costs,
        one_of("fair", fair, (True, False)),
        one_of("frames", frames, ("scattered", "contiguous")),
        count("seed", seed, 0),
    )


def contend(
    protocol: str | Function,
    workload: str = "start-up",
    guests: int = 4,
    vcpus: int = 4,
    pages: int | None = None,
    *,
    cores: int | None = None,
    block: str = "4K",
    mmu_lock: str | None = None,
    costs: Costs | None = None,
    fair: bool = True,
    frames: str = "scattered",
    seed: int = 0,
) -> Contention:
    """Run many guests that fault at once, and say what the protocol cost them.

    Parameters
    ----------
    protocol : str or generator function
        A name in `mtelab.sync.PROTOCOLS`, or a function of cpu and page that yields steps.
    workload : str
        ``"start-up"``, ``"resume"``, ``"migration"`` or ``"steady-state"``; see `WORKLOADS`.
    guests : int
        Virtual machines that run at the same time.
    vcpus : int
        vCPUs of each guest. They share its pages evenly.
    pages : int, optional
        4 KiB pages of each guest. 1,024 if left out, or 8,192 in 2 MiB blocks.
    cores : int, optional
        Cores of the machine. As many as there are vCPUs (and VMM threads) if left out. With fewer, those that have no
        core wait in one queue, and time slices go round.
    block : str
        ``"4K"``, or ``"2M"``: a fault maps 512 pages at once, with the protocol run on each under one mmu_lock.
    mmu_lock : str, optional
        How faults of one guest exclude each other: ``"exclusive"`` (to 6.1) or ``"shared"`` (6.2 on). As the
        protocol's release had it if left out; shared for a function.
    costs : Costs, optional
        What each step takes, and how it varies.
    fair : bool
        Queued spinlocks, first come first served; or such that any of the waiting CPUs gets the lock.
    frames : str
        Where the pages of a guest are in memory, which is what a lock array hashes: ``"scattered"`` or
        ``"contiguous"``.
    seed : int
        The same seed gives the same result.

    Returns
    -------
    Contention
        The numbers, and a timeline.

    Raises
    ------
    ValueError
        If an argument is out of range or unknown, or the protocol cannot be run; the text names the argument.

    Examples
    --------
    >>> contend("big-lock", guests=16, vcpus=4).utilisation > 0.9
    True
    """
    setup = set_up(protocol, workload, guests, vcpus, pages, cores, block, mmu_lock, costs, fair, frames, seed)
    job = setup.job()
    case = job.case()
    return Contention(**setup.labels(), **measure(case, play_case(job.compiler, case)), costs=setup.costs, case=case)
