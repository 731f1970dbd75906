"""The migration view: a guest that moves, round by round, and which of its pages and tags are stale over there."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import traitlets

from mtelab.kvm.migration import SLOT, Migration
from mtelab.kvm.precopy import TAG_POLICIES, PreCopy
from mtelab.widgets.figure import Figure

DIRTY, STALE_DATA, STALE_TAGS = 1, 2, 4
"""Bits of a page's state."""


class MigrationView(Figure):
    """A pre-copy migration to step through.

    Parameters
    ----------
    pages : int
        Size of the guest, up to 64.
    rate : float
        How often the guest writes while a page is on the wire.
    tags : str
        When tags are sent, one of `mtelab.kvm.precopy.TAG_POLICIES`.
    kernel : str
        The Linux of both hosts.
    seed : int
        Of the guest and its memory.

    Attributes
    ----------
    migration : Migration
        The two hosts.
    precopy : PreCopy
        The rounds.
    """

    script = "migration_view.js"

    pages = traitlets.Bytes(b"").tag(sync=True)
    """One byte a page: `DIRTY`, `STALE_DATA` and `STALE_TAGS`."""
    source = traitlets.Bytes(b"").tag(sync=True)
    """One byte a tag, page after page."""
    destination = traitlets.Bytes(b"").tag(sync=True)
    """The same for the destination."""
    rounds: traitlets.List[dict[str, object]] = traitlets.List().tag(sync=True)
    """What each round sent: see `mtelab.kvm.precopy.Round`."""
    state = traitlets.Dict().tag(sync=True)
    """Settings, totals, and whether the guest has moved."""
    page = traitlets.Int(0, min=0).tag(sync=True)
    """The page whose tags are shown."""
    policies = traitlets.List(list(TAG_POLICIES)).tag(sync=True)

    def __init__(
        self,
        *,
        pages: int = 32,
        rate: float = 1.0,
        tags: str = "with the data",
        kernel: str = "linux-7.2",
        seed: int = 0,
        title: str = "A guest moves while it runs",
    ) -> None:
        if not 8 <= pages <= 64:
            raise ValueError(f"pages: {pages}, expected 8 to 64")
        self._pages, self._kernel, self._seed = pages, kernel, seed
        self._first = (rate, tags)
        self.precopy = self._fresh(rate, tags)
        super().__init__(title=title)
        self.refresh()

    @property
    def migration(self) -> Migration:
        """The two hosts and the wire."""
        return self.precopy.migration

    def round(self) -> None:
        """Send one round while the guest runs."""
        self.precopy.round()
        self.refresh()

    def stop(self) -> None:
        """Stop the guest, send what is left, and compare."""
        self.precopy.stop()
        self.refresh()

    def run(self) -> None:
        """Go on to the end."""
        self.precopy.run()
        self.refresh()

    def set(self, *, rate: float | None = None, tags: str | None = None) -> None:
        """Choose how fast the guest writes, or when tags are sent; the migration begins anew."""
        new_rate = self.migration.rate if rate is None else rate
        if not 0 <= new_rate <= 4:
            raise ValueError(f"rate: {new_rate}, expected 0 to 4 writes a page sent")
        self.precopy = self._fresh(new_rate, self.precopy.tags if tags is None else tags)
        self.refresh()

    def reset(self) -> None:
        """Begin anew as the figure was made."""
        self.precopy = self._fresh(*self._first)
        self.page = 0
        self.refresh()

    def refresh(self) -> None:
        """Show the two hosts as they are now, after code has changed something."""
        migration, precopy = self.migration, self.precopy
        source = np.stack([migration.source.read_tags(gfn) for gfn in migration.pages])
        destination = np.stack([migration.destination.read_tags(gfn) for gfn in migration.pages])
        bitmap = migration.source.vm.slots[SLOT].dirty_bitmap
        state = np.zeros(len(source), np.uint8) if bitmap is None else bitmap * np.uint8(DIRTY)
        state = state | np.any(source != destination, axis=1) * np.uint8(STALE_TAGS)
        state[[gfn for gfn in migration.pages if migration.stale_data(gfn)]] |= STALE_DATA
        with self.hold_sync():
            self.pages = state.tobytes()
            self.source, self.destination = source.tobytes(), destination.tobytes()
            self.rounds = [asdict(one) for one in precopy.rounds]
            self.state = {
                "rate": migration.rate,
                "tags": precopy.tags,
                "done": precopy.done,
                "dirty": precopy.dirty,
                "data_bytes": migration.data_bytes,
                "tag_bytes": migration.tag_bytes,
                "paused_bytes": migration.paused_bytes,
                "stale_tags": int(np.count_nonzero(source != destination)),
            }
            self.status = self._sentence()

    def on_round(self) -> None:
        """Handle the button."""
        self.round()

    def on_stop(self) -> None:
        """Handle the button."""
        self.stop()

    def on_run(self) -> None:
        """Handle the button."""
        self.run()

    def on_set(self, **changes: Any) -> None:
        """Handle a control."""
        self.set(**changes)

    def describe(self) -> str:
        """Say how far the migration is, and what is lost."""
        sent = f"{len(self.precopy.rounds)} rounds, tags {self.precopy.tags}, {len(self.migration.pages)} pages"
        return f"{sent}: {self._sentence()}"

    def _fresh(self, rate: float, tags: str) -> PreCopy:
        return PreCopy(Migration(self._pages, kernel=self._kernel, rate=rate, seed=self._seed), tags)

    def _sentence(self) -> str:
        if not self.precopy.rounds:
            return "Nothing is sent yet, the guest runs on the source."
        if not self.precopy.done:
            return f"The guest runs on the source, {self.precopy.dirty} pages are dirty."
        return f"The guest runs on the destination: {self.migration.lost()}."
