"""Lab 03 in a real browser: measure, stop, choose, slide, point, zoom, reset, reload, light and dark."""

from __future__ import annotations

import re
import statistics

from playwright.sync_api import Locator, expect

from .jupyter import Notebook

LAB = "03-a-tag-store-that-keeps-up.ipynb"
MEASURED = 180_000  # milliseconds for a whole measurement on a busy machine


def opened(notebook: Notebook, lab: str = LAB) -> Locator:
    """The lab, run and measured; the figure's chart."""
    notebook.begin(lab)
    chart = notebook.figure("Bandwidth of")
    notebook.page.get_by_text("Done.", exact=True).wait_for(timeout=MEASURED)
    return chart


def table(notebook: Notebook) -> Locator:
    return notebook.page.locator(".jp-OutputArea table").filter(has_text="bandwidth")


def button(notebook: Notebook, name: str) -> Locator:
    return notebook.page.locator(".jp-OutputArea button", has_text=re.compile(rf"^\s*{name}\s*$"))


def answers_slider_and_buttons(notebook: Notebook, chart: Locator) -> None:
    table(notebook).filter(has_text="clear, 512 KiB of tags (2048 pages)").wait_for()

    handle = notebook.page.locator(".jp-OutputArea .noUi-handle").first
    before = notebook.pixels(chart)
    # To a screen reader it says what it shows, not which entry of its list that is.
    expect(handle).to_have_attribute("aria-valuetext", "512 KiB")
    handle.focus()
    notebook.page.keyboard.press("ArrowRight")
    table(notebook).filter(has_text="clear, 1 MiB of tags (4096 pages)").wait_for()
    expect(handle).to_have_attribute("aria-valuetext", "1 MiB")
    notebook.wait_repaint(chart, before)
    notebook.shot("lab03-clear-light")

    for operation, roof in (("copy", "memcpy"), ("pack", "memcpy to new memory"), ("unpack", "memcpy to new memory")):
        before = notebook.pixels(chart)
        button(notebook, operation).click()
        chart.locator(".mte-title", has_text=f"Bandwidth of {operation}, against {roof}").wait_for()
        expect(button(notebook, operation)).to_have_attribute("aria-pressed", "true")
        table(notebook).filter(has_text=f"{operation}, 1 MiB").wait_for()
        notebook.wait_repaint(chart, before)
        notebook.shot(f"lab03-{operation}-light")

    before = notebook.pixels(chart)
    notebook.theme("Dark")
    notebook.wait_repaint(chart, before)
    notebook.shot("lab03-unpack-dark")
    button(notebook, "clear").click()
    table(notebook).filter(has_text="clear, 1 MiB").wait_for()
    notebook.shot("lab03-clear-dark")
    notebook.theme("Light")


def hover_names_the_point_and_a_drag_zooms(notebook: Notebook, chart: Locator) -> None:
    box = chart.locator("canvas").first.bounding_box()
    assert box
    mouse = notebook.page.mouse
    hover = notebook.page.locator(".bk-tooltip-content").filter(has_text="working set").first
    # Down the chart until the mouse is over a roof or a point.
    for y in range(int(box["y"]) + 8, int(box["y"] + box["height"]) - 60, 2):
        mouse.move(box["x"] + 300, y)
        notebook.frames(2)
        if hover.is_visible():
            break
    expect(hover).to_contain_text("GB/s")
    expect(hover).to_contain_text("of memset")
    notebook.shot("lab03-hover")

    before = notebook.pixels(chart)
    mouse.move(box["x"] + 200, box["y"] + 40)
    mouse.down()
    mouse.move(box["x"] + 400, box["y"] + 200, steps=6)
    mouse.up()
    notebook.wait_repaint(chart, before)
    zoomed = notebook.pixels(chart)
    notebook.shot("lab03-zoomed", chart)
    chart.get_by_role("button", name="Reset").click()
    notebook.wait_repaint(chart, zoomed)
    table(notebook).filter(has_text="clear, 512 KiB").wait_for()


def fits_a_narrow_window_and_lets_tab_pass(notebook: Notebook, chart: Locator) -> None:
    notebook.page.set_viewport_size({"width": 1280, "height": 1000})
    notebook.page.wait_for_function(
        "(chart) => chart.firstElementChild.getBoundingClientRect().right <= chart.getBoundingClientRect().right",
        arg=chart.locator(".mte-chart").element_handle(),
    )
    chart.get_by_role("button", name="Reset").focus()
    notebook.page.keyboard.press("Tab")
    assert not chart.locator(".mte-chart").evaluate("(chart) => chart.contains(document.activeElement)")
    assert notebook.page.get_by_role("slider", name="Working set").count() == 1


def a_measurement_can_be_stopped(notebook: Notebook) -> None:
    button(notebook, "Measure").click()
    notebook.page.get_by_text("timings", exact=False).first.wait_for()
    button(notebook, "Stop").click()
    notebook.page.get_by_text("Stopped at").wait_for()
    expect(table(notebook)).to_contain_text("GB/s")
    expect(button(notebook, "Stop")).to_be_disabled()
    notebook.shot("lab03-stopped")


def stubs_are_named_and_not_measured(notebook: Notebook, chart: Locator) -> None:
    stubs = "Not measured, since not right yet: your clear, copy, pack, unpack."
    chart.locator(".mte-status", has_text=stubs).wait_for()
    expect(table(notebook)).not_to_contain_text("yours")


def test_the_roofline(notebook: Notebook) -> None:
    """One measurement serves for all that may be done with it; the last step spoils it."""
    chart = opened(notebook)
    stubs_are_named_and_not_measured(notebook, chart)
    answers_slider_and_buttons(notebook, chart)
    hover_names_the_point_and_a_drag_zooms(notebook, chart)
    fits_a_narrow_window_and_lets_tab_pass(notebook, chart)
    slider_repaints(notebook, chart)
    a_measurement_can_be_stopped(notebook)


def test_the_worked_edition_shows_its_own_versions(notebook: Notebook) -> None:
    opened(notebook, f"solutions/{LAB}")
    for operation in ("clear", "copy", "pack", "unpack"):
        button(notebook, operation).click()
        table(notebook).filter(has_text=operation).filter(has_text="yours").wait_for()
    notebook.shot("lab03-yours-unpack")


def slider_repaints(notebook: Notebook, chart: Locator) -> None:
    times = notebook.repaint_times(notebook.page.locator(".jp-OutputArea .noUi-handle").first, chart)
    print(f"roofline: slider to repaint {statistics.median(times):.0f} ms at the median of {len(times)}")
    assert len(times) > 10


def test_the_roofline_survives_a_reload(notebook: Notebook) -> None:
    opened(notebook)
    button(notebook, "copy").click()
    table(notebook).filter(has_text="copy, 512 KiB").wait_for()
    notebook.save_and_reload()
    again = notebook.figure("Bandwidth of copy")
    again.locator("canvas").first.wait_for()
    table(notebook).filter(has_text="copy, 512 KiB").wait_for()
    before = notebook.pixels(again)
    handle = notebook.page.locator(".jp-OutputArea .noUi-handle").first
    handle.focus()
    notebook.page.keyboard.press("ArrowLeft")
    table(notebook).filter(has_text="copy, 256 KiB").wait_for()
    notebook.wait_repaint(again, before)


def test_an_exercise_wrongly_then_rightly(notebook: Notebook) -> None:
    notebook.open(LAB)
    notebook.forget()
    for code, words in (
        ("tags = tags.copy(); tags[pages] = 0; return tags", "it should change the one that it was given"),
        ("tags[page] = 0", "NameError: name 'page' is not defined"),
        ("tags[pages] = 0", "clear: passed"),
    ):
        notebook.page.evaluate(
            """async ([code]) => {
              const { content, sessionContext } = jupyterapp.shell.currentWidget;
              const number = (id) => content.widgets.findIndex((cell) => cell.model.id === id);
              const cell = content.widgets[number('clear')].model.sharedModel;
              const lines = cell.source.split('\\n');
              lines[lines.length - 1] = '    ' + code;
              cell.setSource(lines.join('\\n'));
              for (const id of ['clear', 'check_clear']) {
                content.activeCellIndex = number(id);
                await jupyterapp.commands.execute('notebook:run-cell');
              }
            }""",
            [code],
        )
        answer = notebook.page.locator(".jp-OutputArea").filter(has_text=words).first
        answer.wait_for()
        answer.scroll_into_view_if_needed()
        notebook.shot(f"lab03-exercise-{words.split(':')[0].replace(' ', '-')[:12]}")


def test_the_whole_lab_to_look_at(notebook: Notebook) -> None:
    opened(notebook)
    assert notebook.look_through("lab03-page") > 20
