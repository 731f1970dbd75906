"""Values are compared as a teacher would, and shown in little room."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtelab.learn.compare import difference, misfit, same, shown

values = st.recursive(
    st.integers() | st.booleans() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(values)
def test_a_value_equals_itself_and_fits_one_line(value: Any) -> None:
    assert same(value, value)
    assert difference(value, value) is None
    assert "\n" not in shown(value)
    assert len(shown(value)) < 250


@pytest.mark.parametrize(
    ("got", "right"),
    [(np.uint8(3), 3), ((1, 2), [1, 2]), (np.True_, True), (0.1 + 0.2, 0.3), (3, 3.0), ({"a": (1,)}, {"a": [1]})],
)
def test_what_counts_as_the_same(got: Any, right: Any) -> None:
    assert same(got, right)


@pytest.mark.parametrize(
    ("got", "right"),
    [(True, 1), (1, True), (3.0, 3), ([1, 2], [2, 1]), ([1], np.array([1])), ("1", 1), (None, 0), ([1], [1, 2])],
)
def test_what_does_not(got: Any, right: Any) -> None:
    assert not same(got, right)
    assert difference(got, right)


def test_sentences() -> None:
    assert misfit(3, [True] * 4) == "expected a list of 4 booleans, got the number 3"
    assert misfit([1, "x"], [1, 2]) == "at position 1: expected a whole number, got the string 'x'"
    assert misfit(2.5, 3) == "expected a whole number, got the number 2.5"
    right = np.zeros(4, np.uint8)
    assert misfit([0] * 4, right) == "expected an array of uint8, shape (4,), got a list of 4 whole numbers"
    wrong = right.copy()
    wrong[2] = 9
    assert difference(wrong, right) == "at [2]: expected 0, got 9"


def test_addresses_are_shown_in_hex_and_arrays_cut() -> None:
    assert shown(0x0F00_0000_0000_1000) == "0xf00000000001000"
    assert shown(np.zeros(4096, np.uint8)) == "[0 0 0 0 ... 0 0 0 0] (4096 uint8)"
