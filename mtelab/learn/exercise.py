"""What an exercise is, and the register that finds one by name.

An exercise is a decorated function; the function's name is the exercise's name. There are four kinds::

    @function(lab=1, title="Granules an allocation touches", points=2, draw=some_range, hints=(...))
    def granules_touched(address, size):  # the reference: the learner's function must return the same
        return (address + size - 1) // 16 - address // 16 + 1

    @prediction(lab=0, title="Which pointer may touch?", points=1, draw=some_pointers, hints=(...))
    def which_pointer(question):  # the right answer: the learner's value must equal it
        return [...]

    @example(lab=6, title="Leak a tag by hand", points=2, draw=a_hunt, hints=(...), find=a_schedule)
    def leak_by_hand(answer, question):  # many values are right: looks at the learner's; returns a complaint or None
        ...

    @judged(lab=1, title="A tagging malloc", points=4, draw=some_calls, hints=(...))
    def tagging_malloc(answer, calls):  # runs the learner's class or function; returns a complaint or None
        ...

`draw(rng)` takes a ``random.Random``, whose numbers are the same on every machine and in every release, and returns
one input: a tuple of arguments, or for a prediction or an example the question, whose repr is what the learner reads.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

import numpy as np

Kind = Literal["function", "prediction", "example", "judged"]
Draw = Callable[[Random], Any]
Define = Callable[[Callable[..., Any]], Callable[..., Any]]


@dataclass(frozen=True)
class Exercise:
    """One exercise of the course.

    Attributes
    ----------
    name : str
        What a notebook calls it: ``check(name, answer)``.
    kind : str
        ``"function"``, ``"prediction"``, ``"example"`` or ``"judged"``.
    solve : callable
        The decorated function: the reference of a function, the right answer to a question, or a judge.
    lab, points : int
        Where it belongs, and what it counts.
    draw : callable
        Makes one input from a ``random.Random``.
    hints : tuple of str
        Three, each more direct than the one before.
    size : callable
        Takes one input, returns a number: of all failing inputs the learner sees the one with the least.
    runs : int
        Inputs that a check draws.
    seconds : float
        Limit on a whole check.
    find : callable or None
        For an example, makes one right answer of a question, for instructors.
    choices : tuple of str
        For a prediction made of given words, those words: another one is told apart from a wrong answer.
    """

    name: str
    kind: Kind
    solve: Callable[..., Any]
    lab: int
    title: str
    points: int
    draw: Draw
    hints: tuple[str, str, str]
    size: Callable[[Any], float]
    runs: int
    seconds: float
    find: Callable[[Any], Any] | None = None
    choices: tuple[str, ...] = ()

    def inputs(self, seed: str) -> list[Any]:
        """Draw this exercise's inputs, smallest first."""
        rng = Random(seed)
        return sorted((self.draw(rng) for _ in range(self.runs)), key=self.size)

    def question(self, seed: str) -> Any:
        """Draw one question."""
        return self.draw(Random(seed))


class UnknownExerciseError(LookupError):
    """No exercise has this name; the text lists names that do."""

    def _render_traceback_(self) -> list[str]:
        # IPython shows this in place of a traceback: the mistake is in the name, not in a line of ours.
        return [str(self)]


def measure(value: Any) -> float:
    """Size of an input where an exercise names none: how large its numbers are and how many."""
    if isinstance(value, bool | int | float | np.number):
        return abs(float(value))
    if isinstance(value, np.ndarray | str | bytes):
        return float(len(value)) if np.ndim(value) <= 1 else float(np.size(value))
    if isinstance(value, dict):
        return measure(list(value.values()))
    if isinstance(value, list | tuple | set | frozenset):
        return 1 + sum(measure(item) for item in value)
    return 0.0


_REGISTER: dict[str, Exercise] = {}


def _kind(kind: Kind) -> Callable[..., Define]:
    def describe(
        *,
        lab: int,
        title: str,
        points: int,
        draw: Draw,
        hints: tuple[str, str, str],
        size: Callable[[Any], float] = measure,
        runs: int = 200,
        seconds: float = 5.0,
        find: Callable[[Any], Any] | None = None,
        choices: tuple[str, ...] = (),
    ) -> Define:
        def register(solve: Callable[..., Any]) -> Callable[..., Any]:
            name = solve.__name__
            known = _REGISTER.get(name)
            if known is not None and known.solve.__module__ != solve.__module__:
                raise ValueError(f"exercise {name!r} of lab {lab}: lab {known.lab} has one of that name already")
            if len(hints) != 3:
                raise ValueError(f"exercise {name!r}: {len(hints)} hints, expected 3")
            if (kind == "example") is not (find is not None):
                raise ValueError(f"exercise {name!r}: an example needs find=, and no other kind has it")
            _REGISTER[name] = Exercise(
                name, kind, solve, lab, title, points, draw, hints, size, runs, seconds, find, choices
            )
            return solve

        return register

    return describe


function = _kind("function")
"""Register a reference: the learner's function must return what the decorated one returns."""

prediction = _kind("prediction")
"""Register a right answer: the learner's value must equal what the decorated function makes of the question."""

example = _kind("example")
"""Register a judge of values: it gets what the learner found and the question, and returns a complaint or None."""

judged = _kind("judged")
"""Register a judge: it gets what the learner gave and one input, and returns a complaint or None."""


def exercises() -> list[Exercise]:
    """Return every exercise of the course, lab by lab, in the order of their definitions."""
    from mtelab.learn import exercises as package

    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")
    return sorted(_REGISTER.values(), key=lambda exercise: exercise.lab)


def find(name: str) -> Exercise:
    """Return the exercise called `name`.

    Raises
    ------
    UnknownExerciseError
        If there is none; its text lists near names, and all names of the labs where those are.
    """
    known = {exercise.name: exercise for exercise in exercises()}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.5)
    text = f"No exercise is called {name!r}."
    if near:
        text += " Did you mean " + " or ".join(repr(other) for other in near) + "?"
    labs = {known[other].lab for other in near} or {exercise.lab for exercise in known.values()}
    for lab in sorted(labs):
        text += f"\nLab {lab:02} has: " + ", ".join(e.name for e in known.values() if e.lab == lab)
    raise UnknownExerciseError(text)
