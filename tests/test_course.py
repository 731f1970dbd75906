"""The course is found, copied once and never written over."""

from __future__ import annotations

import argparse
import socket
from pathlib import Path

import pytest

from mtelab import course


def arguments(**changed: object) -> argparse.Namespace:
    return argparse.Namespace(**({"folder": None, "port": None, "no_browser": True} | changed))


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


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("chapter one")
    with pytest.raises(course.CourseError, match="expected an empty folder"):
        course.place(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


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


def test_a_port_in_use_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(course, "_start", lambda _options: pytest.fail("JupyterLab was started"))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(course.CourseError, match=f"--port {port}"):
            course.lab(arguments(port=port))


@pytest.mark.parametrize(("user", "root"), [(0, True), (1000, False)])
def test_jupyterlab_is_started_at_the_first_lab(user: int, root: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(course, "_start", commands.append)
    monkeypatch.setattr(course.os, "geteuid", lambda: user, raising=False)
    assert course.lab(arguments()) == 0
    assert f"--ServerApp.root_dir={course.shipped()}" in commands[0]
    assert "--LabApp.default_url=/lab/tree/00-start-here.ipynb" in commands[0]
    assert "--no-browser" in commands[0]
    assert ("--allow-root" in commands[0]) is root
