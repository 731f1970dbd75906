"""Lab 00 in a real browser: paint with mouse and keyboard, point, reset, reload, light and dark."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from .jupyter import Notebook

LAB = "00-start-here.ipynb"
CELL, LEFT, TOP = 28, 66, 20  # the tag map's pitch and margins, in CSS pixels


def middle(cell: int) -> tuple[float, float]:
    """Where granule `cell` is drawn, from the canvas's corner."""
    return LEFT + (cell % 16) * CELL + 13, TOP + (cell // 16) * CELL + 13


def drag(notebook: Notebook, canvas: Locator, first: int, last: int) -> None:
    """Paint from one granule to another in the same row."""
    box = canvas.bounding_box()
    assert box
    mouse = notebook.page.mouse
    x, y = middle(first)
    mouse.move(box["x"] + x, box["y"] + y)
    mouse.down()
    for cell in range(first + 1, last + 1):
        x, y = middle(cell)
        mouse.move(box["x"] + x, box["y"] + y, steps=3)
    mouse.up()


def test_paint_a_first_tag(notebook: Notebook) -> None:
    notebook.begin(LAB)
    figure = notebook.figure("One page")
    canvas = figure.locator("canvas")
    status = figure.locator(".mte-status")

    before = notebook.pixels(figure)
    figure.get_by_role("radio", name="7", exact=True).click()
    for _ in range(2):
        notebook.page.keyboard.press("ArrowRight")
    expect(figure.get_by_role("radio", name="9", exact=True)).to_be_focused()
    expect(figure.locator("[role=radio][tabindex='0']")).to_have_text("9")
    drag(notebook, canvas, 34, 37)
    status.filter(has_text="4 granules tagged 9.").wait_for()
    notebook.wait_repaint(figure, before)

    canvas.focus()
    notebook.page.keyboard.press("ArrowRight")
    notebook.page.keyboard.press("c")
    status.filter(has_text="1 granule tagged c.").wait_for()
    side = figure.locator(".mte-side")
    side.filter(has_text="granule 38: bytes 0x260 to 0x26f, tag c").wait_for()
    canvas.hover(position={"x": middle(34)[0], "y": middle(34)[1]})
    figure.locator(".mte-hover", has_text="granule 34: bytes 0x220 to 0x22f, tag 9").wait_for()
    notebook.shot("lab00-tag-map-light", figure)

    painted = notebook.pixels(figure)
    notebook.theme("Dark")
    notebook.wait_repaint(figure, painted)
    notebook.shot("lab00-tag-map-dark", figure)
    notebook.theme("Light")

    figure.get_by_role("button", name="Reset").click()
    side.filter(has_text="granule 38: bytes 0x260 to 0x26f, tag 0").wait_for()
    expect(figure.get_by_role("radio", name="1", exact=True)).to_be_checked()


def test_figures_survive_a_reload(notebook: Notebook) -> None:
    notebook.begin(LAB)
    figure = notebook.figure("One page")
    drag(notebook, figure.locator("canvas"), 64, 66)
    figure.locator(".mte-status", has_text="3 granules tagged").wait_for()
    notebook.save_and_reload()
    again = notebook.figure("One page")
    again.locator(".mte-status", has_text="3 granules tagged").wait_for()
    assert notebook.pixels(again) is not None


def test_the_progress_figure_sums_up(notebook: Notebook) -> None:
    notebook.begin(LAB)
    board = notebook.figure("Your progress")
    board.get_by_text("not tried").first.wait_for()
    notebook.shot("lab00-progress", board)


def test_the_whole_lab_to_look_at(notebook: Notebook) -> None:
    notebook.begin(LAB)
    assert notebook.look_through("lab00-page") > 10
