"""Tell whether two runs of a generator stand at the same place with the same values: a key for its state.

A generator cannot be copied or compared. But its frame can be read: the instruction it stands at, and all that the
frame holds, the hidden values of loops and expressions included (the garbage collector is told of them). Two runs with
equal keys go on alike, as long as the protocol depends on nothing but its arguments and its answers.
"""

from __future__ import annotations

import gc
import types
from collections.abc import Generator, Hashable
from enum import Enum
from typing import Any

from mtelab.explorer.answers import Answer

_PLAIN = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), type(NotImplemented))
_BY_IDENTITY = (
    type,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.CodeType,
    types.ModuleType,
    types.GenericAlias,
)
_SAMPLES: tuple[object, ...] = (
    *(iter(()), iter([]), iter(range(1)), iter(range(1 << 70)), iter({}), iter({}.items()), iter({}.values())),
    *(iter(set()), iter(""), iter(b""), reversed([]), reversed(range(1)), enumerate([]), zip((), strict=False)),
)
_ITERATORS = tuple(type(sample) for sample in _SAMPLES)


class OpaqueError(Exception):
    """The state holds something that cannot be compared."""


def freeze_generator(generator: Generator[Any, Any, Any]) -> Hashable:
    """Key of a suspended generator's state, those that it delegates to included.

    Raises
    ------
    OpaqueError
        If a value in it cannot be compared; two runs must then count as different.
    """
    return _generator(generator, 0)


def _generator(generator: Any, depth: int) -> Hashable:
    frame = generator.gi_frame
    if frame is None:
        return ("generator", id(generator.gi_code), "ended")
    place = frame.f_lasti
    code = generator.gi_code
    del frame
    held = [value for value in gc.get_referents(generator) if not isinstance(value, types.FrameType)]
    return ("generator", id(code), place, tuple(_freeze(value, depth + 1) for value in held))


def _freeze(value: Any, depth: int) -> Hashable:
    if depth > 50:
        raise OpaqueError
    kind = type(value)
    if kind in _PLAIN or isinstance(value, Answer | Enum):
        return (kind, value)
    if isinstance(value, _BY_IDENTITY):
        return ("is", id(value))
    if kind in (tuple, list):
        return (kind, tuple(_freeze(item, depth + 1) for item in value))
    if kind is dict:
        return (kind, tuple((_freeze(key, depth + 1), _freeze(item, depth + 1)) for key, item in value.items()))
    if kind in (set, frozenset):
        return (kind, frozenset(_freeze(item, depth + 1) for item in value))
    if kind is types.GeneratorType:
        return _generator(value, depth)
    if kind is types.CellType:
        try:
            return ("cell", _freeze(value.cell_contents, depth + 1))
        except ValueError:
            return ("cell",)
    if kind is types.MethodType:
        return ("method", id(value.__func__), _freeze(value.__self__, depth + 1))
    if kind in _ITERATORS:
        return (kind, _freeze(value.__reduce__(), depth + 1))
    if isinstance(value, Hashable) and getattr(kind, "__hash__", None) != getattr(object, "__hash__", None):
        # Equal values of such a type are interchangeable: pages, CPUs, steps.
        return (kind, value)
    if hasattr(value, "__dict__") and not hasattr(kind, "__slots__"):
        return (kind, _freeze(vars(value), depth + 1))
    raise OpaqueError
