"""A lab from release to report with nbgrader itself, and what students may do to their notebooks on the way."""

from __future__ import annotations

import copy
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_core.application import NoStart
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.apps.nbgraderapp import NbGraderApp

from mtelab.cli import main
from mtelab.learn import editions, grading, learner
from mtelab.learn.exercise import exercises, find

pytestmark = pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")  # nbgrader's own

LAB = "01-tags-and-pointers"
POINTS = {exercise.name: float(exercise.points) for exercise in exercises() if exercise.lab == 1}
NOTHING = dict.fromkeys(POINTS, 0.0)
QUESTION = "what_mte_promises"
SECONDS = 15
"""Time for one cell where one does not end: an honest one must have enough of it on a busy machine."""

IMPORTS = "from mtelab.learn import check, problem\n\n\n"
FORGERY = "check = lambda *_, **__: type('Forged', (), {'require': lambda self: None})()"

MACHINE = ("irg-machine-all", "addg-machine", "stg-machine")
"""Cells that replay what was recorded."""

WRONG = {
    "tagged_pointer": f"{IMPORTS}def tagged_pointer(address, tag):\n    return address",
    "granules_touched": "def granules_touched(address, size):\n    return [0]",
    "tagging_heap": "class TaggingHeap:\n    def __init__(self, cpu, start, size):\n        self.heap = start\n\n"
    "    def malloc(self, size):\n        return self.heap\n\n    def free(self, pointer):\n        pass",
    "miss_probability": "def miss_probability(excluded, accesses, trials, rng):\n    return 0.5",
    QUESTION: 'prediction = ["always"] * 5',
}
LOOPS = {
    "tagged_pointer": f"{IMPORTS}def tagged_pointer(address, tag):\n    while True:\n        pass",
    "granules_touched": "while True:\n    pass",
}
# Each student, with the points for each exercise.
EXPECTED = {
    "unsolved": NOTHING,
    "half": NOTHING | {name: POINTS[name] for name in ("tagged_pointer", "miss_probability")},
    "wrong": NOTHING,
    "alice": POINTS,
    "tampers": NOTHING | {"tagged_pointer": POINTS["tagged_pointer"]},
    "loops": NOTHING | {name: POINTS[name] for name in ("miss_probability", QUESTION)},
    "deletes": POINTS | {"granules_touched": 0.0, "tagging_heap": 0.0},
}


def nbgrader(*arguments: str) -> None:
    """Run a command of nbgrader in this process: importing it takes longer than most of them."""
    app = NbGraderApp.instance()
    try:
        app.initialize(list(arguments))
        app.start()
    except NoStart:  # how the application says that the subcommand has done its work
        pass
    finally:
        type(app.subapp).clear_instance()
        NbGraderApp.clear_instance()


def edited(nb: NotebookNode, sources: dict[str, str]) -> NotebookNode:
    """A copy of `nb` in which the cells named by their ids have other sources."""
    changed = copy.deepcopy(nb)
    for cell in changed.cells:
        cell.source = sources.get(cell.id, cell.source)
    return changed


def without(nb: NotebookNode, *ids: str) -> NotebookNode:
    changed = copy.deepcopy(nb)
    changed.cells = [cell for cell in changed.cells if cell.id not in ids]
    return changed


def tampered(nb: NotebookNode) -> NotebookNode:
    """A copy of `nb` that passes its checks whatever the answers, and says that each is worth a thousand points."""
    checks = {cell.id: "print('passed')" for cell in nb.cells if cell.id.startswith("check_")}
    changed = edited(nb, checks | {"granules_touched": FORGERY})
    for cell in changed.cells:
        if cell.id in checks:
            cell.metadata.nbgrader.points = 1000
    return changed


def submissions(released: NotebookNode, worked: NotebookNode, folder: Path) -> dict[str, NotebookNode]:
    """What each student makes of the released notebook."""
    right = {cell.id: cell.source for cell in worked.cells if cell.metadata.get("nbgrader", {}).get("solution")}
    # Alice has a question of her own, reads it, and writes its answer down as a value.
    question = find(QUESTION)
    hers = question.solve(question.question(f"alice/{QUESTION}/1"))
    assert hers != question.solve(question.question(f"{learner.EVERYONE}/{QUESTION}/1"))
    solved = edited(released, right | {QUESTION: f"prediction = {hers!r}"})
    return {
        "unsolved": released,
        "half": edited(released, {name: right[name] for name in ("tagged_pointer", "miss_probability")}),
        "wrong": edited(released, WRONG),
        "alice": editions.run(solved, folder, seed="alice"),
        "tampers": tampered(edited(released, {"tagged_pointer": right["tagged_pointer"]})),
        "loops": edited(released, {name: right[name] for name in ("miss_probability", QUESTION)} | LOOPS),
        "deletes": without(edited(released, right), "granules_touched", "check_tagging_heap"),
    }


@dataclass
class Round:
    """One round of grading, done: the instructor's folder, and what alice handed in."""

    folder: Path
    alice: NotebookNode

    def notebook(self, step: str, student: str = ".") -> NotebookNode:
        return nbformat.read(self.folder / step / student / LAB / f"{LAB}.ipynb", nbformat.NO_CONVERT)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Round]:
    home = tmp_path_factory.mktemp("class")
    course, desk = home / "course", home / "desk"
    desk.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("CONFIG", "DATA", "RUNTIME"):
            patch.setenv(f"JUPYTER_{variable}_DIR", str(home / variable.lower()))
        (home / "config").mkdir()
        # Student and instructor find the same exchange, as on one hub.
        shared = f"c.Exchange.root = {str(home / 'exchange')!r}\nc.CourseDirectory.course_id = 'mtelab'\n"
        (home / "config" / "nbgrader_config.py").write_text(shared)
        assert main(["release", "--instructor", str(course), "1"]) == 0

        patch.chdir(course)
        nbgrader("generate_assignment", LAB)
        nbgrader("release_assignment", LAB)

        patch.chdir(desk)
        nbgrader("fetch_assignment", LAB)
        mine = desk / LAB / f"{LAB}.ipynb"
        released = nbformat.read(mine, nbformat.NO_CONVERT)
        worked = nbformat.read(course / "source" / LAB / f"{LAB}.ipynb", nbformat.NO_CONVERT)
        # What students hand in need not have every cell. Without these, which no answer needs, the round is shorter.
        handed_in = submissions(without(released, *MACHINE), worked, desk)
        for student, nb in handed_in.items():
            mine.write_text(editions.text(nb))
            nbgrader("submit", LAB, f"--CourseDirectory.student_id={student}")

        patch.chdir(course)
        nbgrader("collect", LAB)
        nbgrader("autograde", LAB, "--student=loops", f"--Execute.timeout={SECONDS}")
        nbgrader("autograde", LAB)
        nbgrader("generate_feedback", LAB, "--student=half")
        nbgrader("export")
        yield Round(course, handed_in["alice"])


def test_nbgrader_releases_the_cells_of_the_students_edition(graded: Round) -> None:
    def code(nb: NotebookNode) -> list[tuple[str, str]]:
        return [(cell.id, cell.source) for cell in nb.cells if cell.cell_type == "code"]

    labs = Path(__file__).parents[1] / "labs"
    assert code(graded.notebook("release")) == code(nbformat.read(labs / f"{LAB}.ipynb", nbformat.NO_CONVERT))


@pytest.mark.parametrize("student", EXPECTED)
def test_each_exercise_has_the_points_that_it_deserves(graded: Round, student: str) -> None:
    with Gradebook(f"sqlite:///{graded.folder / 'gradebook.db'}") as gradebook:
        grades = gradebook.find_submission_notebook(LAB, LAB, student).grades
        assert {grade.name.removeprefix("check_"): grade.score for grade in grades} == EXPECTED[student]
        assert {grade.name.removeprefix("check_"): grade.max_score for grade in grades} == POINTS


def test_wrong_answers_are_told_from_code_that_does_not_run(graded: Round) -> None:
    errors = {
        cell.id: output.ename
        for cell in graded.notebook("autograded", "wrong").cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    }
    assert errors == {f"check_{name}": "NotPassedError" for name in POINTS}


def test_the_report_adds_them_up(graded: Round) -> None:
    with (graded.folder / "grades.csv").open(newline="") as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert scores == {student: sum(points.values()) for student, points in EXPECTED.items()}


def test_a_student_is_asked_the_same_question_by_the_grader(graded: Round) -> None:
    hers, again = graded.alice, graded.notebook("autograded", "alice")
    asked = {cell.id: [output.get("text") for output in cell.outputs] for cell in hers.cells if "outputs" in cell}
    for cell in again.cells:
        if "problem(" in cell.source:
            assert learner.sentence("alice") in cell.outputs[0].text
            assert asked[cell.id] == [output.get("text") for output in cell.outputs]


def test_the_feedback_speaks_to_the_student(graded: Round) -> None:
    page = (graded.folder / "feedback" / "half" / LAB / f"{LAB}.html").read_text(encoding="utf-8")
    assert "tagging_heap: not tried" in page
    assert "Traceback (most recent call last)" not in page
    assert "result.py" not in page


def test_an_answer_as_good_as_another_is_taken_as_a_whole(graded: Round) -> None:
    # nbgrader would take a result for a number of points.
    cells = graded.notebook("autograded", "alice").cells
    assert "execute_result" not in {output.output_type for cell in cells for output in cell.get("outputs", [])}


def resources(folder: Path, student: str = "s123") -> dict[str, Any]:
    return {"nbgrader": {"student": student}, "metadata": {"path": str(folder)}}


def notebook(*sources: str) -> NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


@pytest.mark.parametrize(
    ("said", "seed_from", "seed"),
    [
        ([], "notebook", learner.EVERYONE),
        (["alice"], "notebook", "alice"),
        (["alice", "bob"], "notebook", "bob"),
        (['O"Neill'], "notebook", 'O"Neill'),
        (["alice"], "student", "s123"),
    ],
)
def test_whose_questions_are_asked(said: list[str], seed_from: str, seed: str, tmp_path: Path) -> None:
    nb = notebook("question", "import os; print(os.environ['MTELAB_SEED'])")
    text = "".join(f"{learner.sentence(name)}\n" for name in said)
    nb.cells[0].outputs = [nbformat.v4.new_output("stream", text=text)]
    nb, _ = grading.Learner(seed_from=seed_from).preprocess(nb, resources(tmp_path))
    assert nb.metadata.mtelab_seed == seed


def test_a_loop_that_ignores_its_interrupt_does_not_use_up_the_time_of_other_cells(tmp_path: Path) -> None:
    endless = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    pass"
    nb = notebook(endless, "import os; print(os.environ['MTELAB_SEED'])")
    nb.metadata.mtelab_seed = "alice"
    done, _ = grading.ExecuteAsLearner(timeout=SECONDS // 3).preprocess(nb, resources(tmp_path))
    assert [output.ename for output in done.cells[0].outputs] == ["CellTimeoutError"]
    assert [output.text for output in done.cells[1].outputs] == ["alice\n"]
