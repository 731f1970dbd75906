"""Timing for comparisons: the things compared take turns, so that a busy machine slows all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter


def best_of(
    functions: Mapping[str, Callable[[], object]], turns: int, clock: Callable[[], float] = perf_counter
) -> dict[str, float]:
    """Time functions that take turns, and return the best time of each in seconds.

    Parameters
    ----------
    functions : mapping of name to function
        What to time. Every function runs once before the first turn, so that memory is in place.
    turns : int
        How often each runs.
    clock : callable
        Returns seconds; a test passes one of its own.
    """
    for function in functions.values():
        function()
    best = dict.fromkeys(functions, float("inf"))
    for _turn in range(turns):
        for name, function in functions.items():
            start = clock()
            function()
            best[name] = min(best[name], clock() - start)
    return best
