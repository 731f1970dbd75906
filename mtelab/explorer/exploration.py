"""Explore a protocol in a situation, and follow one interleaving of it."""

from __future__ import annotations

from mtelab.explorer.model import Model, model, slices_with_all_tags
from mtelab.explorer.report import Report, report
from mtelab.explorer.search import search_in_slices
from mtelab.explorer.slices import Progress, Slices, finish
from mtelab.explorer.walk import Walk
from mtelab.sync.protocols import Function

MAX_STATES = 20_000_000
"""States that an exploration reaches at the most, unless told otherwise; about 30 bytes each."""

CUT_STATES = 100_000
"""As many where a program has more steps than can be followed: it may still be bad, but cannot turn out to be safe."""


def explore(
    protocol: str | Function,
    situation: str,
    cpus: int = 2,
    pages: int = 1,
    memory: str = "sc",
    mmu_lock: str | None = None,
    max_states: int = MAX_STATES,
    progress: Progress | None = None,
) -> Report:
    """Explore every interleaving of a protocol in a situation.

    Parameters
    ----------
    protocol : str or function
        Name in `mtelab.sync.PROTOCOLS`, or a generator function of ``cpu`` and ``page``.
    situation : str
        Name in `mtelab.sync.SITUATIONS`.
    cpus, pages : int
        How many take part, and on how many pages.
    memory : str
        ``"sc"``: every CPU sees every step at once, in one order. ``"arm"``: stores become visible out of order and
        loads read old values, unless a barrier, an acquire, a release or a lock orders them.
    mmu_lock : str, optional
        How stage-2 faults of one VM exclude each other: ``"exclusive"`` (to 6.1) or ``"shared"`` (6.2 on). By default
        as in the protocol's release; a function gets ``"shared"``.
    max_states : int
        Stop after so many; the verdict is then ``"unknown"`` unless something bad was found.
    progress : function, optional
        Called after each level, and more often in large ones, with the states and the level so far; returning True
        stops the search.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        For bad arguments.
    ProtocolError
        If the protocol does what no protocol may; the text names the CPU, the step and the line.

    Examples
    --------
    >>> import mtelab
    >>> mtelab.explore("clear-first", "two-vms").verdict
    'loses'
    """
    chosen = model(protocol, situation, cpus, pages, memory, mmu_lock)
    return finish(explore_in_slices(chosen, max_states), progress)


def explore_in_slices(model: Model, max_states: int = MAX_STATES) -> Slices[Report]:
    """Explore as `explore` does, in slices: for a figure that goes on listening while it searches.

    Parameters
    ----------
    model : Model
        From `mtelab.explorer.model`.
    max_states : int
        Stop after so many.

    Returns
    -------
    generator
        Yields the states and the level so far; returns the report. To close it gives the search up.

    Raises
    ------
    ValueError, ProtocolError
        As `explore` does, by one of its slices.
    """
    if isinstance(max_states, bool) or not isinstance(max_states, int) or max_states < 1:
        raise ValueError(f"max_states: {max_states!r}, expected a number of 1 or more")

    def explored(tags: set[int]) -> Slices[Report]:
        machine = model.build(tags, fused=model.memory == "arm")
        cut = any(program.cut for program in machine.programs)
        found = yield from search_in_slices(machine, min(max_states, CUT_STATES) if cut else max_states)
        return (yield from report(model, found, lambda: model.build(tags)))

    return (yield from slices_with_all_tags(explored))


def replay(
    protocol: str | Function,
    situation: str,
    schedule: str,
    cpus: int = 2,
    pages: int = 1,
    memory: str = "sc",
    mmu_lock: str | None = None,
) -> Walk:
    """Follow one interleaving, given as the schedule of a report or of a figure.

    Parameters
    ----------
    protocol, situation, cpus, pages, memory, mmu_lock
        As for `explore`.
    schedule : str
        Who moved, in order; see `mtelab.explorer.schedule`.

    Returns
    -------
    Walk
        At the end of the schedule; it can be taken back and continued.

    Raises
    ------
    ValueError
        For bad arguments, and for a schedule with a move that cannot be made.
    """
    walk = Walk(model(protocol, situation, cpus, pages, memory, mmu_lock))
    walk.go(schedule)
    return walk
