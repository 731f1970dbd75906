"""The recipe for a JupyterHub, on a real hub: log in, open lab 01, run it; each student has labs of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from mtelab import course
from mtelab.learn.exercise import find

from .hub import PASSWORD, Hub
from .jupyter import Notebook
from .scripts import IDLE, PRINTED
from .server import LIMIT

LAB = "01-tags-and-pointers.ipynb"
EXERCISE = "what_mte_promises"
"""A prediction of that lab, which each student has questions of their own for."""

ANSWER = """([id, source]) => {
  const cells = jupyterapp.shell.currentWidget.content.widgets;
  cells.find((cell) => cell.model.id === id).model.sharedModel.setSource(source);
}"""
RESTART = "() => jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"


@pytest.fixture(scope="module")
def hub(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    running = Hub(tmp_path_factory.mktemp("hub"))
    yield running
    running.stop()
    assert running.left_over() == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(LIMIT)
    page = context.new_page()
    yield page
    context.close()


def log_in(page: Page, hub: Hub, user: str) -> Notebook:
    """Log in as a student does; the hub then starts their server, and the first lab stands there."""
    page.goto(hub.url)
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", PASSWORD)
    page.click("input[type=submit]")
    page.wait_for_url(f"{hub.url}/user/{user}/lab/tree/{course.FIRST_LAB}", timeout=120_000)
    notebook = Notebook(page, hub, [], [])
    notebook.ready()
    return notebook


def right_answer(user: str) -> Any:
    exercise = find(EXERCISE)
    return exercise.solve(exercise.question(f"{user}/{EXERCISE}/1"))


def test_a_student_logs_in_opens_lab_01_and_runs_it(hub: Hub, page: Page) -> None:
    notebook = log_in(page, hub, "ada")
    labs = sorted(path.name for path in course.shipped().glob("*.ipynb"))
    assert sorted(path.name for path in hub.labs("ada").glob("*.ipynb")) == labs

    page.goto(f"{hub.url}/user/ada/lab/tree/{LAB}?reset")
    notebook.ready()
    notebook.forget()
    page.evaluate(ANSWER, [EXERCISE, f"prediction = {right_answer('ada')!r}"])
    notebook.run_all()
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    notebook.shot("hub-lab01")

    # The answer was right for her, it is known, and it stays when the kernel starts anew.
    assert json.loads(progress(hub, "ada").read_text())["exercises"][EXERCISE]["passed"]
    page.evaluate(RESTART)
    page.wait_for_function(IDLE)
    passed = (
        f"from mtelab.learn import progress; print([r.state for r in progress().rows if r.exercise == {EXERCISE!r}])"
    )
    assert "passed" in page.evaluate(PRINTED, passed)
    assert f"prediction = {right_answer('ada')!r}" in (hub.labs("ada") / LAB).read_text()

    # Half a gibibyte is hers, not more; asking for it harms nothing.
    assert page.evaluate(PRINTED, "large = bytes(600 << 20)") == "MemoryError"
    assert page.evaluate(PRINTED, "print(len(bytes(100 << 20)))") == str(100 << 20)


def test_another_student_has_other_questions_and_a_copy_of_their_own(hub: Hub, page: Page) -> None:
    assert right_answer("ada") != right_answer("bob")
    log_in(page, hub, "bob")
    assert (hub.labs("bob") / LAB).read_bytes() == (course.shipped() / LAB).read_bytes()
    assert not progress(hub, "bob").exists()
    check = "from mtelab.learn import check; print(check({!r}, {!r}).state)"
    assert page.evaluate(PRINTED, check.format(EXERCISE, right_answer("ada"))) == "failing"
    assert page.evaluate(PRINTED, check.format(EXERCISE, right_answer("bob"))) == "passed"
    assert progress(hub, "bob").exists()


def progress(hub: Hub, user: str) -> Path:
    return hub.labs(user) / ".mtelab" / "progress.json"
