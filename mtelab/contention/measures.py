"""From lanes that have been played to the numbers of each run; the same numbers as `mtelab.contention.result` finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mtelab.contention.arrays import Floats
from mtelab.contention.lanes import Lanes
from mtelab.contention.played import Played

QUANTILES = (0.5, 0.99)


def quantiles(waits: Floats) -> Floats:
    """Return the median and the 99th percentile along the last axis, linear between neighbours.

    Parameters
    ----------
    waits : float array (..., faults)

    Returns
    -------
    float array (2, ...)
    """
    last = waits.shape[-1] - 1
    if not waits.any():
        return np.zeros((len(QUANTILES), *waits.shape[:-1]))
    places = [quantile * last for quantile in QUANTILES]
    below = [int(place) for place in places]
    above = [min(place + 1, last) for place in below]
    parted = np.partition(waits, sorted({*below, *above}), axis=-1)
    found = [
        parted[..., low] + (parted[..., high] - parted[..., low]) * (place - low)
        for low, high, place in zip(below, above, places, strict=True)
    ]
    return np.array(found)


def measure_lanes(lanes: Lanes, played: Played, of_run: int) -> dict[str, npt.NDArray[Any]]:
    """Return the measures of runs, one column each.

    Parameters
    ----------
    lanes : Lanes
        What was played; the lanes of a run follow each other.
    played : Played
        What came out.
    of_run : int
        Lanes of each run.
    """
    count = len(lanes.gap)
    runs = count // of_run
    ends = played.ends.reshape(runs, -1)
    end = np.where(np.isfinite(ends), ends, 0.0).max(axis=1)
    steady = ends.min(axis=1)
    pages, tail = _of_faults(lanes.pages, lanes), _of_faults(lanes.tail, lanes)
    in_time = played.released <= np.repeat(steady, of_run)[:, None] - tail
    done = in_time.sum(axis=1)
    if pages.shape[1] == 1:
        total, early = pages[:, 0] * lanes.faults, done * pages[:, 0]
    else:
        total, early = pages.sum(axis=1), (in_time * pages).sum(axis=1)
    waits = np.ascontiguousarray(played.fault_wait)
    waited = np.where(in_time, waits, 0.0).sum(axis=1) if waits.any() else np.zeros(count)
    waits = waits.reshape(runs, -1)
    total, early, waited, done = (column.reshape(runs, -1).sum(axis=1) for column in (total, early, waited, done))
    steady_wait = waited / done
    middle, high = quantiles(waits)
    utilisation, acquisitions, collisions = _use(lanes, played, np.repeat(end, of_run))
    return {
        "faults": np.full(runs, of_run * lanes.faults),
        "time_to_start": end,
        "throughput": total / end * 1e9,
        "steady_throughput": early / steady * 1e9,
        "wait_mean": waits.sum(axis=1) / waits.shape[1],
        "wait_p50": middle,
        "wait_p99": high,
        "wait_max": waits.max(axis=1),
        "steady_wait": steady_wait,
        "utilisation": utilisation.reshape(runs, -1).max(axis=1),
        "interrupts_off": np.maximum(played.interrupts_off, lanes.hidden_time).reshape(runs, -1).max(axis=1),
        "acquisitions": (acquisitions + lanes.hidden).reshape(runs, -1).sum(axis=1),
        "collisions": collisions.reshape(runs, -1).sum(axis=1),
    }


def _of_faults(by_hold: npt.NDArray[Any], lanes: Lanes) -> npt.NDArray[Any]:
    """Return the entries of a column that count at the last hold of each fault."""
    if lanes.last is None or by_hold.shape[1] == 1:
        return by_hold
    return by_hold[lanes.last].reshape(len(by_hold), -1)


def _use(lanes: Lanes, played: Played, end: Floats) -> tuple[Floats, npt.NDArray[Any], npt.NDArray[Any]]:
    """Return, of each lane, the share of time that its busiest lock was held, and how its own locks were found."""
    count, holds = lanes.gap.shape
    locks = lanes.own.shape[1]
    late = played.wait > 0
    if lanes.lock.shape[1] == 1:  # one and the same for each lane, whatever its number
        that = np.arange(locks) == lanes.lock
        taken, contended = that * holds, that * late.sum(axis=1, keepdims=True)
        held = that * lanes.time.sum(axis=1, keepdims=True) * (holds if lanes.time.shape[1] == 1 else 1)
    else:
        which = (lanes.lock + np.arange(count)[:, None] * locks).reshape(-1)
        size = count * locks
        taken = np.bincount(which, minlength=size).reshape(count, locks)
        order = None if played.order is None else played.order.T  # as it is in memory
        found = which.reshape(count, holds)[late] if order is None else which.take(order[late.T])
        contended = np.bincount(found, minlength=size).reshape(count, locks)
        if lanes.time.shape[1] == 1:
            held = taken * lanes.time
        else:
            held = np.bincount(which, weights=lanes.time.reshape(-1), minlength=size).reshape(count, locks)
    busy = (held + contended * lanes.handover[:, None]) / end[:, None]
    utilisation = busy.max(axis=1)
    if played.inside is not None:
        utilisation = np.maximum(utilisation, (played.inside / end[:, None]).max(axis=1))
    return utilisation, (taken * lanes.own).sum(axis=1), (contended * lanes.own).sum(axis=1)
