"""The contention dashboard: from what many guests do to how long they wait, for every protocol at once."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import ipywidgets

from mtelab.contention import Contention, contend
from mtelab.learn.contention_study import ARRAY, GROWS, ContentionStudy, Point, Settings
from mtelab.sync.protocols import PROTOCOLS, Function
from mtelab.widgets.background import in_background
from mtelab.widgets.contention_chart import ContentionChart, with_error
from mtelab.widgets.contention_controls import ContentionControls
from mtelab.widgets.lock_timeline import LockTimeline
from mtelab.widgets.numbers_table import NumbersTable

COMPARED: Final = ("big-lock", ARRAY, "per-mm-lock", "page-lock")
"""Protocols that are compared at first."""
HEAD: Final = (
    "protocol", "vCPUs", "guests", "locks", "million pages/s", "wait µs", "wait p99 µs", "time to start ms",
    "time lost %", "busiest lock held %", "longest IRQs off µs", "seeds",
)  # fmt: skip
_REFRESH: Final = 0.3
"""Seconds between two drawings while runs go on."""
_REST: Final = 0.6
"""Seconds without a change until the timeline is drawn."""
_TIMELINE_FAULTS: Final = {"4K": 400, "2M": 8}


class ContentionDashboard(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """Compare protocols over a growing number of vCPUs, guests or locks.

    Parameters
    ----------
    protocols : iterable of str, or mapping of str to function, optional
        What to compare at first: names of the history, or a learner's functions under names of their own. All eleven
        can be chosen in the figure; ``"lock-array"`` has the number of locks and the hash of the controls.
    grows : str
        ``"vcpus"``, ``"guests"`` or ``"locks"``.
    focus : str, optional
        The protocol whose bounds and timeline are drawn; the first if left out.
    loss : float
        From which share of the CPUs' time on waiting counts as hurting.
    seeds : int
        Runs behind each point; error bars are 95 % intervals of the mean.
    **settings
        As in `contend`: ``guests=``, ``vcpus=``, ``pages=``, ``cores=``, ``workload=``, ``block=``, ``mmu_lock=``,
        ``frames=``, ``fair=``, ``costs=``; and ``locks=`` and ``hash=`` of the array.

    Examples
    --------
    >>> dashboard = ContentionDashboard(["big-lock", "page-lock"], guests=1)
    >>> dashboard.run()
    >>> print(dashboard.answer()[0])  # doctest: +ELLIPSIS
    big-lock hurts (more than 10 % of the CPUs' time lost to waiting) from 5.8 ± 0.1 vCPUs on.
    """

    def __init__(
        self,
        protocols: Iterable[str] | Mapping[str, str | Function] = COMPARED,
        *,
        grows: str = "vcpus",
        focus: str | None = None,
        loss: float = 0.10,
        seeds: int = 10,
        **settings: Any,
    ) -> None:
        named = dict(protocols) if isinstance(protocols, Mapping) else {name: name for name in protocols}
        study = ContentionStudy(tuple(PROTOCOLS), settings=Settings(**settings), grows=grows, loss=loss, seeds=seeds)
        for name, function in named.items():
            study.add(name, function)
        study.chosen = [name for name in study.series if name in named]
        self.study = study
        self.controls = ContentionControls(study, self._changed, self._stop_or_go_on)
        if focus is not None:
            self.controls.set("focus", focus)
            self.controls._first = (*self.controls._first[:-1], focus)
        self.chart = ContentionChart(study)
        self.table = NumbersTable(HEAD, self.rows, hidden=HEAD[1:4], title="The numbers")
        self.timeline = LockTimeline()
        self._timelines: dict[Any, Contention] = {}
        self._turn: object = None
        self._running = False
        self._task: asyncio.Task[None] | None = None
        super().__init__([self.controls, self.chart, self.table, self.timeline])
        self._start()

    # ---- what a cell may do

    def set(self, **values: Any) -> None:
        """Move controls: ``set(guests=4, grows="locks")``; ``clear=`` and ``guest_work=`` are nanoseconds."""
        for name, value in values.items():
            self.controls.set(name, value)
        self.controls.show()
        self._start()

    def choose(self, *names: str) -> None:
        """Compare these protocols."""
        self.controls.choose(list(names))
        self.controls.show()
        self._start()

    def add(self, **functions: Function) -> None:
        """Compare a learner's functions too: ``add(mine=my_protocol)``."""
        for name, function in functions.items():
            self.study.add(name, function)
        self.choose(*self.study.chosen, *functions)

    def run(self) -> None:
        """Do all runs here and now; for scripts."""
        for _ in self._work():
            pass

    def stop(self) -> None:
        """Stop after the piece at hand, and keep what there is."""
        self._running = False

    def rows(self) -> list[list[str]]:
        """Return all numbers, a row for each protocol and place of the axis, as the table and its copies have them."""
        return [_row(name, point) for name in self.study.chosen for point in self.study.points(name)]

    def answer(self) -> list[str]:
        """Say in sentences where it begins to hurt, or how many locks are enough, with error bars."""
        study, loss = self.study, f"{self.study.loss:.0%}".replace("%", " %")
        if study.grows == "locks":
            return [self._enough(loss)]
        unit = "vCPUs" if study.grows == "vcpus" else "guests"
        last = study.x(study.places()[-1])
        hurts, spared = [], []
        for name in study.chosen:
            found = study.hurts_from(name)
            if found is None:
                spared.append(name)
            else:
                hurts.append(f"{name} from {with_error(found)} {unit}")
        means = f"more than {loss} of the CPUs' time lost to waiting"
        said = [f"Hurts ({means}): {'; '.join(hurts) or 'none'}."]
        if spared:
            said.append(f"Not up to {last} {unit}: {', '.join(spared)}.")
        limits = study.limits(self.controls.focus, study.place())
        if limits is not None and limits.hold:
            said.append(
                f"{self.controls.focus} alone: a fault every {limits.cycle:,.0f} ns, {limits.hold:,.1f} ns of them "
                f"at {limits.lock}; the bounds (long dashes) meet at {limits.saturation:,.1f} vCPUs."
            )
        return said

    def _enough(self, loss: str) -> str:
        study = self.study
        settings = study.at(study.place())
        vcpus = f"{settings.guests * settings.vcpus} vCPUs"
        if ARRAY not in study.chosen:
            return f"Choose {ARRAY} to see how many locks are enough."
        if not study.knows_arrays():
            return f"With {vcpus}, the arrays are still being run."
        enough = study.enough_locks()
        if enough is None:
            return f"With {vcpus}, no array up to {study.places()[-1]:,} locks keeps the loss under {loss}."
        lost = with_error(enough.values["lost"], 0.01)
        locks = f"{enough.x} {'lock' if enough.x == 1 else 'locks'}"
        return f"With {vcpus}, an array of {locks} is enough for a loss under {loss}: {lost} %."

    # ---- running

    def _changed(self, name: str) -> None:
        self._start()

    def _stop_or_go_on(self) -> None:
        if self._running:
            self.stop()
        else:
            self._start()

    def _start(self) -> None:
        """Show what is at hand, and do what is missing: a first piece now, the rest while the notebook is awake."""
        work = self._work()
        next(work, None)
        self._task = in_background(work)  # in a script `run` does the rest

    def _work(self) -> Iterator[float | None]:
        """Do the missing runs, a piece at a time, and show them now and then; last, after a rest, the timeline.

        Yields how long to rest.
        """
        self._turn = turn = object()
        self._running = True
        study = self.study
        pieces, wanted, shown, seeds = study.pieces(self.controls.focus), study.wanted(), float("-inf"), 0
        if (done := study.done()) < wanted:
            self.controls.progress = [done, wanted, True]
        while self._running:
            try:
                piece = next(pieces, None)
            except ValueError as refusal:
                self.controls.status = f"Refused: {refusal}"
                break
            if piece is None:
                break
            complete = study.fewest_seeds()
            if time.monotonic() - shown > _REFRESH or complete > seeds == 0:  # the first picture of all is not held up
                self._show()
                shown, seeds = time.monotonic(), complete
            self.controls.progress = [*piece, True]
            yield None
            if self._turn is not turn:
                return  # another turn has begun, and shows itself
        finished, self._running = self._running, False
        self._show()
        self.controls.progress = [study.done(), wanted, False]
        if finished:
            yield _REST
            if self._turn is turn:
                self._draw_timeline()

    def _show(self) -> None:
        study, focus = self.study, self.controls.focus
        self.chart.focus = focus
        place = study.place()
        self.chart.title = f"{_words(study.at(place), study.grows)}: along the axis, {GROWS[study.grows]}"
        with self.chart.together():
            self.chart.show()
        here = {name: point for name in study.chosen for point in study.points(name) if point.x == study.x(place)}
        self.table.title = f"The numbers at the cursor, {_at(study, place)}; copies hold the whole axis"
        self.table.show([_row(name, here[name]) if name in here else _unknown(name) for name in study.chosen])
        answer = self.answer()
        self.controls.answer = answer
        self.chart.text = " ".join(answer)

    def _draw_timeline(self) -> None:
        study, focus = self.study, self.controls.focus
        settings = study.at(study.place())
        size = 512 if settings.block == "2M" else 1
        most = max(_TIMELINE_FAULTS[settings.block] // settings.guests, 1) * size
        settings = dataclasses.replace(settings, pages=min(settings.pages, most))
        key = (focus, settings)
        if key not in self._timelines:
            self._timelines = {key: contend(study.protocol(focus, study.place()), **settings.arguments())}
        run = self._timelines[key]
        self.timeline.title = f"Lock timeline of {focus}, {_at(study, study.place())}"
        with self.timeline.together():
            self.timeline.show(run)

    def __repr__(self) -> str:
        return f"ContentionDashboard: {self.controls.describe()} [run this cell to use the figure]"


def _words(settings: Settings, grows: str) -> str:
    parts = [settings.workload]
    if grows != "guests":
        parts.append(f"{settings.guests} guest{'s' * (settings.guests > 1)}")
    if grows != "vcpus":
        parts.append(f"{settings.vcpus} vCPU{'s' * (settings.vcpus > 1)} each")
    pages = f"{settings.pages:,} pages" if settings.block == "4K" else f"{settings.pages // 512} blocks of 2 MiB"
    return ", ".join([*parts, f"{pages} each"])


def _at(study: ContentionStudy, place: int) -> str:
    settings = study.at(place)
    vcpus = f"{settings.guests * settings.vcpus} vCPUs in all"
    return f"{place} locks and {vcpus}" if study.grows == "locks" else vcpus


def _unknown(name: str) -> list[str]:
    """A row whose runs are still to be done: the table keeps its height."""
    return [name, *["…"] * (len(HEAD) - 1)]


def _row(name: str, point: Point) -> list[str]:
    settings, values = point.settings, point.values
    shown: list[tuple[str, float]] = [
        ("throughput", 1e6),
        ("wait_mean", 1e3),
        ("wait_p99", 1e3),
        ("time_to_start", 1e6),
        ("lost", 0.01),
        ("utilisation", 0.01),
        ("interrupts_off", 1e3),
    ]
    cells = [with_error(values[measure], scale) for measure, scale in shown]
    where = [str(settings.guests * settings.vcpus), str(settings.guests), str(settings.locks) if name == ARRAY else ""]
    return [name, *where, *cells, str(point.seeds)]
