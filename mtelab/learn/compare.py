"""Compare a learner's value with the right one, and show values in little room."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Iterable
from typing import Any

import numpy as np

WIDTH = 72
"""Characters that a shown value may take."""


class _Compact(reprlib.Repr):
    """Values on one line: long ones cut in the middle, large numbers (addresses) in hex, arrays with their type."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = self.maxfrozenset = 8
        self.maxstring = self.maxother = WIDTH

    def repr_int(self, x: int, level: int) -> str:
        return hex(x) if abs(x) >= 1 << 16 else str(x)

    def repr_ndarray(self, x: np.ndarray[Any, Any], level: int) -> str:
        if x.ndim == 0:
            return f"{x[()]!s} ({x.dtype})"
        shape = "×".join(str(side) for side in x.shape)
        text = np.array2string(x, threshold=16, edgeitems=4, separator=" ", max_line_width=10_000)
        return f"{' '.join(text.split())} ({shape} {x.dtype})"

    def repr_instance(self, x: Any, level: int) -> str:
        if isinstance(x, np.bool_):
            return str(bool(x))
        if isinstance(x, np.integer):
            return self.repr_int(int(x), level)
        if isinstance(x, np.floating):
            return repr(float(x))
        if isinstance(x, type) or (callable(x) and hasattr(x, "__name__")):
            return str(x.__name__)
        return super().repr_instance(x, level)


_compact = _Compact()


def shown(value: Any) -> str:
    """Return `value` as one line of at most about `WIDTH` characters."""
    text = " ".join(_compact.repr(value).split())
    return text if len(text) <= 2 * WIDTH else f"{text[:WIDTH]} ... {text[-WIDTH // 2 :]}"


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not _is_bool(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not _is_bool(value)


_PLURALS = [(_is_bool, "boolean"), (_is_whole, "whole number"), (_is_number, "number")]


def _items(values: Iterable[Any]) -> str:
    values = list(values)
    many = "" if len(values) == 1 else "s"
    for test, noun in _PLURALS:
        if values and all(test(value) for value in values):
            return f"{len(values)} {noun}{many}"
    if values and all(isinstance(value, str) for value in values):
        return f"{len(values)} string{many}"
    return f"{len(values)} item{many}"


def kind(value: Any) -> str:
    """Name what `value` is, for a sentence: ``a list of 4 booleans``, ``the number 3``."""
    if value is None or value is Ellipsis:
        return "nothing" if value is None else "the placeholder ..."
    if _is_bool(value):
        return f"the boolean {bool(value)}"
    if _is_number(value):
        return f"the number {shown(value)}"
    if isinstance(value, str):
        return f"the string {shown(value)}"
    if isinstance(value, list | tuple | set):
        return f"a {type(value).__name__} of {_items(value)}"
    if isinstance(value, dict):
        return f"a dict with {_items(value)}"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype}, shape {value.shape}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if callable(value):
        return f"the function {getattr(value, '__name__', 'given')}"
    return f"a {type(value).__name__}"


def wanted(value: Any) -> str:
    """Name the type of `value` without giving its content away."""
    if _is_bool(value):
        return "True or False"
    if _is_whole(value):
        return "a whole number"
    if _is_number(value):
        return "a number"
    return "a string" if isinstance(value, str) else kind(value)


def misfit(got: Any, right: Any) -> str | None:
    """Say in a sentence that `got` is of a wrong type or length; None if it could be compared with `right`.

    Lists and tuples stand for each other, and numpy's numbers for Python's. A float is no whole number and a
    boolean no number, as they hide mistakes.
    """
    fits: bool
    if _is_bool(right):
        fits = _is_bool(got)
    elif _is_whole(right):
        fits = _is_whole(got)
    elif _is_number(right):
        fits = _is_number(got)
    elif isinstance(right, list | tuple):
        fits = isinstance(got, list | tuple) and len(got) == len(right)
        if fits:
            pairs = enumerate(zip(got, right, strict=True))
            wrong = ((i, misfit(mine, other)) for i, (mine, other) in pairs)
            return next((f"at position {i}: {text}" for i, text in wrong if text), None)
    elif isinstance(right, np.ndarray):
        same_kind = isinstance(got, np.ndarray) and (got.dtype.kind == right.dtype.kind or _both_whole(got, right))
        fits = same_kind and got.shape == right.shape
    elif isinstance(right, dict | set | str | bytes):
        fits = isinstance(got, type(right))
    else:
        fits = isinstance(got, type(right)) or right is None
    return None if fits else f"expected {wanted(right)}, got {kind(got)}"


def _both_whole(got: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> bool:
    return got.dtype.kind in "iu" and right.dtype.kind in "iu"


def same(got: Any, right: Any) -> bool:
    """Say whether `got` is the right value; floats may differ by a few parts in a thousand million."""
    if misfit(got, right) is not None:
        return False
    if isinstance(right, float | np.floating):
        return math.isclose(got, right, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(right, list | tuple):
        return all(same(mine, other) for mine, other in zip(got, right, strict=True))
    if isinstance(right, dict):
        return got.keys() == right.keys() and all(same(got[key], value) for key, value in right.items())
    if isinstance(right, np.ndarray):
        close = np.isclose(got, right, equal_nan=True) if right.dtype.kind == "f" else got == right
        return bool(np.all(close))
    return bool(got == right)


def difference(got: Any, right: Any) -> str | None:
    """Complain in a sentence where `got` is not `right`; None where it is. For judges."""
    if same(got, right):
        return None
    text = misfit(got, right)
    if text is None and isinstance(right, np.ndarray) and right.ndim:
        place = tuple(int(i) for i in np.argwhere(got != right)[0])
        where = place[0] if len(place) == 1 else place
        return f"at [{where}]: expected {shown(right[place])}, got {shown(got[place])}"
    return text or f"expected {shown(right)}, got {shown(got)}"
