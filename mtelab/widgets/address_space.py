"""The address space: regions and pages of a process and its child, the frames behind, and what each step changes."""

from __future__ import annotations

from typing import Any

import traitlets

from mtelab.kvm.releases import RELEASES
from mtelab.learn.memory_view import MemoryView, changed
from mtelab.learn.page_views import FrameView, PageView
from mtelab.widgets.figure import Figure

KERNEL = "linux-6.12"


class AddressSpace(Figure):
    """A process on a chosen kernel: do operations of the scenario language, and see pages, frames and tags.

    Parameters
    ----------
    *lines : str
        Operations to begin with.
    kernel : str
        Name of a release.
    seed : int
        From which the tags come that unused memory holds.
    title : str
        What to write above the figure.

    Examples
    --------
    >>> space = AddressSpace("mmap r 2 private anon rwm")
    >>> space.do("load r 0")
    '0x00'
    >>> print(space.page("r", 0))
    zero page, r, tagged
    """

    script = "address_space.js"

    picture = traitlets.Dict().tag(sync=True)
    """Processes with their regions and pages; frames and slots of swap."""
    log: Any = traitlets.List().tag(sync=True)
    """Pairs of operation and result."""
    changed: Any = traitlets.List().tag(sync=True)
    """Keys of what the last step changed."""
    kernel = traitlets.Unicode(KERNEL).tag(sync=True)
    kernels = traitlets.List(list(RELEASES)).tag(sync=True)

    def __init__(self, *lines: str, kernel: str = KERNEL, seed: int = 0, title: str = "The address space") -> None:
        self._first = list(lines)
        self.view = MemoryView(kernel, seed)
        for line in lines:
            self.view.do(line)
        super().__init__(title=title)
        self._show({})

    def do(self, line: str) -> str:
        """Do one operation, such as ``"stg r 0 1 5"``, and return its result.

        Besides the scenario language's there is ``swapout R k``, which is ``"stays"`` if the page cannot go.

        Raises
        ------
        ValueError
            It is not an operation that can be drawn; nothing has been done.
        """
        before = self.view.picture()
        result = self.view.do(line)
        self._show(before, f"{' '.join(line.split())}: {result}")
        return result

    def undo(self) -> None:
        """Take the last operation back."""
        if len(self.view.log) <= len(self._first):
            raise ValueError("nothing to undo: this is the start")
        before, (line, _) = self.view.picture(), self.view.log[-1]
        self.view.undo()
        self._show(before, f"Undone: {line}")

    def reset(self) -> None:
        """Return to the operations that the figure was made with."""
        self.view.replay(self._first)
        self._show({})

    def use(self, kernel: str) -> None:
        """Do everything again on another kernel."""
        before = self.view.picture()
        self.view.replay([line for line, _ in self.view.log], kernel)
        self._show(before, f"The same operations on {kernel}")

    def page(self, region: str, page: int, process: str = "parent") -> PageView:
        """Look at a page; print it to read it."""
        return self.view.page(region, page, process)

    def frame(self, number: int) -> FrameView:
        """Look at a frame; print it to read it."""
        return self.view.frame(number)

    def behind(self, region: str, page: int, process: str = "parent") -> str:
        """Say what the entry of a page names: a frame's kind, ``"swap"``, or ``"nothing"``."""
        return self.view.behind(region, page, process)

    def on_do(self, line: str) -> None:
        """Do the operation of a button or of the line typed."""
        self.do(line)

    def on_undo(self) -> None:
        """Handle the undo button."""
        self.undo()

    def on_use(self, kernel: str) -> None:
        """Handle the choice of a kernel."""
        self.use(kernel)

    def _show(self, before: dict[str, Any], status: str = "") -> None:
        now = self.view.picture()
        with self.hold_sync():
            self.changed = changed(before, now) if before else []
            self.picture, self.log = now, [list(entry) for entry in self.view.log]
            self.kernel, self.status = self.view.kernel, status

    def describe(self) -> str:
        """Say how many pages map how many frames, and what was done last."""
        pages = [page for page in self.view.pages() if page.state in ("present", "zero page")]
        frames = len({page.target for page in pages})
        last = ": ".join(self.view.log[-1]) if self.view.log else "nothing done yet"
        done = f"operations: {len(self.view.log)}, the last {last}" if self.view.log else last
        return f"{self.view.kernel}, entries: {len(pages)}, frames mapped: {frames}, {done}"
