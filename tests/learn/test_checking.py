"""A check tells the learner what happened, in the learner's terms, and never shows a line of ours."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import numpy as np
import pytest

from mtelab.learn import check, checking, hint, problem
from mtelab.learn.exercise import UnknownExerciseError, find, function, judged
from mtelab.learn.result import State

HINTS = ("one", "two", "three")


def draw(rng: Random) -> tuple[int, int]:
    return rng.randrange(1000), rng.randrange(1, 100)


def reference(address: int, size: int) -> int:
    return (address + size - 1) // 16 - address // 16 + 1


@pytest.fixture(autouse=True)
def touched(fresh_kernel: None) -> None:
    def granules(address: int, size: int) -> int:
        return reference(address, size)

    function(lab=90, title="Granules", points=2, draw=draw, hints=HINTS, seconds=0.3)(granules)


def text(answer: Any) -> str:
    return repr(check("granules", answer))


def test_a_right_answer_passes() -> None:
    result = check("granules", reference)
    assert result.passed
    assert result.state == "passed"
    result.require()


def test_a_wrong_answer_shows_the_smallest_failing_input() -> None:
    result = check("granules", lambda address, size: reference(address, size) + (address >= 500), seed=1)
    failing = [pair for pair in find("granules").inputs("everyone/granules/1") if pair[0] >= 500]
    address, size = failing[0]
    assert sum(failing[0]) == min(sum(pair) for pair in failing)
    right = reference(address, size)
    assert result.lines == (f"input     address={address}, size={size}", f"expected  {right}", f"got       {right + 1}")
    with pytest.raises(AssertionError, match="granules: failing"):
        result.require()


def stub(address: int, size: int) -> int: ...


def documented_stub(address: int, size: int) -> int:
    """Count the granules."""


def unfinished(address: int, size: int) -> int:
    raise NotImplementedError


def without_return(address: int, size: int) -> None:
    _ = address + size


@pytest.mark.parametrize("answer", [None, ..., stub, documented_stub, unfinished, without_return])
def test_a_placeholder_is_not_tried(answer: Any) -> None:
    assert check("granules", answer).state is State.NOT_TRIED


def test_none_for_some_inputs_is_failing() -> None:
    assert "got       nothing" in text(lambda address, size: reference(address, size) if address > 500 else None)


@pytest.mark.parametrize("answer", [3, "granules", [1, 2]])
def test_a_value_in_place_of_a_function_is_a_sentence(answer: Any) -> None:
    assert "expected the function or class itself" in text(answer)


def test_a_wrong_number_of_arguments_is_a_sentence() -> None:
    assert "expected a function of (address, size), got one of (address)" in text(lambda address: 0)


def test_an_exception_shows_the_learners_own_line() -> None:
    def divides(address: int, size: int) -> int:
        return address // (size - size)

    assert "ZeroDivisionError" in text(divides)
    assert "return address // (size - size)" in text(divides)
    assert "mtelab" not in text(divides)


def test_an_exception_inside_numpy_shows_the_learners_line_too() -> None:
    def stacks(address: int, size: int) -> Any:
        return np.vstack([np.zeros(2), np.zeros(3)])

    assert "ValueError" in text(stacks)
    assert "return np.vstack([np.zeros(2), np.zeros(3)])" in text(stacks)


def leaves(address: int, size: int) -> int:
    raise SystemExit


def interrupts(address: int, size: int) -> int:
    raise KeyboardInterrupt


def recurses(address: int, size: int) -> int:
    return recurses(address, size)


@pytest.mark.parametrize("answer", [leaves, interrupts, recurses])
def test_nothing_that_is_raised_gets_out(answer: Any) -> None:
    assert check("granules", answer).state is State.FAILING


def loops(address: int, size: int) -> int:
    while True:
        pass


def test_an_endless_loop_is_stopped_and_named() -> None:
    assert "stopped: it did not end within 0.3 s" in text(loops)
    assert "input     address=" in text(loops)


def test_what_is_printed_is_kept_for_the_failing_input_only(capsys: pytest.CaptureFixture[str]) -> None:
    def prints(address: int, size: int) -> int:
        print("first\nsecond\nlook here")
        return -1

    said = text(prints)
    assert "printed   look here" in said
    assert "first" not in said
    assert capsys.readouterr() == ("", "")
    assert len(said.splitlines()) <= 6


def test_fresh_inputs_each_time_but_the_same_in_a_fresh_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[tuple[int, int]]] = []

    def spies(address: int, size: int) -> int:
        seen[-1].append((address, size))
        return reference(address, size)

    for attempt in range(4):
        seen.append([])
        if attempt == 2:
            monkeypatch.setattr(checking, "_attempts", Counter())
        if attempt == 3:
            monkeypatch.setattr(checking, "_attempts", Counter())
            monkeypatch.setenv("MTELAB_SEED", "somebody else")
        check("granules", spies)
    assert seen[0] != seen[1]
    assert seen[0] == seen[2]
    assert seen[3] not in seen[:3]


def test_a_seed_repeats_its_inputs_for_everyone(monkeypatch: pytest.MonkeyPatch) -> None:
    first = check("granules", lambda address, size: 0, seed=5)
    monkeypatch.setenv("MTELAB_SEED", "somebody else")
    assert check("granules", lambda address, size: 0, seed=5) == first


def test_a_learner_who_changes_the_arguments_changes_copies() -> None:
    @function(lab=90, title="Sum", points=1, draw=lambda rng: ([rng.randrange(9) for _ in range(3)],), hints=HINTS)
    def total(values: list[int]) -> int:
        return sum(values)

    def empties(values: list[int]) -> int:
        found = 0
        while values:
            found += values.pop()
        return found

    assert check("total", empties).passed


def test_a_judge_runs_a_class_through_a_script() -> None:
    @judged(lab=90, title="Stack", points=1, draw=lambda rng: (rng.sample(range(9), 3),), hints=HINTS)
    def stack(answer: Any, values: list[int]) -> str | None:
        mine = answer()
        for value in values:
            mine.push(value)
        got = mine.pop()
        return None if got == values[-1] else f"pop() gave {got} after push of {values}"

    class Right(list):
        push = list.append

    class Queue(Right):
        def pop(self) -> int:
            return super().pop(0)

    class Broken(Right):
        def push(self, value: int) -> None:
            raise ValueError("full")

    class Empty:
        def push(self, value: int) -> None: ...

        def pop(self) -> int: ...

    assert check("stack", Right).passed
    assert "pop() gave" in repr(check("stack", Queue))
    assert 'raise ValueError("full")' in repr(check("stack", Broken))
    assert check("stack", Empty).state is State.NOT_TRIED


def test_an_unknown_name_lists_near_ones() -> None:
    with pytest.raises(UnknownExerciseError, match="Did you mean 'granules'") as caught:
        check("granuels", reference)
    assert "Lab 90 has: granules" in str(caught.value)


def test_hints_come_one_by_one() -> None:
    assert [str(hint("granules")) for _ in range(4)] == [f"Hint {n} of 3: {HINTS[n - 1]}" for n in (1, 2, 3, 3)]
    assert repr(hint("granules", 2)) == "Hint 2 of 3: two"
    with pytest.raises(ValueError, match="number: 4"):
        hint("granules", 4)


def right_answer() -> list[bool]:
    return list(find("which_pointer").solve(problem("which_pointer")))


def test_a_prediction_is_judged_on_the_question_that_was_asked() -> None:
    answer = right_answer()
    assert problem("which_pointer") == problem("which_pointer")
    assert check("which_pointer", ...).state is State.NOT_TRIED
    assert check("which_pointer", answer).passed


def test_a_wrong_prediction_is_scored_but_its_answer_is_not_given_away() -> None:
    answer = right_answer()
    said = repr(check("which_pointer", [answer[0], *(not item for item in answer[1:])]))
    assert "1 of 4 are right." in said
    assert str(answer) not in said
    assert check("which_pointer", answer).passed


def test_an_own_question_stays_in_a_new_kernel_and_differs_between_learners(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = problem("which_pointer")
    check("which_pointer", [True] * 4)
    assert problem("which_pointer") == mine
    monkeypatch.setenv("MTELAB_SEED", "somebody else")
    assert problem("which_pointer") != mine


def test_a_practice_question_shows_its_answer() -> None:
    right = list(find("which_pointer").solve(problem("which_pointer", seed=3)))
    wrong = [not item for item in right]
    assert f"expected  {right}" in repr(check("which_pointer", wrong, seed=3))
    assert check("which_pointer", right, seed=3).passed


@pytest.mark.parametrize(
    ("answer", "got"), [(3, "the number 3"), ([True], "a list of 1 boolean"), ("yes", "the string 'yes'")]
)
def test_a_prediction_of_a_wrong_type_is_a_sentence_and_costs_nothing(answer: Any, got: str) -> None:
    problem("which_pointer")
    assert check("which_pointer", answer).lines == (f"expected a list of 4 booleans, got {got}",)
    assert check("which_pointer", right_answer()).passed


def test_a_word_that_the_question_does_not_offer_is_named() -> None:
    modes = find("tcf_for").choices
    words = [*modes, "Sync"]
    offered = ", ".join(map(repr, modes))
    assert check("tcf_for", words).lines == (f"at position 4: expected one of {offered}; got the string 'Sync'",)


def test_code_is_not_a_question() -> None:
    with pytest.raises(ValueError, match="asks for code"):
        problem("granules")


def test_the_box_says_its_state_in_words_and_escapes_what_a_learner_returns() -> None:
    box = check("granules", lambda address, size: "<script>")._repr_html_()
    assert "✗ granules: failing" in box
    assert "<script>" not in box
