"""The roofline: how close each way of handling tags comes to memset and memcpy, over the working set."""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, Final

import ipywidgets
import numpy as np

from mtelab.bench.bandwidth import Bandwidth
from mtelab.bench.versions import OPERATIONS, ROOFS, Version, works
from mtelab.widgets import theme
from mtelab.widgets.background import in_background
from mtelab.widgets.roofline_chart import SIGNS, YOURS, RooflineChart, rate_text, ratio_text, size_text

_REFRESH: Final = 0.4
"""Seconds between two drawings while a measurement runs."""


class Roofline(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A measurement to start, stop and look at: chart, slider for the working set, table of ratios.

    Parameters
    ----------
    bandwidth : Bandwidth, optional
        The measurement: all the course's versions unless said otherwise.
    """

    def __init__(self, bandwidth: Bandwidth | None = None) -> None:
        self.bandwidth = bandwidth or Bandwidth()
        self.chart = RooflineChart(self.bandwidth)
        self.operations = ipywidgets.ToggleButtons(options=OPERATIONS, style={"button_width": "80px"})
        self._first_size = self.bandwidth.sizes[len(self.bandwidth.sizes) // 2]
        sizes = [(size_text(size), size) for size in self.bandwidth.sizes]
        self.sizes = ipywidgets.SelectionSlider(
            options=sizes,
            value=self._first_size,
            description="Working set",
            layout={"width": "560px"},
            style={"description_width": "90px"},
        )
        self.table = ipywidgets.HTML()
        self.measure_button = ipywidgets.Button(description="Measure", icon="play", tooltip="Measure all versions")
        self.stop_button = ipywidgets.Button(description="Stop", icon="stop", tooltip="Stop and keep what there is")
        self.progress = ipywidgets.IntProgress(layout={"width": "200px"})
        self.note = ipywidgets.Label("Nothing measured yet.")
        self._task: asyncio.Task[None] | None = None
        self._turn: object = None
        self._running: Generator[None, None, None] | None = None
        self._buttons(running=False)
        self.operations.observe(self._changed, "value")
        self.sizes.observe(self._changed, "value")
        self.chart.observe(self._changed, "painted")
        self.chart.observe(lambda _change: self.reset(), "resets")
        self.measure_button.on_click(lambda _button: self.start())
        self.stop_button.on_click(lambda _button: self.stop())
        self.refresh()
        running = ipywidgets.HBox([self.measure_button, self.stop_button, self.progress, self.note])
        super().__init__([running, self.operations, self.chart, self.sizes, self.table])
        self.add_class("mte-linked")

    def select(self, size: int) -> None:
        """Move the cursor to a working set, as the slider does."""
        if size not in self.bandwidth.sizes:
            raise ValueError(f"size: {size}, expected one of {', '.join(map(str, self.bandwidth.sizes))}")
        self.sizes.value = size

    def choose(self, operation: str) -> None:
        """Show another operation, as its button does."""
        if operation not in OPERATIONS:
            raise ValueError(f"operation: {operation!r}, expected one of {', '.join(OPERATIONS)}")
        self.operations.value = operation

    def reset(self) -> None:
        """Return to the first operation and the working set in the middle, as at the start; what is measured stays."""
        self.operations.value = OPERATIONS[0]
        self.sizes.value = self._first_size

    def add(self, **functions: Callable[..., Any]) -> None:
        """Measure a learner's functions too, from the next measurement on: ``add(clear=clear, pack=pack)``.

        Only functions that work are taken; the chart's status line names the others.
        """
        left_out = []
        for operation, function in functions.items():
            version = Version(operation, YOURS, function)
            if works(version):
                self.bandwidth.add(version)
            else:
                left_out.append(operation)
        self.chart.status = f"Not measured, since not right yet: your {', '.join(left_out)}." if left_out else ""
        self.refresh()

    def start(self) -> None:
        """Measure in the background of a notebook, so that its cells, and the stop button, go on working.

        One that runs already begins anew; what it has found stays.
        """
        self._task = in_background(self._pieces())
        if self._task is None:
            self.measure()

    def stop(self) -> None:
        """Stop measuring after the piece at hand, and keep what was measured."""
        self._turn = None

    def measure(self) -> None:
        """Measure to the end, here and now; for scripts."""
        for _ in self._pieces():
            pass

    def refresh(self) -> None:
        """Show the measurement as it is now."""
        self.chart.show(self.operations.value)
        self._point()

    def _pieces(self) -> Iterator[None]:
        """Begin a measurement; its pieces are done, and its progress is shown, as they are asked for."""
        # One that still runs ends now, and not when its turn comes: its memory is as large as the new one's.
        if self._running is not None:
            self._running.close()
        self._turn = object()
        self._buttons(running=True)
        self._running = self._measured(self._turn)
        return self._running

    def _measured(self, turn: object) -> Generator[None, None, None]:
        total = self.progress.max = self.bandwidth.total
        drawn = time.monotonic()
        note = "Done."
        done = 0
        try:
            for done in self.bandwidth.pieces():
                if self._turn is not turn:
                    note = f"Stopped at {done} of {total} timings."
                    break
                if time.monotonic() - drawn > _REFRESH:
                    self._report(done, f"{done} of {total} timings")
                    drawn = time.monotonic()
                yield
        except Exception as wrong:  # a learner's function may fail on larger sets
            note = f"Stopped at {done} of {total} timings: {type(wrong).__name__}: {wrong}"
        if self._turn in (turn, None):
            self._report(done, note)
            self._buttons(running=False)

    def _buttons(self, *, running: bool) -> None:
        self.measure_button.disabled = running
        self.stop_button.disabled = not running

    def _report(self, done: int, note: str) -> None:
        self.progress.value = done
        self.note.value = note
        self.refresh()

    def _changed(self, change: dict[str, Any]) -> None:
        if change["owner"] is self.operations:
            self.refresh()
        else:
            self._point()

    def _point(self) -> None:
        """Bring cursor, table and the chart in words to the slider's working set."""
        size, operation = self.sizes.value, self.operations.value
        self.chart.cursor.location = size
        place = self.bandwidth.sizes.index(size)
        roof = ROOFS[operation]
        colours = theme.SERIES[self.chart.painted]
        rows = [("━", theme.CHROME[self.chart.painted]["ink"], roof)]
        rows += [(SIGNS[mark], colours[mark], version) for mark, version in self.chart.versions(operation)]
        best = self._rate(roof, place)
        cells, words = [], []
        for sign, colour, version in rows:
            rate = self._rate(version, place)
            found = (rate_text(rate), ratio_text(rate / best)) if np.isfinite(rate) else ("not measured", "")
            words.append(f"{version.name} {found[0]}")
            cells.append(_ROW.format(sign, colour, html.escape(version.name), *found))
        # As many rows for each operation, so that what stands below keeps its place.
        most = max(len(self.chart.versions(one)) for one in OPERATIONS) + 1
        cells += [_NO_ROW] * (most - len(rows))
        caption = f"{operation}, {size_text(size)} of tags ({size // 256} pages)"
        self.table.value = _TABLE.format(caption, html.escape(roof.name), "".join(cells))
        self.chart.text = f"{caption}: {'; '.join(words)}."

    def _rate(self, version: Version, place: int) -> float:
        return float(self.bandwidth.gigabytes_per_second(version.operation, version.name)[place])

    def __repr__(self) -> str:
        return f"Roofline: {self.chart.describe()} [run this cell to use the figure]"


_TABLE: Final = (
    '<table style="line-height: 1.35; margin-left: 12px"><caption style="text-align: left">{}</caption>'
    '<thead><tr><th></th><th style="text-align: left">version</th><th style="text-align: right">bandwidth</th>'
    '<th style="text-align: right; padding-left: 24px">of {}</th></tr></thead><tbody>{}</tbody></table>'
)
_ROW: Final = (
    '<tr><td style="color: {1}" aria-hidden="true">{0}</td><td>{2}</td>'
    '<td style="text-align: right; padding-left: 24px">{3}</td>'
    '<td style="text-align: right; padding-left: 24px">{4}</td></tr>'
)
_NO_ROW: Final = '<tr aria-hidden="true"><td>&nbsp;</td></tr>'
