"""The lock timeline: who held which lock, and who waited for it, moment by moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bokeh.models import ColumnDataSource, FixedTicker, HoverTool, Range1d
from bokeh.plotting import figure

from mtelab.contention import WORKLOADS, Contention, Interval
from mtelab.widgets import theme
from mtelab.widgets.bokeh_chart import BokehChart

MOST_SHOWN: Final = 1500
"""Acquisitions that are drawn, the first of a run."""
_HEIGHT: Final = 0.84
_BUTTONS: Final = {
    "Zoom in": "Look at the middle half",
    "Zoom out": "Look at twice as much",
    "Earlier": "Half a window back",
    "Later": "Half a window on",
}


class LockTimeline(BokehChart):
    """A run's acquisitions of locks: a lane a vCPU, a thin line while it waits, a bar while it holds.

    A VM's mmu_lock is the narrow bar at the foot of the lane. Drag to zoom; the buttons do it from the keyboard.
    """

    def __init__(self) -> None:
        self.holds, self.waits = ColumnDataSource(_columns()), ColumnDataSource(_columns())
        self.x_range, self.y_range = Range1d(0, 10), Range1d(0.5, -0.5)
        self.end = 10.0
        self.run: Contention | None = None
        plot = figure(
            x_range=self.x_range,
            y_range=self.y_range,
            x_axis_label="µs since the start",
            y_axis_label="guest.vCPU",
            height=270,
            sizing_mode="stretch_width",
            toolbar_location=None,
            tools="xbox_zoom",
        )
        plot.ygrid.visible = False
        plot.yaxis.ticker = FixedTicker(ticks=[])
        bars = plot.quad(
            "left",
            "right",
            "top",
            "bottom",
            source=self.holds,
            fill_color="colour",
            line_color=None,
        )
        lines = plot.segment("left", "top", "right", "top", source=self.waits, line_color="colour", line_width=2)
        says = [("", "@who"), ("", "@what")]
        plot.add_tools(HoverTool(renderers=[bars, lines], tooltips=says))
        super().__init__(plot, title="Lock timeline")
        self.buttons = _BUTTONS

    def paint(self, mode: str) -> None:
        """Colour the chart and its bars for `mode`."""
        super().paint(mode)
        self.mode = mode
        if self.run is not None:
            self._draw(self.run)

    def show(self, run: Contention) -> None:
        """Draw a run, from its start to where its first bars end."""
        self.run = run
        self._draw(run)
        self.end = max(self.holds.data["right"], default=run.time_to_start / 1e3) or 1.0
        lanes = run.guests * _threads(run)
        names = {lane: _name(run, lane) for lane in range(lanes)}
        step = max(1, lanes // 16)
        plot = self.plot
        plot.yaxis[0].ticker.ticks = list(range(0, lanes, step))
        plot.yaxis[0].major_label_overrides = names
        self.y_range.start, self.y_range.end = lanes - 0.4, -0.6
        self.x_range.start, self.x_range.end = 0, self.end
        self.keep_ranges()
        self.text = self._words(run)
        few = len(run.timeline) > MOST_SHOWN
        self.status = (
            "Bar: a lock is held. Thin line: it is waited for. The narrow bar is mmu_lock, the wide one the "
            f"protocol's own. {run.faults} faults{f', the first {MOST_SHOWN:,} locks' if few else ''}; drag to zoom."
        )

    def zoom(self, factor: float) -> None:
        """Look at `factor` times as much around the middle: 0.5 zooms in."""
        start, end = self.window
        middle, half = (start + end) / 2, (end - start) / 2 * factor
        self._look_at(middle - half, middle + half)

    def move(self, windows: float) -> None:
        """Move along by a number of windows: 0.5 is half of one later."""
        start, end = self.window
        by = (end - start) * windows
        self._look_at(start + by, end + by)

    @property
    def window(self) -> tuple[float, float]:
        """What is in sight, µs."""
        return self.x_range.start, self.x_range.end

    def _look_at(self, start: float, end: float) -> None:
        width = min(end - start, self.end)
        start = min(max(start, 0.0), self.end - width)
        self.x_range.start, self.x_range.end = start, start + width

    def on_press(self, button: str) -> None:
        """Handle one of the buttons."""
        acts: dict[str, Callable[[], None]] = {
            "Zoom in": lambda: self.zoom(0.5),
            "Zoom out": lambda: self.zoom(2),
            "Earlier": lambda: self.move(-0.5),
            "Later": lambda: self.move(0.5),
        }
        acts[button]()

    def _draw(self, run: Contention) -> None:
        holds, waits = _columns(), _columns()
        colours = theme.SERIES[self.mode]
        for interval in run.timeline[:MOST_SHOWN]:
            who = f"guest {interval.guest}, {_kind(run, interval.thread)}, fault {interval.fault}"
            top, bottom = _place(interval)
            mmu = interval.lock == "mmu_lock"
            if interval.granted > interval.requested:
                middle = (top + bottom) / 2
                what = f"waits for {interval.lock} for {interval.granted - interval.requested:,.0f} ns"
                times = interval.requested / 1e3, interval.granted / 1e3
                _add(waits, *times, middle, middle, colours[3 if mmu else 1], who, what)
            what = f"holds {interval.lock} for {interval.released - interval.granted:,.0f} ns"
            times = interval.granted / 1e3, interval.released / 1e3
            _add(holds, *times, top, bottom, colours[3 if mmu else 0], who, what)
        self.holds.data, self.waits.data = holds, waits

    def _words(self, run: Contention) -> str:
        uses = [
            f"{use.name} is held {use.utilisation:.0%} of the time; a request waits {use.wait_mean:,.0f} ns on average"
            for use in run.locks.values()
        ]
        return f"{'; '.join(uses) or 'no lock is taken'}."

    def describe(self) -> str:
        """Say whose run is shown."""
        run = self.run
        return "no run yet" if run is None else f"{run.protocol}, {run.guests} guests of {run.vcpus} vCPUs"


_COLUMNS: Final = ("left", "right", "top", "bottom", "colour", "who", "what")


def _columns() -> dict[str, list[Any]]:
    return {name: [] for name in _COLUMNS}


def _add(columns: dict[str, list[Any]], *values: Any) -> None:
    for name, value in zip(_COLUMNS, values, strict=True):
        columns[name].append(value)


def _place(interval: Interval) -> tuple[float, float]:
    """Top and bottom of a bar in its lane; the axis runs downwards."""
    foot = interval.thread + _HEIGHT / 2
    if interval.lock == "mmu_lock":
        return foot - 0.22, foot
    return interval.thread - _HEIGHT / 2, foot - 0.26


def _threads(run: Contention) -> int:
    """Threads of a guest: its vCPUs, and one of its VMM where that has something to do."""
    return run.vcpus + (WORKLOADS[run.workload].ioctl is not None)


def _name(run: Contention, lane: int) -> str:
    """What the axis calls a lane."""
    guest, thread = divmod(lane, _threads(run))
    return f"{guest}.{'VMM' if thread == run.vcpus else thread}"


def _kind(run: Contention, lane: int) -> str:
    thread = lane % _threads(run)
    return "VMM's thread" if thread == run.vcpus else f"vCPU {thread}"
