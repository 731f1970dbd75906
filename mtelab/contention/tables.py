"""Programs as tables: what the faults of lanes are looked up in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from mtelab.contention.arrays import Bools
from mtelab.contention.forms import NOBODYS, Form, as_section, folded, form_of
from mtelab.contention.programs import MMU_LOCK, OWN_MMU_LOCK, Program, family


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
