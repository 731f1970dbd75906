"""What a caller may ask of a tag store: each argument is checked whole before anything is touched."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

Selection = slice | npt.NDArray[np.intp]
"""Some pages, checked: a slice with start, stop and step given, or a flat array of page numbers."""


def whole(name: str, value: Any, low: int, high: int, error: type[Exception] = ValueError) -> int:
    """Check that `value` is a whole number from `low` to `high`, and return it as an int."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise ValueError(f"{name}: {value!r}, expected a whole number from {low} to {high}")
    if not low <= value <= high:
        raise error(f"{name}: {value}, expected {low} to {high}")
    return int(value)


def whole_array(name: str, values: Any, high: int, error: type[Exception] = ValueError) -> npt.NDArray[np.integer[Any]]:
    """Check that `values` are whole numbers from 0 to `high`, and return them as an integer array."""
    array = _array(name, values)
    if array.size == 0:
        return array.astype(np.intp)
    if array.dtype.kind not in "iu":
        given = f"{array.flat[0]} at position 0 is {array.dtype}"
        raise ValueError(f"{name}: {given}, expected whole numbers from 0 to {high}")
    if array.max() > high or (array.dtype.kind == "i" and array.min() < 0):
        place = int(np.flatnonzero((array < 0) | (array > high))[0])
        raise error(f"{name}: {array.flat[place]} at position {place}, expected 0 to {high}")
    return array


def _array(name: str, values: Any) -> npt.NDArray[Any]:
    try:
        return np.asarray(values)
    except ValueError:
        raise ValueError(f"{name}: rows of unequal length, expected an array of whole numbers") from None


def tag(value: Any) -> int:
    """Check one tag."""
    return whole("tag", value, 0, 15)


def pages(name: str, chosen: Any, count: int) -> tuple[Selection, tuple[int, ...]]:
    """Check a page argument of a store of `count` pages.

    Parameters
    ----------
    name : str
        The argument's name, for messages.
    chosen : int, slice or integer array
        As the caller gave it. Slices count from the start: a bound that is negative or past the end is refused,
        since guest memory has no page -1.

    Returns
    -------
    Selection
        The pages. Arrays that count up by one become slices, which numpy handles at memory's speed.
    tuple of int
        Shape of the argument: ``()`` for an int.
    """
    if isinstance(chosen, slice):
        start = 0 if chosen.start is None else whole(f"{name}.start", chosen.start, 0, count, IndexError)
        stop = count if chosen.stop is None else whole(f"{name}.stop", chosen.stop, 0, count, IndexError)
        step = 1 if chosen.step is None else whole(f"{name}.step", chosen.step, 1, sys.maxsize)
        stop = max(start, stop)
        return slice(start, stop, step), (len(range(start, stop, step)),)
    array = _array(name, chosen)
    if array.ndim == 0:
        page = whole(name, chosen[()] if array is chosen else chosen, 0, count - 1, IndexError)
        return slice(page, page + 1, 1), ()
    flat = whole_array(name, array, count - 1, IndexError).astype(np.intp, copy=False).reshape(-1)
    if flat.size and flat[-1] - flat[0] == flat.size - 1 and (np.diff(flat) == 1).all():
        return slice(int(flat[0]), int(flat[-1]) + 1, 1), array.shape
    return flat, array.shape


def once(name: str, selection: Selection) -> None:
    """Refuse a target that names a page twice: which of the two writes should stay?"""
    if isinstance(selection, slice) or (np.diff(selection) > 0).all():
        return
    ordered = np.sort(selection)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    if again.size:
        times = int(np.count_nonzero(selection == again[0]))
        raise ValueError(f"{name}: page {again[0]} is named {times} times, expected once")


def shaped(name: str, given: Any, shape: tuple[int, ...], high: int) -> npt.NDArray[np.uint8]:
    """Check that `given` holds whole numbers from 0 to `high` in `shape`, and return it as a uint8 array."""
    array = _array(name, given)
    if array.shape != shape:
        raise ValueError(f"{name}: an array of shape {array.shape}, expected {shape}")
    if array.dtype != np.uint8 or high < 255:
        array = whole_array(name, array, high)
    return np.ascontiguousarray(array, dtype=np.uint8)


def output(out: Any, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Check an ``out=`` argument, or make a fresh array where there is none."""
    if out is None:
        return np.empty(shape, np.uint8)
    if not isinstance(out, np.ndarray) or out.dtype != np.uint8 or out.shape != shape:
        given = f"{out.dtype} {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise ValueError(f"out: {given}, expected an array of uint8 {shape}")
    if not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError("out: an array that is read-only or has gaps, expected a writable C-contiguous one")
    return out
