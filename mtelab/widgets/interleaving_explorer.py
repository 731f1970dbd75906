"""The interleaving explorer: some CPUs in one protocol, stepped by hand, in any order that memory and locks allow."""

from __future__ import annotations

from typing import Any

import traitlets

from mtelab.explorer import Walk
from mtelab.explorer.listing import Listing
from mtelab.explorer.words import waits_for
from mtelab.sync.protocols import Function
from mtelab.widgets.interleaving_choices import Choices, lists
from mtelab.widgets.interleaving_picture import picture, row, said, static
from mtelab.widgets.interleaving_search import BugFinder


class InterleavingExplorer(BugFinder):
    """Some CPUs that run a protocol, stepped with `step`, `undo` and `go`, or with buttons and keys.

    Parameters
    ----------
    protocol : str or function
        Name in `mtelab.sync.PROTOCOLS`, or a generator function of ``cpu`` and ``page``.
    situation : str
        Name in `mtelab.sync.SITUATIONS`.
    cpus, pages : int
        How many take part, and on how many pages.
    memory : str
        ``"sc"`` or ``"arm"``; see `mtelab.explore`.
    schedule : str
        Moves that are made already.
    title : str
        What to write above the figure.
    mmu_lock : str, optional
        ``"exclusive"`` or ``"shared"``; by default as in the protocol's release.

    Attributes
    ----------
    walk : Walk
        The interleaving up to `position`.
    position : int
        Moves that are made; moves after it were taken back, and can be made again.
    pace : float
        Seconds between two moves while a schedule is played.

    Examples
    --------
    >>> explorer = InterleavingExplorer("flag-first", "two-vms")
    >>> explorer.go("0110000")
    >>> explorer.walk.shown
    'leaks'
    """

    script = "interleaving_explorer.js"

    choices = traitlets.Dict().tag(sync=True)
    chosen = traitlets.Dict().tag(sync=True)
    code = traitlets.Dict().tag(sync=True)
    """What each CPU runs; it changes with the choices only."""
    line: traitlets.List[dict[str, Any]] = traitlets.List().tag(sync=True)
    """All moves, those that were taken back too, as they are drawn."""
    picture = traitlets.Dict().tag(sync=True)
    """The state at the position, as it is drawn."""
    position = traitlets.Int(0).tag(sync=True)
    schedule = traitlets.Unicode("").tag(sync=True)
    playing = traitlets.Bool(False).tag(sync=True)
    pace = traitlets.Float(0.8).tag(sync=True)

    def __init__(
        self,
        protocol: str | Function = "flag-first",
        situation: str = "two-vms",
        cpus: int = 2,
        pages: int = 1,
        memory: str = "sc",
        schedule: str = "",
        title: str = "The interleaving explorer",
        mmu_lock: str | None = None,
    ) -> None:
        self._choices = Choices()
        self._first: dict[str, Any] = {
            "protocol": self._choices.named(protocol),
            "situation": situation,
            "cpus": cpus,
            "pages": pages,
            "memory": memory,
            "mmu_lock": mmu_lock or "by release",
        }
        self._schedule = schedule
        self.walk, listings = self._choices.begin(self._first)
        self.walk.go(schedule)
        super().__init__(title=title)
        self._show_model(self._first, listings)
        self._show_line(self.walk)

    # ---- what is looked at

    def set(self, **changes: Any) -> None:
        """Choose another protocol, situation or machine, and begin anew: ``explorer.set(memory="arm")``.

        Raises
        ------
        ValueError
            If there is no such choice. Nothing has changed then.
        """
        chosen, walk, listings = self._choices.changed(self.chosen, changes)
        self.give_up()
        self.walk = walk
        with self.hold_sync():
            self._show_model(chosen, listings)
            self._show_line(walk)

    # ---- moving

    def step(self, cpu: int, suffix: str = "") -> str:
        """Make a move, and return what it showed: a verdict, or "".

        Parameters
        ----------
        cpu : int
            Who.
        suffix : str
            ``""`` the CPU's next step; under ``"arm"`` also ``"<"`` with an older value, ``"a"`` the first of its
            stores becomes visible, ``"b"`` the second.

        Raises
        ------
        ValueError
            If it cannot be made; the text says what the CPU waits for. Nothing has changed then.
        """
        lanes = self.walk.lanes()
        if isinstance(cpu, int) and 0 <= cpu < len(lanes) and suffix == "":
            lane = lanes[cpu]
            if lane.ended:
                raise ValueError(f"CPU {cpu} cannot move: it has come to its end")
            if lane.waits:
                raise ValueError(f"CPU {cpu} cannot move: it {waits_for(self.walk, lane)}")
        move = f"{cpu}{suffix}"
        kept = self.line[: self.position + 1]
        shown = self.walk.do(cpu, suffix)
        if not kept[self.position :] or kept[-1]["move"] != move:
            self.line = [*kept[: self.position], row(self.walk, self.position + 1)]
        self._show()
        return shown

    def undo(self) -> None:
        """Take the last move back, if there is one."""
        self.seek(max(self.position - 1, 0))

    def restart(self) -> None:
        """Take all moves back."""
        self.seek(0)

    def go(self, schedule: str) -> None:
        """Go through a schedule from the start.

        Raises
        ------
        ValueError
            If it is none, or has a move that cannot be made; nothing has changed then.
        """
        self._follow(schedule)

    def seek(self, position: int) -> None:
        """Show the state after so many moves of the schedule.

        Raises
        ------
        ValueError
            If there are not so many.
        """
        if not 0 <= position <= len(self.line):
            raise ValueError(f"position: {position}, expected 0 to {len(self.line)}, the moves of this schedule")
        self.walk.go("".join(move["move"] for move in self.line[:position]))
        self._show()

    def reset(self) -> None:
        """Return to what the figure was made with."""
        self.give_up()
        self.walk, listings = self._choices.begin(self._first)
        self.walk.go(self._schedule)
        with self.hold_sync():
            self._show_model(self._first, listings)
            self._show_line(self.walk)

    def _follow(self, schedule: str) -> None:
        self.walk.go(schedule)
        with self.hold_sync():
            self._show_line(self.walk)

    def arguments(self) -> dict[str, Any]:
        """Arguments of `mtelab.explore` for what is chosen."""
        return self._choices.arguments(self.chosen)

    def now(self) -> tuple[list[dict[str, Any]], int]:
        """Moves that are shown, and how many of them are made."""
        return self.line, self.position

    def follow(self, schedule: str, play: bool) -> None:
        """Go to the end of a schedule, or begin to play it."""
        self._follow(schedule)
        if play:
            self.seek(0)
            self.playing = True

    # ---- what the browser sends

    def on_set(self, **changes: Any) -> None:
        """Handle a list."""
        self.set(**changes)

    def on_step(self, cpu: int, suffix: str = "") -> None:
        """Handle a button or key of a CPU."""
        self.playing = False
        self.step(cpu, suffix)

    def on_undo(self) -> None:
        """Handle the button."""
        self.playing = False
        self.undo()

    def on_restart(self) -> None:
        """Handle the button."""
        self.playing = False
        self.restart()

    def on_go(self, schedule: str) -> None:
        """Handle the input field."""
        self.playing = False
        self.go(schedule)

    def on_seek(self, position: int) -> None:
        """Handle the slider and the rows of the table."""
        self.playing = False
        self.seek(position)

    def on_play(self, playing: bool) -> None:
        """Handle the button; at the end it plays again from the start."""
        if playing and self.position == len(self.line):
            self.seek(0)
        self.playing = playing and bool(self.line)

    def on_forward(self, position: int) -> None:
        """Handle the clock of a view; of several views the first one counts."""
        if self.playing and position == self.position < len(self.line):
            self.seek(position + 1)
            self.playing = self.position < len(self.line)

    # ---- showing

    def _show_model(self, chosen: dict[str, Any], listings: list[Listing]) -> None:
        self.playing = False
        self.found = {}
        self.chosen = dict(chosen)
        self.choices = lists(chosen)
        self._listings = listings
        self.code = {**self._choices.about(chosen), "lanes": [static(lane) for lane in listings]}

    def _show_line(self, walk: Walk) -> None:
        """Draw a new line of moves, up to its end."""
        self.line = [row(walk, number) for number in range(1, len(walk.way) + 1)]
        self._show()

    def _show(self) -> None:
        walk = self.walk
        with self.hold_sync():
            self.position = len(walk.way)
            self.schedule = walk.schedule
            self.picture = picture(walk, self._listings, self.line)
            self.status = said(self.line[len(walk.way) - 1]) if walk.way else ""

    def describe(self) -> str:
        """Say what runs, and how far it has come."""
        chosen = self.chosen
        text = f"{chosen['protocol']} in {chosen['situation']}, {chosen['cpus']} CPUs, memory {chosen['memory']}: "
        shown = ", ".join(self.walk.verdicts)
        return f"{text}{self.schedule or 'before the first move'}{f', {shown}' if shown else ''}"
