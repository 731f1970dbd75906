"""Checks of arguments: errors name the argument, what it was, and what was expected."""

from __future__ import annotations

import math
from typing import Any


def count(name: str, value: Any, least: int = 1) -> int:
    """Check a count.

    Raises
    ------
    ValueError
        If it is not a whole number of at least `least`; the text names it.
    """
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = least - 1
    if isinstance(value, (bool, str)) or number != value or number < least:
        raise ValueError(f"{name}: {value!r}, expected a whole number, {least} or more")
    return number


def one_of(name: str, value: Any, choices: tuple[Any, ...]) -> Any:
    """Check a choice.

    Raises
    ------
    ValueError
        If it is none of `choices`; the text names it.
    """
    if not any(value is choice or (type(value) is type(choice) and value == choice) for choice in choices):
        raise ValueError(f"{name}: {value!r}, expected one of {', '.join(map(repr, choices))}")
    return value


def amount(name: str, value: Any, above: float | None = None) -> float:
    """Check a finite number of at least 0, or above `above`.

    Raises
    ------
    ValueError
        If it is not; the text names it.
    """
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not good or value < 0 or (above is not None and value <= above):
        least = "0 or more" if above is None else f"more than {above:g}"
        raise ValueError(f"{name}: {value!r}, expected a finite number, {least}")
    return float(value)
