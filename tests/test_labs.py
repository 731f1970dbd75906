"""Every lab is executed, canonical and clean, and the student's edition is the one that the worked edition gives."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from mtelab.learn import editions
from mtelab.learn.exercise import Exercise, exercises, find

LABS = Path(__file__).parents[1] / "labs"
WORKED = sorted((LABS / "solutions").glob("*.ipynb"))
ALL = sorted(LABS.glob("*.ipynb")) + WORKED
MOST_BYTES = 20_000
"""Size of one output that a reader of a change can still look through."""

ABSOLUTE = re.compile(r"(?<![\w./~-])(/(home|root|tmp|Users|opt|var|mnt|workspace)/|[A-Z]:\\)")

each_notebook = pytest.mark.parametrize("path", ALL, ids=lambda path: str(path.relative_to(LABS)))
each_lab = pytest.mark.parametrize("path", WORKED, ids=lambda path: path.stem)


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, nbformat.NO_CONVERT)


def unexecuted(nb: NotebookNode) -> list[str]:
    """Ids of code cells that were not run in order from the top. nbval compares nothing in a cell without a count."""
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    return [cell.id for number, cell in enumerate(code, 1) if cell.execution_count != number]


def checked(nb: NotebookNode) -> dict[str, list[NotebookNode]]:
    """Names of the exercises that a notebook checks, with the cells that do."""
    found: dict[str, list[NotebookNode]] = {}
    for cell in nb.cells:
        if cell.cell_type != "code" or "check(" not in cell.source:
            continue
        lines = [line for line in cell.source.split("\n") if not line.lstrip().startswith(("%", "!"))]
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "check":
                name = node.args[0]
                assert isinstance(name, ast.Constant), f"cell {cell.id}: check() takes the exercise's name itself"
                cells = found.setdefault(str(name.value), [])
                if cell not in cells:
                    cells.append(cell)
    return found


def test_both_editions_have_the_same_labs() -> None:
    assert sorted(path.name for path in LABS.glob("*.ipynb")) == [path.name for path in WORKED]


@each_notebook
def test_every_code_cell_was_run(path: Path) -> None:
    assert unexecuted(read(path)) == [], f"run: python -m mtelab.learn.editions {path.stem}"


@each_notebook
def test_the_file_is_canonical(path: Path) -> None:
    nb = read(path)
    nbformat.validate(nb)
    assert nb.metadata.kernelspec.name == "python3"
    assert path.read_bytes().decode() == editions.text(editions.canonical(nb))


@each_notebook
def test_no_cell_is_spared_the_comparison(path: Path) -> None:
    for cell in read(path).cells:
        spared = {tag for tag in cell.metadata.get("tags", []) if tag.startswith("nbval-")}
        assert not spared, f"cell {cell.id}: {spared}"
        assert "NBVAL" not in cell.source, f"cell {cell.id}"


@each_notebook
def test_links_to_other_labs_lead_somewhere(path: Path) -> None:
    for cell in read(path).cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^):#]+)\)", cell.source):
                assert (path.parent / target).exists(), f"cell {cell.id}: {target}"


@each_notebook
def test_ids_are_unique(path: Path) -> None:
    ids = [cell.id for cell in read(path).cells]
    assert len(ids) == len(set(ids))


@each_notebook
def test_outputs_are_short_and_say_nothing_of_this_machine(path: Path) -> None:
    for cell in read(path).cells:
        assert not ABSOLUTE.search(cell.source), f"cell {cell.id}: an absolute path"
        for output in cell.get("outputs", []):
            written = nbformat.v4.writes(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])]))
            assert len(written) < MOST_BYTES, f"cell {cell.id}: an output of {len(written)} bytes"
            assert not ABSOLUTE.search(written), f"cell {cell.id}: an absolute path in an output"
            expected = "raises-exception" in cell.metadata.get("tags", [])
            assert output.output_type != "error" or expected, f"cell {cell.id}: {output.get('evalue')}"


@each_lab
def test_the_student_edition_is_made_from_the_worked_one(path: Path) -> None:
    student = read(LABS / path.name)
    made = editions.canonical(editions.student_edition(read(path)))
    assert editions.sources(student) == editions.sources(made), f"run: python -m mtelab.learn.editions {path.stem}"


@each_lab
def test_the_student_edition_gives_nothing_away(path: Path) -> None:
    student = {cell.id: cell for cell in read(LABS / path.name).cells}
    for cell in read(path).cells:
        source = student[cell.id].source
        assert "### BEGIN" not in source
        assert "### END" not in source
        for secret in re.findall(r"### BEGIN (?:SOLUTION|HIDDEN TESTS)\n(.*?)### END", cell.source, re.DOTALL):
            assert secret.strip() not in source, f"cell {cell.id}: the solution or a hidden test is in it"


@each_lab
def test_a_student_starts_with_nothing_passed(path: Path) -> None:
    for name, cells in checked(read(LABS / path.name)).items():
        for cell in cells:
            assert f"{name}: passed" not in str(cell.outputs), f"cell {cell.id}: {name} is passed from the start"


@each_lab
def test_the_worked_edition_passes_its_own_checks(path: Path) -> None:
    for name, cells in checked(read(path)).items():
        assert f"{name}: passed" in str(cells[-1].outputs), f"cell {cells[-1].id}: {name} is not passed"


@each_lab
def test_the_lab_checks_its_registered_exercises(path: Path) -> None:
    lab = int(path.stem[:2])
    cells = checked(read(path))
    assert set(cells) == {exercise.name for exercise in exercises() if exercise.lab == lab}
    for name in cells:
        assert graded(cells[name]) == find(name).points, f"{name}: points in the notebook differ from the exercise's"


def graded(cells: list[NotebookNode]) -> int:
    return sum(cell.metadata.get("nbgrader", {}).get("points", 0) for cell in cells)


@pytest.mark.parametrize("exercise", exercises(), ids=lambda exercise: exercise.name)
def test_an_exercise_draws_the_same_for_the_same_seed(exercise: Exercise) -> None:
    assert repr(exercise.question("seed")) == repr(exercise.question("seed"))
    assert all(hint.strip() for hint in exercise.hints)


def nbval(path: Path) -> subprocess.CompletedProcess[str]:
    # With what the project's own conftest.py adds to it.
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-p", "conftest"]
    paths = os.pathsep.join([str(LABS.parent), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": paths}
    command += ["-p", "no:cacheprovider", str(path)]
    return subprocess.run(command, cwd=path.parent, env=environment, capture_output=True, text=True, check=False)


def test_a_changed_tag_fails_the_run_and_a_stripped_notebook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lab.ipynb"
    nb = nbformat.v4.new_notebook()
    source = "from mtelab import TagStore\nstore = TagStore(1)\nstore.store(0x10, 7)\nprint(store.load(0x10))"
    nb.cells = [nbformat.v4.new_code_cell(source, id="paint")]
    nb = editions.canonical(editions.run(nb, tmp_path))
    path.write_text(editions.text(nb))
    good = nbval(path)
    assert good.returncode == 0, good.stdout

    nb.cells[0].source = source.replace("7", "8")
    path.write_text(editions.text(nb))
    changed = nbval(path)
    assert changed.returncode == 1, changed.stdout
    assert "1 failed" in changed.stdout

    # nbval lets the same change pass once outputs and counts are stripped. The guard does not.
    nb.cells[0].outputs = []
    nb.cells[0].execution_count = None
    assert unexecuted(nb) == ["paint"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much memory a process has had at most")
def test_a_lab_that_takes_more_memory_than_a_student_has_on_a_hub_fails_the_run(tmp_path: Path) -> None:
    nb = nbformat.v4.new_notebook()
    nb.cells = [nbformat.v4.new_code_cell("large = b'x' * (400 << 20)", id="large", execution_count=1)]
    path = tmp_path / "lab.ipynb"
    path.write_text(editions.text(editions.canonical(nb)))
    done = nbval(path)
    assert done.returncode == 1, done.stdout
    assert "lab.ipynb: its kernel took up to 4" in done.stdout
