"""Two bits, or a lock and a bit, with barriers that can be moved: what labs 08 and 11 try out.

Whoever initialises clears the tags and then sets PG_mte_tagged. Whoever comes later reads PG_mte_tagged and then uses
the tags. Each side may keep its two steps in order, or not.
"""

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
    set_bit,
    smp_load_acquire,
    smp_mb,
    smp_rmb,
    smp_store_release,
    smp_wmb,
    spin_lock,
    spin_unlock,
    test_and_set_bit,
    test_bit,
)

Side = tuple[str, ...]
"""Steps in order, as a table shows them."""

CLEAR: Final = "clear"
SET: Final = "set_bit"
TEST: Final = "test_bit"

WRITERS: Final[tuple[Side, ...]] = (
    (CLEAR, SET),
    (CLEAR, "smp_wmb", SET),
    (CLEAR, SET, "smp_wmb"),
    ("smp_wmb", CLEAR, SET),
    (CLEAR, "smp_rmb", SET),
    (CLEAR, "smp_mb", SET),
    (CLEAR, "smp_store_release"),
)
"""What whoever initialises may do."""

READERS: Final[tuple[Side, ...]] = (
    (TEST,),
    (TEST, "smp_rmb"),
    ("smp_rmb", TEST),
    (TEST, "smp_wmb"),
    (TEST, "smp_mb"),
    ("smp_load_acquire",),
)
"""What whoever finds the flag set may do before it goes on."""

ORDERED: Final = frozenset((*WRITERS[1:2], *WRITERS[5:], READERS[1], *READERS[4:]))
"""Sides that keep their two steps in order; a protocol needs both."""

_PLAIN: Final[dict[str, Callable[[Page], Step]]] = {
    SET: lambda page: set_bit(PG_mte_tagged, page),
    "smp_store_release": lambda page: smp_store_release(PG_mte_tagged, page, True),
    "smp_wmb": lambda _page: smp_wmb(),
    "smp_rmb": lambda _page: smp_rmb(),
    "smp_mb": lambda _page: smp_mb(),
}
_ASK: Final[dict[str, Callable[[Page], Step]]] = {
    TEST: lambda page: test_bit(PG_mte_tagged, page),
    "smp_load_acquire": lambda page: smp_load_acquire(PG_mte_tagged, page),
}


def _write(side: Side, cpu: Cpu, page: Page) -> Protocol:
    """Initialise the tags and say so, in the order of `side`."""
    for name in side:
        yield initialise(cpu, page) if name == CLEAR else _PLAIN[name](page)


def _read(side: Side, page: Page) -> Generator[Step, Any, Any]:
    """Read the flag, with what `side` puts around it; what stands after it is done only if the flag was set."""
    answer: Any = False
    asked = False
    for name in side:
        if name in _ASK:
            answer = yield _ASK[name](page)
            asked = True
        elif not asked or answer:
            yield _PLAIN[name](page)
    return answer


def two_bits(writer: Side, reader: Side) -> Function:
    """Make the protocol of June 2022 with barriers on either side (<20220623234944.141869-1-pcc@google.com>).

    Parameters
    ----------
    writer, reader : tuple of str
        One of `WRITERS`, one of `READERS`.
    """

    def protocol(cpu: Cpu, page: Page) -> Protocol:
        if not (yield test_and_set_bit(PG_mte_lock, page)):
            yield from _write(writer, cpu, page)
            return
        while not (yield from _read(reader, page)):
            pass

    protocol.__name__ = "two_bits"
    return protocol


def double_check(writer: Side, reader: Side) -> Function:
    """Make the double-checked lock of 2021 with barriers on either side (<20210517123239.8025-2-steven.price@arm.com>).

    Parameters
    ----------
    writer, reader : tuple of str
        One of `WRITERS`, one of `READERS`.
    """

    def protocol(cpu: Cpu, page: Page) -> Protocol:
        if (yield from _read(reader, page)):
            return
        yield spin_lock("tag_sync_lock")
        if not (yield test_bit(PG_mte_tagged, page)):
            yield from _write(writer, cpu, page)
        yield spin_unlock("tag_sync_lock")

    protocol.__name__ = "double_check"
    return protocol


# ---- the protocol of June 2022, and half of what mends it, in full


def no_barrier(cpu: Cpu, page: Page) -> Protocol:
    """Two bits as they were posted (<20220623234944.141869-1-pcc@google.com>)."""
    if (yield test_and_set_bit(PG_mte_lock, page)):
        while not (yield test_bit(PG_mte_tagged, page)):
            pass
        return
    yield initialise(cpu, page)
    yield set_bit(PG_mte_tagged, page)


def writers_barrier(cpu: Cpu, page: Page) -> Protocol:
    """Two bits, in order on the side of whoever initialises."""
    if (yield test_and_set_bit(PG_mte_lock, page)):
        while not (yield test_bit(PG_mte_tagged, page)):
            pass
        return
    yield initialise(cpu, page)
    yield smp_wmb()
    yield set_bit(PG_mte_tagged, page)


def readers_barrier(cpu: Cpu, page: Page) -> Protocol:
    """Two bits, in order on the side of whoever waits."""
    if (yield test_and_set_bit(PG_mte_lock, page)):
        while not (yield test_bit(PG_mte_tagged, page)):
            pass
        yield smp_rmb()
        return
    yield initialise(cpu, page)
    yield set_bit(PG_mte_tagged, page)


PATCHES: Final[dict[str, Function]] = {
    "no barrier": no_barrier,
    "writer's barrier": writers_barrier,
    "reader's barrier": readers_barrier,
}
"""By name."""

__all__ = ["ORDERED", "PATCHES", "READERS", "WRITERS", "double_check", "two_bits"]
