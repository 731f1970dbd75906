"""Lab 09 in a real browser: the hole is built by hand with mouse and keyboard, and closed by the second check."""

from __future__ import annotations

import statistics

import pytest
from playwright.sync_api import Locator

from .jupyter import Notebook

LAB = "09-or-forbid-it.ipynb"
CHOOSE = "control.selectedIndex = (move + 1) % 2; control.dispatchEvent(new Event('change', {bubbles: true}))"


@pytest.fixture
def lab(notebook: Notebook) -> Notebook:
    notebook.begin(LAB)
    return notebook


def explorer(lab: Notebook) -> Locator:
    """The explorer of section 1, as it was made: with the check at the memslot only."""
    figure = lab.figure("The slot explorer")
    figure.get_by_role("button", name="Reset").click()
    figure.locator("td", has_text="no step yet").wait_for()
    return figure


def choose(figure: Locator, **values: str) -> None:
    """Choose in lists, each named by its label with underscores for spaces."""
    for name, value in values.items():
        figure.get_by_role("combobox", name=name.replace("_", " "), exact=True).select_option(value)


def says(figure: Locator, *answers: str) -> None:
    """Wait until the last step has these answers."""
    row = figure.locator(".mte-slots-steps tbody tr").last
    for place, answer in enumerate(answers, start=1):
        row.locator("td").nth(place).filter(has_text=answer).wait_for()


def point(figure: Locator, row: float, block: int) -> dict[str, float]:
    """A point of the canvas: in the row that is `row` pixels from its top, in the middle of a block."""
    width = figure.locator("canvas").evaluate("(canvas) => canvas.clientWidth")
    return {"x": 84 + (block + 0.5) * (width - 84) / 8, "y": row}


GUEST_A, VMM, GUEST_B = 38.0, 124.0, 224.0


def test_the_hole_by_hand(lab: Notebook) -> None:
    figure = explorer(lab)
    before = lab.pixels(figure)
    choose(figure, Blocks_of_the_slot="4")
    figure.get_by_role("button", name="Make slot").click()
    says(figure, "ok", "ok", "ok", "ok")
    lab.wait_repaint(figure, before)

    canvas = figure.locator("canvas")
    canvas.click(position=point(figure, VMM, 1))
    assert figure.get_by_role("combobox", name="Block to map over").evaluate("(list) => list.selectedIndex") == 1
    choose(figure, Kind_of_memory="shared memfd")
    figure.get_by_role("button", name="Map", exact=True).click()
    figure.locator("td", has_text="map shared memfd over block 1").wait_for()
    before = lab.pixels(figure)
    canvas.click(position=point(figure, GUEST_A, 1))
    says(figure, "ok (hole)", "ok", "ok", "ok")
    lab.wait_repaint(figure, before)
    lab.shot("lab09-hole-light", figure)

    figure.get_by_role("checkbox").check()
    says(figure, "EFAULT (fault)", "ok", "ok", "ok")
    figure.locator(".mte-status", has_text="refused by the check at the fault").wait_for()
    canvas.hover(position=point(figure, VMM, 1))
    figure.locator(".mte-hover", has_text="block 1: shared memfd; rule of linux-6.1: not VM_SHARED").wait_for()
    lab.shot("lab09-closed-light", figure)
    closed = lab.pixels(figure)
    lab.theme("Dark")
    lab.wait_repaint(figure, closed)
    figure = lab.figure("The slot explorer")
    lab.shot("lab09-closed-dark", figure)
    lab.theme("Light")

    choose(figure, Kernel_shown="6.12")
    canvas.hover(position=point(figure, GUEST_A, 1))
    figure.locator(".mte-hover", has_text="slot 0 on block 1, mapped, tag 7").wait_for()


def test_by_keyboard_and_two_guests(lab: Notebook) -> None:
    figure = explorer(lab)
    keyboard = lab.page.keyboard
    figure.get_by_role("button", name="Make slot").focus()
    keyboard.press("Enter")
    says(figure, "ok")
    figure.get_by_role("combobox", name="VM of the slot").focus()
    keyboard.press("ArrowDown")
    figure.get_by_role("button", name="Make slot").focus()
    keyboard.press("Space")
    figure.locator("td", has_text="VM b: slot 0").wait_for()
    figure.get_by_role("button", name="Set its tag to").focus()
    keyboard.press("Enter")
    figure.locator("td", has_text="guest a sets tag 7 in block 0").wait_for()
    figure.get_by_role("combobox", name="VM of the guest").focus()
    keyboard.press("ArrowDown")
    figure.get_by_role("button", name="Read its tag").focus()
    keyboard.press("Enter")
    figure.locator("td", has_text="guest b reads a tag of block 0").wait_for()
    says(figure, "7", "7", "7", "7")
    lab.shot("lab09-two-guests-light", figure)
    figure.get_by_role("button", name="Remove slot").click()
    figure.locator("td", has_text="VM a: remove slot 0").wait_for()

    canvas = figure.locator("canvas")
    canvas.focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", "Enter"):
        keyboard.press(key)
    figure.get_by_role("status").filter(has_text="block 2: private anon; rule of linux-6.1").wait_for()
    assert figure.get_by_role("combobox", name="Block to map over").input_value() == "2"
    keyboard.press("ArrowUp")
    keyboard.press("Enter")
    figure.locator("td", has_text="guest a sets tag 7 in block 2").wait_for()

    choose(figure, Kind_of_memory="shared hugetlb", Block_to_map_over="7", Blocks_to_map="2")
    figure.get_by_role("button", name="Map", exact=True).click()
    figure.locator(".mte-status", has_text="Refused: block").wait_for()
    explorer(lab)
    assert figure.get_by_role("combobox", name="Kind of memory").input_value() == "private anon"


def test_the_explorer_repaints_and_survives_a_reload(lab: Notebook) -> None:
    figure = explorer(lab)
    choose(figure, Kind_of_memory="shared anon", Blocks_to_map="3")
    figure.get_by_role("button", name="Map", exact=True).click()
    says(figure, "ok")
    kernels = figure.get_by_role("combobox", name="Kernel shown")
    times = lab.repaint_times(kernels, figure, CHOOSE, moves=12)
    print(f"kernel to repaint: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms")

    lab.save_and_reload()
    again = lab.figure("The slot explorer")
    again.locator("td", has_text="map shared anon over blocks 0-2").wait_for()
    again.get_by_role("button", name="Make slot").click()
    again.locator("td", has_text="VM a: slot 0").wait_for()
    drawing = again.locator("canvas").get_attribute("aria-label")
    assert "blocks 0 to 2 shared anon" in str(drawing)
    assert "Guest a: no slot." in str(drawing)  # 6.1 refuses it


def test_the_whole_lab_to_look_at(lab: Notebook) -> None:
    assert lab.look_through("lab09-page") > 30
