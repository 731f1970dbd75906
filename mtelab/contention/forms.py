"""Forms of faults: which programs the fast engine can play, and as what.

Two forms fit:

* *leaves*: locks that are taken one after another, none under another;
* a *section*: leaves under the VM's own mmu_lock. All vCPUs of the VM then form a group, of which one is inside.

A fault that takes no lock has a hold of length 0 all the same.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, NamedTuple

from mtelab.contention.programs import OWN_MMU_LOCK, Program

NOBODYS: Final = ("nobody's", None)
"""A lock that is held for no time, so that nobody waits for it."""


class Hold(NamedTuple):
    """A hold of a leaf: the time before its request since what was before, how long it is held, and which it is."""

    before: float
    time: float
    lock: Hashable


class Form(NamedTuple):
    """A program as leaves or as a section.

    Attributes
    ----------
    section : bool
        Whether the VM's mmu_lock is around the holds.
    before : float
        Nanoseconds from the start to the first request: of mmu_lock, or of the first leaf.
    holds : tuple of Hold
        At least one. The first one's `before` counts from the grant of mmu_lock, or is 0.
    inside : float
        Nanoseconds from the last leaf's release to mmu_lock's.
    tail : float
        Nanoseconds from the last release to the end.
    """

    section: bool
    before: float
    holds: tuple[Hold, ...]
    inside: float
    tail: float


def form_of(program: Program) -> Form | None:
    """Return a program's form, or None if it nests its locks in another way."""
    ops, tail = program.ops, program.tail
    if not ops:
        return Form(False, 0.0, (Hold(0.0, 0.0, NOBODYS),), 0.0, tail)
    section = len(ops) > 2 and ops[0].lock == ops[-1].lock == OWN_MMU_LOCK
    inner = ops[1:-1] if section else ops
    holds = []
    for request, release in zip(inner[::2], inner[1::2], strict=False):
        if not request.request or release.request or request.lock != release.lock:
            return None
        holds.append(Hold(request.delay, release.delay, request.lock))
    if section:
        inside = any(hold.lock == OWN_MMU_LOCK for hold in holds)
        return None if inside else Form(True, ops[0].delay, tuple(holds), ops[-1].delay, tail)
    first, *rest = holds
    return Form(False, first.before, (Hold(0.0, first.time, first.lock), *rest), 0.0, tail)


def folded(form: Form) -> Form:
    """Return a section as one hold of mmu_lock, in which nobody else wants the locks inside."""
    if not form.section:
        return form
    time = sum(hold.before + hold.time for hold in form.holds) + form.inside
    return Form(False, form.before, (Hold(0.0, time, OWN_MMU_LOCK),), 0.0, form.tail)


def as_section(form: Form) -> Form:
    """Return a form in which mmu_lock alone is held as a section; others as they are."""
    if form.section or [hold.lock for hold in form.holds] != [OWN_MMU_LOCK]:
        return form
    return Form(True, form.before, (Hold(0.0, 0.0, NOBODYS),), form.holds[0].time, form.tail)
