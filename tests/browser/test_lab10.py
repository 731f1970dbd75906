"""Lab 10 in a real browser: a guest moves round by round, by mouse and keyboard, and lost tags are seen."""

from __future__ import annotations

import statistics

import pytest
from playwright.sync_api import Locator, expect

from .jupyter import SLIDE, Notebook

LAB = "10-moving-a-guest.ipynb"


@pytest.fixture
def lab(notebook: Notebook) -> Notebook:
    notebook.begin(LAB)
    return notebook


def moving(lab: Notebook) -> Locator:
    """The figure as it was made."""
    figure = lab.figure("A guest moves while it runs")
    figure.get_by_role("button", name="Reset").click()
    says(figure, "32 pages to send")
    return figure


def says(figure: Locator, words: str) -> None:
    figure.locator(".mte-migration-verdict").filter(has_text=words).wait_for()


def test_round_by_round_by_mouse(lab: Notebook) -> None:
    figure = moving(lab)
    before = lab.pixels(figure)
    figure.get_by_role("button", name="Next round").click()
    lab.wait_repaint(figure, before)
    says(figure, "data 128 KiB, tags 8 KiB, while paused 0 KiB")
    figure.get_by_role("button", name="Next round").click()
    figure.get_by_role("button", name="Stop guest").click()
    says(figure, "✓ No tag lost.")
    expect(figure.get_by_role("button", name="Next round")).to_be_disabled()
    lab.shot("lab10-moved-light", figure)


def test_lost_tags_are_found_with_the_keyboard(lab: Notebook) -> None:
    figure = moving(lab)
    figure.get_by_role("combobox", name="Tags are sent").select_option("once at the start")
    run = figure.get_by_role("button", name="Run to the end")
    run.focus()
    lab.page.keyboard.press("Enter")
    says(figure, "tags lost.")
    expect(run).to_be_focused()
    grid = figure.locator("canvas").first
    grid.focus()
    for key in ["ArrowRight"] * 7 + ["ArrowDown"] * 3:
        lab.page.keyboard.press(key)
    figure.locator("p.mte-mono", has_text="page 31:").wait_for()
    grid.click(position={"x": 10 + 3 * 49, "y": 10})
    figure.locator("p.mte-mono", has_text="page 3:").wait_for()
    lab.shot("lab10-lost-light", figure)
    figure.locator("canvas").nth(1).hover(position={"x": 232, "y": 30})
    figure.locator(".mte-hover", has_text="granule 0: source").wait_for()
    light = lab.pixels(figure)
    lab.theme("Dark")
    lab.wait_repaint(figure, light)
    lab.shot("lab10-lost-dark", figure)
    lab.theme("Light")


def test_the_whole_lab_to_look_at(lab: Notebook) -> None:
    assert lab.look_through("lab10-page") > 30


def test_it_repaints_and_survives_a_reload(lab: Notebook) -> None:
    figure = moving(lab)
    slider = figure.get_by_role("slider")
    expect(slider).to_have_attribute("aria-valuetext", "1.00 times a page sent")
    times = lab.repaint_times(slider, figure, SLIDE, "pixels(root) + root.querySelector('output').textContent")
    print(f"slider to repaint: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms")

    figure.get_by_role("button", name="Run to the end").click()
    says(figure, "No tag lost.")
    lab.save_and_reload()
    again = lab.figure("A guest moves while it runs")
    says(again, "No tag lost.")
    again.get_by_role("button", name="Reset").click()
    says(again, "32 pages to send")
