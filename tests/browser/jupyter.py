"""A real JupyterLab for the browser tests: started as a learner starts it, watched as a classroom would wish."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page

ROOT = Path(__file__).parents[2]
SHOTS = Path(__file__).parent / "screenshots"
TOKEN = "browser-tests"
START_LIMIT = 90
RUN_LIMIT = 120_000  # milliseconds for all cells of a lab

# What is drawn now, as one number: every canvas below the node, squeezed to 40 rows so that looking costs little.
PIXELS = """(root) => {
  const [width, height] = [1000, 40];
  globalThis.looking ??= new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true});
  let sum = 0, canvases = 0;
  const scan = (node) => {
    if (node.tagName === 'CANVAS' && node.width > 20) {
      canvases++;
      looking.clearRect(0, 0, width, height);
      looking.drawImage(node, 0, 0, node.width, height);
      const pixels = new Int32Array(looking.getImageData(0, 0, width, height).data.buffer);
      for (let i = 0; i < pixels.length; i++) sum = (Math.imul(sum, 31) + pixels[i]) | 0;
    }
    if (node.shadowRoot) [...node.shadowRoot.children].forEach(scan);
    [...node.children].forEach(scan);
  };
  scan(root);
  return canvases ? sum : null;
}"""


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Ways to move a control once: an arrow key on a slider of ipywidgets, a step of a native slider.
KEY = """control.dispatchEvent(new KeyboardEvent('keydown',
  {key: back ? 'ArrowLeft' : 'ArrowRight', bubbles: true, cancelable: true}))"""
SLIDE = """control.value = Number(control.value) + (back ? -1 : 1) * Number(control.step || 1);
  control.dispatchEvent(new Event('input', {bubbles: true}))"""

# The notebook in front has a kernel, and the kernel has nothing to do.
IDLE = "() => jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'"

# All cells of the notebook in front are in the page: JupyterLab adds those out of sight one by one, when it has time.
# Run All before that, and the page jumps to the last cell when that has come, under the mouse of whoever clicks.
WHOLE = """() => {
  const cells = jupyterapp?.shell.currentWidget?.content?.widgets ?? [];
  return cells.length > 0 && cells.every((cell) => cell.isAttached && !cell.isPlaceholder());
}"""

# Every cell has been run, and what the cells show has been drawn.
RUN = """() => {
  const {content} = jupyterapp.shell.currentWidget;
  const code = content.widgets.map((cell) => cell.model).filter((cell) => cell.type === 'code');
  const counted = code.filter((cell) => cell.sharedModel.source.trim()).every((cell) => cell.executionCount !== null);
  const outputs = [...content.node.querySelectorAll('.jp-OutputArea-output')];
  return counted && outputs.every((output) => output.firstElementChild || output.textContent !== 'Loading widget...');
}"""

# Scroll to a node until it stays where it is: cells out of sight get their height only when they come near.
SCROLL = """async (root) => {
  let last = null;
  for (let frame = 0, still = 0; frame < 600 && still < 5; frame++) {
    root.scrollIntoView({block: 'center'});
    await new Promise(requestAnimationFrame);
    const {x, y, width, height} = root.getBoundingClientRect();
    const now = [x, y, width, height].join();
    still = width && now === last ? still + 1 : 0;
    last = now;
  }
}"""


# What a line of code prints, or the name of the exception it raises, in the kernel of the notebook in front.
PRINTED = """async (code) => {
  const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const future = kernel.requestExecute({code});
  let printed = '';
  future.onIOPub = ({content}) => { printed += content.text ?? content.ename ?? ''; };
  await future.done;
  return printed.trim();
}"""


class Server:
    """``mtelab lab`` in a copy of the course, with settings of its own."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "course"
        shutil.copytree(ROOT / "labs", self.folder, ignore=shutil.ignore_patterns(".*"))
        config = home / "config"
        config.mkdir()
        # The tests drive the notebook through JupyterLab's own commands.
        (config / "jupyter_lab_config.json").write_text(json.dumps({"LabApp": {"expose_app_in_browser": True}}))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = os.environ | {
            "JUPYTER_CONFIG_DIR": str(config),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "JUPYTER_TOKEN": TOKEN,
            "MTELAB_PROGRESS": str(home / "progress.json"),
        }
        self.log = home / "server.log"
        command = [
            sys.executable,
            "-m",
            "mtelab",
            "lab",
            str(self.folder),
            "--no-browser",
            "--port",
            str(self.port),
        ]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        limit = time.monotonic() + START_LIMIT
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text()}")
            time.sleep(0.2)

    def answers(self) -> bool:
        try:
            self.ask("GET", "status")
        except (urllib.error.URLError, ConnectionError):
            return False
        return True

    def ask(self, method: str, path: str) -> Any:
        """Call the server's REST interface."""
        request = urllib.request.Request(f"{self.url}/api/{path}", method=method)
        request.add_header("Authorization", f"token {TOKEN}")
        with urllib.request.urlopen(request, timeout=20) as reply:
            body = reply.read()
        return json.loads(body) if body else None

    def stop_kernels(self) -> None:
        """End every session, so that each test starts a fresh kernel."""
        for session in self.ask("GET", "sessions"):
            self.ask("DELETE", f"sessions/{session['id']}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)


class Notebook:
    """One notebook in one browser page."""

    def __init__(self, page: Page, server: Server, outside: list[str], errors: list[str]) -> None:
        self.page = page
        self.server = server
        self.outside = outside
        """Requests that would have left the machine."""
        self.errors = errors
        """Errors on the browser's console."""

    def open(self, name: str) -> None:
        """Open a notebook of the course and wait for its kernel.

        It is as handed out, whatever a test before has saved: figures of an earlier kernel would be reported as lost.
        """
        shutil.copy(ROOT / "labs" / name, self.server.folder / name)
        self.page.goto(f"{self.server.url}/lab/tree/{name}?token={TOKEN}&reset")
        self.ready()

    def begin(self, name: str) -> None:
        """Open a notebook, and run all of it in this session: what is seen afterwards was made here."""
        self.open(name)
        self.forget()
        self.run_all()

    def ready(self) -> None:
        """Wait until the notebook stands, with all of its cells, and its kernel is idle."""
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
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
        found.wait_for(state="attached")
        found.evaluate(SCROLL)
        return found

    def reset(self, figure: Locator, done: Callable[[], None]) -> None:
        """Press a figure's Reset, once, and see that it is `done`, which raises if the figure does not show it."""
        figure.get_by_role("button", name="Reset").click()
        done()

    def pixels(self, figure: Locator) -> int | None:
        """A number that changes when the figure's drawing changes."""
        value: int | None = figure.evaluate(PIXELS)
        return value

    def wait_repaint(self, figure: Locator, before: int | None) -> None:
        """Wait until the figure shows something else than it did."""
        self.page.wait_for_function(
            f"([root, before]) => ({PIXELS})(root) !== before",
            arg=[figure.element_handle(), before],
            timeout=10_000,
        )

    def repaint_times(
        self, control: Locator, figure: Locator, act: str = KEY, shown: str = "pixels(root)", moves: int = 24
    ) -> list[float]:
        """Milliseconds from an act on a control to the first frame in which what is shown has changed.

        Parameters
        ----------
        control, figure : Locator
            What is moved, and what should follow.
        act : str
            JavaScript that moves ``control`` once; ``back`` is true for every other half dozen moves, ``move`` counts.
        shown : str
            JavaScript for what to look at in the figure, ``root``; its canvases unless said otherwise.
        """
        times: list[float] = self.page.evaluate(
            """async ([control, root, act, shown, moves, drawn]) => {
              const pixels = new Function('return ' + drawn)();
              const look = new Function('root', 'pixels', `return ${shown}`);
              const doOnce = new Function('control', 'move', 'back', act);
              const times = [];
              for (let move = 0; move < moves; move++) {
                const before = look(root, pixels), start = performance.now();
                doOnce(control, move, Math.floor(move / 6) % 2 === 1);
                let now = start;
                while (now - start < 3000) {
                  await new Promise(requestAnimationFrame);
                  now = performance.now();
                  if (look(root, pixels) !== before) break;
                }
                times.push(now - start);
                await new Promise((done) => setTimeout(done, 120));
              }
              return times;
            }""",
            [control.element_handle(), figure.element_handle(), act, shown, moves, PIXELS],
        )
        return times[2:]

    def theme(self, name: str) -> None:
        """Switch JupyterLab between its light and dark theme."""
        self.page.evaluate(f"jupyterapp.commands.execute('apputils:change-theme', {{theme: 'JupyterLab {name}'}})")
        dark = "false" if name == "Dark" else "true"
        self.page.wait_for_selector(f"body[data-jp-theme-light='{dark}']", state="attached", timeout=10_000)

    def shot(self, name: str, of: Locator | None = None) -> Path:
        """Leave a screenshot for people to look at."""
        SHOTS.mkdir(exist_ok=True)
        path = SHOTS / f"{name}.png"
        (of or self.page).screenshot(path=path)
        return path

    def leaf_through(self, lab: str) -> int:
        """Leave a screenshot at every fourth cell of the notebook, and return how many cells it has."""
        cells = self.page.locator(".jp-Notebook .jp-Cell")
        for number in range(0, cells.count(), 4):
            cells.nth(number).scroll_into_view_if_needed()
            self.page.wait_for_timeout(150)
            self.shot(f"{lab}-page-{number:02d}")
        return cells.count()
