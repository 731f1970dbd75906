"""What comes out of a study of contention: runs, the points of a curve, and where a curve crosses a level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from mtelab.contention import Estimate, estimate
from mtelab.learn.study_settings import Settings

MEASURES: Final = (
    "throughput", "wait_mean", "wait_p50", "wait_p99", "time_to_start", "utilisation", "interrupts_off", "lost",
)  # fmt: skip
"""What is kept of a run, as in `mtelab.contention.Contention`; and ``"lost"``, the share of the CPUs' time spent
waiting for locks."""


@dataclass(frozen=True)
class Point:
    """One protocol at one place of the axis.

    Attributes
    ----------
    x : int
        vCPUs of all guests, guests, or locks.
    settings : Settings
        All that was assumed there.
    seeds : int
        Runs.
    values : dict of str to Estimate
        Mean and 95 % interval of each of `MEASURES`; times in ns.
    """

    x: int
    settings: Settings
    seeds: int
    values: dict[str, Estimate]


class Runs:
    """Runs that differ in their seeds alone."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.by_seed: dict[int, tuple[float, ...]] = {}
        self._values: dict[str, Estimate] = {}
        self._estimated = 0

    def values(self) -> dict[str, Estimate]:
        """Means and error bars, worked out anew only when there are more runs."""
        if self._estimated != len(self.by_seed):
            columns = zip(*self.by_seed.values(), strict=True)
            self._values = {measure: estimate(column) for measure, column in zip(MEASURES, columns, strict=True)}
            self._estimated = len(self.by_seed)
        return self._values


def measure_of(row: dict[str, Any], measure: str) -> float:
    """One of `MEASURES` from a row of a sweep."""
    if measure != "lost":
        return float(row[measure])
    faults_a_page = row["faults"] / (row["guests"] * row["pages"])
    waiting = row["wait_mean"] * 1e-9 * row["steady_throughput"] * faults_a_page
    return min(float(waiting / row["cores"]), 1.0)


def exceeds_at(curve: list[tuple[int, float]], level: float) -> float | None:
    """Where a curve first exceeds a level, on a logarithmic axis."""
    before: tuple[int, float] | None = None
    for x, value in curve:
        if value > level:
            if before is None:
                return float(x)
            share = (level - before[1]) / (value - before[1])
            return math.exp(math.log(before[0]) + share * (math.log(x) - math.log(before[0])))
        before = x, value
    return None
