"""Lab 11 in a real browser: the scorecard fills, stops, and shows the way to a verdict by mouse and keyboard."""

from __future__ import annotations

import statistics

import pytest
from playwright.sync_api import Locator, expect

from .jupyter import Notebook

LAB = "11-design-your-own.ipynb"
ARROW = """(control.querySelector('[tabindex="0"]') ?? control).focus();
  document.activeElement.dispatchEvent(new KeyboardEvent('keydown',
  {key: back ? 'ArrowUp' : 'ArrowDown', bubbles: true, cancelable: true}))"""

# Words of cells and columns that do not fit their places.
CUT_OFF = """(root) => [...root.querySelectorAll('table[role=grid] button, table[role=grid] thead th')]
  .filter((place) => place.scrollWidth > place.clientWidth).map((place) => place.textContent)"""


@pytest.fixture
def lab(notebook: Notebook) -> Notebook:
    notebook.begin(LAB)
    return notebook


def card(lab: Notebook) -> Locator:
    """The card of section 2, with all cells filled."""
    figure = lab.figure("Every design, and your first attempt")
    expect(figure.locator("progress")).to_be_hidden()
    return figure


def cell(figure: Locator, protocol: str, situation: str, memory: str) -> Locator:
    return figure.get_by_role("button", name=f"{protocol}, {situation}, {memory}:")


def test_cells_by_mouse_and_keyboard(lab: Notebook) -> None:
    figure = card(lab)
    expect(figure.locator("table[role=grid] thead th")).to_have_count(13)
    expect(cell(figure, "attempt", "two-vms", "in order")).to_have_text("✗ loses")
    expect(cell(figure, "page-lock", "mmap-over", "Arm")).to_have_text("✓ safe")
    expect(cell(figure, "no-shared", "mmap-over", "Arm")).to_have_text("⊘ refused")
    expect(figure.locator("td[data-key='time0']").nth(3)).to_contain_text("×")
    lab.shot("lab11-card-light", figure)
    lab.page.set_viewport_size({"width": 1280, "height": 1000})
    assert figure.evaluate(CUT_OFF) == []
    height = figure.bounding_box()

    cell(figure, "big-lock", "two-vms", "Arm").click()
    detail = figure.get_by_role("region", name="The way to the verdict")
    expect(detail.locator("h4")).to_have_text("big-lock in two-vms, Arm: ✗ leaks")
    expect(detail.locator("tbody tr")).to_have_count(13)
    expect(detail.locator("code").last).to_contain_text('InterleavingExplorer("big-lock", "two-vms", memory="arm"')
    assert (figure.bounding_box() or {}).get("height") == (height or {}).get("height")  # nothing below it has moved
    expect(cell(figure, "big-lock", "two-vms", "Arm")).to_have_attribute("aria-pressed", "true")
    lab.shot("lab11-detail-light", figure)

    lab.page.keyboard.press("ArrowUp")
    expect(cell(figure, "big-lock", "two-vms", "in order")).to_be_focused()
    lab.page.keyboard.press("ArrowLeft")
    lab.page.keyboard.press("Enter")
    expect(detail.locator("h4")).to_have_text("clear-first in two-vms, in order: ✗ loses")
    expect(cell(figure, "clear-first", "two-vms", "in order")).to_be_focused()
    lab.theme("Dark")
    figure = card(lab)
    lab.shot("lab11-detail-dark", figure)
    lab.theme("Light")
    figure.get_by_role("button", name="Reset").click()
    detail = figure.get_by_role("region", name="The way to the verdict")
    expect(detail.get_by_text("No cell is chosen.")).to_be_visible()
    expect(detail.locator("h4, button:visible")).to_have_count(0)


def test_a_new_card_fills_and_stops(notebook: Notebook) -> None:
    notebook.open(LAB)
    notebook.forget()
    for _ in range(9):  # down to the card of section 2, and not the cell after it, which fills it
        notebook.page.evaluate("jupyterapp.commands.execute('notebook:run-cell-and-select-next')")
    figure = notebook.figure("Every design, and your first attempt")
    figure.get_by_role("button", name="Stop").click()
    expect(figure.locator(".mte-status")).to_contain_text("Stopped at")
    notebook.shot("lab11-stopped-light", figure)
    figure.get_by_role("button", name="Go on").click()
    expect(figure.locator("progress")).to_be_hidden()
    expect(cell(figure, "always-tagged", "mmap-over", "Arm")).to_have_text("✓ safe")


def test_the_card_repaints_and_survives_a_reload(lab: Notebook) -> None:
    figure = card(lab)
    times = lab.repaint_times(
        figure.locator("table[role=grid]"), figure, ARROW, "root.ownerDocument.activeElement?.ariaLabel", moves=12
    )
    print(f"key to focus: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms")
    cell(figure, "no-shared", "fork-and-mprotect", "in order").click()
    expect(figure.locator(".mte-card-detail h4")).to_contain_text("loses")
    lab.save_and_reload()
    again = card(lab)
    expect(again.locator(".mte-card-detail h4")).to_contain_text("no-shared in fork-and-mprotect")
    cell(again, "merged-5.14", "two-vms", "in order").click()
    expect(again.locator(".mte-card-detail h4")).to_contain_text("refused")


def test_the_whole_lab_to_look_at(lab: Notebook) -> None:
    assert lab.look_through("lab11-page") >= 30
