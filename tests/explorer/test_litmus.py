"""The weakly ordered machine against Arm's memory model: it never shows what Arm forbids."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings

from mtelab.explorer.litmus import Litmus, parse
from mtelab.explorer.litmus_table import FORBIDDEN, NOT_SHOWN, SHOWN, WRONG, Row, litmus
from mtelab.explorer.litmus_tests import TESTS
from tests.explorer import programs
from tests.explorer.axioms import allowed


@pytest.mark.parametrize("name", TESTS)
def test_the_machine_shows_what_arm_allows_but_for_the_outcomes_that_are_listed(name):
    test = TESTS[name]
    by_axioms = allowed(test)
    shown = test.outcomes("arm")
    assert shown <= by_axioms
    assert by_axioms - shown == test.not_shown
    assert test.outcomes("arm", fused=False) == shown
    assert test.outcomes("sc") <= shown


@pytest.mark.parametrize("name", TESTS)
def test_the_literature_and_the_axioms_agree(name):
    test = TESTS[name]
    assert any(map(test.matches, allowed(test))) == test.allowed


def test_no_asked_outcome_is_one_of_sequential_consistency():
    shown = [name for name, test in TESTS.items() if any(map(test.matches, test.outcomes("sc")))]
    assert shown == []


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(programs.tests())
@example(Litmus("release, acquire", parse("rel x=1; acq a=y | rel y=1; acq b=x")))
@example(Litmus("two flags in a word", parse("x=1; X=1 | acq a=X; b=x | x=0; c=X")))
@example(Litmus("lock after lock", parse("lock l; x=1; unlock l; lock l; a=y; unlock l | y=1; mb; b=x")))
def test_random_programs_never_show_what_arm_forbids(test):
    shown = test.outcomes("arm")
    assert shown <= allowed(test)
    assert test.outcomes("sc") <= shown


def test_a_table_says_what_each_outcome_is():
    table = litmus(["MP", "MP+wmb+rmb", "LB"])
    assert [row.mark for row in table.rows] == [SHOWN, FORBIDDEN, NOT_SHOWN]
    assert table.wrong == []
    text = repr(table)
    assert text.startswith("3 litmus tests: 1 allowed, shown; 1 allowed, not shown; 1 forbidden; 0 FORBIDDEN, SHOWN")
    line = next(line for line in text.splitlines() if line.startswith("LB"))
    assert line.split() == [
        "LB",
        "a=1",
        "b=1",
        "no",
        "no",
        *["allowed,", "not", "shown"],
        "3",
        "3",
        "4",
        *["Tutorial;", "Arm"],
    ]
    assert "<td>MP+wmb+rmb</td><td>a=1 b=0</td><td>no</td><td>no</td><td>forbidden</td>" in table._repr_html_()


def test_every_outcome_is_marked():
    (row,) = litmus(["MP+wmb+rmb"]).rows
    assert row.data()["outcomes"] == {
        "a=0 b=0": SHOWN,
        "a=0 b=1": SHOWN,
        "a=1 b=1": SHOWN,
        "a=1 b=0": FORBIDDEN,
    }


def test_a_forbidden_outcome_that_shows_is_no_secret():
    test = TESTS["MP+wmb+rmb"]
    row = Row(test, test.outcomes("sc"), TESTS["MP"].outcomes("arm"))
    assert row.mark == WRONG
    assert row.marks[test.asked] == WRONG


def test_bad_tests_are_named():
    with pytest.raises(ValueError, match=r"litmus: 'x=a2', expected a step such as"):
        parse("x=1 | x=a2")
    with pytest.raises(ValueError, match=r"litmus test: 'XY', expected one of MP, "):
        litmus(["XY"])
