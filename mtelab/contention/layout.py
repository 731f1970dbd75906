"""From a run to lanes: the flat arrays that the fast engine plays side by side.

A lane is a run, or one guest of it where the guests share no lock. What its threads do is a list of holds, one after
another, each of one lock. Two forms of fault fit:

* *leaves*: locks that are taken one after another, none under another;
* a *section*: leaves under the VM's own mmu_lock. All vCPUs of the VM then form a group, of which one is inside.

A fault that takes no lock has a hold of length 0 all the same.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from mtelab.contention.arrays import Bools, Floats, Ints, quantise
from mtelab.contention.case import Case
from mtelab.contention.programs import MMU_LOCK, OWN_MMU_LOCK, Program, family

HORIZON: Final = 2.0**40
"""Runs must be over by then; in nanoseconds: 18 minutes."""
FAR: Final = 2 * HORIZON
"""Added to the time at which a thread is done, it keeps it from being looked at again; the sum is exact."""

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


class Tables:
    """Programs as columns, by row; and their holds, by row and then in order.

    Attributes
    ----------
    fits : bool
        Whether all have a form.
    nested : bool
        Whether any is a section.
    hidden, hidden_time : array (rows,)
        How many holds of the protocol's own locks are folded into one of mmu_lock, and the longest of them.
    """

    def __init__(self, programs: Sequence[Program], fold: bool = False) -> None:
        forms = [form_of(program) for program in programs]
        self.programs = programs
        self.fits = None not in forms
        kept = [form or Form(False, 0.0, (), 0.0, 0.0) for form in forms]
        hidden = [[hold.time for hold in form.holds] if fold and form.section else [] for form in kept]
        self.hidden, self.hidden_time = (
            np.array([*map(len, hidden)]),
            np.array([max(times, default=0.0) for times in hidden]),
        )
        self.nested = not fold and any(form.section for form in kept)
        if fold:
            kept = [folded(form) for form in kept]
        if self.nested:
            kept = [as_section(form) for form in kept]
        holds = [hold for form in kept for hold in form.holds]
        named = dict.fromkeys(hold.lock for hold in holds if hold.lock not in (OWN_MMU_LOCK, NOBODYS))
        self.fits &= MMU_LOCK not in map(family, named)  # who names a VM's mmu_lock may mean the one around
        self.named = len(named)
        number = {name: number for number, name in enumerate([*named, OWN_MMU_LOCK, NOBODYS])}
        self.alone = np.array([program.alone for program in programs])
        self.pages = np.array([program.pages for program in programs])
        self.section = np.array([form.section for form in kept])
        self.before = np.array([form.before for form in kept])
        self.inside = np.array([form.inside for form in kept])
        self.tail = np.array([form.tail for form in kept])
        self.count = np.array([len(form.holds) for form in kept])
        self.start = np.cumsum(self.count) - self.count
        self.row = np.repeat(np.arange(len(kept)), self.count)  # of each hold
        self.hold_before = np.array([hold.before for hold in holds])
        self.hold_time = np.array([hold.time for hold in holds])
        self.hold_lock = np.array([number[hold.lock] for hold in holds])
        self._by_lock = np.argsort(self.hold_lock, kind="stable")

    @cached_property
    def folded(self) -> Tables | None:
        """The same with sections folded, if the VMM's threads take none of the locks inside."""
        outside = self.hold_lock[~self.section[self.row]]
        return Tables(self.programs, fold=True) if (outside >= self.named).all() else None

    def usage(self, used: Bools) -> Bools:
        """Return which locks each guest takes, from which rows it uses.

        Parameters
        ----------
        used : bool array (guests, rows)

        Returns
        -------
        bool array (guests, locks)
            Locks as `hold_lock` numbers them: named ones, then mmu_lock, then nobody's.
        """
        taken = np.zeros((len(used), self.named + 2), bool)
        locks, first = np.unique(self.hold_lock[self._by_lock], return_index=True)
        taken[:, locks] = np.logical_or.reduceat(used[:, self.row[self._by_lock]], first, axis=1)
        return taken


@dataclass(frozen=True, eq=False)
class Lanes:
    """Lanes of one shape. K lanes; G groups of V threads, where without groups V is 1; H holds.

    Columns of holds are (K, 1) where they are the same for all holds of a lane.

    Attributes
    ----------
    nested : bool
        Whether groups have a mmu_lock.
    vmm : bool
        Whether every other group, with one thread, is a VMM's, and has none.
    request : float array (K, G, V)
        When each thread makes its first request; beyond `FAR` if it makes none, or is not there.
    position : int array (K, G, V)
        Its first hold.
    ending : float array (K, G, V)
        Nanoseconds from the last release of its last fault to that fault's end.
    before : float array (K, H or 1)
        Nanoseconds from the grant of mmu_lock, or from the release before, to the request of a hold.
    time : float array (K, H or 1)
        How long it is held.
    after : float array (K, H or 1)
        Where it is the last of a fault: nanoseconds from its release to the release of mmu_lock.
    last : bool array (K, H) or None
        Whether it is the last of a fault; None if all are.
    gap : float array (K, H)
        Where it is the last of a fault: nanoseconds from the last release to the first request of the thread's next
        fault; `FAR` if there is none.
    lock : int array (K, H or 1)
        Which lock is held.
    pages : int array (K, H or 1)
        Where it is the last of a fault: pages that the fault has mapped. Else 0.
    tail : float array (K, H or 1)
        Where it is the last of a fault: nanoseconds from the last release to the end.
    faults : int
        Of each lane.
    own : bool array (K, locks)
        Whether a lock is the protocol's own.
    nobodys : int array (K,)
        Which lock is nobody's: a number that no hold has if there is none.
    hidden : int array (K,)
        How often locks of the protocol's own are taken that nobody else can want then, and that are no holds here.
    hidden_time : float array (K,)
        The longest that one of them is held.
    free : bool
        Whether nobody ever waits for anything.
    crowded : bool
        Whether there are more threads than cores.
    choice : float array (K, draws) or None
        From 0 to 1: who gets an unfair lock, each time that it is given back; None if locks are fair.
    cores : int array (K,)
        Threads that can run at a time.
    time_slice, context_switch : float array (K,)
        Nanoseconds.
    handover : float array (K,)
        Nanoseconds.
    """

    nested: bool
    vmm: bool
    request: Floats
    position: Ints
    ending: Floats
    before: Floats
    time: Floats
    after: Floats
    last: Bools | None
    gap: Floats
    lock: Ints
    pages: Ints
    tail: Floats
    faults: int
    own: Bools
    nobodys: Ints
    hidden: Ints
    hidden_time: Floats
    free: bool
    crowded: bool
    choice: Floats | None
    cores: Ints
    time_slice: Floats
    context_switch: Floats
    handover: Floats

    @property
    def shape(self) -> tuple[object, ...]:
        """What must agree for lanes to be played together, apart from the number of threads."""
        groups = self.request.shape[1] if self.nested else None
        unfair = self.choice is not None
        return (
            self.nested,
            self.vmm,
            self.free,
            self.crowded,
            unfair,
            groups,
            self.gap.shape[1],
            self.own.shape[1] > 1,
            self.faults,
        )


def lanes_of(case: Case, tables: Tables) -> Lanes | None:
    """Lay out runs as lanes: of each run one a guest if no lock is taken in two of them, or one for all.

    Parameters
    ----------
    case : Case
        The runs.
    tables : Tables
        Their programs.

    Returns
    -------
    Lanes or None
        None if they do not fit, and the plain engine must play them.
    """
    if not tables.fits:
        return None
    layout = _Layout(case, tables)
    if tables.nested and not layout.meet and case.scale is None and tables.folded is not None:
        tables = tables.folded
        layout = _Layout(case, tables)
    fits = layout.longest() < HORIZON and (not tables.nested or layout.all_sections())
    return layout.lanes() if fits else None


class _Layout:
    """Runs on their way to lanes. All are laid end to end: R runs, G guests, F faults in all."""

    def __init__(self, case: Case, tables: Tables) -> None:
        self.case, self.tables = case, tables
        self.row = row = case.row.reshape(-1)
        self.scale = None if case.scale is None else case.scale.reshape(-1)
        self.guests = case.runs * case.guests
        alike = int(tables.count[0]) if (tables.count == tables.count[0]).all() else 0  # holds of every fault
        each = tables.count[row] if not alike else np.broadcast_to(alike, row.shape)
        self.single = alike == 1
        if self.single:
            self.last = self.first = self.fault = np.arange(len(row))
            self.hold = tables.start.take(row)
        elif alike:
            self.first = np.arange(len(row)) * alike
            self.last = self.first + alike - 1
            self.fault = np.repeat(np.arange(len(row)), alike)
            self.hold = (tables.start.take(row)[:, None] + np.arange(alike)).reshape(-1)
        else:
            self.last = np.cumsum(each) - 1  # the last hold of each fault
            self.first = self.last - each + 1
            self.fault = np.repeat(np.arange(len(row)), each)
            self.hold = tables.start[row][self.fault] + np.arange(len(self.fault)) - self.first[self.fault]
        used = np.ones((self.guests, 1), bool)  # rows, by guest
        if len(tables.count) > 1:
            used = np.zeros((self.guests, len(tables.count)), bool)
            guest = np.arange(case.runs)[:, None] * case.guests + case.vm[case.thread]
            used[guest.reshape(-1), row] = True
        self.rows: Bools = np.logical_or.reduce(used)
        self.usage = tables.usage(used)
        of_run = self.usage.reshape(case.runs, case.guests, -1)
        self.meet = bool((of_run[..., : tables.named].sum(axis=1) > 1).any())
        self.crowded = case.cores < int((case.count > 0).sum())
        self.split = (
            case.guests > 1 and not self.meet and not self.crowded and (alike > 0 or self._same(each, self.guests))
        )
        self.count = self.guests if self.split else case.runs
        self.holds = np.full(self.count, len(row) // self.count * alike)  # of each lane
        if not alike:
            self.holds = each.reshape(self.count, -1).sum(axis=1)
        self.most = int(self.holds.max())
        self.ragged = bool(self.holds.min() < self.most)

    @staticmethod
    def _same(each: Ints, parts: int) -> bool:
        """Whether equal parts of the faults have equally many holds."""
        holds = each.reshape(parts, -1).sum(axis=1)
        return bool((holds == holds[0]).all())

    def longest(self) -> float:
        """Nanoseconds that a run takes at most: everything after everything else."""
        scale = 1.0 if self.scale is None else float(self.scale.max(initial=1.0))
        work = float(self.tables.alone.max()) * scale * self.case.row.shape[1]
        waits = self.case.handover * 2 * len(self.hold) / self.case.runs
        if self.crowded:
            waits += self.case.context_switch * self.case.row.shape[1]
        return float(self.case.think.sum(axis=1).max() + work + waits)

    def all_sections(self) -> bool:
        """Whether every fault of a vCPU is a section, and nothing that a VMM's thread does."""
        if self.rows.all() and self.tables.section.all() and not self.case.vmm:
            return True
        threads = len(self.case.count) // self.case.guests
        of_vmm = (self.case.thread % threads == threads - 1) & self.case.vmm
        return bool((self.tables.section[self.case.row] != of_vmm).all())

    def lanes(self) -> Lanes:
        case, tables, row = self.case, self.tables, self.row
        start = case.think.reshape(-1) + (tables.before[row] if len(tables.before) > 1 else tables.before[0])
        there = case.count > 0
        run = np.arange(case.runs)[:, None] * case.row.shape[1]
        begin = run + case.first[there]  # the first fault of each thread
        final = run + (case.first + case.count - 1)[there]
        gap = np.zeros(len(self.hold))
        if not self.single and not tables.nested:
            gap[:-1] = tables.hold_before.take(self.hold[1:])  # within a fault
        tail = tables.tail[row[:-1]] if len(tables.tail) > 1 else tables.tail[0]
        gap[slice(-1) if self.single else self.last[:-1]] = start[1:] + tail
        gap[self.last[final]] = FAR
        last = np.zeros(0 if self.single else len(self.hold), bool)
        if not self.single:
            last[self.last] = True
        free = not (tables.nested or self.crowded or self.usage[:, : tables.named + 1].any())
        lock, own, nobodys = self._no_locks() if free else self._locks()
        hidden, hidden_time = np.zeros((self.count, 1), np.int64), np.zeros((self.count, 1))
        if tables.hidden.any():
            hidden, hidden_time = tables.hidden.take(row), tables.hidden_time.take(row)
        return Lanes(
            nested=tables.nested,
            vmm=case.vmm,
            request=self._by_thread(start[begin], 2 * FAR, np.where(self.holds < self.most, HORIZON, 2 * FAR)),
            position=self._by_thread(self._in_lane(self.first[begin]), 0, self.holds),
            ending=self._by_thread(tables.tail[row[final]], 0.0, np.zeros(self.count)),
            before=self._of_holds(tables.hold_before, tables.section[tables.row]),
            time=self._of_holds(tables.hold_time, np.full(len(tables.row), True)),
            after=self._of_faults(tables.inside, tables.section),
            last=None if self.single else self._even(last),
            gap=self._even(gap, 0.0, FAR),
            lock=lock,
            pages=self._of_faults(tables.pages),
            tail=self._of_faults(tables.tail),
            faults=len(row) // self.count,
            own=own,
            nobodys=np.full(self.count, nobodys),
            hidden=hidden.reshape(self.count, -1).sum(axis=1),
            hidden_time=hidden_time.reshape(self.count, -1).max(axis=1),
            free=free,
            crowded=self.crowded,
            choice=None if case.choice is None else np.repeat(case.choice, self.count // case.runs, axis=0),
            cores=np.full(self.count, case.cores),
            time_slice=np.full(self.count, case.time_slice),
            context_switch=np.full(self.count, case.context_switch),
            handover=np.full(self.count, case.handover),
        )

    def _in_lane(self, hold: Ints) -> Ints:
        """Number holds from the first of their lane."""
        ends = np.cumsum(self.holds)
        numbers: Ints = hold - (ends - self.holds)[np.searchsorted(ends, hold, side="right")]
        return numbers

    def _even(self, values: npt.NDArray[Any], filler: float = 0, last: float | None = None) -> npt.NDArray[Any]:
        """Make lanes equally long: those that are shorter end with holds of length 0 that a thread of its own has."""
        if len(values) == self.count * self.most:
            return values.reshape(self.count, -1)
        even = np.full((self.count, self.most), filler, values.dtype)
        even[:, -1] = filler if last is None else last
        even[np.arange(self.most) < self.holds[:, None]] = values
        return even

    def _by_thread(self, values: npt.NDArray[Any], nothing: float, extra: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Spread values over all threads, in groups; `extra` are those of the thread that fills up a lane."""
        case = self.case
        column = np.full((case.runs, len(case.count)), nothing, values.dtype)
        column[:, case.count > 0] = values
        members = 1 if not self.tables.nested else len(case.count) // case.guests - case.vmm
        filler = np.full((self.count, int(self.ragged), members), nothing, values.dtype)
        filler[..., 0] = extra[:, None]
        threads = column.reshape(self.guests, -1)
        if not self.tables.nested:
            return np.concatenate([threads.reshape(self.count, -1, 1), filler], axis=1)
        if case.vmm:  # its thread is a group of its own
            groups = np.full((self.guests, 2, threads.shape[1] - 1), nothing, values.dtype)
            groups[:, 0], groups[:, 1, 0] = threads[:, :-1], threads[:, -1]
            threads = groups
        return np.concatenate([threads.reshape(self.count, -1, members), filler], axis=1)

    def _of_holds(self, table: npt.NDArray[Any], scaled: Bools) -> npt.NDArray[Any]:
        """Look up a column by hold; work under locks takes longer by the fault's factor."""
        occurring = table[self.rows[self.tables.row]]
        if self.scale is None and (occurring == occurring[0]).all():
            return np.full((self.count, 1), occurring[0])
        values = table.take(self.hold)
        if self.scale is not None:
            values = np.where(scaled[self.hold], quantise(values * self.scale[self.fault]), values)
        return self._even(values)

    def _of_faults(self, table: npt.NDArray[Any], scaled: Bools | None = None) -> npt.NDArray[Any]:
        """Look up a column by fault, which counts at a fault's last hold."""
        occurring = table[self.rows]
        plain = self.scale is None or scaled is None
        if plain and (occurring == occurring[0]).all() and (self.single or occurring[0] == 0):
            return np.full((self.count, 1), occurring[0])
        values = np.zeros(len(self.hold), table.dtype)
        values[self.last] = table.take(self.row)
        if scaled is not None and self.scale is not None:
            values = np.where(scaled[self.row][self.fault], quantise(values * self.scale[self.fault]), values)
        return self._even(values)

    def _no_locks(self) -> tuple[Ints, Bools, int]:
        return np.zeros((self.count, 1), np.int64), np.zeros((self.count, 1), bool), 0

    def _locks(self) -> tuple[Ints, Bools, int]:
        """Number the locks of each lane, and say which are the protocol's own, and which is nobody's.

        Named ones come first, then the mmu_locks of the VMs, then nobody's.
        """
        case, named = self.case, self.tables.named
        usage = self.usage
        if not self.split:
            usage = np.logical_or.reduce(usage.reshape(case.runs, case.guests, -1), axis=1)
        names = int(usage[:, :named].sum(axis=1).max(initial=0))
        vms = (1 if self.split else case.guests) * bool(usage[:, named].any())
        total = names + vms + (bool(usage[:, named + 1].any()) or self.ragged)
        own = np.broadcast_to(np.arange(total) < names, (self.count, total))
        if total == 1:
            return np.zeros((self.count, 1), np.int64), own, names + vms

        number: Ints = np.empty(usage.shape, np.int64)
        number[:, :named] = np.cumsum(usage[:, :named], axis=1) - 1
        number[:, named], number[:, named + 1] = names, names + vms
        code = self.tables.hold_lock
        if (usage == usage[0]).all():
            lock = number[0][code].take(self.hold)
        else:
            lane = np.repeat(np.arange(self.count) * number.shape[1], self.holds)
            lock = number.reshape(-1)[code[self.hold] + lane]
        if vms > 1:
            of_vm = np.flatnonzero((code == named).take(self.hold))
            vm_of_fault = np.tile(case.vm[case.thread], case.runs)
            lock[of_vm] += vm_of_fault.take(self.fault.take(of_vm))
        return self._even(lock, names + vms), own, names + vms
