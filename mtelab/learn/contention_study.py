"""A study of contention: chosen protocols over a growing number of vCPUs, guests or locks, with error bars.

It asks for runs in pieces of a fraction of a second, the first few seeds first, and keeps every result: what was seen
once is there at once. A figure shows it; a script can do without one.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from mtelab.contention import HASHES, Estimate, contend, estimate, sweep
from mtelab.learn.lock_limits import Limits, measured
from mtelab.learn.study_points import MEASURES, Point, Runs, exceeds_at, measure_of
from mtelab.learn.study_settings import ARRAY, COUNTS, GROWS, LOCKS, MOST_VCPUS, Settings, array_of
from mtelab.sync.protocols import PROTOCOLS, Function

__all__ = ["ARRAY", "COUNTS", "FIRST_SEEDS", "GROWS", "LOCKS", "ContentionStudy", "Point", "Settings"]

FIRST_SEEDS: Final = 3
"""Seeds of the first picture; the others follow."""
_TOO_SHORT, _TOO_LONG = 0.04, 0.12
"""Seconds of a piece."""
_ARRAYS = 4
"""Sizes of the array in a piece: each is a protocol of its own, and takes its time to be read."""
_MOST_KEPT = 40_000
"""Runs that are kept."""


class ContentionStudy:
    """Protocols to compare, under settings that may change at any time.

    Parameters
    ----------
    protocols : iterable of str, or mapping of str to function
        The series: names in `PROTOCOLS`, or functions of a learner's. ``"lock-array"`` has the size and the hash
        of the settings.
    settings : Settings
        To begin with.
    grows : str
        ``"vcpus"``, ``"guests"`` or ``"locks"``: what grows along the axis; its own setting then says where to look.
    loss : float
        Share of the CPUs' time from which on waiting counts as hurting.
    seeds : int
        Runs for each point in the end.
    clock : function
        Seconds of work, from any start.
    """

    def __init__(
        self,
        protocols: Iterable[str] | Mapping[str, str | Function] = tuple(PROTOCOLS),
        *,
        settings: Settings | None = None,
        grows: str = "vcpus",
        loss: float = 0.10,
        seeds: int = 10,
        clock: Callable[[], float] = time.thread_time,
    ) -> None:
        named = dict(protocols) if isinstance(protocols, Mapping) else {name: name for name in protocols}
        self.settings = settings or Settings()
        self.grows = grows
        self.loss = loss
        self.seeds = seeds
        self._clock = clock
        self._width = 64.0  # runs of a piece, of so many faults each
        self._faults = self.settings.faults_of_all
        self._kept: dict[tuple[Function, Settings], Runs] = {}
        self._in_view: dict[tuple[str, int], Runs] = {}
        self._viewed: tuple[Settings, str] = self.settings, grows
        self.series: dict[str, Function] = {}
        for name, function in named.items():
            self.add(name, function)
        self.chosen = list(self.series)
        if grows not in GROWS:
            raise ValueError(f"grows: {grows!r}, expected one of {', '.join(GROWS)}")
        if not 0 < loss < 1:
            raise ValueError(f"loss: {loss}, expected a share between 0 and 1")
        if self.settings.hash not in HASHES:
            raise ValueError(f"hash: {self.settings.hash!r}, expected one of {', '.join(HASHES)}")

    def add(self, name: str, function: str | Function) -> None:
        """Add a series, a name of the history or a learner's generator function.

        Raises
        ------
        ValueError
            If there is no such name, or the function cannot be run.
        """
        if isinstance(function, str) and function not in PROTOCOLS:
            raise ValueError(f"protocol: {function!r}, expected one of {', '.join(PROTOCOLS)}, or a function")
        if not isinstance(function, str):
            contend(function, guests=1, vcpus=1, pages=1)
        self.series[name] = PROTOCOLS[function] if isinstance(function, str) else function
        self._in_view.clear()

    # ---- where

    def places(self) -> tuple[int, ...]:
        """What grows, along the axis: vCPUs of each guest, guests, or locks."""
        settings = self.settings
        if self.grows == "locks":
            return LOCKS
        if self.grows == "guests":
            most = MOST_VCPUS // min(settings.vcpus, MOST_VCPUS)
        else:
            most = min(settings.faults, MOST_VCPUS // min(settings.guests, MOST_VCPUS))
        return tuple(count for count in COUNTS if count <= max(most, 1))

    def place(self) -> int:
        """Where on the axis to look: the setting of what grows, or the nearest below."""
        wanted = getattr(self.settings, self.grows)
        return max((place for place in self.places() if place <= wanted), default=1)

    def at(self, place: int) -> Settings:
        """Return the settings at a place of the axis."""
        grown: dict[str, Any] = {self.grows: place}
        settings = dataclasses.replace(self.settings, **grown)
        if settings.guests * settings.vcpus > MOST_VCPUS:  # only where locks grow
            settings = dataclasses.replace(settings, vcpus=max(1, MOST_VCPUS // settings.guests))
        return settings

    def x(self, place: int) -> int:
        """Return a place as the axis has it: vCPUs count those of all guests."""
        return place * self.settings.guests if self.grows == "vcpus" else place

    # ---- runs

    def protocol(self, name: str, place: int) -> Function:
        """Return what a series runs at a place of the axis: an array of locks is another one with each size."""
        function, settings = self.series[name], self.at(place)
        return array_of(settings.locks, settings.hash) if function is PROTOCOLS[ARRAY] else function

    def _runs(self, name: str, place: int) -> Runs:
        """Return the runs of a protocol at a place, found by all that decides them but their seeds."""
        settings, grows = self._viewed
        if settings is not self.settings or grows != self.grows:
            here: dict[str, Any] = {self.grows: getattr(self.settings, self.grows)}  # where one looks decides nothing
            if grows != self.grows or dataclasses.replace(settings, **here) != self.settings:
                self._in_view.clear()
            self._viewed = self.settings, self.grows
        runs = self._in_view.get((name, place))
        if runs is None:
            settings = self.at(place)
            key = self.protocol(name, place), dataclasses.replace(settings, locks=1, hash="pfn")
            runs = self._in_view[name, place] = self._kept.setdefault(key, Runs(settings))
        return runs

    def pieces(self, first: str = "") -> Iterator[tuple[int, int]]:
        """Do the runs that are missing, a piece at a time, and yield how many are done and wanted.

        Parameters
        ----------
        first : str
            The protocol of the first piece, which is that one's alone.

        Raises
        ------
        ValueError
            As `contend` does.
        """
        wanted = self.wanted()
        for seeds in (range(min(FIRST_SEEDS, self.seeds)), range(FIRST_SEEDS, self.seeds)):
            while work := self._next(seeds, first):
                first = ""
                started = self._clock()
                self._play(*work, seeds)
                took = self._clock() - started
                if took < _TOO_SHORT:
                    self._width = min(2 * self._width, 4096)
                elif took > _TOO_LONG:
                    self._width = max(self._width / 2, 1)
                yield self.done(), wanted

    def run(self) -> None:
        """Do all runs that are missing, here and now."""
        for _ in self.pieces():
            pass

    def fewest_seeds(self) -> int:
        """Runs behind the point that has the fewest."""
        return min(len(self._runs(*point).by_seed) for point in self._points())

    def _points(self) -> Iterator[tuple[str, int]]:
        for name in self.chosen:
            for place in self.places():
                yield name, place

    def wanted(self) -> int:
        """Runs of a complete picture."""
        return len({id(self._runs(*point)) for point in self._points()}) * self.seeds

    def done(self) -> int:
        """Runs of it that are there."""
        runs = {id(runs): runs for runs in (self._runs(*point) for point in self._points())}
        return sum(min(len(one.by_seed), self.seeds) for one in runs.values())

    def _next(self, seeds: range, first: str) -> tuple[list[str], list[int]] | None:
        """Protocols and places of the next piece: all places, as runs played side by side cost little more than one."""
        missing = {
            name: [place for place in self.places() if not self._runs(name, place).by_seed.keys() >= set(seeds)]
            for name in self.chosen
        }
        names = [name for name, places in missing.items() if places]
        if not names or not seeds:
            return None
        if first in names:
            names = [first]
        places = missing[names[0]]
        if self.grows == "locks":
            places = places[:_ARRAYS]
        faults = self.settings.faults_of_all
        self._width, self._faults = self._width * self._faults / faults, faults
        several = max(1, int(self._width) // (len(places) * len(seeds)))
        return [name for name in names if missing[name][: len(places)] == places][:several], places

    def _play(self, names: list[str], places: list[int], seeds: range) -> None:
        arguments = self.at(places[0]).arguments()
        if self.grows in arguments:
            arguments[self.grows] = places
            places = places[:1]
        protocols: dict[str, Function] = {}
        for place in places:
            for name in names:
                function = self.protocol(name, place)
                protocols[f"{name}\n{place}" if function is not self.series[name] else name] = function
        found = sweep(protocols, seed=list(seeds), **arguments)
        for row in found.rows():
            name, _, place = row["protocol"].partition("\n")
            place = row[self.grows] if self.grows in row else int(place or places[0])
            self._runs(name, place).by_seed[row["seed"]] = tuple(measure_of(row, measure) for measure in MEASURES)
        while len(self._kept) * self.seeds > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    # ---- what came out

    def points(self, name: str) -> list[Point]:
        """Return what is known of a protocol, along the axis."""
        found = []
        for place in self.places():
            runs = self._runs(name, place)
            if runs.by_seed:
                found.append(Point(self.x(place), runs.settings, len(runs.by_seed), runs.values()))
        return found

    def hurts_from(self, name: str) -> Estimate | None:
        """Return from where on the axis waiting costs more than `loss`, with an error bar; None if nowhere.

        Between two places it is interpolated, on the axis' logarithmic scale; each seed gives one value.
        """
        lost = MEASURES.index("lost")
        crossings: list[float] = []
        runs = {self.x(place): self._runs(name, place).by_seed for place in self.places()}
        seeds = set.intersection(*(set(found) for found in runs.values())) if runs else set()
        for seed in sorted(seeds):
            crossing = exceeds_at([(x, found[seed][lost]) for x, found in runs.items()], self.loss)
            if crossing is not None:
                crossings.append(crossing)
        return estimate(crossings) if 2 * len(crossings) > len(seeds) else None

    def knows_arrays(self) -> bool:
        """Whether all runs are there of an array of every size along the axis."""
        if self.grows != "locks" or ARRAY not in self.chosen:
            return False
        return all(len(self._runs(ARRAY, place).by_seed) >= self.seeds for place in self.places())

    def enough_locks(self) -> Point | None:
        """Return the smallest array from which on no more than `loss` is lost; None if the axis has none.

        It is unknown, and None, as long as runs of some size are missing.
        """
        if not self.knows_arrays():
            return None
        enough = None
        for point in reversed(self.points(ARRAY)):
            if point.values["lost"].mean > self.loss:
                break
            enough = point
        return enough

    def limits(self, name: str, place: int) -> Limits | None:
        """Return the closed forms' two times for a protocol at a place; None where they do not apply."""
        function, settings = self.protocol(name, place), self.at(place)
        try:
            found = measured(
                function, settings.workload, settings.block, settings.mmu_lock, settings.frames, settings.costs
            )
        except ValueError:  # a learner's function that fails: the runs say how
            return None
        if found is None:
            return None
        return found.at(settings.guests, settings.locks if self.series[name] is PROTOCOLS[ARRAY] else None)
