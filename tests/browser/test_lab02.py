"""Lab 02 in a real browser: every control of the access bench by keyboard and mouse, and what is drawn of it."""

from __future__ import annotations

import statistics

import pytest
from playwright.sync_api import Locator, expect

from .jupyter import SLIDE, Notebook

LAB = "02-when-the-check-fires.ipynb"
WIDTH = "(strip) => strip.style.width"


@pytest.fixture
def lab(notebook: Notebook) -> Notebook:
    notebook.begin(LAB)
    return notebook


def bench(lab: Notebook) -> Locator:
    """The bench of section 1, as it was made."""
    figure = lab.figure("The access bench")
    figure.get_by_role("button", name="Reset").click()
    ends(figure, "allowed")
    return figure


def ends(figure: Locator, outcome: str) -> None:
    """Wait until the figure says so."""
    figure.locator(".mte-bench-outcome b").filter(has_text=outcome).wait_for()


def reported(figure: Locator, name: str) -> str:
    """What stands beside `name` in the table of registers."""
    row = figure.locator(".mte-bench-report dt").filter(has_text=name).first
    return row.evaluate("(row) => row.nextElementSibling.textContent")


def test_the_sliders_by_keyboard(lab: Notebook) -> None:
    figure = bench(lab)
    before = lab.pixels(figure)
    offset = figure.get_by_role("slider", name="Offset of first byte")
    offset.focus()
    for _ in range(4):
        lab.page.keyboard.press("ArrowRight")
    lab.wait_repaint(figure, before)
    ends(figure, "allowed")
    lab.page.keyboard.press("ArrowRight")
    ends(figure, "tag check fault")
    assert reported(figure, "FAR_EL1") == "0x0300000000001010"
    assert reported(figure, "DFSC") == "0x11  tag check fault"
    assert reported(figure, "Loaded") == "nothing"
    lab.shot("lab02-bench-fault-light", figure)

    size = figure.get_by_role("slider", name="Size in bytes")
    expect(size).to_have_attribute("aria-valuetext", "8")
    size.focus()
    lab.page.keyboard.press("Home")
    ends(figure, "allowed")
    figure.get_by_role("slider", name="Pointer tag").focus()
    lab.page.keyboard.press("End")
    ends(figure, "tag check fault")
    assert reported(figure, "FAR_EL1") == "0x0f00000000001009"


def test_the_choices_by_mouse(lab: Notebook) -> None:
    figure = bench(lab)
    figure.get_by_role("combobox", name="Memory tag of granule 0").select_option("9")
    ends(figure, "tag check fault")
    figure.get_by_role("combobox", name="Checks").select_option("asymmetric")
    ends(figure, "tag check fault")
    figure.get_by_role("combobox", name="Access").select_option("store")
    ends(figure, "recorded in TFSR")
    assert reported(figure, "TFSRE0_EL1") == "TF1 0 → 0, TF0 0 → 1"
    assert reported(figure, "Stored") == " ".join(["ee"] * 8)
    lab.shot("lab02-bench-async-light", figure)
    figure.get_by_role("combobox", name="Exception level").select_option("EL1")
    figure.get_by_role("combobox", name="VA range").select_option("1, upper")
    figure.locator(".mte-bench-report dt", has_text="TFSR_EL1").wait_for()
    figure.locator(".mte-bench-report dd", has_text="TF1 0 → 1, TF0 0 → 0").wait_for()

    for name, question in (
        ("TCO", "Is PSTATE.TCO 1? yes: checks are off"),
        ("ATA", "Is SCTLR_EL1.ATA 1? no"),
    ):
        figure.get_by_role("checkbox", name=name).click()
        ends(figure, "unchecked")
        figure.locator("li[data-decisive='1']", has_text=question).wait_for()
        figure.get_by_role("checkbox", name=name).click()
        ends(figure, "recorded in TFSR")
    figure.get_by_role("checkbox", name="TBI").focus()
    lab.page.keyboard.press("Space")
    ends(figure, "translation fault")


def test_tfsr_is_kept_and_cleared(lab: Notebook) -> None:
    figure = bench(lab)
    figure.get_by_role("combobox", name="Checks").select_option("async")
    figure.get_by_role("slider", name="Pointer tag").fill("7")
    ends(figure, "recorded in TFSR")
    figure.get_by_role("button", name="Keep TFSR").click()
    figure.locator(".mte-bench-report dd", has_text="TF0 1 → 1").wait_for()
    figure.get_by_role("slider", name="Pointer tag").fill("3")
    ends(figure, "allowed")
    assert reported(figure, "TFSRE0_EL1") == "TF1 0 → 0, TF0 1 → 1"
    figure.get_by_role("button", name="Clear TFSR").click()
    figure.locator(".mte-bench-report dd", has_text="TF0 0 → 0").wait_for()


def test_hover_theme_and_both_views(lab: Notebook) -> None:
    figure = bench(lab)
    figure.locator("canvas").hover(position={"x": 30, "y": 45})
    figure.locator(".mte-hover", has_text="byte 0x1001: 41, memory tag 3").wait_for()
    lab.shot("lab02-bench-light", figure)
    light, strip = lab.pixels(figure), figure.locator("canvas")
    wide = strip.evaluate(WIDTH)
    for theme in ("Dark", "Light", "Dark"):
        lab.theme(theme)
        lab.page.wait_for_function("([strip, wide]) => strip.style.width === wide", arg=[strip.element_handle(), wide])
    assert lab.pixels(figure) != light
    lab.shot("lab02-bench-dark", figure)
    lab.theme("Light")
    views = lab.page.locator(".mte-figure").filter(has=lab.page.locator(".mte-bench"))
    lab.bring(views.nth(1)).get_by_role("slider", name="Pointer tag").fill("4")
    ends(views.nth(0), "tag check fault")
    ends(views.nth(1), "tag check fault")


def test_the_whole_lab_to_look_at(lab: Notebook) -> None:
    assert lab.look_through("lab02-page") > 30


def test_the_bench_repaints_and_survives_a_reload(lab: Notebook) -> None:
    figure = bench(lab)
    slider = figure.get_by_role("slider", name="Offset of first byte")
    times = lab.repaint_times(slider, figure, SLIDE)
    print(f"slider to repaint: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms")

    slider.fill("15")
    ends(figure, "tag check fault")
    lab.save_and_reload()
    again = lab.figure("The access bench")
    ends(again, "tag check fault")
    again.get_by_role("slider", name="Offset of first byte").fill("0")
    ends(again, "allowed")
