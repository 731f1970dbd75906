"""A notebook in a real JupyterLab: driven as a learner drives it, watched as a classroom would wish."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, ViewportSize

from .scripts import IDLE, KEY, PIXELS, PRINTED, REPAINTS, RUN, SCROLL, SLIDE, TURN, WHOLE
from .server import LIMIT, ROOT, TOKEN, Server

__all__ = ["IDLE", "KEY", "PRINTED", "SLIDE", "VIEWPORT", "Notebook"]

SHOTS = Path(__file__).parent / "screenshots"
VIEWPORT: ViewportSize = {"width": 1400, "height": 1000}
RUN_LIMIT = 180_000
"""Milliseconds for all cells of a lab."""


class Notebook:
    """One notebook in one browser page."""

    def __init__(self, page: Page, server: Server, outside: list[str], errors: list[str]) -> None:
        self.page = page
        self.server = server
        self.outside = outside
        """Requests that would have left the machine."""
        self.errors = errors
        """Errors on the browser's console."""

        self.name: str | None = None
        """The notebook that is open, or None: a test that failed leaves no page to the next."""

    def open(self, name: str) -> None:
        """Open a notebook of the course in a new page, and wait for its new kernel.

        It is as handed out, whatever a test before has saved: figures of an earlier kernel would be reported as lost.
        """
        browser = self.page.context
        self.page.close()
        self.server.stop_kernels()
        shutil.copy(ROOT / "labs" / name, self.server.folder / name)
        self.page = browser.new_page()
        self.page.goto(f"{self.server.url}/lab/tree/{name}?token={TOKEN}&reset")
        self.ready()
        self.name = name
        self.tidy()

    def begin(self, name: str) -> None:
        """Run all of a notebook as it is handed out: what is seen afterwards was made now.

        The page and the kernel of the test before serve again if they have this notebook and it has not been edited.
        """
        if self.name == name and self.as_handed_out():
            self.tidy()
            self.forget()
            # A page that is loaded again asks the kernel for all of its widgets: those of a test before are gone.
            assert self.page.evaluate(PRINTED, "import ipywidgets; ipywidgets.Widget.close_all()") == ""
        else:
            self.open(name)
            self.forget()
        self.run_all()

    def as_handed_out(self) -> bool:
        """Whether the cells of the open notebook are those of the course."""
        assert self.name
        cells = json.loads((ROOT / "labs" / self.name).read_text(encoding="utf-8"))["cells"]
        there: list[str] = self.page.evaluate(
            "jupyterapp.shell.currentWidget.content.widgets.map((cell) => cell.model.sharedModel.source)"
        )
        return there == ["".join(cell["source"]) for cell in cells]

    def tidy(self) -> None:
        """Undo what a test before may have left: a narrow window, the dark theme, the mouse over something."""
        self.page.set_viewport_size(VIEWPORT)
        self.page.mouse.move(0, 0)
        if self.page.locator("body").get_attribute("data-jp-theme-light") != "true":
            self.theme("Light")

    def ready(self) -> None:
        """Wait until the notebook stands, with all of its cells, and its kernel is idle."""
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=LIMIT)
        self.page.wait_for_function(f"() => ({IDLE})() && ({WHOLE})()", timeout=RUN_LIMIT, polling=50)

    def save_and_reload(self) -> None:
        """Save the notebook and load the page anew, as a learner does; the kernel goes on."""
        self.page.evaluate("jupyterapp.commands.execute('docmanager:save')")
        self.page.reload()
        self.ready()

    def run_all(self) -> None:
        """Run every cell; wait until each code cell has its number and has drawn what it shows."""
        self.page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
        self.page.wait_for_function(f"() => ({RUN})() && ({IDLE})()", timeout=RUN_LIMIT, polling=50)

    def forget(self) -> None:
        """Clear all outputs and counts, so that what is seen afterwards was made in this session."""
        self.page.evaluate("jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")

    def figure(self, title: str) -> Locator:
        """The figure whose title starts with `title`."""
        found = self.page.locator(".mte-figure").filter(has=self.page.locator(".mte-title", has_text=title)).first
        return self.bring(found)

    def bring(self, found: Locator) -> Locator:
        """Scroll to a part of the page until it stays where it is, so that the mouse can find it."""
        found.wait_for(state="attached")
        found.evaluate(SCROLL)
        return found

    def frames(self, count: int) -> None:
        """Let the browser draw so many times: what a move of the mouse has set going shows by then."""
        self.page.evaluate("async (n) => { while (n--) await new Promise(requestAnimationFrame); }", count)

    def reset(self, figure: Locator, done: Callable[[], None]) -> None:
        """Press a figure's Reset, once, and see that it is `done`, which raises if the figure does not show it."""
        figure.get_by_role("button", name="Reset").click()
        done()

    def height(self, figure: Locator) -> float:
        """How high a figure is: what changes it moves everything below."""
        value: float = figure.evaluate("(figure) => figure.getBoundingClientRect().height")
        return value

    def pixels(self, figure: Locator) -> int | None:
        """A number that changes when the figure's drawing changes."""
        value: int | None = figure.evaluate(PIXELS)
        return value

    def wait_repaint(self, figure: Locator, before: int | None) -> None:
        """Wait until the figure shows something else than it did."""
        self.page.wait_for_function(
            f"([root, before]) => ({PIXELS})(root) !== before",
            arg=[figure.element_handle(), before],
            timeout=LIMIT,
        )

    def repaint_times(
        self, control: Locator, figure: Locator, act: str = KEY, shown: str = "pixels(root)", moves: int = 14
    ) -> list[float]:
        """Milliseconds from an act on a control to the first frame in which what is shown has changed.

        A move that changes nothing is an error.

        Parameters
        ----------
        control, figure : Locator
            What is moved, and what should follow.
        act : str
            JavaScript that moves ``control`` once; ``back`` is true for every other half dozen moves, ``move`` counts.
        shown : str
            JavaScript for what to look at in the figure, ``root``; its canvases unless said otherwise.
        """
        handles = [control.element_handle(), figure.element_handle()]
        times: list[float] = self.page.evaluate(REPAINTS, [*handles, act, shown, moves, PIXELS, LIMIT])
        return times[2:]

    def theme(self, name: str) -> None:
        """Switch JupyterLab between its light and dark theme."""
        self.page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {name}'}})")
        dark = "false" if name == "Dark" else "true"
        self.page.wait_for_selector(f"body[data-jp-theme-light='{dark}']", state="attached", timeout=LIMIT)

    def shot(self, name: str, of: Locator | None = None) -> Path:
        """Leave a screenshot for people to look at."""
        SHOTS.mkdir(exist_ok=True)
        path = SHOTS / f"{name}.png"
        (of or self.page).screenshot(path=path)
        return path

    def look_through(self, name: str) -> int:
        """Leave a screenshot of every screenful of the notebook, and return how many cells it has."""
        outer = self.page.locator(".jp-Notebook .jp-WindowedPanel-outer").first
        outer.evaluate("(outer) => { outer.scrollTop = 0; }")
        for number in range(40):
            self.shot(f"{name}-{number:02d}")
            if outer.evaluate(TURN):
                break
        return self.page.locator(".jp-Notebook .jp-Cell").count()
