"""Plays many runs: the fast engine where lanes can be played side by side, the plain one for the rest."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mtelab.contention.case import Case, make_case, slowdown_of
from mtelab.contention.compiler import Compiler
from mtelab.contention.engine import play_lanes
from mtelab.contention.events import Deadlock, Records, play
from mtelab.contention.lanes import FAR, Lanes
from mtelab.contention.layout import lanes_of
from mtelab.contention.measures import measure_lanes
from mtelab.contention.result import measure
from mtelab.contention.tables import Tables

MEASURES: Final = (
    "faults", "time_to_start", "throughput", "steady_throughput", "wait_mean", "wait_p50", "wait_p99", "wait_max",
    "steady_wait", "utilisation", "interrupts_off", "acquisitions", "collisions",
)  # fmt: skip
"""Numbers that a sweep keeps of each run; with the meanings and units they have in `Contention`."""

FEWEST: Final = 6
"""Lanes that are worth playing side by side; fewer go to the plain engine."""
MOST_HOLDS: Final = 3_000_000
"""Holds that are played at a time: what fits a memory of 150 MB."""

Columns = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Job:
    """Runs that differ in their seeds alone; the arguments are those of `make_case`."""

    compiler: Compiler
    guests: int
    vcpus: int
    pages: int
    cores: int | None
    fair: bool
    frames: str
    seeds: tuple[int, ...]

    def case(self) -> Case:
        """Lay them out."""
        return make_case(
            self.compiler, self.guests, self.vcpus, self.pages, self.cores, self.fair, self.frames, self.seeds
        )

    @property
    def size(self) -> int:
        """Pages of all runs together, by which jobs are shared out."""
        return self.guests * self.pages * len(self.seeds)

    def cover(self) -> None:
        """Have the compiler find all programs that the runs need, so that they can be played elsewhere."""
        threads = self.guests * (self.vcpus + (self.compiler.workload.ioctl is not None))
        running = threads if self.cores is None else min(self.cores, threads)
        self.compiler.cover(self.guests, self.vcpus, self.pages, slowdown_of(self.compiler.costs, running))


def run_jobs(jobs: Sequence[Job]) -> list[Columns]:
    """Play jobs.

    Returns
    -------
    list of dict
        For each job its `MEASURES`, as arrays (runs,).

    Raises
    ------
    ValueError
        If a protocol has CPUs wait for each other's locks for ever.
    """
    results: dict[int, Columns] = {}
    fits: dict[tuple[object, ...], list[tuple[int, Lanes]]] = {}
    tables: dict[tuple[int, int], Tables] = {}
    for number, job in enumerate(jobs):
        case = job.case()
        key = id(job.compiler), len(case.programs)
        if key not in tables:
            tables[key] = Tables(case.programs)
        lanes = lanes_of(case, tables[key])
        if lanes is None:
            results[number] = _one_by_one(job)
        elif lanes.free:  # nothing to gain side by side
            results |= _side_by_side([(number, lanes)], len(lanes.gap) // case.runs)
        else:
            fits.setdefault((*lanes.shape, len(lanes.gap) // case.runs), []).append((number, lanes))
    for (*_, of_run), group in fits.items():
        for batch in _batches(group):
            if sum(len(lanes.gap) for _, lanes in batch) < FEWEST:
                results |= {number: _one_by_one(jobs[number]) for number, _ in batch}
                continue
            results |= _side_by_side(batch, int(str(of_run)))
    return [results[number] for number in range(len(jobs))]


def play_case(compiler: Compiler, case: Case) -> Records:
    """Play the first run of a case with the plain engine.

    Raises
    ------
    ValueError
        If the protocol has CPUs wait for each other's locks for ever.
    """
    try:
        return play(case)
    except Deadlock:
        raise ValueError(f"protocol: {compiler.name} deadlocks: CPUs wait for each other's locks") from None


def _one_by_one(job: Job) -> Columns:
    case = job.case()
    measures = [measure(one, play_case(job.compiler, one)) for one in map(case.run, range(case.runs))]
    return {name: np.array([found[name] for found in measures]) for name in MEASURES}


def _side_by_side(batch: list[tuple[int, Lanes]], of_run: int) -> dict[int, Columns]:
    lanes = stack([lanes for _, lanes in batch])
    columns = measure_lanes(lanes, play_lanes(lanes), of_run)
    results, row = {}, 0
    for number, part in batch:
        runs = len(part.gap) // of_run
        results[number] = {name: values[row : row + runs] for name, values in columns.items()}
        row += runs
    return results


def _batches(group: list[tuple[int, Lanes]]) -> Iterator[list[tuple[int, Lanes]]]:
    """Share lanes out, those with as many threads together."""
    batch: list[tuple[int, Lanes]] = []
    size = 0
    for number, lanes in sorted(group, key=lambda pair: pair[1].request[0].size):
        if batch and size + lanes.gap.size > MOST_HOLDS:
            yield batch
            batch, size = [], 0
        batch.append((number, lanes))
        size += lanes.gap.size
    yield batch


def stack(parts: Sequence[Lanes]) -> Lanes:
    """Put lanes of one shape together: room is made for the most threads and locks that any of them has."""
    if len(parts) == 1:
        return parts[0]
    filler = {"request": 2 * FAR, "own": False}
    columns = {}
    for field in dataclasses.fields(Lanes):
        values = [getattr(part, field.name) for part in parts]
        if not isinstance(values[0], np.ndarray):
            columns[field.name] = values[0]
        elif field.name in ("request", "position", "ending", "own"):
            columns[field.name] = _padded(values, filler.get(field.name, 0))
        else:
            columns[field.name] = _widened(values)
    return Lanes(**columns)


def _padded(values: Sequence[npt.NDArray[Any]], filler: float) -> npt.NDArray[Any]:
    """Concatenate arrays that differ in their later lengths."""
    shape = tuple(max(lengths) for lengths in zip(*(value.shape[1:] for value in values), strict=True))
    whole = np.full((sum(map(len, values)), *shape), filler, values[0].dtype)
    start = 0
    for value in values:
        whole[(slice(start, start + len(value)), *map(slice, value.shape[1:]))] = value
        start += len(value)
    return whole


def _widened(values: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Concatenate columns, some of which may be short."""
    width = max(value.shape[-1] for value in values)
    return np.concatenate(
        [np.broadcast_to(value, (*value.shape[:-1], width)) if value.ndim > 1 else value for value in values]
    )
