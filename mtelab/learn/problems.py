"""Endless problems: any exercise's question for any seed, and its answer."""

from __future__ import annotations

import pprint
from typing import Any

from mtelab.course import shipped
from mtelab.learn import checking, compare, editions, labs, learner
from mtelab.learn.exercise import Exercise, exercises

WIDTH = 100
"""Characters in a line of an answer."""


class UnknownProblemError(LookupError):
    """A lab has no such exercise; the text lists those that it has."""


def listing(lab: str | None = None) -> str:
    """Return the exercises of `lab`, or of all labs, a line each: name, what it asks for, points, title.

    Raises
    ------
    mtelab.learn.labs.UnknownLabError
        If there is no such lab.
    """
    known = labs.names(shipped())
    lines: list[str] = []
    for name in [labs.find(lab, known)] if lab is not None else known:
        lines.append(name)
        lines += [f"  {e.name:20}  {e.kind:10}  {_points(e.points):8}  {e.title}" for e in _exercises(name)]
    return "\n".join(lines)


def problem(lab: str, name: str, seed: int | None = None, *, solution: bool = False) -> str:
    """Return a question of one exercise, to be read.

    Parameters
    ----------
    lab, name : str
        A lab by name or number, and the exercise.
    seed : int, optional
        Which of the questions: that of ``problem(name, seed=seed)`` in a notebook. Without it, the learner's own.
    solution : bool
        Whether to add the answer: of a prediction the value, of a function what it returns, and of code that a judge
        runs the worked edition's, as there is more than one that is right.

    Raises
    ------
    mtelab.learn.labs.UnknownLabError, UnknownProblemError
        If there is no such lab, or no such exercise in it.
    """
    lab = labs.find(lab, labs.names(shipped()))
    known = {exercise.name: exercise for exercise in _exercises(lab)}
    if name not in known:
        raise UnknownProblemError(f"{name}: no such exercise in {lab}; there are: {', '.join(known)}")
    exercise = known[name]
    question = exercise.question(checking.question_seed(name, seed))
    whose = f"drawn for {learner.seed()}" if seed is None else f"seed {seed}"
    parts = [f"{exercise.title} ({lab}, {name}, {whose})"]
    if exercise.kind in ("prediction", "example"):
        parts.append(repr(question))
    else:
        given = question if isinstance(question, tuple) else (question,)
        parts.append(f"input     {checking.arguments(exercise, given)}")
    if solution:
        parts.append(_answer(lab, exercise, question))
    return "\n\n".join(parts)


def _exercises(lab: str) -> list[Exercise]:
    return [exercise for exercise in exercises() if exercise.lab == labs.number(lab)]


def _points(points: int) -> str:
    return f"{points} point" if points == 1 else f"{points} points"


def _answer(lab: str, exercise: Exercise, question: Any) -> str:
    if exercise.kind == "prediction":
        return "answer\n" + pprint.pformat(exercise.solve(question), width=WIDTH, sort_dicts=False)
    if exercise.find is not None:
        return "one answer\n" + pprint.pformat(exercise.find(question), width=WIDTH)
    if exercise.kind == "function":
        given = question if isinstance(question, tuple) else (question,)
        return f"returns   {compare.shown(exercise.solve(*given))}"
    worked = editions.read(shipped() / "solutions" / f"{lab}.ipynb")
    return "one answer\n" + editions.answer(worked, exercise.name)
