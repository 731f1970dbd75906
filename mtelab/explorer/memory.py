"""Memory as CPUs see it: each location's value, and the older values that a CPU may still read.

Under ``"sc"`` there is one value, and every access sees the newest. Under ``"arm"`` two things are added:

* A CPU's stores wait in its buffer and reach memory in any order that no barrier, release or equal address forbids
  (`mtelab.explorer.machine`). Memory is one: a store is seen by all other CPUs at once (multi-copy atomic).
* A load may be satisfied early, and so give a value that memory held before. How far back it may reach is kept for
  each location and each CPU that reads it: the older values since the CPU's last acquire or read barrier, oldest first.
  Reading one of them gives up those before it, so one location's values are never read backwards. While a CPU has no
  load of a location before its next barrier, nothing is kept for it.

What is left out: a store that overtakes a load before it (LB). Arm allows that; the model never shows it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple

Value = Hashable

FARTHEST = 3
"""Older values of one location that are kept for one CPU; the rest is given up, which forbids more than Arm does."""


class Tag(NamedTuple):
    """A tag in memory, and how it came there: ``"stale"``, ``"init"`` (a clear or restore) or ``"stored"``."""

    tag: int
    origin: str


class Contents(NamedTuple):
    """What one location holds: its value, and for each CPU that reads it the older ones it may still see.

    None stands for a CPU that will not look here before its next barrier.
    """

    value: Value
    older: tuple[tuple[Value, ...] | None, ...]


class Location:
    """One location: a page's flag word, the tag of a granule, an entry, a lock.

    Parameters
    ----------
    kind : str
        ``"flags"``, ``"tag"``, ``"pte"`` or ``"lock"``.
    name : hashable
        Page frame number, ``(pfn, granule)``, or the lock's name.
    value : hashable
        What it holds at the start.
    readers : iterable of int
        CPUs that may read an older value.
    """

    def __init__(self, kind: str, name: Hashable, value: Value, readers: Iterable[int]) -> None:
        self.kind = kind
        self.name = name
        self._place = {cpu: place for place, cpu in enumerate(sorted(readers))}
        self.start = Contents(value, ((),) * len(self._place))

    def __repr__(self) -> str:
        return f"{self.kind} {self.name!r}"

    @property
    def readers(self) -> tuple[int, ...]:
        """CPUs for which older values are kept."""
        return tuple(self._place)

    def older(self, contents: Contents, cpu: int) -> tuple[Value, ...]:
        """Values that `cpu` may read instead of the newest, oldest first."""
        place = self._place.get(cpu)
        return () if place is None else contents.older[place] or ()

    def read(self, contents: Contents, cpu: int, back: int) -> tuple[Value, Contents]:
        """Value that is `back` values old, and the contents after `cpu` has read it."""
        older = self.older(contents, cpu)
        if back == 0:
            return contents.value, self._with(contents, cpu, ())
        return older[-back], self._with(contents, cpu, older[-back:])

    def write(self, contents: Contents, cpu: int, value: Value) -> Contents:
        """Contents after a store or read-modify-write of `cpu` has reached memory."""
        older = list(contents.older)
        for reader, place in self._place.items():
            known = older[place]
            if known is None:
                continue
            if reader == cpu:
                older[place] = ()
            elif value != contents.value:
                older[place] = (*known, contents.value)[-FARTHEST:]
        return Contents(value, tuple(older))

    def catch_up(self, contents: Contents, cpu: int, looks: bool) -> Contents:
        """Contents once `cpu` can read nothing older; `looks` says whether it may load here before its next barrier."""
        return self._with(contents, cpu, () if looks else None)

    def _with(self, contents: Contents, cpu: int, older: tuple[Value, ...] | None) -> Contents:
        place = self._place.get(cpu)
        if place is None or contents.older[place] == older:
            return contents
        return Contents(contents.value, (*contents.older[:place], older, *contents.older[place + 1 :]))
