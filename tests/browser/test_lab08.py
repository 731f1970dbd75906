"""Lab 08 in a real browser: the schedule that only a weakly ordered machine allows, made by hand."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from .jupyter import Notebook

LAB = "08-many-locks-one-bit.ipynb"
WAIT = 20_000
"""Milliseconds for an answer: the dashboard of section 1 may still be at work in the same kernel."""


@pytest.fixture
def lab(notebook: Notebook) -> Notebook:
    notebook.begin(LAB)
    return notebook


def schedule(figure: Locator) -> Locator:
    return figure.get_by_role("textbox", name="Schedule")


def test_a_stale_tag_by_hand(lab: Notebook) -> None:
    figure = lab.figure("F0, weakly ordered")
    figure.locator(".mte-race-lanes").focus()
    # CPU 1 takes the page, clears it and sets the flag; all three stores wait in its buffer.
    made = ""
    for move in ("1", "0", "1", "1", "1"):
        lab.page.keyboard.press(move)
        made += move
        expect(schedule(figure)).to_have_value(made, timeout=WAIT)
    waiting = figure.get_by_role("region", name="CPU 1").locator(".mte-race-pending li")
    expect(waiting).to_have_count(3, timeout=WAIT)
    expect(figure.locator(".mte-race-tile").first).to_have_attribute("aria-label", "granule 0: tag F, stale")
    lab.shot("lab08-stores-wait-light", figure)
    # The third of them, the flag, becomes visible first; CPU 0 waited for it, goes on, and looks.
    lab.page.keyboard.press("c")
    expect(waiting).to_have_count(2, timeout=WAIT)
    for _ in range(3):
        lab.page.keyboard.press("0")
    expect(schedule(figure)).to_have_value("101111c000", timeout=WAIT)
    expect(figure.locator(".mte-race-verdict")).to_contain_text("a tag has leaked")
    lab.shot("lab08-leak-light", figure)
    lab.theme("Dark")
    lab.shot("lab08-leak-dark", lab.figure("F0, weakly ordered"))
    lab.theme("Light")

    # On a machine that keeps order these moves cannot be made.
    figure.get_by_role("combobox", name="Memory").select_option("sc")
    expect(schedule(figure)).to_have_value("", timeout=WAIT)
    schedule(figure).fill("101111c000")
    schedule(figure).press("Enter")
    expect(figure.locator(".mte-status")).to_contain_text("Refused", timeout=WAIT)


def test_the_figures_find_their_bugs(lab: Notebook) -> None:
    per_mm = lab.figure("A lock in each address space")
    per_mm.get_by_role("button", name="Find me the bug").click()
    expect(per_mm.locator(".mte-race-verdict")).to_contain_text("wiped")
    lab.shot("lab08-per-mm-light", per_mm)
    array = lab.figure("An array of locks, weakly ordered")
    expect(array.locator(".mte-race-verdict")).to_contain_text("a tag has leaked")
    lab.shot("lab08-array-light", array)


def test_the_whole_lab_to_look_at(lab: Notebook) -> None:
    assert lab.look_through("lab08-page") > 40
