"""The interleaving explorer: some CPUs in one protocol, stepped by hand, in any order that memory and locks allow."""

from __future__ import annotations

from typing import Any, Final

import traitlets

from mtelab.explorer import MAX_STATES, Report, Walk, explore, model
from mtelab.explorer.listing import Listing, listing
from mtelab.explorer.memory import Tag
from mtelab.explorer.report import MEANS
from mtelab.explorer.walk import Lane, verdict
from mtelab.explorer.words import changes, lock_words, move_words, step_words, trouble, waits_for
from mtelab.sync import PROTOCOLS, SITUATIONS, PG_mte_lock, PG_mte_tagged
from mtelab.sync.protocols import Function
from mtelab.sync.situations import find_protocol
from mtelab.widgets.figure import Figure

CHOICES: Final = {
    "protocol": tuple(PROTOCOLS),
    "situation": tuple(SITUATIONS),
    "cpus": (2, 3, 4),
    "pages": (1, 2),
    "memory": ("sc", "arm"),
    "mmu_lock": ("by release", "exclusive", "shared"),
}
"""What can be chosen in the figure; code may choose more CPUs and pages."""

SEARCHED: Final = 400_000
"""States that a button's search reaches at the most: a few seconds."""

LOOK: Final = {"leaks": "bad", "loses": "bad", "deadlocks": "bad", "wrong": "bad", "refused": "warn", "": ""}
"""How each verdict is drawn."""


class InterleavingExplorer(Figure):
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
    found = traitlets.Dict().tag(sync=True)
    """What the last search found, in words."""
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
        self._own: dict[str, Function] = {}
        self._first: dict[str, Any] = {
            "protocol": self._named(protocol),
            "situation": situation,
            "cpus": cpus,
            "pages": pages,
            "memory": memory,
            "mmu_lock": mmu_lock or "by release",
        }
        self._schedule = schedule
        self.walk, listings = self._begin(self._first)
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
        for name in changes:
            if name not in CHOICES:
                raise ValueError(f"{name}: nothing in the figure is called so, expected one of {', '.join(CHOICES)}")
        known = dict(self._own)
        try:
            if "protocol" in changes:
                changes = {**changes, "protocol": self._named(changes["protocol"])}
            chosen = {**self.chosen, **changes}
            walk, listings = self._begin(chosen)
        except ValueError:
            self._own = known
            raise
        self.walk = walk
        with self.hold_sync():
            self._show_model(chosen, listings)
            self._show_line(walk)

    def _named(self, protocol: str | Function) -> str:
        """Name of a protocol in the list; a learner's function is entered under its own."""
        if isinstance(protocol, str) and protocol in self._own:
            return protocol
        find_protocol(protocol)
        if isinstance(protocol, str):
            return protocol
        name = str(getattr(protocol, "name", None) or getattr(protocol, "__name__", "protocol"))
        if name not in PROTOCOLS:
            self._own[name] = protocol
        return name

    def _arguments(self, chosen: dict[str, Any]) -> dict[str, Any]:
        mmu_lock = None if chosen["mmu_lock"] == "by release" else chosen["mmu_lock"]
        return {**chosen, "protocol": self._own.get(chosen["protocol"], chosen["protocol"]), "mmu_lock": mmu_lock}

    def _begin(self, chosen: dict[str, Any]) -> tuple[Walk, list[Listing]]:
        walk = Walk(model(**self._arguments(chosen)))
        return walk, [listing(walk.model, program, cpu) for cpu, program in enumerate(walk.machine.programs)]

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
            self.line = [*kept[: self.position], _row(self.walk, self.position + 1)]
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

    def find_bug(self, max_states: int = MAX_STATES, play: bool = False) -> Report:
        """Search every interleaving, and go to the end of the shortest that is bad, if one is.

        Parameters
        ----------
        max_states : int
            Stop after so many.
        play : bool
            Whether to begin at its start and have the browser play it.

        Returns
        -------
        Report
            As from `mtelab.explore`.
        """
        report = explore(
            **self._arguments(self.chosen),
            max_states=max_states,
            progress=lambda states, _level: self._tell(f"Searching: {states:,} states so far"),
        )
        with self.hold_sync():
            if report.schedule:
                self._follow(report.schedule)
                if play:
                    self.seek(0)
                    self.playing = True
            self.found = _found(report)
            if not report.schedule:
                self.status = ""  # what was found has a line of its own
        return report

    def reset(self) -> None:
        """Return to what the figure was made with."""
        self.walk, listings = self._begin(self._first)
        self.walk.go(self._schedule)
        with self.hold_sync():
            self._show_model(self._first, listings)
            self._show_line(self.walk)

    def _tell(self, words: str) -> None:
        self.status = words

    def _follow(self, schedule: str) -> None:
        self.walk.go(schedule)
        with self.hold_sync():
            self._show_line(self.walk)

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

    def on_find(self) -> None:
        """Handle the button."""
        self.find_bug(max_states=SEARCHED, play=True)

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
        self.choices = {name: list(values) for name, values in CHOICES.items()}
        for name, value in chosen.items():
            if value not in self.choices[name]:
                self.choices = {**self.choices, name: [*self.choices[name], value]}
        function = find_protocol(self._arguments(chosen)["protocol"])
        self._listings = listings
        self.code = {
            "situation": (SITUATIONS[chosen["situation"]].__doc__ or "").strip(),
            "protocol": (getattr(function, "run", function).__doc__ or "").strip().split("\n")[0],
            "lanes": [_static(lane) for lane in listings],
        }

    def _show_line(self, walk: Walk) -> None:
        """Draw a new line of moves, up to its end."""
        self.line = [_row(walk, number) for number in range(1, len(walk.way) + 1)]
        self._show()

    def _show(self) -> None:
        walk = self.walk
        last = changes(walk, len(walk.way)) if walk.way else {}
        words, look = self._verdict()
        with self.hold_sync():
            self.position = len(walk.way)
            self.schedule = walk.schedule
            self.picture = {
                "lanes": [self._lane(lane) for lane in walk.lanes()],
                "pages": self._pages(last),
                "locks": [
                    [lock_words(name), holder, f"lock {lock_words(name)}" in last]
                    for name, holder in walk.locks().items()
                ],
                "verdict": words,
                "look": look,
            }
            self.status = ""
            if walk.way:
                row = self.line[len(walk.way) - 1]
                done = row["text"].replace("  # ", ", ")
                self.status = ": ".join(
                    [f"CPU {row['cpu']}", done, *filter(None, ["; ".join(row["changes"].values())])]
                )

    def _verdict(self) -> tuple[str, str]:
        """Say what has shown so far, the worst of it, and how to draw that."""
        walk = self.walk
        bad = [row for row in self.line[: len(walk.way)] if row["trouble"]]
        worst = [row for row in bad if row["look"] == "bad"] or bad
        if worst:
            return worst[-1]["trouble"], worst[-1]["look"]
        if walk.over:
            return "All are at their end, and nothing bad has shown. Another order may end otherwise.", "good"
        if "deadlocks" in walk.verdicts:
            return "No end can be reached any more: somebody waits, or goes round, for ever.", "bad"
        return "Nothing bad so far.", ""

    def _lane(self, lane: Lane) -> dict[str, Any]:
        row, marks = self._listings[lane.cpu].place(lane.node)
        rows = self._listings[lane.cpu].rows
        return {
            "ended": lane.ended,
            "row": len(rows) if lane.ended else row,
            "marks": [] if lane.ended else marks,
            "step": "" if lane.step is None else step_words(lane.step, self.walk.model.pages),
            "waits": waits_for(self.walk, lane),
            "moves": [[move.suffix, move_words(self.walk, move)] for move in lane.moves],
            "pending": list(lane.pending),
        }

    def _pages(self, last: dict[str, str]) -> list[dict[str, Any]]:
        machine, state = self.walk.machine, self.walk.state
        entries = {
            location.name: (bool(contents.value), f"pte {location.name}" in last)
            for location, contents in zip(machine.locations, state.contents, strict=True)
            if location.kind == "pte"
        }
        steps = [step for program in machine.programs for step in program.steps()]
        used = [flag for flag in (PG_mte_tagged, PG_mte_lock) if any(a is flag for step in steps for a in step.args)]
        return [
            {
                "pfn": view.pfn,
                "flags": [[repr(f), bool(view.flags & f), f"flags {view.pfn} {f!r}" in last] for f in used],
                "tags": [_tile(view.pfn, granule, tag, last) for granule, tag in sorted(view.tags.items())],
                "entry": entries.get(view.pfn),
            }
            for view in self.walk.pages()
        ]

    def describe(self) -> str:
        """Say what runs, and how far it has come."""
        chosen = self.chosen
        text = f"{chosen['protocol']} in {chosen['situation']}, {chosen['cpus']} CPUs, memory {chosen['memory']}: "
        shown = ", ".join(self.walk.verdicts)
        return f"{text}{self.schedule or 'before the first move'}{f', {shown}' if shown else ''}"


def _static(lane: Listing) -> dict[str, Any]:
    """Make what the browser needs of a listing."""
    sources = [{"name": source.name, "lines": source.lines} for source in lane.sources.values()]
    return {"who": lane.who, "rows": list(lane.rows.values()), "sources": sources}


def _row(walk: Walk, number: int) -> dict[str, Any]:
    """Make a row of the table of moves."""
    move, _, shows = walk.way[number - 1]
    text = step_words(move.step, walk.model.pages)
    if "<" in move.suffix:
        text += ", an older value"
    return {
        "cpu": move.cpu,
        "move": f"{move.cpu}{move.suffix}",
        "text": text,
        "changes": changes(walk, number),
        "trouble": trouble(walk, number),
        "look": LOOK[verdict(shows)],
    }


def _tile(pfn: int, granule: int, tag: Tag, last: dict[str, str]) -> dict[str, Any]:
    origin = {"stale": "stale", "init": "initialised", "stored": "stored"}[tag.origin]
    return {"granule": granule, "tag": tag.tag, "origin": origin, "changed": f"tag {pfn} {granule}" in last}


def _found(report: Report) -> dict[str, str]:
    """Say what a search found."""
    states = f"{report.states:,} states"
    searched = f"All {states} were searched" if report.exhaustive else f"The search stopped after {states}"
    words = f"{searched}: {report.verdict}, {MEANS[report.verdict]}."
    if report.counterexample:
        words += f" The shortest way there has {len(report.counterexample)} moves: {report.schedule}"
    look = "bad" if report.violations else "good" if report.verdict == "safe" else "warn"
    return {"look": look, "words": words}
