"""What one fault does, as the engines play it: requests and releases of locks, with times between them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final, NamedTuple

from mtelab.contention.costs import quantised
from mtelab.contention.runner import Action

MMU_LOCK: Final = "mmu_lock"
"""What the mmu_locks of all VMs are called in results."""

OWN_MMU_LOCK: Final = (MMU_LOCK, None)
"""Stands for the mmu_lock of the VM whose vCPU faults."""


def family(name: Hashable) -> str:
    """Return what a lock is called in results: an array's locks share their first word."""
    return str(name[0] if isinstance(name, tuple) and name else name)


class Op(NamedTuple):
    """A request or a release of a lock.

    Attributes
    ----------
    request : bool
        Request, or release.
    lock : hashable
        Its name; `OWN_MMU_LOCK` is another lock in every VM.
    delay : float
        Nanoseconds since the op before was done, or since the fault began.
    held : bool
        Whether a lock was held in that time.
    """

    request: bool
    lock: Hashable
    delay: float
    held: bool


class Program(NamedTuple):
    """One fault, from the exit of the guest to its return.

    Attributes
    ----------
    ops : tuple of Op
        In order.
    tail : float
        Nanoseconds from the last op to the return.
    pages : int
        4 KiB pages that the fault maps.
    """

    ops: tuple[Op, ...]
    tail: float
    pages: int

    @property
    def alone(self) -> float:
        """Nanoseconds that the fault takes when nobody else is there."""
        return sum(op.delay for op in self.ops) + self.tail


def program(actions: Iterable[Action], pages: int, slowdown: float = 1.0) -> Program:
    """Fold actions into a program.

    Parameters
    ----------
    actions : iterable of Action
        What the CPU does, alone.
    pages : int
        Pages that are mapped.
    slowdown : float
        Factor on work that is done with no lock held.
    """
    ops: list[Op] = []
    held: list[Hashable] = []
    time = 0.0
    for action in actions:
        if action.kind == "work":
            time += action.time
            continue
        delay = time if held else quantised(time * slowdown)
        ops.append(Op(action.kind == "lock", action.lock, delay, bool(held)))
        (held.append if action.kind == "lock" else held.remove)(action.lock)
        time = 0.0
    return Program(tuple(ops), quantised(time * slowdown), pages)
