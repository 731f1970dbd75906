"""The roofline's chart: bandwidth over working set, the roofs above, a series for each version."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import traitlets
from bokeh.models import ColumnDataSource, FixedTicker, HoverTool, Legend, LegendItem, Plot, Range1d, Span
from bokeh.plotting import figure

from mtelab.bench.bandwidth import Bandwidth
from mtelab.bench.versions import OPERATIONS, ROOFS, Version
from mtelab.widgets import theme
from mtelab.widgets.bokeh_chart import BokehChart

YOURS: Final = "yours"
"""Name of a learner's version; it keeps the last mark."""
SIGNS: Final = ("●", "■", "▲", "◆", "▼", "★")
_MARKS: Final = ("circle", "square", "triangle", "diamond", "inverted_triangle", "star")
_DASHES: Final = ("dotted", "dashed", "solid", "dashdot", "dotdash", "solid")
_RATES: Final = {0.001: "0.001", 0.01: "0.01", 0.1: "0.1", 1: "1", 10: "10", 100: "100"}


def size_text(size: float) -> str:
    """A number of bytes in KiB or MiB."""
    return f"{size / (1 << 10):g} KiB" if size < 1 << 20 else f"{size / (1 << 20):g} MiB"


def rate_text(rate: float) -> str:
    """A bandwidth with two or three digits that count."""
    return f"{rate:.0f} GB/s" if rate >= 10 else f"{rate:.2g} GB/s"


def ratio_text(ratio: float) -> str:
    """A share of the roof."""
    return f"{ratio:.2f}" if ratio >= 0.1 else np.format_float_positional(ratio, precision=1, fractional=False)


class RooflineChart(BokehChart):
    """What a measurement has found of one operation so far, both axes logarithmic.

    Parameters
    ----------
    bandwidth : Bandwidth
        The measurement to show.
    """

    painted = traitlets.Unicode("light")
    """The mode, light or dark, that the chart was last coloured for."""
    resets = traitlets.Int(0)
    """How often the chart was put back to its start, for those who show it with controls of their own."""

    def __init__(self, bandwidth: Bandwidth) -> None:
        self.bandwidth = bandwidth
        self.operation = OPERATIONS[0]
        plot = self._plot(bandwidth.sizes)
        self.roofs = []
        for width in (4, 1.5):
            source = ColumnDataSource(_columns())
            self.roofs.append((source, plot.line("size", "rate", source=source, line_width=width)))
        self.series = []
        for mark, dash in zip(_MARKS, _DASHES, strict=True):
            source = ColumnDataSource(_columns())
            line = plot.line("size", "rate", source=source, line_dash=dash, line_width=2)
            size = 14 if mark == "star" else 8
            self.series.append((source, line, plot.scatter("size", "rate", source=source, marker=mark, size=size)))
        # On the overlay, so that moving it leaves everything below as it is drawn.
        self.cursor = Span(location=bandwidth.sizes[0], dimension="height", line_width=2, level="overlay")
        self.legend = Legend(glyph_width=40, spacing=4)
        plot.add_layout(self.cursor)
        plot.add_layout(self.legend, "right")
        pointed_at = [line for _, line in self.roofs] + [points for _, _, points in self.series]
        says = [("", "@name"), ("working set", "@set"), ("bandwidth", "@bandwidth"), ("of the roof", "@ratio")]
        plot.add_tools(HoverTool(renderers=pointed_at, tooltips=says))
        super().__init__(plot, title="Bandwidth")

    def _plot(self, sizes: tuple[int, ...]) -> Plot:
        plot = figure(
            x_axis_type="log",
            y_axis_type="log",
            x_range=Range1d(sizes[0] / 1.5, sizes[-1] * 1.5),
            y_range=Range1d(0.001, 500),
            x_axis_label="working set (tags at one byte each)",
            y_axis_label="GB/s of tags at one byte each",
            min_width=500,
            height=330,
            sizing_mode="stretch_width",
            toolbar_location=None,
            tools="box_zoom",
        )
        labelled = sizes[::2]
        plot.xaxis.ticker = FixedTicker(ticks=labelled, minor_ticks=sizes[1::2])
        plot.xaxis.major_label_overrides = {size: size_text(size) for size in labelled}
        plot.yaxis.ticker = FixedTicker(ticks=list(_RATES))
        plot.yaxis.major_label_overrides = _RATES
        for axis, grid in ((plot.xaxis, plot.xgrid), (plot.yaxis, plot.ygrid)):
            grid.ticker = axis[0].ticker
        return plot

    def paint(self, mode: str) -> None:
        """Colour the chart and its series for `mode`."""
        for _, line in self.roofs:
            line.glyph.line_color = theme.CHROME[mode]["ink"]
        for (_, line, points), colour in zip(self.series, theme.SERIES[mode], strict=True):
            line.glyph.line_color = points.glyph.line_color = points.glyph.fill_color = colour
        self.cursor.line_color = theme.CHROME[mode]["muted"]
        super().paint(mode)
        self.painted = mode

    def reset(self) -> None:
        """Show all of the axes again."""
        super().reset()
        self.resets += 1

    def versions(self, operation: str) -> list[tuple[int, Version]]:
        """An operation's versions, each with the number of its mark."""
        chosen = [version for version in self.bandwidth.versions if version.operation == operation]
        return [(len(SIGNS) - 1 if one.name == YOURS else place, one) for place, one in enumerate(chosen)]

    def show(self, operation: str) -> None:
        """Draw what has been measured of one operation."""
        self.operation = operation
        self.title = f"Bandwidth of {operation}, against {ROOFS[operation].name}"
        roof, other = ROOFS[operation], ROOFS["clear" if operation == "copy" else "copy"]
        items = []
        for version, (source, line) in zip((roof, other), self.roofs, strict=True):
            source.data = self._measured(version)
            label = f"{version.name}, the roof" if version is roof else version.name
            items.append(LegendItem(label=label, renderers=[line]))
        versions = dict(self.versions(operation))
        for place, (source, line, points) in enumerate(self.series):
            source.data = self._measured(versions[place]) if place in versions else _columns()
            if place in versions:
                items.append(LegendItem(label=versions[place].name, renderers=[line, points]))
        if [item.label for item in items] != [item.label for item in self.legend.items]:
            self.legend.items = items

    def _measured(self, version: Version) -> dict[str, Any]:
        rates = self.bandwidth.gigabytes_per_second(version.operation, version.name)
        roof = ROOFS[self.operation]
        ratios = rates / self.bandwidth.gigabytes_per_second(roof.operation, roof.name)
        found = np.flatnonzero(np.isfinite(rates))
        sizes = np.asarray(self.bandwidth.sizes)[found]
        return {
            "size": sizes.astype(float),
            "rate": rates[found],
            "name": [version.name] * found.size,
            "set": [size_text(size) for size in sizes],
            "bandwidth": [rate_text(rate) for rate in rates[found]],
            "ratio": [f"{ratio_text(ratio)} of {roof.name}" for ratio in ratios[found]],
        }

    def describe(self) -> str:
        """Say what is compared, and on which working sets; what was measured is for the eye only."""
        sizes = self.bandwidth.sizes
        return f"{self.operation} against {ROOFS[self.operation].name}, {size_text(sizes[0])} to {size_text(sizes[-1])}"


def _columns() -> dict[str, Any]:
    return {name: [] for name in ("size", "rate", "name", "set", "bandwidth", "ratio")}
