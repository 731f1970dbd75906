"""The course is found, copied once and never written over."""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import webbrowser
from pathlib import Path

import pytest

from mtelab import course


def arguments(**changed: object) -> argparse.Namespace:
    return argparse.Namespace(**({"folder": None, "port": None, "no_browser": True, "seed": None} | changed))


def test_a_checkout_opens_its_own_labs() -> None:
    assert course.place(None) == course.shipped()
    assert (course.place(None) / course.FIRST_LAB).is_file()


def test_a_folder_gets_the_student_edition_once(tmp_path: Path) -> None:
    folder = course.place(tmp_path / "mine")
    labs = sorted(path.name for path in folder.glob("*.ipynb"))
    assert labs == sorted(path.name for path in course.shipped().glob("*.ipynb"))
    assert not (folder / "solutions").exists()
    (folder / course.FIRST_LAB).write_text("my answers")
    assert course.place(folder) == folder
    assert (folder / course.FIRST_LAB).read_text() == "my answers"


def test_labs_that_are_missing_come_back_and_no_other_file_is_touched(tmp_path: Path) -> None:
    course.supply(tmp_path)
    (tmp_path / course.FIRST_LAB).unlink()
    second = sorted(tmp_path.glob("*.ipynb"))[0]
    second.write_text("my answers")
    (tmp_path / "notes.txt").write_text("mine")
    course.supply(tmp_path)
    assert (tmp_path / course.FIRST_LAB).read_bytes() == (course.shipped() / course.FIRST_LAB).read_bytes()
    assert second.read_text() == "my answers"
    labs = {path.name for path in course.shipped().glob("*.ipynb")}
    assert {path.name for path in tmp_path.iterdir()} == labs | {"notes.txt"}


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("chapter one")
    with pytest.raises(course.CourseError, match="expected an empty folder"):
        course.place(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_with_some_of_the_labs_is_opened_at_the_first(tmp_path: Path, started: list[list[str]]) -> None:
    later = sorted(path.name for path in course.shipped().glob("*.ipynb"))[1:3]
    for name in later:
        (tmp_path / name).write_text("my answers")
    assert course.lab(arguments(folder=str(tmp_path))) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == later
    assert f"--LabApp.default_url=/lab/tree/{later[0]}" in started[0]


def test_a_copy_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def until_the_disk_is_full(_source: Path, target: Path) -> None:
        target.write_text("{")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", until_the_disk_is_full)
    with pytest.raises(course.CourseError, match=r"cannot be copied there: .*No space left"):
        course.place(tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []


def test_an_installed_wheel_copies_into_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "mtelab"
    (package / "labs").mkdir(parents=True)
    (package / "labs" / course.FIRST_LAB).write_text("{}")
    monkeypatch.setattr(course, "PACKAGE", package)
    here = tmp_path / "home"
    here.mkdir()
    monkeypatch.chdir(here)
    assert course.place(None) == here / "mtelab-labs"
    assert (here / "mtelab-labs" / course.FIRST_LAB).read_text() == "{}"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Options of each JupyterLab that was to be started."""
    options: list[list[str]] = []
    monkeypatch.setattr(course, "_start", options.append)
    return options


def test_a_port_in_use_is_named(started: list[list[str]]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(course.CourseError, match=f"--port {port}: something else listens there; choose another"):
            course.lab(arguments(port=port))
    assert not started


@pytest.mark.parametrize("port", [0, -1, 65536, 10**12])
def test_a_number_that_is_no_port_is_named(port: int, started: list[list[str]]) -> None:
    with pytest.raises(course.CourseError, match=f"--port {port}: expected a number from 1 to 65535"):
        course.lab(arguments(port=port))
    assert not started


def test_a_port_that_is_not_for_everyone(monkeypatch: pytest.MonkeyPatch, started: list[list[str]]) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(course.CourseError, match="--port 80: this account may not listen there; choose one from 1024"):
        course.lab(arguments(port=80))
    assert not started


def test_a_machine_without_a_browser_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], started: list[list[str]]
) -> None:
    def none(*_: object) -> None:
        raise webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(webbrowser, "get", none)
    assert course.lab(arguments(no_browser=False)) == 0
    assert "No browser was found here. Open the address that follows in one." in capsys.readouterr().out
    assert "--no-browser" in started[0]
    monkeypatch.setattr(webbrowser, "get", lambda *_: object())
    assert course.lab(arguments(no_browser=False)) == 0
    assert "No browser" not in capsys.readouterr().out
    assert "--no-browser" not in started[1]


@pytest.mark.parametrize("name", ["quantum.ipynb", "mine/01.ipynb", "00-start-here"])
def test_one_lab_is_no_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, started: list[list[str]]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(course.CourseError, match=f"{name}: expected a folder, not one lab; choose the lab in Jupyter"):
        course.lab(arguments(folder=name))
    assert not started
    assert list(tmp_path.iterdir()) == []


def test_a_lab_spoilt_by_hand_is_named_and_the_next_is_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], started: list[list[str]]
) -> None:
    course.supply(tmp_path)
    first, second, third = sorted(path.name for path in tmp_path.glob("*.ipynb"))[:3]
    (tmp_path / first).write_text('{\n "cells": [,')
    (tmp_path / third).write_bytes(b"\xff")
    assert course.lab(arguments(folder=str(tmp_path))) == 0
    said = capsys.readouterr().out
    assert f"{tmp_path / first}:2: not JSON: Expecting value, at column 12" in said
    assert "take a fresh copy: mtelab release NEW 00\n" in said
    assert f"{tmp_path / third}: cannot be read" in said
    assert f"--LabApp.default_url=/lab/tree/{second}" in started[0]
    assert (tmp_path / first).read_text() == '{\n "cells": [,'


def test_a_learner_may_have_questions_of_their_own(monkeypatch: pytest.MonkeyPatch, started: list[list[str]]) -> None:
    monkeypatch.setenv("MTELAB_SEED", "0")
    assert course.lab(arguments(seed="alice")) == 0
    assert os.environ["MTELAB_SEED"] == "alice"
    assert len(started) == 1


@pytest.mark.parametrize(("user", "root"), [(0, True), (1000, False)])
def test_jupyterlab_is_started_at_the_first_lab(
    user: int, root: bool, monkeypatch: pytest.MonkeyPatch, started: list[list[str]]
) -> None:
    monkeypatch.setattr(course.os, "geteuid", lambda: user, raising=False)
    assert course.lab(arguments()) == 0
    assert f"--ServerApp.root_dir={course.shipped()}" in started[0]
    assert "--LabApp.default_url=/lab/tree/00-start-here.ipynb" in started[0]
    assert "--no-browser" in started[0]
    assert ("--allow-root" in started[0]) is root
