"""The site for the browser alone: it opens, lists the labs, offers the wheel; its kernel starts without a network."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import shutil
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jupyterlite_pyodide_kernel.constants import PYODIDE_PYTHON_VERSION, PYODIDE_VERSION
from playwright.sync_api import Browser, Page, Route

from mtelab import course
from mtelab.cli import main
from mtelab.deploy import pyodide, site

from .scripts import IDLE, PRINTED
from .server import LIMIT

STARTING = 240_000
"""Milliseconds for a kernel in the browser: it compiles Python, then unpacks some twenty wheels."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Site:
    """A built site, served on this machine and looked at in a browser that reaches nothing else."""

    def __init__(self, folder: Path, browser: Browser) -> None:
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder)))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.context = browser.new_context(viewport={"width": 1400, "height": 1000})
        self.context.set_default_timeout(LIMIT)
        self.outside: list[str] = []
        self.missing: list[str] = []
        self.context.route("**/*", self._route)

    def _route(self, route: Route) -> None:
        address = route.request.url
        if address.startswith((self.url, "data:", "blob:")):
            route.continue_()
        else:
            self.outside.append(address)
            route.abort()

    def open(self, path: str) -> Page:
        page = self.context.new_page()
        page.on("response", lambda reply: self.missing.append(reply.url) if reply.status >= 400 else None)
        page.goto(f"{self.url}/{path}")
        page.wait_for_selector(".jp-Notebook .jp-Cell")
        return page

    def close(self) -> None:
        self.context.close()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def serve(browser: Browser) -> Iterator[Callable[[Path], Site]]:
    sites: list[Site] = []

    def start(folder: Path) -> Site:
        sites.append(Site(folder, browser))
        return sites[-1]

    yield start
    for running in sites:
        running.close()


def test_the_site_opens_lists_the_labs_and_offers_the_wheel(tmp_path, capsys, serve) -> None:
    assert main(["site", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out.endswith(f"/{site.FIRST}\n")
    running = serve(tmp_path / "out")
    page = running.open(site.FIRST)

    labs = sorted(path.name for path in course.shipped().glob("*.ipynb"))
    page.wait_for_selector(f".jp-DirListing-itemText:has-text('{labs[-1]}')")
    listed = page.eval_on_selector_all(".jp-DirListing-itemText", "items => items.map((item) => item.textContent)")
    assert listed == labs
    assert "# In the browser: run this first" in page.inner_text(".jp-Cell >> nth=0")

    # As a kernel finds it: the page's settings name the list, the list the wheel, and the wheel is there.
    wheel = page.evaluate(
        """async (plugin) => {
          const settings = (await (await fetch('../jupyter-lite.json')).json())['jupyter-config-data'];
          const urls = settings.litePluginSettings[plugin].pipliteUrls.map((url) => new URL(`../${url}`, location));
          for (const url of urls) {
            const found = (await (await fetch(url)).json()).mtelab;
            if (!found) continue;
            const [file] = Object.values(found.releases)[0];
            const bytes = await (await fetch(new URL(file.url, url))).arrayBuffer();
            return [file.filename, file.size, bytes.byteLength];
          }
        }""",
        site.KERNEL,
    )
    assert wheel[0].startswith("mtelab-")
    assert wheel[1] == wheel[2] > 100_000

    # The kernel asks for Pyodide where it is published, and nobody else is asked for anything.
    hosts = {address.split("/")[2] for address in running.outside}
    assert hosts <= {"cdn.jsdelivr.net"}
    assert not [address for address in running.missing if "/api/translations/" not in address]


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of Pyodide as far as npm and PyPI have it: the runtime and pure packages, without numpy."""
    if shutil.which("npm") is None:
        pytest.skip("no npm on this machine, which has the runtime of Pyodide (Debian: apt-get install npm)")
    folder = tmp_path_factory.mktemp("core")
    subprocess.run(["npm", "pack", "--silent", f"pyodide@{PYODIDE_VERSION}"], cwd=folder, check=True)
    with tarfile.open(next(folder.glob("pyodide-*.tgz"))) as tar:
        tar.extractall(folder)
    runtime = (folder / "package").rename(folder / "pyodide")
    lock = json.loads((runtime / pyodide.LOCK).read_text())
    micropip = lock["packages"]["micropip"]
    pyodide.download({"micropip": micropip["version"]}, PYODIDE_PYTHON_VERSION, runtime)
    micropip["sha256"] = hashlib.sha256((runtime / micropip["file_name"]).read_bytes()).hexdigest()
    lock["packages"] = {"micropip": micropip}
    (runtime / pyodide.LOCK).write_text(json.dumps(lock))
    archive = folder / "core.tar.bz2"
    with tarfile.open(archive, "w:bz2", compresslevel=1) as tar:
        tar.add(runtime, "pyodide")
    return archive


def test_the_core_without_numpy_is_refused(core: Path, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(pyodide, "missing", lambda roots, lock: {"numpy": "2.4.6"})
    assert main(["site", str(tmp_path / "out"), "--pyodide", str(core)]) == 2
    assert "Pyodide's archive lacks numpy" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_kernel_starts_without_a_network_and_installs_the_wheel(core: Path, tmp_path, serve) -> None:
    site.build(tmp_path / "out", core, roots=("ipywidgets", "anywidget", "packaging"))
    settings = tmp_path / "out" / "jupyter-lite.json"
    changed = json.loads(settings.read_text())
    changed["jupyter-config-data"]["exposeAppInBrowser"] = True  # the test drives the notebook by its commands
    settings.write_text(json.dumps(changed))
    running = serve(tmp_path / "out")
    page = running.open(site.FIRST)
    page.wait_for_function("() => globalThis.jupyterapp")
    page.wait_for_function(IDLE, timeout=STARTING)
    assert page.evaluate(PRINTED, "import sys; print(sys.platform)") == "emscripten"
    # All of it needs numpy, which only the full archive has; that it is fetched and unpacked can be shown.
    assert page.evaluate(PRINTED, "import piplite; await piplite.install('mtelab', deps=False)") == ""
    found = "import importlib.metadata as m; print(m.distribution('mtelab').locate_file('mtelab/cli.py').exists())"
    assert page.evaluate(PRINTED, found) == "True"
    assert (
        page.evaluate(PRINTED, "%pip install -q anywidget\nimport anywidget; print(anywidget.__name__)") == "anywidget"
    )
    assert running.outside == []
