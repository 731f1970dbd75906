"""What is released is the course and nothing else, and nothing that is there already is written over."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from mtelab import course
from mtelab.learn import editions, labs
from mtelab.learn.editions import EditionError
from mtelab.learn.labs import UnknownLabError
from mtelab.learn.release import CONFIG, ReleaseError, release

LABS = Path(__file__).parents[2] / "labs"
NAMES = labs.names(LABS)


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("release") / "student"
    assert release(out) == NAMES
    return out


@pytest.fixture(scope="module")
def instructor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("release") / "instructor"
    assert release(out, instructor=True) == NAMES
    return out


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, nbformat.NO_CONVERT)


def strings(value: Any) -> Iterator[str]:
    """All texts in a JSON value: keys, sources, outputs, metadata. A list of lines is one text."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from strings(inner)
    elif isinstance(value, list):
        if value and all(isinstance(line, str) for line in value):
            yield "".join(value)
        else:
            for inner in value:
                yield from strings(inner)


def test_students_get_the_notebooks_as_they_are(student: Path) -> None:
    assert sorted(path.name for path in student.rglob("*")) == [f"{name}.ipynb" for name in NAMES]
    for name in NAMES:
        assert (student / f"{name}.ipynb").read_bytes() == (LABS / f"{name}.ipynb").read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_no_solution_and_no_hidden_test_is_anywhere_in_a_students_file(student: Path, name: str) -> None:
    worked = LABS / "solutions" / f"{name}.ipynb"
    theirs, ours = ("\0".join(strings(json.loads(path.read_text()))) for path in (student / worked.name, worked))
    for cell in read(worked).cells:
        for secret in re.findall(r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)### END", cell.source, re.DOTALL):
            # A short line, such as an assignment, may stand in the text too: one place fewer than in the worked lab.
            assert theirs.count(secret.strip()) < ours.count(secret.strip()), f"cell {cell.id}"
    assert not any(word in theirs for word in ("BEGIN SOLUTION", "BEGIN HIDDEN", ".require("))


@pytest.mark.parametrize("name", NAMES)
def test_the_instructors_links_lead_to_other_labs(instructor: Path, name: str) -> None:
    folder = instructor / "source" / name
    targets = [
        target
        for cell in read(folder / f"{name}.ipynb").cells
        if cell.cell_type == "markdown"
        for target in re.findall(r"\]\(([^):#]+\.ipynb)", cell.source)
    ]
    assert targets
    assert all((folder / target).is_file() for target in targets)


@pytest.mark.parametrize("name", NAMES)
def test_the_instructor_gets_the_worked_edition(instructor: Path, name: str) -> None:
    mine, ours = read(instructor / "source" / name / f"{name}.ipynb"), read(LABS / "solutions" / f"{name}.ipynb")
    assert [cell.id for cell in mine.cells] == [cell.id for cell in ours.cells]
    for copied, cell in zip(mine.cells, ours.cells, strict=True):
        assert copied.metadata == cell.metadata
        assert copied.get("outputs") == cell.get("outputs")
        if cell.metadata.get("nbgrader", {}).get("solution"):
            assert copied.source == cell.source


def nbval(folder: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-p", "no:cacheprovider", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


@pytest.mark.parametrize("worked", [False, True], ids=["student", "instructor"])
def test_a_released_lab_passes_nbval(tmp_path: Path, worked: bool) -> None:
    release(tmp_path / "out", [NAMES[0]], instructor=worked)
    nbval(tmp_path / "out")


def test_labs_are_chosen_by_name_number_or_file(tmp_path: Path) -> None:
    chosen = [NAMES[1], str(labs.number(NAMES[0])), f"labs/{NAMES[2]}.ipynb", NAMES[1]]
    assert release(tmp_path, chosen) == NAMES[:3]
    assert labs.names(tmp_path) == NAMES[:3]
    assert course.place(tmp_path) == tmp_path.resolve()


def test_an_unknown_lab_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(UnknownLabError, match="quantum: no such lab; there are: ") as caught:
        release(tmp_path / "out", [NAMES[0], "quantum"])
    assert all(name in str(caught.value) for name in NAMES)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("worked", [False, True], ids=["student", "instructor"])
@pytest.mark.parametrize("name", ["thesis.tex", ".hidden", f"{NAMES[0]}.ipynb", CONFIG])
def test_a_folder_that_is_not_empty_is_left_as_it_is(tmp_path: Path, worked: bool, name: str) -> None:
    (tmp_path / name).write_text("chapter one")
    with pytest.raises(ReleaseError, match="expected a new or an empty folder; nothing was written"):
        release(tmp_path, instructor=worked)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "chapter one"


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(ReleaseError, match="expected a new or an empty folder"):
        release(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_what_was_written_before_an_error_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []
    write_bytes = Path.write_bytes

    def until_the_disk_is_full(path: Path, content: bytes) -> int:
        if len(written) == 1:
            write_bytes(path, content[:100])
            raise OSError(28, "No space left on device")
        written.append(path)
        return write_bytes(path, content)

    monkeypatch.setattr(Path, "write_bytes", until_the_disk_is_full)
    with pytest.raises(ReleaseError, match="No space left on device; nothing was left there"):
        release(tmp_path / "new" / "out", instructor=True)
    assert len(written) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def own_labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course of one lab that a test may spoil."""
    folder = tmp_path / "labs"
    (folder / "solutions").mkdir(parents=True)
    for path in (LABS / course.FIRST_LAB, LABS / "solutions" / course.FIRST_LAB):
        (folder / path.relative_to(LABS)).write_bytes(path.read_bytes())
    monkeypatch.setattr(course, "PACKAGE", tmp_path)
    return folder


@pytest.mark.parametrize(("where", "worked"), [("", False), ("solutions", False), ("solutions", True)])
def test_a_notebook_spoilt_by_hand_is_named_with_its_line(
    own_labs: Path, tmp_path: Path, where: str, worked: bool
) -> None:
    path = own_labs / where / course.FIRST_LAB
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    number = next(number for number, line in enumerate(lines) if '"source": [' in line)
    lines[number] = lines[number].replace("[", "")
    path.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(EditionError, match=rf"{re.escape(str(path))}:\d+: not JSON: .*git checkout") as caught:
        release(tmp_path / "out", instructor=worked)
    line = int(str(caught.value).split(":")[1])
    assert number < line <= number + 3
    assert not (tmp_path / "out").exists()


def test_answers_in_the_students_edition_are_not_released(own_labs: Path, tmp_path: Path) -> None:
    path = own_labs / course.FIRST_LAB
    nb = read(path)
    nb.cells[-1].source += "\nThe answer is 42."
    path.write_text(editions.text(nb), encoding="utf-8")
    with pytest.raises(ReleaseError, match=r"not the student's edition of .*python -m mtelab.learn.editions 00"):
        release(tmp_path / "out")
    assert not (tmp_path / "out").exists()
