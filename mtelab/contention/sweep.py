"""Many runs: every combination of what is asked for, in this process or wherever an executor runs them."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mtelab.contention.case import Case
from mtelab.contention.costs import Costs
from mtelab.contention.events import play
from mtelab.contention.result import measure
from mtelab.contention.run import Setup, set_up
from mtelab.sync.protocols import PROTOCOLS, Function

PARAMETERS: Final = (
    "protocol", "workload", "guests", "vcpus", "pages", "cores", "block", "mmu_lock", "frames", "fair", "seed",
)  # fmt: skip
"""Columns of a sweep that say what was run."""
MEASURES: Final = (
    "faults", "time_to_start", "throughput", "steady_throughput", "wait_mean", "wait_p50", "wait_p99", "wait_max",
    "utilisation", "interrupts_off", "acquisitions", "collisions",
)  # fmt: skip
"""Columns of a sweep that say what came out; with the meanings and units they have in `Contention`."""

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
    setups = list(
        _setups(
            protocol,
            workload=workload,
            guests=guests,
            vcpus=vcpus,
            pages=pages,
            cores=cores,
            block=block,
            mmu_lock=mmu_lock,
            costs=costs,
            fair=fair,
            frames=frames,
            seed=seed,
        )
    )
    done: dict[int, dict[str, Any]] = {}
    try:
        for number, measures in _run(setups, executor):
            done[number] = measures
            if progress is not None:
                progress(len(done), len(setups))
            if cancel is not None and cancel():
                break
    except KeyboardInterrupt:
        pass
    return _table(setups, done)


def _several(value: Any) -> list[Any]:
    if isinstance(value, (str, Costs)) or not isinstance(value, Iterable):
        return [value]
    return list(value)


def _setups(protocol: Protocols, **arguments: Any) -> Iterator[Setup]:
    named = dict(protocol) if isinstance(protocol, Mapping) and protocol is not PROTOCOLS else None
    protocols: list[tuple[str | None, Any]] = (
        list(named.items()) if named is not None else [(None, one) for one in _several(protocol)]
    )
    for (name, function), *values in itertools.product(protocols, *map(_several, arguments.values())):
        yield set_up(function, name=name, **dict(zip(arguments, values, strict=True)))


def _run(setups: Sequence[Setup], executor: Executor | None) -> Iterator[tuple[int, dict[str, Any]]]:
    if executor is None:
        for number, setup in enumerate(setups):
            yield number, _measures(setup.case())
        return
    futures = [executor.submit(_measures, setup.case()) for setup in setups]
    try:
        for number, future in enumerate(futures):
            yield number, future.result()
    finally:
        for future in futures:
            future.cancel()


def _measures(case: Case) -> dict[str, Any]:
    return measure(case, play(case))


def _table(setups: Sequence[Setup], done: Mapping[int, Mapping[str, Any]]) -> Sweep:
    kept = sorted(done)
    labels = [setups[number].labels() for number in kept]
    costs = tuple(dict.fromkeys(setup.costs for setup in setups))
    columns: dict[str, npt.NDArray[Any]] = {
        name: np.array(list(map(operator.itemgetter(name), labels))) for name in PARAMETERS
    }
    columns["costs"] = np.array([costs.index(setups[number].costs) for number in kept], np.int64)
    for name in MEASURES:
        columns[name] = np.array([done[number][name] for number in kept])
    return Sweep(columns, costs, len(setups))
