"""What a protocol is answered with: numbers that remember that they were read from memory.

Arm keeps a load in order behind another whose value its address is computed from. A protocol computes in Python, so
the dependency has to travel with the number: arithmetic with an `Answer` gives an `Answer`. Whatever loses it (an index
into a list, a branch) is no address dependency to the model; a branch is none to Arm either.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any


class Answer(int):
    """A number that was read from memory, or computed from one."""

    def __hash__(self) -> int:
        return int.__hash__(self)


class Bit(Answer):
    """The answer of a flag: 0 or 1, shown as False or True."""

    def __repr__(self) -> str:
        return str(bool(self))

    __str__ = __repr__


def _remembering(operation: Callable[..., Any], swapped: bool) -> Callable[..., Any]:
    def compute(self: Answer, *others: Any) -> Any:
        if not all(isinstance(other, int) for other in others):
            return NotImplemented
        numbers = [int(self), *map(int, others)]
        return Answer(operation(*(reversed(numbers) if swapped else numbers)))

    return compute


for _name in ("add", "sub", "mul", "floordiv", "mod", "and", "or", "xor", "lshift", "rshift"):
    _operation = getattr(operator, f"__{_name}__")
    setattr(Answer, f"__{_name}__", _remembering(_operation, swapped=False))
    setattr(Answer, f"__r{_name}__", _remembering(_operation, swapped=True))
for _name in ("neg", "pos", "invert", "abs"):
    setattr(Answer, f"__{_name}__", _remembering(getattr(operator, f"__{_name}__"), swapped=False))
