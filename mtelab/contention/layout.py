"""From runs to lanes: where each hold of each fault is, what comes after it, and which lock it is of."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from mtelab.contention.arrays import Bools, Ints, quantise
from mtelab.contention.case import Case
from mtelab.contention.lanes import FAR, HORIZON, Lanes
from mtelab.contention.tables import Tables


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
