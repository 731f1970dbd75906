"""The contention engine against SimPy on the same workloads, in faults a second."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from time import perf_counter, process_time
from typing import Any, Final, NamedTuple

from mtelab.contention.run import compiler_for, set_up
from mtelab.contention.sweeps import sweep
from mtelab.sync.protocols import PROTOCOLS

TARGET: Final = 50
"""Times SimPy's faults a second."""
VCPUS: Final = 64
"""Counts of vCPUs in a sweep: from 1 to this."""
FEW: Final = (1, 8, 32)
"""Counts of vCPUs that SimPy runs, with one seed each; what is left out takes it as long for each fault."""
WORKLOADS: Final[dict[str, dict[str, Any]]] = {
    "start-up": {},
    "start-up, one guest": {"guests": 1},
    "start-up, mmu_lock shared": {"mmu_lock": "shared"},
    "resume": {"workload": "resume"},
    "migration": {"workload": "migration"},
    "steady-state": {"workload": "steady-state"},
}
"""What is swept, beside the default: four guests with one page in four each."""


class Row(NamedTuple):
    """One line: faults a second of a protocol in a workload, ours in a sweep of it alone, and SimPy's.

    Attributes
    ----------
    workload, protocol : str
        Of the sweep.
    ours, simpy : float
        In one process, by the processor's time.
    ours_shared, simpy_shared : float
        In two processes at once, by the clock.
    """

    workload: str
    protocol: str
    ours: float
    simpy: float
    ours_shared: float
    simpy_shared: float

    def __str__(self) -> str:
        ratios = self.ours / self.simpy, self.ours_shared / self.simpy, self.ours_shared / self.simpy_shared
        return (
            f"{self.workload:26}{self.protocol:12}{self.ours:12,.0f}{self.simpy:9,.0f}{ratios[0]:6.0f}"
            f"{self.ours_shared:14,.0f}{self.simpy_shared:9,.0f}{ratios[1]:8.0f}{ratios[2]:7.0f}{TARGET:8}"
        )


HEAD: Final = (
    f"{'':38}{'one process':>27}{'two processes':>38}\n"
    f"{'workload':26}{'protocol':12}{'ours':>12}{'SimPy':>9}{'ratio':>6}"
    f"{'ours':>14}{'SimPy':>9}{'to one':>8}{'to two':>7}{'target':>8}"
)


def settings(pages: int, given: dict[str, Any]) -> dict[str, Any]:
    """Return arguments of `sweep`: so many pages in all guests together."""
    guests = given.get("guests", 4)
    return {"guests": guests, "pages": max(pages // guests, 1), **given}


def ours(
    protocol: str,
    vcpus: int,
    seeds: int,
    given: dict[str, Any],
    clock: Callable[[], float] = process_time,
    pool: Executor | None = None,
) -> float:
    """Return the faults that a sweep of one protocol plays in a second, here or in a pool."""
    compiler_for.cache_clear()  # finding out what the protocol does is part of it
    start = clock()
    found = sweep(protocol, vcpus=range(1, vcpus + 1), seed=range(seeds), executor=pool, **given)
    return float(found["faults"].sum() / (clock() - start))


def simpy(protocol: str, vcpus: int, given: dict[str, Any]) -> tuple[int, float]:
    """Return the faults that SimPy plays, and the processor's time that it takes for them."""
    from mtelab.bench.simpy_model import Model

    faults, taken = 0, 0.0
    arguments = {"workload": "start-up", "cores": None, "block": "4K", "mmu_lock": None, **given}
    for count in FEW:
        setup = set_up(
            protocol, vcpus=min(count, vcpus), costs=None, fair=True, frames="scattered", seed=0, **arguments
        )
        case = setup.job().case()
        model = Model(case, keep=False)
        start = process_time()
        model.run()
        taken += process_time() - start
        faults += case.row.shape[1]
    return faults, taken


def rows(pages: int, vcpus: int, seeds: int, pool: Executor) -> Iterator[Row]:
    """Measure each workload with three protocols, one row after another."""
    for name, given in WORKLOADS.items():
        for protocol in ("clear-first", "big-lock", "lock-array"):
            asked = settings(pages, given)
            alone = ours(protocol, vcpus, seeds, asked)
            shared = ours(protocol, vcpus, seeds, asked, perf_counter, pool)
            faults, taken = simpy(protocol, vcpus, asked)
            start = perf_counter()
            both = list(pool.map(simpy, *zip(*[(protocol, vcpus, asked)] * 2, strict=True)))
            simpy_shared = sum(played for played, _ in both) / (perf_counter() - start)
            yield Row(name, protocol, alone, faults / taken, shared, simpy_shared)


def run(pages: int, vcpus: int, seeds: int) -> int:
    """Print the table."""
    try:
        import simpy as _  # noqa: F401
    except ImportError:
        print("SimPy is not installed; it comes with the extra 'test'.")
        return 1
    print(f"Faults a second in sweeps of 1 to {vcpus} vCPUs x {seeds} seeds, {pages:,} pages in all guests together.")
    print("Four guests, unless said. In one process by the processor's time, in two by the clock.")
    print("SimPy's are of three of the runs; our two processes are held against one and against two of SimPy's.")
    print(f"This machine has {os.cpu_count()} cores.\n")
    print(HEAD)
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(abs, range(2)))  # both processes are there before the clock starts
        for row in rows(pages, vcpus, seeds, pool):
            print(row, flush=True)
        whole(pages, vcpus, seeds, pool)
    return 0


def whole(pages: int, vcpus: int, seeds: int, pool: Executor) -> None:
    """Print how long a sweep of all protocols takes, here and in a pool of two processes."""
    asked = settings(pages, {})
    print(f"\nAll {len(PROTOCOLS)} protocols, {len(PROTOCOLS) * vcpus * seeds:,} runs; by the clock:")
    for name, where in (("in this process", None), ("in two processes", pool)):
        compiler_for.cache_clear()
        start = perf_counter()
        found = sweep(vcpus=range(1, vcpus + 1), seed=range(seeds), executor=where, **asked)
        taken = perf_counter() - start
        target = "" if where is None else " (target 10 s on two cores)"
        print(f"{name:28} {taken:6.2f} s, {found['faults'].sum() / taken:12,.0f} faults/s{target}")
