"""Long work in slices: between two of them others may work, and whoever drives it may stop it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

T = TypeVar("T")

Slices = Generator[tuple[int, int], bool | None, T]
"""Yields the states and the level so far after each slice, a fraction of a second; True sent to it stops the search,
which then makes the most of what it has. To close it gives everything up."""

Progress = Callable[[int, int], bool | None]
"""Called with the states and the level so far; True stops the search."""


def finish(slices: Slices[T], progress: Progress | None = None) -> T:
    """Do all slices here and now, and return what comes out; `progress` is told after each."""
    stop: bool | None = None
    while True:
        try:
            counts = slices.send(stop)
        except StopIteration as end:
            found: T = end.value
            return found
        stop = progress(*counts) if progress is not None else None


def quietly(slices: Slices[T], states: int, level: int) -> Slices[T]:
    """Slices of work that adds nothing to the counts, and that only closing stops."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            found: T = end.value
            return found
        yield states, level
