"""A lab is found by its name, its file or its number."""

from __future__ import annotations

import pytest

from mtelab.learn import labs

KNOWN = ["00-start-here", "01-tags-and-pointers", "11-design-your-own"]


@pytest.mark.parametrize(
    "name", ["01-tags-and-pointers", "01-tags-and-pointers.ipynb", "labs/01-tags-and-pointers.ipynb", "1", "01"]
)
def test_what_a_lab_may_be_called(name: str) -> None:
    assert labs.find(name, KNOWN) == KNOWN[1]


@pytest.mark.parametrize("name", ["2", "tags", "", "-1", "1.5", "²"])
def test_what_it_may_not(name: str) -> None:
    with pytest.raises(labs.UnknownLabError, match="no such lab; there are: 00-start-here, 01"):
        labs.find(name, KNOWN)


def test_a_name_without_a_number() -> None:
    assert labs.number("appendix") is None
    assert labs.number(KNOWN[2]) == 11
