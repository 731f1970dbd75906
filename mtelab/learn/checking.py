"""Check an answer on fresh inputs, give hints, and put questions."""

from __future__ import annotations

import copy
import inspect
from collections import Counter
from typing import Any

import numpy as np

from mtelab.learn import compare, learner, trial
from mtelab.learn.exercise import Exercise, find
from mtelab.learn.limit import Limit
from mtelab.learn.progress import record
from mtelab.learn.result import Result, State

_attempts: Counter[str] = Counter()
_hints: Counter[str] = Counter()


def _seed(name: str, number: int | str) -> str:
    """Seed for one learner, exercise and attempt; the same in every fresh kernel."""
    return f"{learner.seed()}/{name}/{number}"


def check(name: str, answer: Any, seed: int | None = None) -> Result:
    """Check `answer` to the exercise `name`.

    Parameters
    ----------
    name : str
        The exercise.
    answer : object
        The learner's function or class itself, or the value predicted.
    seed : int, optional
        Repeats the inputs of this seed, the same for everyone. Without it each check in a kernel draws new ones, from
        ``MTELAB_SEED`` or the user's name on a hub, so that a class does not share them.

    Returns
    -------
    Result
        Not tried, failing with the smallest failing input, or passed.

    Raises
    ------
    UnknownExerciseError
        If there is no such exercise.
    """
    exercise = find(name)
    if trial.is_stub(answer):
        result = Result(
            name, State.NOT_TRIED, ("Write your answer in the cell above, run it, then run this cell again.",)
        )
    elif exercise.kind == "prediction":
        result = _predicted(exercise, answer, seed)
    elif exercise.kind == "example":
        result = _shown(exercise, answer, seed)
    else:
        if seed is None:
            _attempts[name] += 1
        drawn = _seed(name, _attempts[name]) if seed is None else f"everyone/{name}/{seed}"
        result = _tried(exercise, answer, drawn)
    record(name, result.state)
    return result


def problem(name: str, seed: int | None = None) -> Any:
    """Return the question of an exercise that asks for a value; its repr is what to read, ``check`` judges the answer.

    Without a seed it is the learner's own question, always the same one, so that an answer stays right when the
    notebook is opened again or graded. A learner with a name is told whose question it is. Each `seed` is one more
    question to practise on: ``check(name, answer, seed=seed)`` then shows the right answer too.
    """
    exercise = find(name)
    if exercise.kind not in ("prediction", "example"):
        raise ValueError(f"problem({name!r}): this exercise asks for code, not for a prediction")
    if seed is None and learner.seed() != learner.EVERYONE:
        # A submitted notebook carries this line, from which a grader asks the same question again.
        print(learner.sentence(learner.seed()))
    return exercise.question(question_seed(name, seed))


def question_seed(name: str, seed: int | None) -> str:
    """Seed of the question `seed` of the exercise `name`, or of the learner's own."""
    return _seed(name, 1) if seed is None else f"everyone/{name}/{seed}"


class Hint(str):
    """A hint, shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)

    def _repr_markdown_(self) -> str:
        return str(self)


def hint(name: str, number: int | None = None) -> Hint:
    """Return the next hint for the exercise `name`, or hint `number` (1, 2 or 3)."""
    exercise = find(name)
    if number is None:
        number = min(_hints[name] + 1, len(exercise.hints))
        _hints[name] = number
    if number not in (1, 2, 3):
        raise ValueError(f"number: {number!r}, expected 1, 2 or 3")
    return Hint(f"Hint {number} of 3: {exercise.hints[number - 1]}")


def _predicted(exercise: Exercise, answer: Any, seed: int | None) -> Result:
    name = exercise.name
    right = exercise.solve(exercise.question(question_seed(name, seed)))
    complaint = compare.misfit(answer, right) or _no_choice(exercise, answer)
    if complaint:
        return Result(name, State.FAILING, (complaint,))
    if compare.same(answer, right):
        return Result(name, State.PASSED, ("Right.",))
    if seed is not None:
        lines = (f"expected  {compare.shown(right)}", f"got       {compare.shown(answer)}")
        return Result(name, State.FAILING, lines)
    practise = f'Practise: problem("{name}", seed=1), then check("{name}", answer, seed=1) shows the answer.'
    return Result(name, State.FAILING, (_score(answer, right), practise))


def _no_choice(exercise: Exercise, answer: Any) -> str | None:
    """Say in a sentence which word of an answer is none of those that the question offers."""
    if not exercise.choices:
        return None
    strange = ((i, word) for i, word in enumerate(answer) if word not in exercise.choices)
    offered = ", ".join(map(repr, exercise.choices))
    return next((f"at position {i}: expected one of {offered}; got {compare.kind(word)}" for i, word in strange), None)


def _shown(exercise: Exercise, answer: Any, seed: int | None) -> Result:
    """Judge a value of which many are right."""
    complaint = exercise.solve(answer, exercise.question(question_seed(exercise.name, seed)))
    if complaint:
        return Result(exercise.name, State.FAILING, tuple(complaint.splitlines()))
    return Result(exercise.name, State.PASSED, ("Right.",))


def _score(answer: Any, right: Any) -> str:
    """Say how much of an answer is right, and not which part."""
    if isinstance(right, dict):
        answer, right = [answer.get(key) for key in right], list(right.values())
    if not isinstance(right, list | tuple):
        return "That is not it."
    return f"{sum(map(compare.same, answer, right))} of {len(right)} are right."


def _tried(exercise: Exercise, answer: Any, seed: str) -> Result:
    """Run the learner's code on inputs from small to large, up to the first that fails."""
    if not callable(answer):
        lines = (f"expected the function or class itself, without parentheses, got {compare.kind(answer)}",)
        return Result(exercise.name, State.FAILING, lines)
    inputs = exercise.inputs(seed)
    first: tuple[str, ...] = ()  # what there is to say on the smallest input that fails
    answered = False
    with Limit(exercise.seconds) as limit:
        for drawn in inputs:
            complaint, untried = _one(exercise, answer, drawn, limit)
            answered = answered or not untried
            first = first or complaint
            if first and answered:
                return Result(exercise.name, State.FAILING, first)
    if not answered:
        return Result(
            exercise.name, State.NOT_TRIED, ("Your code has no answer yet: it returned None for every input.",)
        )
    said = "Right." if len(inputs) == 1 else f"Right on {len(inputs)} fresh inputs."
    return Result(exercise.name, State.PASSED, (said,))


def _one(exercise: Exercise, answer: Any, drawn: Any, limit: Limit) -> tuple[tuple[str, ...], bool]:
    """Run the learner's code on one input; return what is wrong with it, and whether it gave no answer at all."""
    given = drawn if isinstance(drawn, tuple) else (drawn,)
    if exercise.kind == "judged":
        done = trial.run(limit, lambda: exercise.solve(answer, *copy.deepcopy(given)))
        complaint = done.problem or tuple((done.value or "").splitlines())
        untried = done.untried
    else:
        if misused := _signature(exercise, answer, given):
            return (misused,), False
        right = exercise.solve(*copy.deepcopy(given))
        done = trial.run(limit, lambda: answer(*copy.deepcopy(given)))
        complaint = done.problem or _wrong(done.value, right)
        untried = done.untried or (not done.problem and bool(complaint) and trial.is_stub(done.value))
    if not complaint:
        return (), False
    printed = tuple(f"printed   {line}" for line in done.printed)
    return (f"input     {arguments(exercise, given)}", *complaint, *printed), untried


def _wrong(got: Any, right: Any) -> tuple[str, ...]:
    if compare.same(got, right):
        return ()
    # A single value of a wrong type is named with its type: "the string '3'" where 3 was expected.
    plain = isinstance(got, list | tuple | set | dict | np.ndarray) or compare.misfit(got, right) is None
    return (f"expected  {compare.shown(right)}", f"got       {compare.shown(got) if plain else compare.kind(got)}")


def _names(exercise: Exercise) -> list[str]:
    names = list(inspect.signature(exercise.solve).parameters)
    return names[1:] if exercise.kind == "judged" else names


def arguments(exercise: Exercise, given: tuple[Any, ...]) -> str:
    """Show the arguments `given` by their names, on one line."""
    pairs = zip(_names(exercise), given, strict=True)
    return ", ".join(f"{name}={compare.shown(value)}" for name, value in pairs)


def _signature(exercise: Exercise, answer: Any, given: tuple[Any, ...]) -> str | None:
    """Say in a sentence that `answer` cannot be called with these arguments."""
    try:
        signature = inspect.signature(answer)
    except ValueError:  # some functions written in C do not say what they take
        return None
    try:
        signature.bind(*given)
    except TypeError:
        wanted = ", ".join(_names(exercise))
        return f"expected a function of ({wanted}), got one of {signature}"
    return None
