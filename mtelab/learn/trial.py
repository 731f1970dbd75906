"""One run of a learner's code: what came back, what it printed, and what went wrong, in the learner's terms."""

from __future__ import annotations

import contextlib
import dis
import inspect
import io
import linecache
import os
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, TracebackType
from typing import Any

import numpy as np

from mtelab.learn.limit import Limit, Stopped

_PRINTED_LINES = 2
_OURS = tuple(
    f"{folder}{os.sep}"
    for folder in (
        Path(__file__).parents[1],
        Path(np.__file__).parent,
        *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")),
    )
)


@dataclass(frozen=True)
class Trial:
    """What one run did.

    Attributes
    ----------
    value : object
        What came back, where `problem` is None.
    problem : tuple of str
        What went wrong, a line each; empty where nothing did.
    printed : tuple of str
        The last lines that it printed.
    untried : bool
        It raised NotImplementedError.
    stopped : bool
        It ran out of time.
    """

    value: Any = None
    problem: tuple[str, ...] = ()
    printed: tuple[str, ...] = ()
    untried: bool = False
    stopped: bool = False


class _Tail(io.TextIOBase):
    """Keeps the end of what is written: a print in an endless loop must not fill the memory."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> int:
        self.text = (self.text + text)[-2000:]
        return len(text)

    def lines(self) -> tuple[str, ...]:
        return tuple(line[:100] for line in self.text.splitlines()[-_PRINTED_LINES:])


def run(limit: Limit, work: Callable[[], Any]) -> Trial:
    """Run ``work()``, which calls a learner's code, within `limit`; whatever it raises becomes words."""
    tail = _Tail()
    try:
        with contextlib.redirect_stdout(tail), contextlib.redirect_stderr(tail):
            value = limit.call(work)
    except Stopped as error:
        text = f"stopped: it did not end within {limit.seconds:g} s. Is there a loop whose end is never reached?"
        return Trial(problem=(text, *_line(error)), printed=tail.lines(), stopped=True)
    except NotImplementedError:
        return Trial(problem=("NotImplementedError: there is no answer for this input yet",), untried=True)
    except BaseException as error:
        return Trial(problem=_words(error), printed=tail.lines())
    return Trial(value=value, printed=tail.lines())


def _words(error: BaseException) -> tuple[str, ...]:
    """Say what a learner's code raised, and in which of the learner's lines."""
    if isinstance(error, RecursionError):
        what = "RecursionError: the function calls itself again and again. When should it stop?"
    elif isinstance(error, SystemExit):
        what = "SystemExit: the code wants to end Python. Return a value instead."
    elif isinstance(error, KeyboardInterrupt):
        what = "KeyboardInterrupt: the check was interrupted before it ended."
    else:
        message = " ".join(str(error).split())
        what = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return (what, *_line(error))


def _line(error: BaseException) -> tuple[str, ...]:
    """Name the deepest line of `error` that the learner wrote, if there is one."""
    tb: TracebackType | None = error.__traceback__
    found: TracebackType | None = None
    while tb is not None:
        name = tb.tb_frame.f_code.co_filename
        # "<ipython-input-...>" is a cell of a notebook; every other name in brackets is code made by a library.
        if not name.startswith(_OURS) and (not name.startswith("<") or name.startswith("<ipython")):
            found = tb
        tb = tb.tb_next
    if found is None:
        return ()
    code = found.tb_frame.f_code
    source = linecache.getline(code.co_filename, found.tb_lineno, found.tb_frame.f_globals).strip()
    return (f"in line {found.tb_lineno} of your cell, in {code.co_name}:  {source}",)


def is_stub(answer: Any) -> bool:
    """Say whether `answer` is only a placeholder: None, ``...``, or a function or class with no code in it yet."""
    if answer is None or answer is Ellipsis:
        return True
    if isinstance(answer, list | tuple):
        return bool(answer) and all(item is None or item is Ellipsis for item in answer)
    if inspect.isclass(answer):
        own = [item for name, item in vars(answer).items() if not name.startswith("__")]
        methods = [item for item in own if isinstance(item, FunctionType)]
        if methods:
            return all(is_stub(method) for method in methods)
        return not own and answer.__bases__ == (object,)
    if not isinstance(answer, FunctionType) or inspect.isgeneratorfunction(answer):
        return False
    # A body of `...`, `pass` or a docstring compiles to nothing but "return None".
    steps = [step for step in dis.get_instructions(answer) if step.opname not in ("RESUME", "NOP", "CACHE")]
    names = [step.opname for step in steps]
    returns_constant = names in (["LOAD_CONST", "RETURN_VALUE"], ["RETURN_CONST"])
    return returns_constant and steps[0].argval is None
