"""The contention dashboard's chart: throughput, waiting and time to start of all protocols, side by side."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

from bokeh.layouts import row
from bokeh.models import BoxAnnotation, ColumnDataSource, FixedTicker, HoverTool, Plot, Range1d, Span
from bokeh.plotting import figure

from mtelab.contention import Estimate
from mtelab.learn.contention_study import LOCKS, ContentionStudy, Point
from mtelab.widgets import theme
from mtelab.widgets.bokeh_chart import BokehChart
from mtelab.widgets.contention_style import looks


class Panel(NamedTuple):
    """One of the plots: its title, its unit, and how many of the model's units that is."""

    title: str
    unit: str
    scale: float


PANELS: Final = {
    "throughput": Panel("Throughput", "million pages a second", 1e6),
    "wait_mean": Panel("Wait of a fault, mean", "µs", 1e3),
    "time_to_start": Panel("Time to start", "ms", 1e6),
}
"""The three plots, by measure."""
_LINEAR: Final = "wait_mean"
_AXES: Final = {"vcpus": "vCPUs of all guests", "guests": "guests", "locks": "locks of the array"}


_STEPS: Final = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
_TICKS: Final = [step * 10.0**power for power in range(-4, 7) for step in (1, 2, 5)]


def nice_above(value: float) -> float:
    """Return the next round number that is not smaller."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in _STEPS if step * power >= value * (1 - 1e-9))


def nice_below(value: float) -> float:
    """Return the nearest round number that is not larger."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in reversed(_STEPS) if step * power <= value * (1 + 1e-9))


def with_error(estimate: Estimate, scale: float = 1.0) -> str:
    """Write a mean with its error bar: one digit of the error that counts, two if it begins with 1 or 2."""
    mean, half = estimate.mean / scale, (estimate.high - estimate.low) / 2 / scale
    if not mean and not half:
        return "0"
    if not half:
        return f"{mean:,.{max(0, 2 - math.floor(math.log10(abs(mean))))}f}"
    power = math.floor(math.log10(half))
    places = max(0, -power + (half < 3 * 10.0**power))
    return f"{mean:,.{places}f} ± {half:,.{places}f}"


class ContentionChart(BokehChart):
    """What a study knows so far.

    Parameters
    ----------
    study : ContentionStudy
        What to show.
    """

    def __init__(self, study: ContentionStudy) -> None:
        self.study = study
        self.focus = study.chosen[0]
        self.points = ColumnDataSource(_columns())
        self.lines = ColumnDataSource({name: [] for name in ("x", *PANELS, "colour", "dash", "alpha")})
        self.bounds = ColumnDataSource({name: [] for name in ("x", *PANELS)})
        self._curves: dict[str, list[list[float]]] = {}
        self.x_range = Range1d(0.8, 80)
        self.cursors = [Span(location=1, dimension="height", line_width=2, level="overlay") for _ in PANELS]
        self.threshold = Span(location=0, dimension="width", line_dash="dotted", line_width=2, visible=False)
        self.hurts = [BoxAnnotation(left=1, right=1, fill_alpha=0.25, line_width=2, visible=False) for _ in PANELS]
        self.panels = {measure: self._panel(measure) for measure in PANELS}
        for plot, cursor, band in zip(self.panels.values(), self.cursors, self.hurts, strict=True):
            plot.add_layout(cursor)
            plot.add_layout(band)
        self.panels[_LINEAR].add_layout(self.threshold)
        super().__init__(row(*self.panels.values(), spacing=0, sizing_mode="stretch_width"), title="Contention")

    def _panel(self, measure: str) -> Plot:
        title, unit, _ = PANELS[measure]
        interval = f"@{measure}{{0.000}}, 95 %: @{measure}_low{{0.000}} to @{measure}_high{{0.000}}"
        linear = measure == _LINEAR
        plot = figure(
            x_axis_type="log",
            y_axis_type="linear" if linear else "log",
            x_range=self.x_range,
            y_range=Range1d(0, 1) if linear else Range1d(0.1, 10),
            y_axis_label=unit,
            min_width=200,
            height=290,
            sizing_mode="stretch_width",
            toolbar_location=None,
            tools="box_zoom",
            title=title,
        )
        plot.xaxis.ticker = plot.xgrid.ticker = FixedTicker(ticks=[])
        if not linear:
            plot.yaxis.ticker = plot.ygrid.ticker = FixedTicker(ticks=_TICKS)
            plot.yaxis.major_label_overrides = {tick: f"{tick:,g}" for tick in _TICKS}
        plot.multi_line(
            "x", measure, source=self.lines, line_color="colour", line_dash="dash", line_alpha="alpha", line_width=2
        )
        plot.segment(
            "x", f"{measure}_low", "x", f"{measure}_high", source=self.points, line_color="colour", line_width=5
        )
        scatter = plot.scatter(
            "x", measure, source=self.points, marker="marker", size=8, line_color="colour", fill_color="colour"
        )
        plot.renderers[1].glyph.line_alpha = 0.4
        plot.line("x", measure, source=self.bounds, line_dash=[10, 4], line_width=1.5)
        says = [
            ("", "@name"),
            ("axis", "@x; @vcpus vCPUs in all, @guests guests"),
            (unit, interval),
            ("lost to waiting", "@lost{0.0} % of the CPUs' time; @seeds seeds"),
        ]
        plot.add_tools(HoverTool(renderers=[scatter], tooltips=says))
        return plot

    def paint(self, mode: str) -> None:
        """Colour the chart and its series for `mode`."""
        chrome = theme.CHROME[mode]
        for plot in self.panels.values():
            plot.renderers[-1].glyph.line_color = chrome["ink"]
        for cursor in self.cursors:
            cursor.line_color = chrome["muted"]
        self.threshold.line_color = chrome["ink"]
        super().paint(mode)
        self.mode = mode
        self.show()

    def show(self) -> None:
        """Draw what the study knows now; a protocol of which nothing is known yet keeps its last curve, faded."""
        study, colours, seen = self.study, theme.SERIES[self.mode], looks(self.study.series)
        points = _columns()
        lines: dict[str, list[Any]] = {name: [] for name in ("x", *PANELS, "colour", "dash", "alpha")}
        for name in study.chosen:
            found = study.points(name)
            colour = colours[seen[name].colour]
            if found:
                self._curves[name] = [[point.x for point in found]]
                self._curves[name] += [[point.values[m].mean / PANELS[m].scale for point in found] for m in PANELS]
            for column, values in zip(("x", *PANELS), self._curves.get(name, [[]] * 4), strict=True):
                lines[column].append(values)
            lines["colour"].append(colour)
            lines["dash"].append(seen[name].dash)
            lines["alpha"].append(1.0 if found else 0.35)
            for point in found:
                _add(points, name, point)
            points["colour"] += [colour] * len(found)
            points["marker"] += [seen[name].marker] * len(found)
        bounds = self._bounds()
        for source, data in ((self.bounds, bounds), (self.lines, lines), (self.points, points)):
            if source.data != data:  # what is as it was need not be drawn again
                source.data = data
        self._mark()
        self._fit(points, bounds)
        band = "the array that is enough" if self.study.grows == "locks" else "where it begins to hurt"
        self.status = (
            f"Pale bars: 95 % intervals. Long dashes: closed-form bounds of {self.focus}. Shaded: {band}; dots: that "
            "much waiting. Vertical line: what the table shows. Drag to zoom."
        )

    def _bounds(self) -> dict[str, list[float]]:
        study, focus = self.study, self.focus
        bounds: dict[str, list[float]] = {name: [] for name in ("x", *PANELS)}
        for place in study.places():
            limits, settings = study.limits(focus, place), study.at(place)
            if limits is None:
                break
            cpus = min(settings.threads, settings.cores or settings.threads)
            bounds["x"].append(study.x(place))
            bounds["throughput"].append(limits.throughput(cpus) / 1e6)
            bounds["wait_mean"].append(limits.wait(cpus) / 1e3)
            bounds["time_to_start"].append(limits.time_to_start(cpus, settings.guests * settings.pages) / 1e6)
        return bounds

    def _mark(self) -> None:
        """Move the cursor, the band where it begins to hurt, and the threshold."""
        study = self.study
        for cursor in self.cursors:
            cursor.location = study.x(study.place())
        hurts = study.hurts_from(self.focus) if study.grows != "locks" else None
        enough = study.enough_locks()
        for band in self.hurts:
            band.visible = hurts is not None or enough is not None
            if hurts is not None:
                band.left, band.right = max(hurts.low, hurts.mean / 2), hurts.high
            elif enough is not None:
                band.left = band.right = enough.x
            band.fill_color = band.line_color = theme.CHROME[self.mode]["warn"]
        limits = study.limits(self.focus, study.place())
        self.threshold.visible = limits is not None
        if limits is not None:
            self.threshold.location = limits.cycle * study.loss / (1 - study.loss) / 1e3

    def _fit(self, points: dict[str, list[Any]], bounds: dict[str, list[float]]) -> None:
        """Give the axes ranges that hold everything, in round steps, so that they move seldom."""
        ticks = [self.study.x(place) for place in self.study.places()]
        x = self.study.x(1) / 1.25, ticks[-1] * 1.25
        ranges = [(self.x_range, x)]
        for measure, plot in self.panels.items():
            values = [value for value in points[measure] + bounds[measure] if value > 0 and math.isfinite(value)]
            top = nice_above(max(values, default=1.0) * 1.08)
            bottom = 0.0 if measure == _LINEAR else nice_below(min(values, default=0.1) / 1.08)
            ranges.append((plot.y_range, (bottom, top)))
            labelled = [tick for tick in ticks if tick in LOCKS[::2]] if self.study.grows == "locks" else ticks
            # The ticker stays: for a new model Bokeh would walk through all there are.
            plot.xaxis[0].ticker.ticks = _spread(labelled)
            plot.xaxis[0].axis_label = _AXES[self.study.grows]
        if [(axis.id, start, end) for axis, start, end in self._kept()] != [(a.id, *wanted) for a, wanted in ranges]:
            for axis, (start, end) in ranges:
                axis.start, axis.end = start, end
            self.keep_ranges()

    def _kept(self) -> list[tuple[Any, float, float]]:
        known = {axis.id: (axis, start, end) for axis, start, end in self._ranges}
        return [known[axis.id] for axis in (self.x_range, *(plot.y_range for plot in self.panels.values()))]


def _spread(ticks: list[int]) -> list[int]:
    """Leave out ticks whose labels would touch the one before."""
    kept: list[int] = []
    for tick in ticks:
        if not kept or tick / kept[-1] > 1.45:
            kept.append(tick)
    return kept


_WORDS: Final = ("name", "colour", "marker")
_NUMBERS: Final = ("x", "vcpus", "guests", "lost", "seeds")


def _columns() -> dict[str, list[Any]]:
    of_panels = [f"{measure}{bound}" for measure in PANELS for bound in ("", "_low", "_high")]
    return {name: [] for name in (*_WORDS, *_NUMBERS, *of_panels)}


def _add(points: dict[str, list[Any]], name: str, point: Point) -> None:
    points["name"].append(name)
    points["x"].append(point.x)
    points["vcpus"].append(point.settings.guests * point.settings.vcpus)
    points["guests"].append(point.settings.guests)
    points["lost"].append(100 * point.values["lost"].mean)
    points["seeds"].append(point.seeds)
    for measure, panel in PANELS.items():
        value = point.values[measure]
        points[measure].append(value.mean / panel.scale)
        # A logarithmic axis has no place for an interval that reaches below nothing.
        least = 0.0 if measure == _LINEAR else value.mean / 4
        points[f"{measure}_low"].append(max(value.low, least) / panel.scale)
        points[f"{measure}_high"].append(value.high / panel.scale)
