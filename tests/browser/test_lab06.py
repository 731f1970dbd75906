"""Lab 06 in a real browser: a tag leaked and lost by hand, schedules pasted, the shortest bug played and stopped."""

from __future__ import annotations

import statistics

import pytest
from playwright.sync_api import Locator, expect

from .jupyter import Notebook

LAB = "06-the-race.ipynb"
SLIDE = """control.value = Number(control.value) + (back ? 1 : -1);
  control.dispatchEvent(new Event('input', {bubbles: true}))"""


@pytest.fixture
def lab(notebook: Notebook) -> Notebook:
    notebook.begin(LAB)
    return notebook


def explorer(lab: Notebook) -> Locator:
    """The figure of section 1, as it was made."""
    figure = lab.figure("The interleaving explorer")
    figure.get_by_role("button", name="Reset").click()
    expect(schedule(figure)).to_have_value("")
    return figure


def schedule(figure: Locator) -> Locator:
    return figure.get_by_role("textbox", name="Schedule")


def lane(figure: Locator, cpu: int) -> Locator:
    return figure.get_by_role("region", name=f"CPU {cpu}")


def tile(figure: Locator, granule: int) -> Locator:
    return figure.locator(".mte-race-tile").nth(granule)


def verdict(figure: Locator) -> Locator:
    return figure.locator(".mte-race-verdict")


def test_a_tag_is_leaked_and_lost_with_the_mouse_and_again_with_keys(lab: Notebook) -> None:
    figure = explorer(lab)
    lab.shot("lab06-start-light", figure)
    step = {cpu: lane(figure, cpu).locator(".mte-race-next") for cpu in (0, 1)}
    for cpu, words in ((0, "test_and_set_bit(PG_mte_tagged)"), (0, "mte_clear_page_tags()")):
        step[cpu].click()
        expect(step[cpu]).to_contain_text(words)
    expect(figure.locator(".mte-race-flag")).to_have_text("PG_mte_tagged ✓ set ◂")
    expect(lane(figure, 0).locator("[data-mark='now']")).to_contain_text("yield initialise(cpu, page)")
    for words in ("test_and_set_bit", "map_page", "spin_unlock", "load_tag", "store_tag"):
        step[1].click()
        expect(step[1]).to_contain_text(words)
    expect(verdict(figure)).to_have_text("✗ CPU 1 reads tag F, which an owner before has left: a tag has leaked.")
    lab.shot("lab06-leak-light", figure)
    step[1].click()
    expect(tile(figure, 1)).to_have_attribute("aria-label", "granule 1: tag 2, stored")
    step[0].click()
    step[0].click()
    expect(tile(figure, 1)).to_have_attribute("aria-label", "granule 1: tag 0, initialised")
    step[1].click()
    expect(verdict(figure)).to_contain_text("CPU 1 no longer finds its tag 2")
    expect(lane(figure, 1)).to_have_attribute("data-state", "ended")
    expect(schedule(figure)).to_have_value("00111111001")
    lab.shot("lab06-loss-light", figure)

    explorer(lab)
    keys = lab.page.keyboard
    figure.locator(".mte-race-lanes").focus()
    for cpu in "0011111":
        keys.press(cpu)
    expect(schedule(figure)).to_have_value("0011111")
    expect(verdict(figure)).to_contain_text("leaked")
    keys.press("ArrowUp")
    expect(schedule(figure)).to_have_value("001111")
    expect(verdict(figure)).to_have_text("Nothing bad so far.")
    keys.press("ArrowLeft")
    keys.press("ArrowDown")
    expect(schedule(figure)).to_have_value("0011110")
    keys.press("Home")
    expect(schedule(figure)).to_have_value("")
    expect(figure.locator(".mte-race-moves tr")).to_have_count(9)  # the moves that were taken back can be made again


def test_schedules_are_pasted_and_the_bug_is_found_played_and_paused(lab: Notebook) -> None:
    figure = lab.figure("Clear first")
    schedule(figure).fill("0000110000010")
    schedule(figure).press("Enter")
    expect(verdict(figure)).to_contain_text("CPU 0 no longer finds its tag 1")
    figure.locator(".mte-race-moves tr", has_text="store_tag").click()
    expect(schedule(figure)).to_have_value("00001100000")
    expect(verdict(figure)).to_have_text("Nothing bad so far.")
    schedule(figure).fill("00x")
    schedule(figure).press("Enter")
    expect(figure.locator(".mte-status")).to_contain_text("Refused: schedule:")
    figure.get_by_role("button", name="Restart").click()
    expect(schedule(figure)).to_have_value("")
    figure.get_by_role("combobox", name="Situation").select_option("two-vcpus")
    lane(figure, 0).locator(".mte-race-next").click()
    expect(lane(figure, 1).locator(".mte-race-waits")).to_have_text(
        "waits for mmu_lock of VM 0, and so for CPU 0, which holds it"
    )
    expect(lane(figure, 0).locator(".mte-race-next")).to_be_focused()
    lab.page.keyboard.press("1")
    expect(figure.locator(".mte-status")).to_contain_text("Refused: CPU 1 cannot move")
    lab.shot("lab06-waits-light", figure)

    figure = explorer(lab)
    place = figure.bounding_box()
    assert place
    figure.get_by_role("button", name="Find me the bug").click()
    expect(figure.locator(".mte-race-found")).to_contain_text("The shortest way there has 7 moves: 0110000")
    expect(verdict(figure)).to_contain_text("leaked")
    assert (figure.bounding_box() or {})["height"] == place["height"]  # nothing below it has moved
    expect(figure.get_by_role("button", name="Play", exact=True)).to_be_visible()
    figure.get_by_role("button", name="Play", exact=True).click()
    expect(figure.locator(".mte-race-count")).to_have_text("1 of 7")
    figure.get_by_role("button", name="Pause").click()
    expect(figure.get_by_role("button", name="Play", exact=True)).to_be_visible()
    figure.get_by_role("slider", name="Position").fill("4")
    expect(figure.locator(".mte-race-count")).to_have_text("4 of 7")
    figure.get_by_role("combobox", name="Protocol").select_option("page-lock")
    figure.get_by_role("button", name="Find me the bug").click()
    expect(figure.locator(".mte-race-found")).to_have_text(
        "✓ All 62 states were searched: safe, no interleaving is bad, and none refuses."
    )


def test_a_long_search_says_how_far_it_has_come_and_is_stopped(lab: Notebook) -> None:
    figure = explorer(lab)
    figure.get_by_role("combobox", name="Protocol").select_option("per-mm-lock")
    for name, choice in (
        ("CPUs", "4"),
        ("Pages", "2"),
        ("Memory", "arm"),
    ):  # more states than a button's search reaches
        figure.get_by_role("combobox", name=name).select_option(choice)
    expect(figure.locator(".mte-race-lanes > section")).to_have_count(4)
    schedule(figure).fill("01")
    schedule(figure).press("Enter")
    expect(figure.locator(".mte-race-count")).to_have_text("2 of 2")
    figure.get_by_role("button", name="Find me the bug").click()
    stop = figure.get_by_role("button", name="Stop the search")
    expect(stop).to_be_visible()
    expect(figure.locator(".mte-race-found")).to_contain_text("states so far")
    lab.shot("lab06-searching-light")
    stop.click()
    expect(figure.locator(".mte-status")).to_contain_text("The search was stopped after")
    expect(figure.get_by_role("button", name="Find me the bug")).to_be_visible()
    expect(figure.locator(".mte-race-found")).to_contain_text("Not searched yet")
    expect(schedule(figure)).to_have_value("01")
    expect(figure.locator(".mte-race-count")).to_have_text("2 of 2")
    figure.get_by_role("button", name="Reset").click()
    figure.get_by_role("button", name="Find me the bug").click()
    expect(figure.locator(".mte-race-found")).to_contain_text("The shortest way there has 7 moves")


def test_a_weak_machine_in_the_dark_and_wide_and_the_whole_lab_to_look_at(lab: Notebook) -> None:
    lab.page.set_viewport_size({"width": 1920, "height": 1080})
    lab.theme("Dark")
    figure = explorer(lab)
    figure.get_by_role("combobox", name="Memory").select_option("arm")
    figure.get_by_role("combobox", name="Protocol").select_option("clear-first")
    figure.locator(".mte-race-lanes").focus()
    for key in "1111110":
        lab.page.keyboard.press(key)
    expect(lane(figure, 1).get_by_role("listitem").filter(has_text="PG_mte_tagged set in page 0")).to_be_visible()
    lane(figure, 1).get_by_role("button", name="becomes visible: PG_mte_tagged").click()
    expect(figure.locator(".mte-race-flag")).to_contain_text("✓ set")
    lane(figure, 0).get_by_role("button", name="satisfied early, with the older value no flag").click()
    expect(schedule(figure)).to_have_value("1111110" + "1c" + "0<")
    lab.shot("lab06-arm-dark-wide", figure)
    lab.page.keyboard.press("ArrowUp")
    expect(schedule(figure)).to_have_value("1111110" + "1c")
    lab.theme("Light")
    lab.page.set_viewport_size({"width": 1280, "height": 1000})
    assert lab.look_through("lab06-page") > 40


def test_the_explorer_repaints_and_survives_a_reload(lab: Notebook) -> None:
    figure = explorer(lab)
    schedule(figure).fill("0011111100100000")
    schedule(figure).press("Enter")
    expect(figure.locator(".mte-race-count")).to_have_text("16 of 16")
    lab.bring(figure.locator(".mte-race-history"))
    expect(figure.locator(".mte-race-moves tr").last).to_be_in_viewport()  # the list has followed
    times = lab.repaint_times(
        figure.get_by_role("slider", name="Position"),
        figure,
        SLIDE,
        "root.querySelector('.mte-race-count').textContent",
    )
    print(f"slider to repaint: median {statistics.median(times):.0f} ms, worst {max(times):.0f} ms")

    figure.locator(".mte-race-moves tr", has_text="leaked").click()
    expect(schedule(figure)).to_have_value("0011111")
    lab.save_and_reload()
    again = lab.figure("The interleaving explorer")
    expect(schedule(again)).to_have_value("0011111")
    lane(again, 1).locator(".mte-race-next").click()
    expect(tile(again, 1)).to_have_attribute("aria-label", "granule 1: tag 2, stored")
