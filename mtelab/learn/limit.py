"""Run a learner's code within a time limit, and end a loop that does not end.

Time is that of the processor, so that an answer is no worse on a machine that has much else to do. Code that waits is
stopped by the clock, later.

A signal timer does it where there is one. Elsewhere (Windows, a browser, a second thread) a trace function counts
lines. Either raises `Stopped`, which is not an ``Exception``: ``except Exception`` does not catch it. A bare
``except: pass`` in a loop does, so the timer also traces: the next line, outside that ``try``, is stopped too.
Two things cannot be stopped: a single call into C that does not come back, such as a huge numpy product; and, where
there is no timer, a loop that swallows even `Stopped`, since Python drops a trace function that has raised.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

STEPS = 5_000_000
"""Lines that a whole check may run where only a trace function can stop it."""

PATIENCE = 8
"""How many times its limit a check may take by the clock."""

_AGAIN = 0.02
"""Seconds until a `Stopped` that was swallowed is raised again, or the time is looked at again."""


class Stopped(BaseException):
    """The learner's code ran out of time."""


def has_timer() -> bool:
    """Say whether a signal can interrupt the code that runs here."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


class Limit:
    """A limit on all calls made through it, for use in a ``with`` statement.

    Parameters
    ----------
    seconds : float
        Of processor time, for all calls together.
    timer : bool, optional
        Whether to use a signal; found out when not given.
    """

    def __init__(self, seconds: float, timer: bool | None = None) -> None:
        self.seconds = seconds
        self.timer = has_timer() if timer is None else timer
        self.expired = False
        self._inside = False
        self._steps = 0
        self._begun = self._deadline = 0.0

    def __enter__(self) -> Self:
        self._begun = time.process_time()
        self._deadline = time.monotonic() + PATIENCE * self.seconds
        self._former_trace = sys.gettrace()
        if self.timer:
            self._former_handler = signal.signal(signal.SIGALRM, self._tick)
            self._former_timer = signal.setitimer(signal.ITIMER_REAL, self.seconds, _AGAIN)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self.timer:
            signal.setitimer(signal.ITIMER_REAL, *self._former_timer)
            signal.signal(signal.SIGALRM, self._former_handler)
        sys.settrace(self._former_trace)

    def call(self, work: Callable[[], Any]) -> Any:
        """Return ``work()``, or raise `Stopped` when the time is over."""
        if self.expired:
            raise Stopped
        try:
            if not self.timer:
                sys.settrace(self._count)
            self._inside = True
            return work()
        finally:
            self._inside = False
            sys.settrace(self._former_trace)

    def _over(self) -> bool:
        return time.process_time() - self._begun > self.seconds or time.monotonic() > self._deadline

    def _tick(self, _number: int, frame: FrameType | None) -> None:
        if not self._over():
            return
        self.expired = True
        if not self._inside:  # our own code runs: it asks `expired` before the next call
            return
        sys.settrace(_refuse)
        while frame is not None and frame.f_code is not Limit.call.__code__:
            frame.f_trace = _refuse
            frame = frame.f_back
        raise Stopped

    def _count(self, _frame: FrameType, event: str, _value: Any) -> Any:
        if event == "line":
            self._steps += 1
            if self._steps > STEPS or self._over():
                self.expired = True
                raise Stopped
        return self._count


def _refuse(frame: FrameType, event: str, _value: Any) -> Any:
    if event == "line" and frame.f_code is not Limit.call.__code__:
        raise Stopped
    return _refuse
