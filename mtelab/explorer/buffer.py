"""The stores that wait in one CPU's buffer: nobody else sees them yet, and only a barrier keeps them in order."""

from __future__ import annotations

from typing import NamedTuple

from mtelab.explorer.memory import Location, Tag, Value
from mtelab.sync.flags import PageFlag

LONGEST_BUFFER = 12
"""Stores that may wait in one CPU's buffer."""

WMB = "smp_wmb"
"""The mark of a write barrier."""


class Store(NamedTuple):
    """A store that waits in a buffer: where, what it does there, whether earlier ones go first."""

    where: int
    how: str
    what: Value
    release: bool


Entry = Store | str
"""A waiting store, or the mark of a write barrier."""


def stores(buffer: tuple[Entry, ...]) -> list[Store]:
    """The stores of a buffer, without its marks."""
    return [entry for entry in buffer if isinstance(entry, Store)]


def trimmed(buffer: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Buffer without marks that keep nothing apart: at its front, or two in a row."""
    kept: list[Entry] = []
    for entry in buffer:
        if entry != WMB or (kept and kept[-1] != WMB):
            kept.append(entry)
    return tuple(kept)


def said(location: Location, store: Store) -> str:
    """A waiting store in words."""
    if location.kind == "flags":
        assert isinstance(store.what, int)
        return f"{PageFlag(store.what)!r} {'set' if store.how == 'set' else 'cleared'} in page {location.name}"
    if location.kind == "tag":
        assert isinstance(store.what, Tag)
        name: tuple[int, int] = location.name  # type: ignore[assignment]
        return f"tag {store.what.tag:X} in granule {name[1]} of page {name[0]}"
    if location.kind == "pte":
        return f"entry of page {location.name}"
    lock = location.name if isinstance(location.name, tuple) else (location.name,)
    return f"{' '.join(map(str, lock))} given back"
