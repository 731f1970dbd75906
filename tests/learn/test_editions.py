"""The student's edition hides what it must, and storing twice gives the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from mtelab.learn import editions
from mtelab.learn.editions import EditionError, canonical, student_edition, text

ANSWER = """def granule_of(address):
    \"\"\"Number of the granule.\"\"\"
    ### BEGIN SOLUTION
    return address // 16
    ### END SOLUTION"""
CHECK = """### BEGIN HIDDEN TESTS
assert granule_of(32) == 2
### END HIDDEN TESTS
granule_of"""


def notebook(*sources: str, solution: bool = True) -> NotebookNode:
    nb = nbformat.v4.new_notebook()
    for number, source in enumerate(sources):
        cell = nbformat.v4.new_code_cell(source, id=f"cell-{number}")
        if "SOLUTION" in source and solution:
            cell.metadata["nbgrader"] = {"solution": True, "grade_id": f"cell-{number}"}
        nb.cells.append(cell)
    return nb


def test_a_solution_becomes_dots_and_a_hidden_test_goes() -> None:
    worked = notebook(ANSWER, CHECK)
    student = student_edition(worked)
    assert student.cells[0].source == 'def granule_of(address):\n    """Number of the granule."""\n    ...'
    assert student.cells[1].source == "granule_of"
    assert student.cells[0].metadata == worked.cells[0].metadata
    assert "SOLUTION" in worked.cells[0].source, "the worked edition is left as it was"


def test_outputs_are_dropped() -> None:
    worked = notebook("print(1)")
    worked.cells[0].outputs = [nbformat.v4.new_output("stream", text="1\n")]
    worked.cells[0].execution_count = 1
    cell = student_edition(worked).cells[0]
    assert (cell.outputs, cell.execution_count) == ([], None)


@pytest.mark.parametrize(
    "source",
    [
        "### BEGIN SOLUTION\nx = 1",
        "x = 1\n### END SOLUTION",
        "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION\n### END SOLUTION",
        "### BEGIN HIDDEN TESTS\nassert x",
    ],
)
def test_a_broken_mark_names_its_cell(source: str) -> None:
    with pytest.raises(EditionError, match="cell cell-1"):
        student_edition(notebook("x = 0", source))


def test_a_solution_that_nbgrader_would_leave_in_is_refused() -> None:
    with pytest.raises(EditionError, match="solution=true"):
        student_edition(notebook(ANSWER, solution=False))


def test_canonical_keeps_what_matters_only() -> None:
    nb = notebook("a", "b")
    nb.metadata["widgets"] = {"state": {"random": "id"}}
    nb.cells[0].metadata.update({"execution": {"started": "now"}, "tags": ["raises-exception"]})
    nb.cells[1].execution_count = 9
    data = {"text/plain": "Map", "application/vnd.jupyter.widget-view+json": {"model_id": "random"}}
    parts = [nbformat.v4.new_output("stream", text=part) for part in ("1\n", "2\n")]
    nb.cells[1].outputs = [*parts, nbformat.v4.new_output("execute_result", data=data, execution_count=9)]
    stored = canonical(nb)
    assert "widgets" not in stored.metadata
    assert stored.metadata.kernelspec == {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert stored.cells[0].metadata == {"tags": ["raises-exception"]}
    assert stored.cells[0].execution_count is None, "a cell that was not run must not look as if it was"
    assert stored.cells[1].execution_count == 2
    printed, result = stored.cells[1].outputs
    assert printed.text == "1\n2\n"
    assert result.data == {"text/plain": "Map"}
    assert result.execution_count == 2
    assert text(canonical(stored)) == text(stored)


def test_making_a_lab_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    (tmp_path / "solutions").mkdir()
    source = tmp_path / "solutions" / "lab.ipynb"
    source.write_text(text(notebook(ANSWER, CHECK.replace("\ngranule_of", "\nprint(granule_of(31))"))))
    stored = []
    for _ in range(2):
        editions.make(tmp_path, "lab")
        stored.append([source.read_bytes(), (tmp_path / "lab.ipynb").read_bytes()])
    assert stored[0] == stored[1]
    worked, student = (nbformat.read(path, 4) for path in (source, tmp_path / "lab.ipynb"))
    assert worked.cells[1].outputs[0].text == "1\n"
    assert student.cells[1].outputs[0].text == "None\n"


def test_a_cell_that_fails_stops_the_making(tmp_path: Path) -> None:
    with pytest.raises(EditionError, match="ZeroDivisionError"):
        editions.run(notebook("1 // 0"), tmp_path)


def test_an_answer_cell_without_marks_is_refused() -> None:
    worked = notebook("def granule_of(address):\n    return address // 16")
    worked.cells[0].metadata["nbgrader"] = {"solution": True, "grade_id": "granule_of"}
    with pytest.raises(EditionError, match=r"cell-0.*given away whole"):
        student_edition(worked)


def test_a_traceback_is_stored_without_its_frames() -> None:
    nb = notebook("1 / 0")
    frames = ["Cell In[1], line 1", "File /somewhere/else.py:3"]
    nb.cells[0].outputs = [
        nbformat.v4.new_output("error", ename="ZeroDivisionError", evalue="division by zero", traceback=frames)
    ]
    assert canonical(nb).cells[0].outputs[0].traceback == ["ZeroDivisionError: division by zero"]


MEND = "Mend it in a text editor, or take it back as it was: git checkout lab.ipynb"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", 1, "not JSON: Expecting value, at column 1"),
        (b'{\n "cells": [\n', 3, "not JSON: Expecting value"),
        (b'{\n "name": "\xff"}', 2, "byte 0xff, expected UTF-8"),
        (b"[]", 1, "expected an object with nbformat 4"),
        (b'{"nbformat": 3}', 1, "expected an object with nbformat 4"),
        (b'{"nbformat": 4}', 1, "not a notebook"),
    ],
)
def test_a_file_that_is_no_notebook_is_named_with_its_line(
    tmp_path: Path, content: bytes, line: int, message: str
) -> None:
    path = tmp_path / "lab.ipynb"
    path.write_bytes(content)
    with pytest.raises(EditionError) as caught:
        editions.read(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert message in str(caught.value)
    assert MEND in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("outputs", "none", "cells/1/outputs: 'none' is not of type 'array'"),
        ("cell_type", "cod", "cells/1: "),
        ("id", 5, "cells/1/id: 5 is not of type 'string'"),
    ],
)
def test_a_cell_that_is_none_is_named_with_the_line_of_its_id(
    tmp_path: Path, key: str, value: object, message: str
) -> None:
    values = json.loads(text(notebook("a = 1", "b = 2", "c = 3")))
    cell = values["cells"][1]
    cell[key] = value
    path = tmp_path / "lab.ipynb"
    path.write_text(json.dumps(values, indent=1))
    line = [line.strip(" ,") for line in path.read_text().splitlines()].index(f'"id": {json.dumps(cell["id"])}') + 1
    with pytest.raises(EditionError, match=f"lab.ipynb:{line}: not a notebook: {message}.*{MEND}"):
        editions.read(path)


def test_a_notebook_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EditionError, match=r"lab\.ipynb: cannot be read: No such file"):
        editions.read(tmp_path / "lab.ipynb")


def test_an_answer_is_shown_without_its_marks() -> None:
    worked = notebook(ANSWER)
    worked.cells[0].metadata["nbgrader"]["grade_id"] = "granule_of"
    shown = 'def granule_of(address):\n    """Number of the granule."""\n    return address // 16'
    assert editions.answer(worked, "granule_of") == shown
    with pytest.raises(EditionError, match="no cell has nbgrader's grade_id granule"):
        editions.answer(worked, "granule")
