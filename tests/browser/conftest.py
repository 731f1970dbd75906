"""Fixtures for tests in a real browser: the system's Chromium and a JupyterLab of their own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from .jupyter import VIEWPORT, Notebook
from .server import LIMIT, Server

HERE = Path(__file__).parent
OFFLINE = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
OFFLINE += ["--disable-background-networking", "--disable-component-update"]

FAILED = pytest.StashKey[bool]()
expect.set_options(timeout=LIMIT)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder drives a browser."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found:
        return found
    reason = "no Chromium on this machine (Debian: apt-get install chromium)"
    if os.environ.get("MTELAB_REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


# Playwright keeps an event loop running: it goes with this folder's last test, as others want one of their own.
@pytest.fixture(scope="package")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=OFFLINE)
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def server(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("jupyter"))
    yield running
    running.stop()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember a failure until the fixtures are torn down."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="package")
def window(browser: Browser, server: Server) -> Iterator[Notebook]:
    """A window on the server, for one test after the other."""
    context = browser.new_context(viewport=VIEWPORT)
    context.set_default_timeout(LIMIT)
    outside: list[str] = []
    errors: list[str] = []
    context.on(
        "request",
        lambda r: None if r.url.startswith((server.url, "data:", "blob:")) else outside.append(r.url),
    )
    # JupyterLite's kernel, installed to build the site, offers itself to JupyterLab, where it cannot be loaded.
    context.on(
        "console", lambda m: errors.append(m.text) if m.type == "error" and "@jupyterlite/" not in m.text else None
    )
    context.on("weberror", lambda e: errors.append(str(e.error)))
    yield Notebook(context.new_page(), server, outside, errors)
    context.close()


@pytest.fixture
def notebook(window: Notebook, request: pytest.FixtureRequest) -> Iterator[Notebook]:
    """The window, for one test; afterwards nothing may have left the machine, and the console holds no error."""
    window.outside.clear()
    window.errors.clear()
    yield window
    if request.node.stash.get(FAILED, False) or window.outside or window.errors:
        window.name = None
    assert not window.outside, f"requests left the machine: {window.outside}"
    assert not window.errors, f"errors on the browser's console: {window.errors}"
