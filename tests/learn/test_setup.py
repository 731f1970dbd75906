"""The set-up check says what is there, and what to do about what is not."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from mtelab.learn import setup


def test_a_complete_setup(capsys: pytest.CaptureFixture[str]) -> None:
    setup.check_setup()
    printed = capsys.readouterr().out
    assert "NO" not in printed
    assert printed.endswith("Everything is here.\n")


def test_a_missing_package_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(setup, "find_spec", lambda name: None if name == "bokeh" else object())
    setup.check_setup()
    printed = capsys.readouterr().out
    assert "NO   bokeh (charts)" in printed
    assert "-m pip install mtelab" in printed


def test_it_looks_for_every_dependency() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert {need.split(">")[0] for need in project["dependencies"]} == set(setup.NEEDS)


def test_a_browser_has_jupyterlab_without_the_package(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup.sys, "platform", "emscripten")
    monkeypatch.setattr(setup, "find_spec", lambda name: None if name == "jupyterlab" else object())
    setup.check_setup()
    assert capsys.readouterr().out.endswith("Everything is here.\n")
