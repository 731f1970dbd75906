"""Lab 04 in a real browser: the address space by buttons, by keyboard and by lines, and what lights up."""

from __future__ import annotations

import statistics

import pytest
from playwright.sync_api import Locator, expect

from .jupyter import Notebook

LAB = "04-pages-that-carry-tags.ipynb"


@pytest.fixture
def lab(notebook: Notebook) -> Notebook:
    notebook.begin(LAB)
    return notebook


def space(lab: Notebook, title: str = "The address space") -> Locator:
    """The figure of a section, as it was made."""
    figure = lab.figure(title)
    # The lab's own cells have left words in the status line; the reset takes them away.
    lab.reset(figure, lambda: expect(figure.locator(".mte-status")).to_have_text(""))
    figure.locator(".mte-space-new", has_text="◆").wait_for(state="hidden")
    return figure


def part(figure: Locator, key: str) -> Locator:
    """A page, a frame or a slot of swap."""
    return figure.locator(f"[data-key='{key}']")


def says(figure: Locator, status: str) -> None:
    """Wait for the status line."""
    figure.locator(".mte-status", has_text=status).wait_for()


def lit(figure: Locator) -> set[str]:
    """Keys of what is lit, and of the pages to which a line is lit."""
    found: list[str] = figure.locator("[data-lit='1']").evaluate_all(
        "(parts) => parts.map((part) => part.dataset.key ?? 'line ' + part.dataset.user)"
    )
    return set(found)


def test_the_buttons_by_mouse(lab: Notebook) -> None:
    figure = space(lab)
    height = lab.height(figure)
    part(figure, "parent:r:1").click()
    figure.get_by_text("Chosen: parent r 1").wait_for()
    figure.get_by_role("button", name="load").click()
    says(figure, "load r 1 0: 0x00")
    part(figure, "parent:r:1").filter(has_text="zero page").wait_for()
    figure.get_by_label("tag", exact=True).select_option("5")
    figure.get_by_label("granule").select_option("3")
    figure.get_by_role("button", name="STG").click()
    says(figure, "stg r 1 3 5: ok")
    part(figure, "frame:1").filter(has_text="PG_mte_tagged").wait_for()
    assert part(figure, "frame:1").locator("i").all_inner_texts()[:5] == ["0", "0", "0", "5", "0"]
    changed = figure.locator("[data-changed='1']").evaluate_all("(parts) => parts.map((part) => part.dataset.key)")
    assert changed == ["parent:r:1", "frame:1"]
    for button, status in (
        ("LDG", "ldg r 1 3: 5"),
        ("store", "store r 1 20 5: SEGV_MTESERR"),
        ("swap out", "swapout r 1: ok"),
        ("dontneed", "dontneed r 1 1: ok"),
        ("munmap", "munmap r 1 1: ok"),
    ):
        figure.get_by_role("button", name=button).click()
        says(figure, status)
    figure.get_by_text("unmapped").wait_for()
    assert lab.height(figure) == height, "what stands below keeps its place"


def test_lines_and_undo_by_keyboard(lab: Notebook) -> None:
    figure = space(lab)
    line = figure.get_by_label("Operation", exact=True)
    line.focus()
    for text, status in (
        ("store r 0 7", "store r 0 7: ok"),
        ("fork", "fork: ok"),
        ("child load r 9", "Refused: child load r 9: word 4, '9': expected a page of r, 0 to 1"),
        ("child store r 0 8", "child store r 0 8: ok"),
    ):
        line.fill(text)
        lab.page.keyboard.press("Enter")
        says(figure, status)
    part(figure, "child:r:0").filter(has_text="frame 2").wait_for()
    figure.get_by_role("button", name="Undo").focus()
    lab.page.keyboard.press("Enter")
    says(figure, "Undone: child store r 0 8")
    part(figure, "child:r:0").filter(has_text="frame 1").wait_for()
    part(figure, "child:r:0").focus()
    assert lit(figure) == {"parent:r:0", "child:r:0", "frame:1", "line parent:r:0", "line child:r:0"}
    lab.page.keyboard.press("Enter")
    figure.get_by_text("Chosen: child r 0").wait_for()
    figure.get_by_role("button", name="dontneed").focus()
    lab.page.keyboard.press("Space")
    says(figure, "child dontneed r 0 1: ok")
    expect(figure.get_by_role("button", name="swap out")).to_be_disabled()


def test_hover_lights_all_who_map_a_frame(lab: Notebook) -> None:
    figure = space(lab, "Three mappings of one file")
    line = figure.get_by_label("Operation", exact=True)
    for text in ("load b 0", "load c 0 6"):
        line.fill(text)
        lab.page.keyboard.press("Enter")
        says(figure, text)
    part(figure, "parent:b:0").hover()
    figure.locator(".mte-hover", has_text="frame 1, rw").wait_for()
    pages = {f"parent:{name}:0" for name in "abc"}
    assert lit(figure) == pages | {f"line {page}" for page in pages} | {"frame:1"}
    lab.shot("lab04-shared-light", figure)


def test_the_kernel_and_the_theme(lab: Notebook) -> None:
    figure = space(lab, "A page in swap")
    figure.get_by_label("Operation", exact=True).fill("stg r 1 0 9")
    lab.page.keyboard.press("Enter")
    figure.get_by_text("PG_mte_lock").wait_for()
    lab.shot("lab04-swap-light", figure)
    lab.theme("Dark")
    figure.locator("path[d^='M']").first.wait_for(state="attached")
    lab.page.wait_for_function(
        "(root) => [...root.querySelectorAll('path')].every((line) => !line.getAttribute('d').startsWith('M0 0'))",
        arg=figure.element_handle(),
    )
    lab.shot("lab04-swap-dark", figure)
    lab.theme("Light")
    figure.get_by_label("Kernel").select_option("linux-6.1")
    says(figure, "The same operations on linux-6.1")
    figure.get_by_text("PG_mte_lock").wait_for(state="hidden")
    part(figure, "frame:1").filter(has_text="PG_mte_tagged").wait_for()


def test_the_whole_lab_to_look_at(lab: Notebook) -> None:
    assert lab.look_through("lab04-page") > 30


def test_a_step_is_drawn_and_survives_a_reload(lab: Notebook) -> None:
    figure = space(lab)
    load = figure.get_by_role("button", name="load")
    times = lab.repaint_times(load, figure, "control.click()", "root.querySelectorAll('.mte-space-log li').length")
    print(f"button to repaint: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms")

    lab.save_and_reload()
    again = lab.figure("The address space")
    part(again, "parent:r:0").filter(has_text="zero page").wait_for()
    again.get_by_role("button", name="Reset").click()
    part(again, "parent:r:0").filter(has_text="–").wait_for()
