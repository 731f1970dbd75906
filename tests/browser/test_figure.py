"""What all drawn figures share, in a bare page: a button answers a press though the page moves under the mouse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page

from mtelab.widgets import figure, theme

FIGURE = Path(figure.__file__).with_suffix(".js").read_text(encoding="utf-8")
# A figure far down a page that can scroll, and what it tells Python.
PAGE = f"""<div style="height: 3000px"></div><div id="here"></div><div style="height: 3000px"></div>
<script type="module">
const THEMES = {json.dumps(theme.for_browser())};
{FIGURE}
globalThis.sent = [];
const model = {{get: () => "", on: () => {{}}, off: () => {{}}, send: (content) => sent.push(content.event)}};
globalThis.view = new FigureView({{model, el: document.getElementById("here")}}, {{draw: () => {{}}}});
</script>"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1000, "height": 800})
    page = context.new_page()
    page.set_content(PAGE)
    yield page
    context.close()


def press(page: Page) -> Locator:
    """Press the mouse on Reset, and keep it down."""
    reset = page.get_by_role("button", name="Reset")
    reset.hover()
    page.mouse.down()
    return reset


def sent(page: Page) -> list[str]:
    """The events that were sent, once the browser has dealt with the mouse."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")
    events: list[str] = page.evaluate("sent")
    return events


def test_a_click_is_sent_once(page: Page) -> None:
    press(page)
    page.mouse.up()
    assert sent(page) == ["reset"]


@pytest.mark.parametrize("jump", ["window.scrollBy(0, 400)", "window.scrollBy(0, -200)"])
def test_a_press_counts_when_the_page_jumps_before_the_release(page: Page, jump: str) -> None:
    press(page)
    page.evaluate(jump)
    page.mouse.up()
    assert sent(page) == ["reset"]


def test_a_press_counts_when_the_button_is_drawn_anew_before_the_release(page: Page) -> None:
    reset = press(page)
    reset.evaluate("(old) => { view.button('Reset', '', () => view.send('another')); old.remove(); }")
    page.mouse.up()
    assert sent(page) == ["reset"]


def test_who_leaves_the_button_before_the_release_has_thought_better_of_it(page: Page) -> None:
    press(page)
    page.mouse.move(20, 20)
    page.mouse.up()
    assert sent(page) == []
    # And what is released later is another press's affair.
    page.get_by_role("button", name="Reset").click()
    assert sent(page) == ["reset"]
