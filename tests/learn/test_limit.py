"""Code that does not end is stopped, with a signal or without, and nothing of the stopping stays behind."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from mtelab.learn import limit
from mtelab.learn.limit import Limit, Stopped, has_timer

both = pytest.mark.parametrize("timer", [True, False], ids=["signal", "trace"])


def spins() -> None:
    while True:
        pass


def catches_exceptions() -> None:
    while True:
        try:  # noqa: SIM105
            time.monotonic()
        except Exception:
            pass


def catches_all() -> None:
    while True:
        try:  # noqa: SIM105
            time.monotonic()
        except:  # noqa: E722
            pass


def waits() -> None:
    while True:
        time.sleep(0.01)


@both
@pytest.mark.parametrize("work", [spins, catches_exceptions, waits])
def test_an_endless_loop_ends(work: Callable[[], None], timer: bool) -> None:
    if timer and not has_timer():
        pytest.skip("no interval timer on this system")
    with Limit(0.1, timer) as limited, pytest.raises(Stopped):
        limited.call(work)
    assert limited.expired


@both
def test_what_other_programs_take_is_not_counted(timer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if timer and not has_timer():
        pytest.skip("no interval timer on this system")
    monkeypatch.setattr(time, "process_time", lambda: 0.0)
    beyond = time.monotonic() + 0.1
    with Limit(0.05, timer) as limited:
        limited.call(lambda: [None for _ in iter(lambda: time.monotonic() < beyond, False)])
    assert not limited.expired


def test_a_loop_that_swallows_everything_ends_too() -> None:
    if not has_timer():
        pytest.skip("no interval timer on this system")
    with Limit(0.1) as limited, pytest.raises(Stopped):
        limited.call(catches_all)


def test_the_budget_counts_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limit, "STEPS", 100)
    with Limit(60, timer=False) as limited, pytest.raises(Stopped):
        limited.call(spins)


@both
def test_code_that_ends_is_left_alone(timer: bool) -> None:
    with Limit(60, timer) as limited:
        assert limited.call(lambda: sum(range(10))) == 45
        with pytest.raises(ZeroDivisionError):
            limited.call(lambda: 1 // 0)


@both
def test_no_call_starts_after_the_end(timer: bool) -> None:
    with Limit(0.05, timer) as limited:
        with pytest.raises(Stopped):
            limited.call(spins)
        with pytest.raises(Stopped):
            limited.call(lambda: pytest.fail("it ran"))


@both
def test_former_handler_timer_and_trace_come_back(timer: bool) -> None:
    def trace(*_: Any) -> None:
        return None

    handler = signal.getsignal(signal.SIGALRM)
    former = sys.gettrace()
    sys.settrace(trace)
    try:
        with Limit(0.05, timer) as limited, pytest.raises(Stopped):
            limited.call(spins)
        assert sys.gettrace() is trace
    finally:
        sys.settrace(former)
    assert signal.getsignal(signal.SIGALRM) is handler
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0 or handler is not signal.SIG_DFL


def test_a_second_thread_counts_lines() -> None:
    ended: list[bool] = []

    def work() -> None:
        with Limit(0.1) as limited:
            try:
                limited.call(spins)
            except Stopped:
                ended.append(limited.timer)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended == [False]
