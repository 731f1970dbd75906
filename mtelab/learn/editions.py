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
import os
import sys
import tempfile
from pathlib import Path
from unittest import mock

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

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


def run(nb: NotebookNode, cwd: Path) -> NotebookNode:
    """Return `nb` run from top to bottom by a fresh kernel in the folder `cwd`.

    It runs as the learner whose seed is 0, with a progress file of its own.

    Raises
    ------
    EditionError
        If a cell raises an exception without the tag ``raises-exception``.
    """
    done = copy.deepcopy(nb)
    with tempfile.TemporaryDirectory() as private:
        learner = {"MTELAB_PROGRESS": str(Path(private) / "progress.json"), "MTELAB_SEED": "0"}
        with mock.patch.dict(os.environ, learner):
            client = NotebookClient(done, kernel_name="python3", resources={"metadata": {"path": str(cwd)}})
            try:
                client.execute()
            except CellExecutionError as error:
                raise EditionError(str(error)) from None
    return done


def make(labs: Path, name: str) -> None:
    """Run the worked edition of the lab `name`, make and run the student's, and store both in the folder `labs`."""
    source = labs / "solutions" / f"{name}.ipynb"
    worked = nbformat.read(source, nbformat.NO_CONVERT)
    student = student_edition(worked)
    for edition, target in ((worked, source), (student, labs / f"{name}.ipynb")):
        done = text(canonical(run(edition, target.parent)))
        target.write_text(done, encoding="utf-8", newline="\n")


def main() -> int:
    """Make the labs named on the command line, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m mtelab.learn.editions", description=main.__doc__)
    parser.add_argument("lab", nargs="*", help="name such as 00-start-here; all labs where none is given")
    labs = Path(__file__).parents[2] / "labs"
    sources = sorted(path.stem for path in (labs / "solutions").glob("*.ipynb"))
    chosen = [Path(name).stem if name.endswith(".ipynb") else name for name in parser.parse_args().lab] or sources
    for name in chosen:
        if name not in sources:
            print(f"{name}: no such lab in {labs / 'solutions'}; there are: {', '.join(sources)}", file=sys.stderr)
            return 2
    for name in chosen:
        try:
            make(labs, name)
        except EditionError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        print(f"{name}: both editions run and stored")
    return 0


if __name__ == "__main__":
    sys.exit(main())
