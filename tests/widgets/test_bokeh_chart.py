"""A Bokeh chart in a notebook: BokehJS from the package, the chart as it is now, light and dark."""

from __future__ import annotations

from typing import Any

import pytest
from bokeh.models import ColumnDataSource, Range1d
from bokeh.plotting import figure

from mtelab.widgets import theme
from mtelab.widgets.bokeh_chart import BokehChart


@pytest.fixture
def chart(monkeypatch: pytest.MonkeyPatch) -> BokehChart:
    plot = figure(x_range=Range1d(0, 10), y_range=Range1d(0, 20), toolbar_location=None)
    plot.line("x", "y", source=ColumnDataSource({"x": [1, 2], "y": [3, 4]}, name="data"))
    return BokehChart(plot, title="A chart", text="It rises from 3 to 4.")


@pytest.fixture
def sent(chart: BokehChart, monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], list[bytes] | None]]:
    messages: list[tuple[dict[str, Any], list[bytes] | None]] = []
    monkeypatch.setattr(chart, "send", lambda content, buffers=None: messages.append((content, buffers)))
    return messages


def test_bokehjs_comes_from_the_installed_package(chart: BokehChart, sent: list[Any]) -> None:
    chart.on_bokehjs()
    (content, (code,)) = sent[0]
    assert content == {"answer": "bokehjs"}
    assert b"Bokeh" in code
    assert len(code) > 500_000


def test_a_browser_that_opens_gets_the_chart_as_it_is_now(chart: BokehChart, sent: list[Any]) -> None:
    chart.plot.select_one({"name": "data"}).data = {"x": [1, 2], "y": [8, 9]}
    chart.on_open("dark")
    assert sent == [({"answer": "open"}, None)]
    assert "[8,9]" in str(chart.chart.render_bundle).replace(" ", "")
    assert chart.plot.background_fill_color == theme.CHROME["dark"]["page"]


def test_an_unknown_mode_is_refused(chart: BokehChart) -> None:
    with pytest.raises(ValueError, match="'sepia', expected one of light, dark"):
        chart.on_mode("sepia")
    assert chart.mode == "light"


def test_reset_returns_to_the_first_ranges(chart: BokehChart) -> None:
    chart.plot.x_range.start, chart.plot.x_range.end = 4, 5
    chart.reset()
    assert (chart.plot.x_range.start, chart.plot.x_range.end) == (0, 10)


def test_the_repr_is_stable(chart: BokehChart) -> None:
    assert repr(chart) == "BokehChart: A chart [run this cell to use the figure]"
