"""Labs by name: a lab is called as its notebook is, ``01-tags-and-pointers``, or by its number."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class UnknownLabError(LookupError):
    """No lab has this name; the text lists those that there are."""


def names(folder: Path) -> list[str]:
    """Names of the labs whose notebooks are in `folder`."""
    return sorted(path.stem for path in folder.glob("*.ipynb"))


def number(lab: str) -> int | None:
    """Return the number that the name `lab` begins with, if it does."""
    digits = lab.partition("-")[0]
    return int(digits) if digits.isdecimal() else None


def find(name: str, known: Sequence[str]) -> str:
    """Return the lab among `known` that `name` means: a name, a notebook's file, or a number such as 1 or 01.

    Raises
    ------
    UnknownLabError
        If there is none.
    """
    wanted = Path(name).name.removesuffix(".ipynb")
    if wanted in known:
        return wanted
    for lab in known:
        if wanted.isdecimal() and number(lab) == int(wanted):
            return lab
    raise UnknownLabError(f"{name}: no such lab; there are: {', '.join(known)}")
