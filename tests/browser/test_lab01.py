"""Lab 01 in a real browser: flip bits, drag sliders, paint; the pointer and the map tell the same story."""

from __future__ import annotations

import statistics

import pytest
from playwright.sync_api import Locator, expect

from .jupyter import Notebook

LAB = "01-tags-and-pointers.ipynb"
CELL, LEFT, TOP = 28, 66, 20  # the tag map's pitch and margins, in CSS pixels


@pytest.fixture
def lab(notebook: Notebook) -> Notebook:
    notebook.begin(LAB)
    return notebook


def desk(lab: Notebook) -> tuple[Locator, Locator, Locator]:
    """Handles of the three sliders, the pointer and the map, of the figure in section 2."""
    box = lab.bring(lab.page.locator(".jp-Cell").filter(has_text="desk = TagsAndPointers").first)
    figures = box.locator(".mte-figure")
    return box.locator(".noUi-handle"), figures.nth(0), figures.nth(1)


def bit(figure: Locator, number: int) -> Locator:
    return figure.locator(f"[data-bit='{number}']")


def test_bits_by_mouse_and_keyboard(lab: Notebook) -> None:
    lab.page.set_viewport_size({"width": 1280, "height": 1000})
    figure = lab.figure("A pointer, bit by bit")
    figure.get_by_role("button", name="Reset").click()
    # All 32 bits of a row are in view, though the file browser leaves the notebook little room.
    assert figure.locator(".mte-bits").evaluate("(bits) => bits.scrollWidth <= bits.clientWidth")
    words = figure.locator(".mte-rows")
    entry = figure.get_by_role("textbox")

    words.filter(has_text="3 (bits 59:56 are 0011)").wait_for()
    bit(figure, 58).click()
    words.filter(has_text="7 (bits 59:56 are 0111)").wait_for()
    expect(entry).to_have_value("0x0700000000001038")

    lab.page.keyboard.press("ArrowRight")
    lab.page.keyboard.press("Space")
    words.filter(has_text="5 (bits 59:56 are 0101)").wait_for()
    lab.page.keyboard.press("Home")
    lab.page.keyboard.press("Space")
    figure.locator("[data-bit='63'][data-on='1']").wait_for()
    expect(bit(figure, 63)).to_have_attribute("aria-label", "bit 63 is 1: ignored when TBI is on")

    entry.fill("0xF3FF_FFFF_FFFF_1038")
    entry.press("Enter")
    words.filter(has_text="TTBR1_EL1").wait_for()
    bit(figure, 50).click()
    words.filter(has_text="✗ translation fault, bits 54:48 are not all copies of bit 55").wait_for()
    figure.get_by_role("combobox").select_option("39")
    figure.locator(".mte-bitnumbers", has_text="54:39").wait_for()
    bit(figure, 50).hover()
    figure.locator(".mte-hover", has_text="bit 50 is 0: must be a copy of bit 55").wait_for()

    entry.fill("a pointer")
    entry.press("Enter")
    figure.locator(".mte-status", has_text="Refused: pointer: 'a pointer', expected up to 16 hex digits").wait_for()
    lab.shot("lab01-inspector-light", figure)
    lab.theme("Dark")
    lab.shot("lab01-inspector-dark", figure)
    lab.theme("Light")
    figure.get_by_role("button", name="Reset").click()
    words.filter(has_text="3 (bits 59:56 are 0011)").wait_for()


def test_sliders_repaint_bits_and_map(lab: Notebook) -> None:
    handles, pointer, tags = desk(lab)
    side = tags.locator(".mte-side")
    for number, name in enumerate(("pointer tag", "offset", "size")):
        before = lab.pixels(tags)
        handles.nth(number).focus()
        lab.page.keyboard.press("ArrowRight")
        lab.wait_repaint(tags, before)
        median = statistics.median(lab.repaint_times(handles.nth(number), tags))
        print(f"{name} slider to the tag map's repaint: {median:.0f} ms at the median")

    before, box = lab.pixels(tags), handles.nth(1).bounding_box()
    assert box
    lab.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    lab.page.mouse.down()
    lab.page.mouse.move(box["x"] + 40, box["y"] + box["height"] / 2, steps=8)
    lab.page.mouse.up()
    lab.wait_repaint(tags, before)

    # The drag's last step may still be on its way: in the end bits and map agree.
    lab.page.wait_for_function(
        """([entry, side]) => side.textContent.includes(`at 0x${(BigInt(entry.value) & 0xffffn).toString(16)}`)""",
        arg=[pointer.get_by_role("textbox").element_handle(), side.element_handle()],
    )


def test_bits_move_the_sliders_and_paint_changes_the_verdict(lab: Notebook) -> None:
    for name in ("Pointer tag", "Offset (bytes)", "Size (bytes)"):
        expect(lab.page.get_by_role("slider", name=name, exact=True).first).to_be_attached()
    handles, pointer, tags = desk(lab)
    side = tags.locator(".mte-side")
    entry = pointer.get_by_role("textbox")
    entry.fill("0x0500000000001038")
    entry.press("Enter")
    side.filter(has_text="at 0x1038, pointer tag 5").wait_for()
    expect(handles.nth(0)).to_have_attribute("aria-valuetext", "0x5")
    expect(handles.nth(1)).to_have_attribute("aria-valuetext", "0x38")

    tags.get_by_role("radio", name="c", exact=True).click()
    tags.locator("canvas").click(position={"x": LEFT + 3 * CELL + 13, "y": TOP + 13})
    side.filter(has_text="✗").wait_for()
    bit(pointer, 59).click()
    bit(pointer, 56).click()
    side.filter(has_text="pointer tag c: ✓ tags match").wait_for()
    lab.shot("lab01-desk-light", lab.page.locator(".jp-Cell").filter(has_text="desk = TagsAndPointers").first)
    lab.theme("Dark")
    lab.shot("lab01-desk-dark", lab.page.locator(".jp-Cell").filter(has_text="desk = TagsAndPointers").first)
    lab.theme("Light")

    height = lab.height(tags)
    tags.get_by_role("button", name="Reset").click()
    side.filter(has_text="Access of 8 bytes at 0x1038, pointer tag c: ✗ 1 of 1 granules differ").wait_for()
    expect(tags.get_by_role("radio", name="3", exact=True)).to_be_checked()
    bit(pointer, 55).click()
    tags.locator(".mte-status", has_text="outside the memory shown").wait_for()
    # Whatever is said beside the map, what stands below keeps its place.
    assert lab.height(tags) == height


def test_figures_survive_a_reload(lab: Notebook) -> None:
    _, pointer, _ = desk(lab)
    bit(pointer, 63).click()
    pointer.locator("[data-bit='63'][data-on='1']").wait_for()
    word = pointer.get_by_role("textbox").input_value()
    lab.save_and_reload()
    handles, pointer, tags = desk(lab)
    pointer.locator("[data-bit='63'][data-on='1']").wait_for()
    expect(pointer.get_by_role("textbox")).to_have_value(word)
    before = lab.pixels(tags)
    assert before is not None
    handles.nth(1).focus()
    lab.page.keyboard.press("ArrowRight")
    lab.wait_repaint(tags, before)


def test_an_exercise_wrong_and_then_right(lab: Notebook) -> None:
    for solution, said in (("address | tag << 56", "failing"), ("address & ~(0xF << 56) | tag << 56", "passed")):
        lab.page.evaluate(
            """async (solution) => {
              const book = jupyterapp.shell.currentWidget.content;
              const at = book.widgets.findIndex((cell) => cell.model.id === 'tagged_pointer');
              const source = book.widgets[at].model.sharedModel;
              source.setSource(source.source.replace(/^    (\\.\\.\\.|return .*)$/m, `    return ${solution}`));
              for (const index of [at, at + 1]) {
                book.activeCellIndex = index;
                await jupyterapp.commands.execute('notebook:run-cell');
              }
            }""",
            solution,
        )
        cell = lab.page.locator(".jp-Cell").filter(has_text='check("tagged_pointer", tagged_pointer)').first
        cell.scroll_into_view_if_needed()
        cell.get_by_text(said).first.wait_for()
        lab.shot(f"lab01-exercise-{said}", cell)


def test_the_whole_lab_to_look_at(lab: Notebook) -> None:
    assert lab.look_through("lab01-page") > 30
