"""Lab 07 in a real browser: the contention dashboard answers, slides, stops, copies, zooms, resets and comes back."""

from __future__ import annotations

import re
import statistics

import pytest
from playwright.sync_api import Locator, expect

from .jupyter import Notebook

LAB = "07-one-big-lock.ipynb"
DONE = 90_000  # milliseconds for all runs on a busy machine
WIDTHS = (1280, 1920)

# Takes a slider through places of its own, so that every move is a change.
PICK = """control.value = [{0}][move % {1}];
  control.dispatchEvent(new Event('input', {{bubbles: true}}))"""

# A drawing ends before its figure does, once it has followed the page's width.
FITS = """([drawing, figure]) => {
  const [inside, outside] = [drawing.getBoundingClientRect(), figure.getBoundingClientRect()];
  return inside.width > 0 && inside.right <= outside.right;
}"""


def pick(*places: int) -> str:
    return PICK.format(", ".join(map(str, places)), len(places))


class Dashboard:
    """The lab's dashboard on a page."""

    def __init__(self, notebook: Notebook) -> None:
        self.notebook = notebook
        self.controls = notebook.figure("Contention: many guests")
        self.chart = notebook.page.locator(".mte-figure").filter(has=notebook.page.locator(".mte-chart")).first
        self.table = notebook.page.locator(".mte-figure").filter(has=notebook.page.locator(".mte-numbers"))
        self.timeline = notebook.page.locator(".mte-figure").filter(
            has=notebook.page.locator(".mte-title", has_text="Lock timeline")
        )

    def done(self) -> None:
        """Wait until all runs are done."""
        self.controls.get_by_text(re.compile(r"^\d+ runs done$")).wait_for(timeout=DONE)

    def slider(self, name: str) -> Locator:
        return self.controls.get_by_label(name, exact=True)

    def choose(self, menu: str, option: str) -> None:
        self.controls.get_by_label(menu, exact=True).select_option(label=option)

    def answer(self, words: str | re.Pattern[str]) -> Locator:
        found = self.controls.locator(".mte-contention-answer", has_text=words)
        found.wait_for(timeout=DONE)
        return found

    def plot(self, number: int) -> Locator:
        """One of the three plots."""
        return self.chart.locator(".bk-Canvas").nth(number)


def opened(notebook: Notebook, lab: str = LAB) -> Dashboard:
    """The lab, run, with all of the dashboard's numbers."""
    notebook.begin(lab)
    dashboard = Dashboard(notebook)
    dashboard.done()
    return dashboard


def it_answers_the_question(dashboard: Dashboard) -> None:
    """How many vCPUs until the big lock hurts, and how large an array fixes it?"""
    dashboard.answer(re.compile(r"big-lock from \d\.\d+ ± 0\.\d+ vCPUs"))
    dashboard.controls.get_by_role("checkbox", name="lock-array", exact=True).check()
    dashboard.choose("Along the axis", "locks of the array")
    dashboard.slider("vCPUs of each").press("ArrowRight")  # 12, so 24 in all
    found = dashboard.answer(re.compile(r"With 24 vCPUs, an array of \d+ locks is enough for a loss under 10 %: .* ± "))
    assert re.search(r"an array of (8|16|32) locks", found.inner_text())
    dashboard.done()
    dashboard.notebook.shot("lab07-locks")
    dashboard.controls.get_by_role("button", name="Reset").click()
    dashboard.answer(re.compile(r"per-mm-lock from \d+\.\d+ ± "))
    assert not dashboard.controls.get_by_label("lock-array").is_checked()
    dashboard.done()


def sliders_and_boxes_repaint(dashboard: Dashboard) -> None:
    notebook, chart = dashboard.notebook, dashboard.chart
    dashboard.controls.get_by_role("button", name="Reset").click()
    dashboard.answer(re.compile(r"big-lock from 5\.\d+ ± "))
    dashboard.done()
    before = notebook.pixels(chart)
    dashboard.slider("Clear a page's tags").press("ArrowRight")
    notebook.wait_repaint(chart, before)
    dashboard.answer(re.compile(r"big-lock from 4\.\d+ ± "))
    dashboard.done()

    before = notebook.pixels(chart)
    dashboard.controls.get_by_label("always-tagged").focus()
    notebook.page.keyboard.press("Space")
    notebook.wait_repaint(chart, before)
    dashboard.table.locator("tbody th", has_text="always-tagged").wait_for()
    dashboard.done()

    before = notebook.pixels(dashboard.timeline)
    dashboard.choose("mmu_lock", "exclusive, as to 6.1")
    dashboard.choose("Bounds, timeline of", "page-lock")
    dashboard.timeline.locator(".mte-title", has_text="Lock timeline of page-lock").wait_for(timeout=DONE)
    notebook.wait_repaint(dashboard.timeline, before)
    notebook.shot("lab07-exclusive")


def the_timeline_zooms(dashboard: Dashboard) -> None:
    notebook, timeline = dashboard.notebook, dashboard.timeline
    timeline.scroll_into_view_if_needed()
    for button in ("Zoom in", "Zoom in", "Later", "Zoom out", "Reset"):
        if button == "Zoom out":
            notebook.shot("lab07-timeline-zoomed", timeline)
        before = notebook.pixels(timeline)
        timeline.get_by_role("button", name=button).press("Enter")
        notebook.wait_repaint(timeline, before)
    canvas = timeline.locator("canvas").first.bounding_box()
    assert canvas
    before = notebook.pixels(timeline)
    mouse = notebook.page.mouse
    mouse.move(canvas["x"] + 200, canvas["y"] + 60)
    mouse.down()
    mouse.move(canvas["x"] + 320, canvas["y"] + 120, steps=6)
    mouse.up()
    notebook.wait_repaint(timeline, before)
    hover = notebook.page.locator(".bk-tooltip-content").filter(has_text="guest").first
    for y in range(int(canvas["y"]) + 14, int(canvas["y"]) + 200, 3):
        mouse.move(canvas["x"] + 400, y)
        notebook.frames(2)
        if hover.is_visible():
            break
    expect(hover).to_contain_text(re.compile(r"(holds|waits for) (mmu_lock|tag_sync_lock) for [\d,]+ ns"))


def numbers_are_copied(dashboard: Dashboard) -> None:
    page, table = dashboard.notebook.page, dashboard.table
    table.get_by_role("button", name="Copy Markdown").click()
    table.get_by_text("rows copied as Markdown.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").startswith("| protocol ")
    table.get_by_role("button", name="Copy TSV").click()
    table.get_by_text("rows copied as TSV.").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()").splitlines()
    assert copied[0].startswith("protocol\tvCPUs\t")
    assert len(copied) > 3 * 6
    assert table.locator("textarea").input_value().splitlines() == copied
    table.get_by_role("button", name="Reset").press("Enter")
    expect(table.locator("textarea")).to_have_value("")


def the_keyboard_passes_over_the_drawings(dashboard: Dashboard) -> None:
    """From a chart's buttons Tab goes on to the next figure's: nothing in a drawing would answer a key."""
    page = dashboard.notebook.page
    for figure, button in ((dashboard.chart, "Reset"), (dashboard.timeline, "Later")):
        figure.get_by_role("button", name=button).focus()
        page.keyboard.press("Tab")
        assert not figure.evaluate("(root) => root.contains(document.activeElement)")


def slider_to_repaint(dashboard: Dashboard) -> None:
    """Prints milliseconds from a slider's move to the repaint: where only the cursor moves, from results, and anew."""
    for what, name, places in (
        ("cursor", "vCPUs of each", (1, 2, 3, 4, 5, 6)),
        ("new simulation", "Work on a page", (1, 2, 4, 5)),
        ("results at hand", "Work on a page", (1, 2, 4, 5)),
    ):
        moves = 6 if what.startswith("new") else 16
        times = dashboard.notebook.repaint_times(
            dashboard.slider(name), dashboard.plot(0), act=pick(*places), moves=moves
        )
        print(f"dashboard, {what}: slider to repaint {statistics.median(times):.0f} ms at the median of {len(times)}")
        assert len(times) == moves - 2
        dashboard.done()


def test_the_dashboard(notebook: Notebook) -> None:
    notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dashboard = opened(notebook)
    it_answers_the_question(dashboard)
    numbers_are_copied(dashboard)
    the_timeline_zooms(dashboard)
    the_keyboard_passes_over_the_drawings(dashboard)
    slider_to_repaint(dashboard)
    sliders_and_boxes_repaint(dashboard)


@pytest.mark.parametrize("width", WIDTHS)
def test_it_fits_the_page_in_light_and_dark(notebook: Notebook, width: int) -> None:
    dashboard = opened(notebook)
    notebook.page.set_viewport_size({"width": width, "height": 1600})
    dashboard.timeline.locator(".mte-title", has_text="big-lock, 16 vCPUs").wait_for(timeout=DONE)
    for mode in ("Light", "Dark"):
        notebook.theme(mode)
        notebook.page.wait_for_function(
            f"(root) => root.dataset.mode === '{mode.lower()}'", arg=dashboard.chart.element_handle()
        )
        notebook.figure("Contention: many guests")
        notebook.shot(f"lab07-{width}-{mode.lower()}")
        for figure in (dashboard.chart, dashboard.timeline):
            notebook.page.wait_for_function(
                FITS, arg=[figure.locator("canvas").last.element_handle(), figure.element_handle()]
            )
    notebook.theme("Light")


def test_the_dashboard_survives_a_reload(notebook: Notebook) -> None:
    dashboard = opened(notebook)
    dashboard.slider("vCPUs of each").press("ArrowRight")
    dashboard.table.locator(".mte-title", has_text="24 vCPUs in all").wait_for()
    notebook.save_and_reload()
    again = Dashboard(notebook)
    again.plot(2).wait_for()
    before = notebook.pixels(again.chart)
    again.slider("vCPUs of each").press("ArrowLeft")
    again.table.locator(".mte-title", has_text="16 vCPUs in all").wait_for()
    notebook.wait_repaint(again.chart, before)


def test_a_long_run_can_be_stopped_and_goes_on(notebook: Notebook) -> None:
    dashboard = opened(notebook)
    for box in dashboard.controls.get_by_role("checkbox").all():
        box.check()
    dashboard.slider("Pages of each").press("End")
    dashboard.controls.get_by_text(re.compile(r"^[1-9]\d* of \d+ runs$")).wait_for(timeout=DONE)
    dashboard.controls.get_by_role("button", name="Stop").click()
    stopped = dashboard.controls.get_by_text(re.compile(r"^stopped at \d+ of \d+ runs$"))
    stopped.wait_for(timeout=DONE)
    notebook.shot("lab07-stopped", dashboard.controls)
    before = stopped.inner_text()
    dashboard.controls.get_by_role("button", name="Go on").click()
    dashboard.controls.get_by_text(re.compile(r"^\d+ of \d+ runs$")).wait_for(timeout=DONE)
    dashboard.controls.get_by_role("button", name="Stop").click()
    stopped.wait_for(timeout=DONE)
    assert runs(stopped.inner_text()) > runs(before)
    dashboard.controls.get_by_role("button", name="Reset").click()
    dashboard.done()


def runs(text: str) -> int:
    found = re.search(r"\d+", text)
    assert found
    return int(found[0])


def test_the_whole_lab_to_look_at(notebook: Notebook) -> None:
    opened(notebook, f"solutions/{LAB}")
    assert notebook.look_through("lab07-page") > 40
