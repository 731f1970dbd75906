"""Resume a generator that may be anybody's, and come back even if it never yields."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from types import FrameType
from typing import Any, Final

INSTRUCTIONS: Final = 200_000
"""Instructions of Python that a protocol may run between two steps."""

_OURS: Final = os.path.dirname(__file__) + os.sep


class EndlessError(Exception):
    """A generator ran `INSTRUCTIONS` instructions without coming to its next step."""


def resume(generator: Generator[Any, Any, Any], answer: Any) -> Any:
    """Return ``generator.send(answer)``, or raise `EndlessError` when it does not get there.

    A trace function counts instructions, which works in every thread and on every system; ``while True: pass`` has no
    second line that could be counted. A loop inside one call of a built-in function cannot be seen that way.
    """
    left = INSTRUCTIONS

    def count(frame: FrameType, event: str, _value: Any) -> Any:
        nonlocal left
        if event == "call":
            if frame.f_code.co_filename.startswith(_OURS):
                return None  # our own come to an end
            frame.f_trace_opcodes = True
        elif event == "opcode":
            left -= 1
            if left < 0:
                raise EndlessError
        return count

    former = sys.gettrace()
    sys.settrace(count)
    try:
        return generator.send(answer)
    finally:
        sys.settrace(former)
