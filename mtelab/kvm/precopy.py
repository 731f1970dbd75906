"""Pre-copy: the loop of every live migration, with three ways to treat tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mtelab.kvm.migration import SLOT, Migration

TAG_POLICIES: Final = ("with the data", "once at the start", "at the end")
"""When a VMM may send tags: with every page, in round 0 only, or all of them while the guest is paused."""
MOST_ROUNDS: Final = 12
"""After so many rounds `PreCopy` pauses the guest, however many pages are dirty."""
FEW_PAGES: Final = 2
"""So few dirty pages that `PreCopy` pauses the guest and sends them."""


@dataclass(frozen=True)
class Round:
    """What one round of a migration sent.

    Attributes
    ----------
    pages : int
        Pages of data.
    data_bytes, tag_bytes : int
        What went over the wire.
    paused : bool
        The guest was stopped.
    """

    pages: int
    data_bytes: int
    tag_bytes: int
    paused: bool


class PreCopy:
    """Pre-copy: all pages first, then in rounds what the guest wrote meanwhile, the last round with the guest stopped.

    Parameters
    ----------
    migration : Migration
        What to move.
    tags : str
        When tags are sent, one of `TAG_POLICIES`. The second loses those that the guest changes later.

    Attributes
    ----------
    rounds : list of Round
        What was sent so far.
    """

    def __init__(self, migration: Migration, tags: str = "with the data") -> None:
        if tags not in TAG_POLICIES:
            raise ValueError(f"tags: {tags!r}, expected one of {', '.join(TAG_POLICIES)}")
        self.migration, self.tags = migration, tags
        self.rounds: list[Round] = []

    @property
    def done(self) -> bool:
        """Whether the guest is on the destination."""
        return bool(self.rounds) and self.rounds[-1].paused

    @property
    def dirty(self) -> int:
        """Pages that the next round will send."""
        bitmap = self.migration.source.vm.slots[SLOT].dirty_bitmap
        return len(self.migration.pages) if bitmap is None else int(bitmap.sum())

    def round(self) -> None:
        """Send one round while the guest runs. Nothing happens once all is done."""
        if self.done:
            return
        if not self.rounds:
            self.migration.start_logging()
            self._send(list(self.migration.pages))
        else:
            self._send(self.migration.dirty_log())

    def stop(self) -> None:
        """Stop the guest and send the rest; before round 0 that is everything."""
        if self.done:
            return
        self.migration.stop_guest()
        self._send(self.migration.dirty_log() if self.rounds else list(self.migration.pages))

    def run(self) -> None:
        """Go on to the end: rounds until few pages are dirty or there were many rounds, then stop."""
        while not self.done:
            if self.rounds and (self.dirty <= FEW_PAGES or len(self.rounds) >= MOST_ROUNDS):
                self.stop()
            else:
                self.round()

    def _send(self, pages: list[int]) -> None:
        """Send pages, and of the tags what the policy wants."""
        migration = self.migration
        data, tags = migration.data_bytes, migration.tag_bytes
        paused = not migration.running
        migration.send_data(pages)
        if self.tags == "with the data" or (self.tags == "once at the start" and not self.rounds):
            migration.send_tags(pages)
        elif self.tags == "at the end" and paused:
            migration.send_tags(migration.pages)
        self.rounds.append(Round(len(pages), migration.data_bytes - data, migration.tag_bytes - tags, paused))
