"""Many runs: every combination of what is asked for, in this process or wherever an executor runs them."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mtelab.contention.checks import count
from mtelab.contention.costs import Costs
from mtelab.contention.jobs import MEASURES, Columns, Job, run_jobs
from mtelab.contention.run import Setup, set_up
from mtelab.sync.protocols import PROTOCOLS, Function

PARAMETERS: Final = (
    "protocol", "workload", "guests", "vcpus", "pages", "cores", "block", "mmu_lock", "frames", "fair", "seed",
)  # fmt: skip
"""Columns of a sweep that say what was run."""
CHUNK: Final = 2_700_000
"""Pages of the runs that are played in one go, between two looks at `cancel`: half a second's work."""

Progress = Callable[[int, int], object]
Protocols = str | Function | Iterable[str | Function] | Mapping[str, str | Function]


class Estimate(NamedTuple):
    """The mean of a measure over seeds, with its error bar.

    Attributes
    ----------
    mean : float
        Mean over seeds.
    low, high : float
        95 % confidence interval of the mean (Student's t); equal to the mean if there is one seed.
    seeds : int
        How many.
    """

    mean: float
    low: float
    high: float
    seeds: int


@dataclass(frozen=True, eq=False)
class Sweep:
    """The results of a sweep: a table with one row a run.

    ``sweep["throughput"]`` is a column, `len` the number of rows.

    Attributes
    ----------
    columns : dict of str to array (runs,)
        `PARAMETERS` and `MEASURES`, and ``"costs"``, an index of `costs`.
    costs : tuple of Costs
        Those that were asked for.
    wanted : int
        Runs that were asked for.
    """

    columns: dict[str, npt.NDArray[Any]]
    costs: tuple[Costs, ...]
    wanted: int

    def __len__(self) -> int:
        return len(self.columns["protocol"])

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self.columns[name]

    @property
    def complete(self) -> bool:
        """Whether all runs that were asked for are there: it was not cancelled."""
        return len(self) == self.wanted

    def where(self, **values: Any) -> Sweep:
        """Return the runs whose parameters have these values: ``where(protocol="big-lock", vcpus=8)``."""
        chosen = np.ones(len(self), bool)
        for name, value in values.items():
            chosen &= self.columns[name] == value
        return Sweep({name: column[chosen] for name, column in self.columns.items()}, self.costs, int(chosen.sum()))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each run as a dict of plain values."""
        names = list(self.columns)
        for values in zip(*(column.tolist() for column in self.columns.values()), strict=True):
            yield dict(zip(names, values, strict=True))

    def estimates(self, measure: str, by: Sequence[str] = ("protocol", "vcpus")) -> dict[tuple[Any, ...], Estimate]:
        """Return the mean and error bar of a measure, for each combination of parameters.

        Parameters
        ----------
        measure : str
            One of `MEASURES`.
        by : sequence of str
            Parameters that tell combinations apart; runs that agree in them differ by their seed.

        Returns
        -------
        dict
            From the values of `by` to an `Estimate`, in the order of the runs.
        """
        groups: dict[tuple[Any, ...], list[float]] = {}
        keys = zip(*(self.columns[name].tolist() for name in by), strict=True)
        for key, value in zip(keys, self.columns[measure].tolist(), strict=True):
            groups.setdefault(key, []).append(value)
        return {key: estimate(values) for key, values in groups.items()}


# Student's t, two-sided 95 %, by degrees of freedom; 1.96 beyond.
_T95: Final = (
    math.nan, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


def estimate(values: Sequence[float]) -> Estimate:
    """Return the mean of some values with its 95 % confidence interval."""
    number = len(values)
    mean = math.fsum(values) / number
    if number == 1:
        return Estimate(mean, mean, mean, 1)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (number - 1) / number)
    half = (_T95[number - 1] if number <= len(_T95) else 1.96) * spread
    return Estimate(mean, mean - half, mean + half, number)


def sweep(
    protocol: Protocols = tuple(PROTOCOLS),
    workload: str | Iterable[str] = "start-up",
    guests: int | Iterable[int] = 4,
    vcpus: int | Iterable[int] = (1, 2, 4, 8),
    pages: int | Iterable[int | None] | None = None,
    *,
    cores: int | Iterable[int | None] | None = None,
    block: str | Iterable[str] = "4K",
    mmu_lock: str | Iterable[str | None] | None = None,
    costs: Costs | Iterable[Costs | None] | None = None,
    fair: bool | Iterable[bool] = True,
    frames: str | Iterable[str] = "scattered",
    seed: int | Iterable[int] = range(10),
    executor: Executor | None = None,
    progress: Progress | None = None,
    cancel: Callable[[], bool] | None = None,
) -> Sweep:
    """Run every combination of what `contend` takes: each argument is one value, or several.

    Parameters
    ----------
    protocol : str, function, or several, or mapping
        All eleven if left out. A mapping gives functions names of your own: ``{"64 locks": lock_array(64)}``.
    workload, guests, vcpus, pages, cores, block, mmu_lock, costs, fair, frames, seed
        As in `contend`.
    executor : concurrent.futures.Executor, optional
        Where to run: a process pool, ``dask.distributed.Client().get_executor()``, and so on. The numbers are the same
        everywhere. Functions are run here; what is sent is data, so a function of a notebook is no obstacle.
    progress : function, optional
        Called with the runs that are done and those that are wanted, now and then.
    cancel : function, optional
        Asked now and then; when it returns True, the sweep ends with the results it has. `KeyboardInterrupt` does the
        same.

    Returns
    -------
    Sweep
        The runs that were done, in the order of the arguments: the last varies quickest.

    Raises
    ------
    ValueError
        As in `contend`; nothing is run then.
    """
    seeds = [count("seed", one, 0) for one in _several("seed", seed)]
    arguments = {
        "workload": workload,
        "guests": guests,
        "vcpus": vcpus,
        "pages": pages,
        "cores": cores,
        "block": block,
        "mmu_lock": mmu_lock,
        "costs": costs,
        "fair": fair,
        "frames": frames,
    }
    setups = list(_setups(protocol, seeds[0], arguments))
    done: dict[int, Columns] = {}
    parts = 1 if executor is None else os.cpu_count() or 1
    try:
        for answers in _answers(_plan(setups, tuple(seeds), parts), executor, cancel):
            done |= answers
            if progress is not None:
                progress(len(done) * len(seeds), len(setups) * len(seeds))
            if cancel is not None and cancel():
                break
    except KeyboardInterrupt:
        pass
    return _table(setups, seeds, done)


def _several(name: str, value: Any) -> list[Any]:
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        return [value]
    values = list(value)
    if not values:
        raise ValueError(f"{name}: none given, expected one or more")
    return values


def _setups(protocol: Protocols, seed: int, arguments: Mapping[str, Any]) -> Iterator[Setup]:
    protocols: list[tuple[str | None, Any]]
    if isinstance(protocol, Mapping):
        protocols = _several("protocol", protocol.items())
    else:
        protocols = [(None, one) for one in _several("protocol", protocol)]
    columns = itertools.starmap(_several, arguments.items())
    for (name, function), *values in itertools.product(protocols, *columns):
        yield set_up(function, name=name, seed=seed, **dict(zip(arguments, values, strict=True)))


@dataclass
class _Chunk:
    """Jobs that are run in one go, and the numbers of the setups that each of them answers."""

    jobs: list[Job]
    answers: list[list[int]]
    size: int = 0


def _plan(setups: Sequence[Setup], seeds: tuple[int, ...], parts: int) -> list[_Chunk]:
    """Find the jobs and share them out, in so many parts or more. What looks the same to two protocols is run once."""
    jobs: dict[tuple[Any, ...], Job] = {}
    answers: dict[tuple[Any, ...], list[int]] = {}
    for setup in setups:
        setup.job(*seeds).cover()
    signatures: dict[int, tuple[Any, ...]] = {}
    numbers: dict[tuple[Any, ...], int] = {}
    for number, setup in enumerate(setups):
        job = setup.job(*seeds)
        if id(job.compiler) not in signatures:
            signatures[id(job.compiler)] = job.compiler.signature()
        same = numbers.setdefault(signatures[id(job.compiler)], len(numbers))
        key = same, job.guests, job.vcpus, job.pages, job.cores, job.fair, job.frames
        jobs.setdefault(key, job)
        answers.setdefault(key, []).append(number)
    most = min(CHUNK, -(-sum(job.size for job in jobs.values()) // parts))
    chunks = [_Chunk([], [])]
    for key, job in jobs.items():
        if chunks[-1].size and chunks[-1].size + job.size > most:
            chunks.append(_Chunk([], []))
        chunks[-1].jobs.append(job)
        chunks[-1].answers.append(answers[key])
        chunks[-1].size += job.size
    return chunks


def _answers(
    chunks: Sequence[_Chunk], executor: Executor | None, cancel: Callable[[], bool] | None
) -> Iterator[dict[int, Columns]]:
    """Yield the results of chunks by the numbers of setups, as they come."""
    if executor is None:
        for chunk in chunks:
            yield _by_setup(chunk, run_jobs(chunk.jobs))
        return
    pending = {executor.submit(run_jobs, chunk.jobs): chunk for chunk in chunks}
    try:
        while pending and not (cancel is not None and cancel()):
            for future in wait(pending, timeout=0.1, return_when=FIRST_COMPLETED).done:
                yield _by_setup(pending.pop(future), future.result())
    finally:
        for future in pending:
            future.cancel()


def _by_setup(chunk: _Chunk, results: Sequence[Columns]) -> dict[int, Columns]:
    return {number: result for numbers, result in zip(chunk.answers, results, strict=True) for number in numbers}


def _table(setups: Sequence[Setup], seeds: Sequence[int], done: Mapping[int, Columns]) -> Sweep:
    kept = sorted(done)
    labels = [setups[number].labels() for number in kept]
    costs = tuple(dict.fromkeys(setup.costs for setup in setups))
    columns: dict[str, npt.NDArray[Any]] = {
        name: np.repeat([label[name] for label in labels], len(seeds)) for name in PARAMETERS if name != "seed"
    }
    columns["seed"] = np.tile(np.array(seeds), len(kept))
    columns["costs"] = np.repeat([costs.index(setups[number].costs) for number in kept], len(seeds))
    for name in MEASURES:
        columns[name] = np.concatenate([done[number][name] for number in kept]) if kept else np.empty(0)
    return Sweep(columns, costs, len(setups) * len(seeds))
