"""The contention engine against SimPy on the same workloads, in faults a second."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter, process_time
from typing import Any, Final, NamedTuple

from mtelab.contention.run import set_up
from mtelab.contention.sweeps import Sweep, sweep
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
    """One line: faults a second of a protocol in a workload, ours in a sweep of it alone, and SimPy's."""

    workload: str
    protocol: str
    ours: float
    simpy: float

    @property
    def ratio(self) -> float:
        """Ours over SimPy's: above 1 is faster."""
        return self.ours / self.simpy


def seconds(work: Callable[[], object]) -> float:
    """Processor time that some work takes: what else the machine does counts for little."""
    start = process_time()
    work()
    return process_time() - start


def settings(pages: int, given: dict[str, Any]) -> dict[str, Any]:
    """Return arguments of `sweep`: so many pages in all guests together."""
    guests = given.get("guests", 4)
    return {"guests": guests, "pages": max(pages // guests, 1), **given}


def ours(protocol: str, vcpus: int, seeds: int, given: dict[str, Any]) -> float:
    """Return the faults that a sweep of one protocol plays in a second."""
    results: list[Sweep] = []
    taken = seconds(lambda: results.append(sweep(protocol, vcpus=range(1, vcpus + 1), seed=range(seeds), **given)))
    return float(results[0]["faults"].sum() / taken)


def simpy(protocol: str, vcpus: int, given: dict[str, Any]) -> float:
    """Return the faults that SimPy plays in a second."""
    from mtelab.bench.simpy_model import Model

    faults, taken = 0, 0.0
    arguments = {"workload": "start-up", "cores": None, "block": "4K", "mmu_lock": None, **given}
    for count in FEW:
        setup = set_up(
            protocol, vcpus=min(count, vcpus), costs=None, fair=True, frames="scattered", seed=0, **arguments
        )
        case = setup.job().case()
        model = Model(case, keep=False)
        taken += seconds(model.run)
        faults += case.row.shape[1]
    return faults / taken


def rows(pages: int, vcpus: int, seeds: int) -> Iterator[Row]:
    """Measure each workload with three protocols, one row after another."""
    for name, given in WORKLOADS.items():
        for protocol in ("clear-first", "big-lock", "lock-array"):
            asked = settings(pages, given)
            yield Row(name, protocol, ours(protocol, vcpus, seeds, asked), simpy(protocol, vcpus, asked))


def run(pages: int, vcpus: int, seeds: int) -> int:
    """Print the table."""
    try:
        import simpy as _  # noqa: F401
    except ImportError:
        print("SimPy is not installed; it comes with the extra 'test'.")
        return 1
    print(f"Sweeps of 1 to {vcpus} vCPUs x {seeds} seeds, {pages:,} pages in all guests together (4, unless said).")
    print("Faults a second of processor time, in one process; SimPy's are of three of the runs.\n")
    print(f"{'workload':28} {'protocol':14} {'ours':>12} {'SimPy':>10} {'ratio':>7} {'target':>7}")
    for row in rows(pages, vcpus, seeds):
        print(
            f"{row.workload:28} {row.protocol:14} {row.ours:12,.0f} {row.simpy:10,.0f} {row.ratio:7.0f} {TARGET:7}",
            flush=True,
        )
    whole(pages, vcpus, seeds)
    return 0


def whole(pages: int, vcpus: int, seeds: int) -> None:
    """Print how long a sweep of all protocols takes, here and in a pool of two processes."""
    asked = settings(pages, {})
    print(f"\nAll {len(PROTOCOLS)} protocols, {len(PROTOCOLS) * vcpus * seeds:,} runs; by the clock:")
    start = perf_counter()
    found = sweep(vcpus=range(1, vcpus + 1), seed=range(seeds), **asked)
    faults, taken = int(found["faults"].sum()), perf_counter() - start
    print(f"{'in this process':28} {taken:6.2f} s, {faults / taken:12,.0f} faults/s")
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(abs, range(2)))  # both processes are there before the clock starts
        start = perf_counter()
        sweep(vcpus=range(1, vcpus + 1), seed=range(seeds), executor=pool, **asked)
        taken = perf_counter() - start
    print(f"{'in two processes':28} {taken:6.2f} s, {faults / taken:12,.0f} faults/s (target 10 s on two cores)")
    print(f"This machine has {os.cpu_count()} cores.")
