"""Fixtures for tests in a real browser: the system's Chromium and a JupyterLab of their own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from .jupyter import Notebook, Server

HERE = Path(__file__).parent
OFFLINE = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
OFFLINE += ["--disable-background-networking", "--disable-component-update"]


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


@pytest.fixture
def notebook(browser: Browser, server: Server) -> Iterator[Notebook]:
    """A page on the server; afterwards nothing may have left the machine, and the console holds no error."""
    server.stop_kernels()
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    outside: list[str] = []
    errors: list[str] = []
    page.on(
        "request",
        lambda r: None if r.url.startswith((server.url, "data:", "blob:")) else outside.append(r.url),
    )

    def note(text: str) -> None:
        # JupyterLite's kernel, installed to build the site, offers itself to JupyterLab, where it cannot be loaded.
        if "@jupyterlite/" not in text:
            errors.append(text)

    page.on("console", lambda m: note(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda e: note(str(e)))
    yield Notebook(page, server, outside, errors)
    context.close()
    assert not outside, f"requests left the machine: {outside}"
    assert not errors, f"errors on the browser's console: {errors}"
