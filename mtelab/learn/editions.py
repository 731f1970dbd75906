"""The two editions of a lab: the worked one is the source, the student's is made from it.

``python -m mtelab.learn.editions [LAB ...]`` runs ``labs/solutions/LAB.ipynb``, makes ``labs/LAB.ipynb`` from it, runs
that too, and stores both in canonical form: the same sources give the same bytes. Without a name it does all labs.

The marks are nbgrader's, so that a course which uses nbgrader can release and grade the worked edition as it is.
"""

# nbformat has type hints for a few of its functions only.
# mypy: allow-untyped-calls

from __future__ import annotations

import argparse
import copy
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from mtelab.learn import labs, learner

SOLUTION = ("### BEGIN SOLUTION", "### END SOLUTION")
HIDDEN = ("### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS")

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_CELL_METADATA = ("nbgrader", "tags")
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class EditionError(Exception):
    """A lab cannot be made; the text names the cell and what is wrong with it."""


def read(path: Path) -> NotebookNode:
    """Read a notebook.

    Raises
    ------
    EditionError
        If `path` is none; the text names the file, the line, and what to do.
    """
    mend = f"Mend it in a text editor, or take it back as it was: git checkout {path.name}, or install mtelab again."
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EditionError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        written = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise EditionError(f"{path}:{line}: byte {content[error.start]:#x}, expected UTF-8. {mend}") from None
    try:
        values = json.loads(written)
    except json.JSONDecodeError as error:
        raise EditionError(f"{path}:{error.lineno}: not JSON: {error.msg}, at column {error.colno}. {mend}") from None
    if not isinstance(values, dict) or values.get("nbformat") != 4:
        raise EditionError(f"{path}:1: not a notebook: expected an object with nbformat 4. {mend}")
    try:
        nbformat.validate(nbformat.from_dict(values))
    except nbformat.ValidationError as error:
        keys = list(error.absolute_path)
        line = _line(values, keys, written)
        place = "/".join(map(str, keys))
        raise EditionError(f"{path}:{line}: not a notebook: {place}: {error.message:.120}. {mend}") from None
    nb: NotebookNode = nbformat.reads(written, nbformat.NO_CONVERT)
    return nb


def _line(values: dict[str, Any], keys: list[str | int], written: str) -> int:
    """Line on which the cell begins to which `keys` lead: that of its id. Where it has none, the file's first."""
    if keys[:1] == ["cells"] and len(keys) > 1:
        cell = values["cells"][keys[1]]
        name = cell.get("id") if isinstance(cell, dict) else None
        for number, line in enumerate(written.splitlines(), 1):
            if line.strip().rstrip(",") == f'"id": {json.dumps(name, ensure_ascii=False)}':
                return number
    return 1


def sources(nb: NotebookNode) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Return what is written in `nb`, without what a kernel said: id, type, source and metadata of each cell."""
    return [(cell.id, cell.cell_type, cell.source, dict(cell.metadata)) for cell in nb.cells]


def student_edition(worked: NotebookNode) -> NotebookNode:
    """Return the student's edition of `worked`: ``...`` for each solution, no hidden test, no output.

    Raises
    ------
    EditionError
        If a mark is nested, not closed, or a solution stands in a cell that nbgrader does not know as one.
    """
    student = copy.deepcopy(worked)
    for cell in student.cells:
        solution = cell.metadata.get("nbgrader", {}).get("solution", False)
        if cell.cell_type != "code" and solution:
            raise EditionError(f"cell {cell.id}: an answer in prose, expected code")
        if cell.cell_type == "code":
            if SOLUTION[0] in cell.source and not solution:
                raise EditionError(f"cell {cell.id}: a solution, but its nbgrader metadata do not say solution=true")
            if solution and SOLUTION[0] not in cell.source:
                raise EditionError(f"cell {cell.id}: an answer without {SOLUTION[0]!r}; it would be given away whole")
            cell.source = _without(cell.id, cell.source, HIDDEN, "")
            cell.source = _without(cell.id, cell.source, SOLUTION, "...")
            cell.outputs = []
            cell.execution_count = None
    return student


def answer(worked: NotebookNode, exercise: str) -> str:
    """Return the code with which `worked` answers `exercise`: the cells of that name, without marks."""
    cells = [cell for cell in worked.cells if cell.metadata.get("nbgrader", {}).get("solution", False)]
    marked = [cell.source.split("\n") for cell in cells if cell.metadata["nbgrader"]["grade_id"] == exercise]
    if not marked:
        raise EditionError(f"no cell has nbgrader's grade_id {exercise} and solution=true")
    return "\n\n".join("\n".join(line for line in lines if line.strip() not in SOLUTION) for lines in marked)


def _without(cell: str, source: str, marks: tuple[str, str], instead: str) -> str:
    """Return `source` with each region between `marks` replaced by one line, at the indentation of its first mark."""
    begin, end = marks
    kept: list[str] = []
    inside = False
    for number, line in enumerate(source.split("\n"), 1):
        if begin in line or end in line:
            if (begin in line) is inside:
                wrong = f"{begin!r} inside such a region" if inside else f"{end!r} without a begin"
                raise EditionError(f"cell {cell}, line {number}: {wrong}")
            inside = not inside
            if inside and instead:
                kept.append(line[: len(line) - len(line.lstrip())] + instead)
        elif not inside:
            kept.append(line)
    if inside:
        raise EditionError(f"cell {cell}: {begin!r} is never closed by {end!r}")
    return "\n".join(kept)


def canonical(nb: NotebookNode) -> NotebookNode:
    """Return `nb` as it is stored: nothing that changes from run to run, cells counted from 1, ids kept.

    Widgets keep their text; the reference to a widget that died with its kernel goes.
    """
    stored = copy.deepcopy(nb)
    stored.metadata = nbformat.from_dict(_METADATA)
    number = 0
    for cell in stored.cells:
        cell.metadata = nbformat.from_dict({k: cell.metadata[k] for k in _CELL_METADATA if k in cell.metadata})
        if cell.cell_type != "code":
            continue
        number += 1
        if cell.execution_count is not None:
            cell.execution_count = number
        cell.outputs = _merged(cell.outputs)
        for output in cell.outputs:
            output.get("data", {}).pop(_WIDGET_VIEW, None)
            if "data" in output or "metadata" in output:
                output.metadata = nbformat.from_dict({})
            if output.output_type == "execute_result":
                output.execution_count = number
            if output.output_type == "error":
                # The frames name files of this machine; what a reader needs, and nbval compares, is said at the end.
                output.traceback = [f"{output.ename}: {output.evalue}"]
    return stored


def _merged(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join texts of one stream that follow each other: how a kernel cuts them depends on its haste."""
    merged: list[NotebookNode] = []
    for output in outputs:
        before = merged[-1] if merged else None
        if before is not None and output.output_type == before.output_type == "stream" and output.name == before.name:
            before.text += output.text
        else:
            merged.append(output)
    return merged


def text(nb: NotebookNode) -> str:
    """Return the bytes of a notebook file, as text."""
    written: str = nbformat.writes(nb)
    return written.rstrip("\n") + "\n"


def run(nb: NotebookNode, cwd: Path, seed: str = learner.EVERYONE) -> NotebookNode:
    """Return `nb` run from top to bottom by a fresh kernel in the folder `cwd`.

    It runs as the learner with that `seed`, with a progress file of its own.

    Raises
    ------
    EditionError
        If a cell raises an exception without the tag ``raises-exception``.
    """
    done = copy.deepcopy(nb)
    with tempfile.TemporaryDirectory() as private:
        variables = {"MTELAB_PROGRESS": str(Path(private) / "progress.json"), "MTELAB_SEED": seed}
        with mock.patch.dict(os.environ, variables):
            client = NotebookClient(done, kernel_name="python3", resources={"metadata": {"path": str(cwd)}})
            try:
                client.execute()
            except CellExecutionError as error:
                raise EditionError(str(error)) from None
    return done


def make(folder: Path, name: str) -> None:
    """Run the worked edition of the lab `name`, make and run the student's, and store both in `folder`."""
    source = folder / "solutions" / f"{name}.ipynb"
    worked = read(source)
    student = student_edition(worked)
    for edition, target in ((worked, source), (student, folder / f"{name}.ipynb")):
        done = text(canonical(run(edition, target.parent)))
        target.write_text(done, encoding="utf-8", newline="\n")


def main() -> int:
    """Make the labs named on the command line, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m mtelab.learn.editions", description=main.__doc__)
    parser.add_argument("lab", nargs="*", help="name such as 00-start-here; all labs where none is given")
    folder = Path(__file__).parents[2] / "labs"
    known = labs.names(folder / "solutions")
    try:
        chosen = [labs.find(name, known) for name in parser.parse_args().lab] or known
    except labs.UnknownLabError as error:
        print(error, file=sys.stderr)
        return 2
    for name in chosen:
        try:
            make(folder, name)
        except EditionError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        print(f"{name}: both editions run and stored")
    return 0


if __name__ == "__main__":
    sys.exit(main())
