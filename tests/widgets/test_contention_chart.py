"""The contention charts: looks of the series, points, bands and error bars, ranges, colours, numbers."""

from __future__ import annotations

import pytest

from mtelab.contention import Estimate
from mtelab.sync import PROTOCOLS
from mtelab.widgets import ContentionDashboard, theme
from mtelab.widgets.contention_chart import PANELS, nice_above, nice_below, with_error
from mtelab.widgets.contention_style import looks

NAMES = ("big-lock", "lock-array", "page-lock")


def test_every_series_has_a_look_of_its_own() -> None:
    seen = looks([*PROTOCOLS, "mine"])
    assert len({look.marker for look in seen.values()}) == len(seen)
    assert len({(look.colour, look.dash) for look in seen.values()}) == len(seen)
    compared = ("big-lock", "lock-array", "per-mm-lock", "page-lock", "no-shared", "always-tagged")
    assert len({seen[name].colour for name in compared}) == len(compared)


def test_looks_do_not_depend_on_who_else_is_there() -> None:
    assert looks(["page-lock"])["page-lock"] == looks(PROTOCOLS)["page-lock"]


def test_points_lines_and_error_bars_of_all_protocols_are_in_all_three_plots(dashboard: ContentionDashboard) -> None:
    chart, study = dashboard.chart, dashboard.study
    found = [(name, point) for name in NAMES for point in study.points(name)]
    assert chart.points.data["name"] == [name for name, _ in found]
    for measure, panel in PANELS.items():
        values = [point.values[measure] for _, point in found]
        assert chart.points.data[measure] == [value.mean / panel.scale for value in values]
        assert chart.points.data[f"{measure}_high"] == [value.high / panel.scale for value in values]
        assert [len(line) for line in chart.lines.data[measure]] == [len(study.places())] * 3
    assert chart.points.data["vcpus"][:2] == [2, 4]
    assert set(chart.lines.data["alpha"]) == {1}


def test_ranges_hold_everything_and_reset_returns_to_them(dashboard: ContentionDashboard) -> None:
    chart = dashboard.chart
    for measure, plot in chart.panels.items():
        assert plot.y_range.end >= max(chart.points.data[measure])
        if measure != "wait_mean":
            assert 0 < plot.y_range.start <= min(chart.points.data[measure])
    before = chart.x_range.start, chart.x_range.end
    chart.x_range.start, chart.x_range.end = 10, 20
    chart.reset()
    assert (chart.x_range.start, chart.x_range.end) == before


def test_colours_follow_light_and_dark(dashboard: ContentionDashboard) -> None:
    dashboard.chart.on_mode("dark")
    dashboard.timeline.on_mode("dark")
    assert set(dashboard.chart.points.data["colour"]) <= set(theme.SERIES["dark"])
    assert set(dashboard.timeline.holds.data["colour"]) <= set(theme.SERIES["dark"])


def test_what_did_not_change_is_not_sent_again(dashboard: ContentionDashboard) -> None:
    before = dashboard.chart.points.data
    dashboard.set(vcpus=4)
    assert dashboard.chart.points.data is before


def test_a_curve_that_is_not_known_yet_stays_faded_and_without_points(dashboard: ContentionDashboard) -> None:
    chart = dashboard.chart
    before = dict(zip(NAMES, chart.lines.data["wait_mean"], strict=True))
    dashboard.study._width = 1  # a protocol at a time
    dashboard.set(clear=5000)
    assert chart.lines.data["alpha"] == [1, 0.35, 0.35]
    assert set(chart.points.data["name"]) == {"big-lock"}
    assert chart.lines.data["wait_mean"][0] != before["big-lock"]
    assert chart.lines.data["wait_mean"][1] == before["lock-array"]
    rows = dashboard.table.table["rows"]  # a row each all the same: what lies below the table does not move
    assert [row[0] for row in rows] == list(NAMES)
    assert [set(row[1:]) == {"…"} for row in rows] == [False, True, True]
    dashboard.run()
    assert chart.lines.data["alpha"] == [1, 1, 1]


def test_the_protocol_in_focus_comes_first(dashboard: ContentionDashboard) -> None:
    dashboard.set(focus="page-lock")
    dashboard.set(clear=1000)
    assert set(dashboard.chart.points.data["name"]) == {"page-lock"}


def test_numbers_are_short_and_as_exact_as_their_error() -> None:
    assert with_error(Estimate(5.7, 5.5, 5.9, 3)) == "5.70 ± 0.20"
    assert with_error(Estimate(0.0059, 0.0048, 0.0070, 3)) == "0.0059 ± 0.0011"
    assert with_error(Estimate(1234, 1200, 1268, 3)) == "1,234 ± 34"
    assert with_error(Estimate(1234.5, 1234.5, 1234.5, 1), 1e3) == "1.23"
    assert with_error(Estimate(0, 0, 0, 3)) == "0"
    assert [nice_above(value) for value in (0, 0.9, 1.2, 22)] == [1, 1, 1.5, 30]
    assert [nice_below(value) for value in (0.9, 1.2, 22)] == [pytest.approx(0.8), 1, 20]
