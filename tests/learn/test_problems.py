"""Problems without end: any exercise, any seed, and the answer."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from mtelab.course import shipped
from mtelab.learn import check, labs, learner, problem, problems
from mtelab.learn.exercise import Exercise, exercises
from mtelab.learn.labs import UnknownLabError
from mtelab.learn.problems import UnknownProblemError

NAMES = labs.names(shipped())
ALL = exercises()
PREDICTIONS = [exercise for exercise in ALL if exercise.kind == "prediction"]
EXAMPLES = [exercise for exercise in ALL if exercise.kind == "example"]


def an(exercise: Exercise) -> str:
    return exercise.name


def lab_of(exercise: Exercise) -> str:
    return next(name for name in NAMES if labs.number(name) == exercise.lab)


def test_every_exercise_is_listed_below_its_lab() -> None:
    lines = problems.listing().splitlines()
    lab, found = "", []
    for line in lines:
        if line.startswith("  "):
            found.append((lab, line.split()[0]))
        else:
            lab = line
    assert sorted(found) == sorted((lab_of(exercise), exercise.name) for exercise in ALL)


def test_one_lab_is_listed_alone() -> None:
    assert problems.listing("0").splitlines()[0] == NAMES[0]
    assert "which_pointer" in problems.listing("0")
    assert NAMES[1] not in problems.listing("0")


@pytest.mark.parametrize("exercise", ALL, ids=an)
def test_every_exercise_has_a_question_and_an_answer(exercise: Exercise) -> None:
    lab = lab_of(exercise)
    asked = problems.problem(lab, exercise.name, 7)
    answered = problems.problem(str(exercise.lab), exercise.name, 7, solution=True)
    assert asked.startswith(f"{exercise.title} ({lab}, {exercise.name}, seed 7)\n\n")
    assert answered.startswith(f"{asked}\n\n")
    assert answered.removeprefix(asked).strip(), "an answer follows the question"
    assert "### " not in answered


@pytest.mark.parametrize("exercise", [one for one in PREDICTIONS if one.choices], ids=an)
def test_every_right_answer_is_among_the_words_that_are_offered(exercise: Exercise) -> None:
    for seed in range(10):
        assert set(exercise.solve(exercise.question(str(seed)))) <= set(exercise.choices)


@pytest.mark.parametrize("exercise", PREDICTIONS + EXAMPLES, ids=an)
def test_the_question_is_that_of_a_notebook_and_the_answer_passes_there(exercise: Exercise) -> None:
    name = exercise.name
    printed = problems.problem(lab_of(exercise), name, 7, solution=True)
    assert repr(problem(name, seed=7)) in printed
    answer: Any = ast.literal_eval(printed.rpartition("answer\n")[2])
    assert check(name, answer, seed=7).passed


@pytest.mark.parametrize("exercise", PREDICTIONS, ids=an)
def test_two_learners_who_predict_have_questions_of_their_own(exercise: Exercise) -> None:
    questions = [exercise.question(f"everyone/{exercise.name}/{seed}") for seed in range(6)]
    assert len({repr(question) for question in questions}) == len(questions)
    assert len({repr(exercise.solve(question)) for question in questions}) > 1


def test_without_a_seed_it_is_the_learners_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MTELAB_SEED", "alice")
    printed = problems.problem("0", "which_pointer")
    assert "drawn for alice" in printed
    assert repr(problem("which_pointer")) in printed


def test_an_unknown_lab_or_exercise_is_named_with_those_that_there_are() -> None:
    with pytest.raises(UnknownLabError, match=f"quantum: no such lab; there are: {NAMES[0]}"):
        problems.problem("quantum", "which_pointer")
    with pytest.raises(UnknownProblemError, match=r"straddle: no such exercise in 01-.*; there are: tagged_pointer"):
        problems.problem("1", "straddle")
    with pytest.raises(UnknownLabError):
        problems.listing("quantum")


def test_a_notebook_says_for_whom_it_asks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("alice", 'O"Neill ü', learner.EVERYONE):
        monkeypatch.setenv("MTELAB_SEED", name)
        problem("which_pointer")
        problem("which_pointer", seed=3)
    monkeypatch.delenv("MTELAB_SEED")
    monkeypatch.setenv("JUPYTERHUB_USER", "bob")
    problem("which_pointer")
    assert learner.said(capsys.readouterr().out) == ["alice", 'O"Neill ü', "bob"]


@pytest.mark.parametrize(
    "text",
    ['This question is drawn for "\\u0000".', 'This question is drawn for "a" "b".', 'This question is drawn for "".'],
)
def test_what_nobody_is_called_is_passed_over(text: str) -> None:
    assert learner.said(text) == []
