"""The roofline: what its chart, slider, table and buttons show of a measurement."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from mtelab.bench.bandwidth import Bandwidth
from mtelab.bench.versions import ROOFS, clear_rows, pack_slices
from mtelab.widgets import Roofline, theme
from mtelab.widgets.roofline_chart import RooflineChart, rate_text, ratio_text, size_text

SIZES = (1 << 12, 1 << 13, 1 << 20)


@pytest.fixture
def roofline(monkeypatch: pytest.MonkeyPatch) -> Roofline:
    """A figure of made-up times: memset needs 100 ns, every version four times as long."""
    # Without a kernel there is nobody to send to.
    monkeypatch.setattr(RooflineChart, "send", lambda self, content, buffers=None: None)
    bandwidth = Bandwidth(sizes=SIZES, rounds=1)
    for times in bandwidth.best.values():
        times[:] = 400
    for roof in ROOFS.values():
        bandwidth.best[roof.operation, roof.name][:] = 100
    bandwidth.best["clear", "Python loop over granules"][2] = np.nan
    return Roofline(bandwidth)


def test_the_repr_is_the_same_before_and_after_measuring(roofline: Roofline) -> None:
    before = repr(roofline)
    roofline.measure()
    assert repr(roofline) == before
    assert before == "Roofline: clear against memset, 4 KiB to 1 MiB [run this cell to use the figure]"


def test_every_series_has_a_marker_a_dash_and_a_colour_of_its_own(roofline: Roofline) -> None:
    for mode in theme.CHROME:
        roofline.chart.paint(mode)
        looks = [
            (points.glyph.marker, tuple(line.glyph.line_dash), line.glyph.line_color)
            for _, line, points in roofline.chart.series
        ]
        markers, dashes, colours = zip(*looks, strict=True)
        assert len(set(markers)) == len(set(colours)) == len(looks)
        # The learner's own series shares its solid line with one other.
        assert len(set(dashes)) == len(looks) - 1


def test_the_legend_names_the_roof_and_every_version(roofline: Roofline) -> None:
    names = [item.label.value for item in roofline.chart.legend.items]
    assert names == [
        "memset, the roof",
        "memcpy",
        "Python loop over granules",
        "numpy, page by page",
        "numpy slice",
        "numpy index array",
        "packed, slice",
    ]
    roofline.choose("pack")
    assert roofline.chart.legend.items[0].label.value == "memcpy to new memory, the roof"


def test_a_point_tells_version_working_set_bandwidth_and_ratio(roofline: Roofline) -> None:
    data = roofline.chart.series[2][0].data
    assert data["name"] == ["numpy slice"] * 3
    assert data["set"] == ["4 KiB", "8 KiB", "1 MiB"]
    assert data["bandwidth"][0] == "10 GB/s"  # 4096 bytes in 400 ns
    assert data["ratio"] == ["0.25 of memset"] * 3


def test_what_was_not_measured_is_not_drawn(roofline: Roofline) -> None:
    assert roofline.chart.series[0][0].data["set"] == ["4 KiB", "8 KiB"]
    roofline.select(1 << 20)
    assert "Python loop over granules</td><td" in roofline.table.value
    assert "not measured" in roofline.table.value


def test_the_slider_moves_cursor_table_and_words(roofline: Roofline) -> None:
    roofline.sizes.value = 1 << 12
    assert roofline.chart.cursor.location == 1 << 12
    assert "clear, 4 KiB of tags (16 pages)" in roofline.table.value
    assert "numpy slice 10 GB/s" in roofline.chart.text
    roofline.select(1 << 20)
    assert roofline.chart.cursor.location == 1 << 20
    assert "(4096 pages)" in roofline.table.value


def test_the_table_follows_light_and_dark(roofline: Roofline) -> None:
    assert theme.SERIES["light"][2] in roofline.table.value
    roofline.chart.on_mode("dark")
    assert theme.SERIES["dark"][2] in roofline.table.value


def test_what_is_not_there_is_refused(roofline: Roofline) -> None:
    with pytest.raises(ValueError, match="size: 5, expected one of 4096, 8192, 1048576"):
        roofline.select(5)
    with pytest.raises(ValueError, match="operation: 'sort', expected one of clear, copy, pack, unpack"):
        roofline.choose("sort")


def test_functions_that_work_are_measured_and_others_named(roofline: Roofline) -> None:
    roofline.add(clear=clear_rows, pack=lambda tags: None)
    assert roofline.chart.status == "Not measured, since not right yet: your pack."
    roofline.measure()
    assert "yours</td>" in roofline.table.value
    assert roofline.chart.series[5][0].data["name"] == ["yours"] * 3
    roofline.choose("pack")
    assert "yours" not in roofline.table.value
    roofline.add(pack=pack_slices)
    assert roofline.chart.status == ""


def test_a_version_that_fails_while_measured_ends_the_measurement_with_a_sentence(roofline: Roofline) -> None:
    def clear(tags: np.ndarray, pages: slice) -> None:
        if pages.stop > 20:
            raise MemoryError("too many")
        clear_rows(tags, pages)

    roofline.add(clear=clear)
    roofline.measure()
    assert roofline.note.value.startswith("Stopped at")
    assert roofline.note.value.endswith("MemoryError: too many")
    assert not roofline.measure_button.disabled


def test_the_stop_button_keeps_what_was_measured(roofline: Roofline) -> None:
    for times in roofline.bandwidth.best.values():
        times[:] = np.nan

    async def press_both() -> None:
        roofline.measure_button.click()
        assert roofline.measure_button.disabled
        assert not roofline.stop_button.disabled
        while not np.isfinite(roofline.bandwidth.best["clear", "memset"][0]):
            await asyncio.sleep(0)
        roofline.stop_button.click()
        await roofline._task

    asyncio.run(press_both())
    assert roofline.note.value.startswith("Stopped at")
    assert roofline.chart.roofs[0][0].data["set"] == ["4 KiB"]
    assert roofline.stop_button.disabled


def test_starting_anew_counts_from_the_beginning_and_takes_new_versions_in(roofline: Roofline) -> None:
    async def start_twice() -> None:
        roofline.start()
        first = roofline._task
        await asyncio.sleep(0)
        roofline.add(clear=clear_rows)
        roofline.start()
        await asyncio.gather(first, roofline._task)

    asyncio.run(start_twice())
    assert roofline.note.value == "Done."
    assert roofline.progress.value == roofline.progress.max == roofline.bandwidth.total
    assert "yours</td>" in roofline.table.value


def test_reset_returns_to_the_whole_chart(roofline: Roofline) -> None:
    ranges = roofline.chart.plot.x_range
    first = ranges.start, ranges.end
    operation, size = roofline.operations.value, roofline.sizes.value
    ranges.start, ranges.end = 5000, 6000
    roofline.choose("unpack")
    roofline.select(roofline.bandwidth.sizes[0])
    roofline.chart.on_reset()
    assert (ranges.start, ranges.end) == first
    assert (roofline.operations.value, roofline.sizes.value) == (operation, size)


def test_the_table_keeps_its_height(roofline: Roofline) -> None:
    rows = set()
    for operation in roofline.operations.options:
        roofline.choose(operation)
        rows.add(roofline.table.value.count("<tr"))
    assert len(rows) == 1


def test_numbers_are_short() -> None:
    assert [size_text(size) for size in (4096, 1 << 26)] == ["4 KiB", "64 MiB"]
    assert [rate_text(rate) for rate in (162.3, 0.0137)] == ["162 GB/s", "0.014 GB/s"]
    assert [ratio_text(ratio) for ratio in (0.987, 0.00009)] == ["0.99", "0.00009"]
