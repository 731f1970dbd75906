"""Variants of the page lock, each with one step changed: which changes do harm?"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Final

from mtelab.sync.flags import PG_mte_lock, PG_mte_tagged
from mtelab.sync.protocols import Function, initialise
from mtelab.sync.steps import (
    Cpu,
    Page,
    Protocol,
    Step,
    clear_bit,
    set_bit,
    smp_mb,
    smp_rmb,
    smp_store_release,
    smp_wmb,
    test_and_set_bit,
    test_bit,
    wait_for_bit,
)

BASE: Final = """\
def page_lock(cpu, page):
    if (yield test_bit(PG_mte_tagged, page)):
        yield smp_rmb()
        return
    if (yield test_and_set_bit(PG_mte_lock, page)):
        yield wait_for_bit(PG_mte_tagged, page)
        return
    yield mte_clear_page_tags(page)
    yield smp_wmb()
    yield set_bit(PG_mte_tagged, page)"""
"""What is changed."""

Part = Callable[[Cpu, Page], Generator[Step, Any, Any]]
"""Some steps, which may come to an answer."""


def _steps(*make: Callable[[Cpu, Page], Step]) -> Part:
    def part(cpu: Cpu, page: Page) -> Protocol:
        for one in make:
            yield one(cpu, page)

    return part


_NOTHING: Final = _steps()
_RMB: Final = _steps(lambda cpu, page: smp_rmb())
_SET: Final = _steps(lambda cpu, page: set_bit(PG_mte_tagged, page))
_WMB_SET: Final = _steps(lambda cpu, page: smp_wmb(), lambda cpu, page: set_bit(PG_mte_tagged, page))
_WAIT: Final = _steps(lambda cpu, page: wait_for_bit(PG_mte_tagged, page))
_CLEAR: Final = _steps(initialise)


def _spin(cpu: Cpu, page: Page) -> Protocol:
    """Wait without an order."""
    while not (yield test_bit(PG_mte_tagged, page)):
        pass


def _test_then_set(cpu: Cpu, page: Page) -> Generator[Step, Any, bool]:
    """Test and set the lock in two steps."""
    taken: bool = yield test_bit(PG_mte_lock, page)
    if not taken:
        yield set_bit(PG_mte_lock, page)
    return taken


def _at_once(cpu: Cpu, page: Page) -> Generator[Step, Any, bool]:
    """Test and set the lock in one."""
    taken: bool = yield test_and_set_bit(PG_mte_lock, page)
    return taken


def _made(
    *,
    look: bool = True,
    seen: Part = _RMB,
    take: Part = _at_once,
    wait: Part = _WAIT,
    first: Part = _CLEAR,
    then: Part = _WMB_SET,
    last: Part = _NOTHING,
) -> Function:
    """Make a variant of its parts."""

    def variant(cpu: Cpu, page: Page) -> Protocol:
        if look and (yield test_bit(PG_mte_tagged, page)):
            yield from seen(cpu, page)
            return
        if (yield from take(cpu, page)):
            yield from wait(cpu, page)
            return
        yield from first(cpu, page)
        yield from then(cpu, page)
        yield from last(cpu, page)

    return variant


VARIANTS: Final[dict[str, Function]] = {
    "the first test and its smp_rmb are left out": _made(look=False),
    "smp_rmb is left out": _made(seen=_NOTHING),
    "smp_wmb is left out": _made(then=_SET),
    "smp_mb in place of smp_wmb": _made(
        then=_steps(lambda cpu, page: smp_mb(), lambda cpu, page: set_bit(PG_mte_tagged, page))
    ),
    "smp_store_release in place of smp_wmb and set_bit": _made(
        then=_steps(lambda cpu, page: smp_store_release(PG_mte_tagged, page, True))
    ),
    "smp_wmb after set_bit, not before": _made(
        then=_steps(lambda cpu, page: set_bit(PG_mte_tagged, page), lambda cpu, page: smp_wmb())
    ),
    "wait_for_bit is left out": _made(wait=_NOTHING),
    "a loop of test_bit in place of wait_for_bit": _made(wait=_spin),
    "set_bit before the clear": _made(first=_SET, then=_CLEAR),
    "test_bit, then set_bit, in place of test_and_set_bit": _made(take=_test_then_set),
    "PG_mte_lock is cleared at the end": _made(last=_steps(lambda cpu, page: clear_bit(PG_mte_lock, page))),
    "PG_mte_tagged is never set": _made(then=_NOTHING),
}
"""What is changed, in words, and the protocol that it gives."""
