"""Lab 05 in a real browser: the fault stepper by mouse and keyboard, and what it shows of each step."""

from __future__ import annotations

import statistics

import pytest
from playwright.sync_api import Locator, expect

from .jupyter import Notebook

LAB = "05-a-guest-takes-a-fault.ipynb"
STEP = """control.focus(); control.dispatchEvent(new KeyboardEvent('keydown',
  {key: back ? 'ArrowUp' : 'ArrowDown', bubbles: true, cancelable: true}))"""


@pytest.fixture
def lab(notebook: Notebook) -> Notebook:
    notebook.begin(LAB)
    return notebook


def stepper(lab: Notebook) -> Locator:
    """The stepper of section 1, as it was made."""
    figure = lab.figure("The fault stepper")
    figure.get_by_role("button", name="Reset").click()
    at(figure, "Before the fault")
    return figure


def at(figure: Locator, words: str) -> None:
    """Wait until the figure is at this step."""
    expect(figure.locator(".mte-fault-now b").first).to_have_text(words)


def panel(figure: Locator, name: str, row: str) -> Locator:
    """A value in a panel."""
    return figure.locator(f"section[aria-label='{name}'] [data-name='{row}']")


def test_the_buttons_and_the_keys(lab: Notebook) -> None:
    figure = stepper(lab)
    figure.get_by_role("button", name="Step", exact=True).click()
    at(figure, "find_memslot")
    expect(figure.locator("section[data-looked='1'] h4")).to_have_text("memslotthis step")
    steps = figure.get_by_role("list", name="Steps of the fault path")
    steps.focus()
    height = lab.height(figure)
    for _ in range(7):
        lab.page.keyboard.press("ArrowDown")
    at(figure, "faultin_pfn")
    expect(panel(figure, "frame", "flags")).to_have_text("not PG_mte_tagged ◂")
    stale = panel(figure, "frame", "tags").inner_text()
    for _ in range(4):
        lab.page.keyboard.press("ArrowDown")
    at(figure, "sanitise_mte_tags")
    expect(panel(figure, "locks", "mmu_lock")).to_have_text("held")
    expect(figure.get_by_role("img", name="tags 0000000000000000")).to_be_visible()
    expect(panel(figure, "frame", "tags")).not_to_have_text(stale)
    expect(panel(figure, "stage 2", "entry")).to_have_text("none")
    lab.shot("lab05-sanitise-light", figure)
    lab.page.keyboard.press("ArrowUp")
    at(figure, "check_mte_allowed")
    lab.page.keyboard.press("End")
    at(figure, "mark_page_dirty")
    expect(figure.locator(".mte-fault-end")).to_contain_text("mapped")
    assert lab.height(figure) == height, "what stands below keeps its place"
    figure.get_by_role("button", name="Back", exact=True).click()
    at(figure, "stage2_map")
    figure.locator(".mte-fault-steps li", has_text="find_vma").click()
    at(figure, "find_vma")
    steps.focus()
    lab.page.keyboard.press("Home")
    at(figure, "Before the fault")


def test_the_choices_and_the_ways_out(lab: Notebook) -> None:
    figure = stepper(lab)
    figure.get_by_role("combobox", name="Situation").select_option("no slot")
    expect(figure.locator(".mte-fault-words")).to_have_text("The guest touches a page that no slot has.")
    figure.get_by_role("button", name="Run").click()
    expect(figure.locator(".mte-fault-end b")).to_have_text("mmio")
    figure.get_by_role("combobox", name="Access").select_option("gstg")
    at(figure, "Before the fault")
    figure.get_by_role("button", name="Run").click()
    expect(figure.locator(".mte-fault-end b")).to_have_text("ENOSYS")
    expect(panel(figure, "fault", "syndrome")).to_have_text("no")
    figure.get_by_role("combobox", name="Situation").select_option("zero page first")
    figure.get_by_role("button", name="Run").click()
    at(figure, "mark_page_dirty (try 2)")
    figure.get_by_role("combobox", name="Access").select_option("gload")
    at(figure, "No fault")


def test_the_kernels_are_compared_when_the_fault_has_ended(lab: Notebook) -> None:
    figure = lab.figure("One access, four kernels")
    row = figure.locator(".mte-fault-kernels tr", has_text="linux-6.12")
    expect(row).not_to_contain_text("mapped")
    figure.get_by_role("button", name="Run").click()
    at(figure, "check_mte_allowed")
    expect(row).to_contain_text("mapped")
    expect(row).to_contain_text("≠ other answer: sample_vma, check_mte_allowed")
    row.get_by_role("button").press("Enter")
    at(figure, "mark_page_dirty")
    expect(row.get_by_role("button")).to_be_focused()
    expect(figure.locator(".mte-fault-differs[title^='Another answer']")).to_have_count(2)
    expect(figure.locator(".mte-fault-differs[title^='Another place']")).to_have_count(2)
    expect(figure.locator(".mte-status")).to_contain_text("Not as on linux-6.1")
    lab.shot("lab05-kernels-light", figure)
    lab.theme("Dark")
    lab.shot("lab05-kernels-dark", figure)
    lab.theme("Light")

    race = lab.figure("The VMM in between")
    race.get_by_role("combobox", name="Kernel").select_option("linux-7.2")
    race.get_by_role("button", name="Run").click()
    at(race, "mark_page_dirty (try 2)")
    race.get_by_role("combobox", name="Kernel").select_option("linux-6.1")
    at(race, "mark_page_dirty")
    race.locator(".mte-fault-steps li", has_text="mmap_read_unlock").click()
    expect(race.locator(".mte-fault-meanwhile")).to_contain_text("remap M 0 1 shared F rw")
    expect(panel(race, "locks", "mmu_seq")).to_have_text("1 ◂")
    lab.shot("lab05-meanwhile-light", race)


def test_the_whole_lab_to_look_at(lab: Notebook) -> None:
    assert lab.look_through("lab05-page") > 30


def test_the_stepper_repaints_and_survives_a_reload(lab: Notebook) -> None:
    figure = stepper(lab)
    times = lab.repaint_times(
        figure.get_by_role("list", name="Steps"), figure, STEP, "root.querySelector('[aria-current]')?.textContent"
    )
    print(f"key to repaint: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms")

    figure.locator(".mte-fault-steps li", has_text="sample_vma").click()
    at(figure, "sample_vma")
    lab.save_and_reload()
    again = lab.figure("The fault stepper")
    at(again, "sample_vma")
    again.get_by_role("button", name="Step", exact=True).click()
    at(again, "mmap_read_unlock")
