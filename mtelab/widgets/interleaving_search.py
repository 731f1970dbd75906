"""*Find me the bug*: a figure's search of every interleaving, in turns with its buttons, of which one stops it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any, Final

import traitlets

from mtelab.explorer import MAX_STATES, explore, model
from mtelab.explorer.exploration import explore_in_slices
from mtelab.explorer.report import MEANS, Report
from mtelab.explorer.slices import Slices
from mtelab.widgets.background import Background
from mtelab.widgets.figure import Figure

SEARCHED: Final = 2_000_000
"""States that a button's search reaches at the most: some seconds, and a hundred megabytes."""
_SLICE: Final = 0.05
"""Seconds of work until the figure may hear its buttons."""


def in_turns(slices: Slices[Report], tell: Callable[[int], None]) -> Generator[None, None, Report]:
    """Search in slices, and yield as often as a hand on a button asks for.

    Parameters
    ----------
    slices : generator
        From `mtelab.explorer.exploration.explore_in_slices`.
    tell : function
        Called with the states so far before each rest.

    Returns
    -------
    Report
        What the generator returns.
    """
    begun = time.monotonic()
    while True:
        try:
            states, _ = next(slices)
        except StopIteration as end:
            report: Report = end.value
            return report
        if time.monotonic() - begun > _SLICE:
            tell(states)
            yield
            begun = time.monotonic()


def progress_words(states: int) -> str:
    """Say how far a search has come."""
    return f"Searching: {states:,} states so far"


def found_words(report: Report) -> dict[str, str]:
    """Say what a search found."""
    states = f"{report.states:,} states"
    searched = f"All {states} were searched" if report.exhaustive else f"The search stopped after {states}"
    words = f"{searched}: {report.verdict}, {MEANS[report.verdict]}."
    if report.counterexample:
        words += f" The shortest way there has {len(report.counterexample)} moves: {report.schedule}"
    look = "bad" if report.violations else "good" if report.verdict == "safe" else "warn"
    return {"look": look, "words": words}


class BugFinder(Figure):
    """A figure that searches every interleaving of what it shows, says how far it has come, and can be stopped.

    A subclass says what is explored (`arguments`), what it shows (`now`), and shows the way to a bug (`follow`).
    """

    found = traitlets.Dict().tag(sync=True)
    """What the last search found, in words."""
    searching = traitlets.Unicode("").tag(sync=True)
    """How far a search has come that a button began; "" if there is none."""

    def __init__(self, **kwargs: Any) -> None:
        self._background = Background()
        self._searched = 0
        super().__init__(**kwargs)

    def arguments(self) -> dict[str, Any]:
        """Arguments of `mtelab.explore`."""
        raise NotImplementedError

    def now(self) -> object:
        """What is shown: as long as it stays equal, nobody has made a move."""
        raise NotImplementedError

    def follow(self, schedule: str, play: bool) -> None:
        """Go to the end of a schedule, or begin to play it."""
        raise NotImplementedError

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
        self.give_up()
        report = explore(
            **self.arguments(),
            max_states=max_states,
            progress=lambda states, _level: self._say(progress_words(states)),
        )
        self._show_found(report, play)
        return report

    def stop_search(self) -> None:
        """Stop the search that a button began, if one is under way; all else stays as it is."""
        if self.searching:
            self.give_up()
            self.status = f"The search was stopped after {self._searched:,} states. Nothing else has changed."

    def give_up(self) -> None:
        """End the search that a button began, if one is under way, without a word."""
        self._background.stop()

    def _search(self) -> Generator[None, None, None]:
        """Search in turns, and play what was found, unless another move was made meanwhile."""
        before = self.now()
        slices = explore_in_slices(model(**self.arguments()), SEARCHED)
        try:
            report = yield from in_turns(slices, self._tell)
        except ValueError as refusal:  # nobody waits for it any more who could be told
            self._say(f"Refused: {refusal}")
            return
        finally:
            self.searching = ""
        self._show_found(report, play=True, still=self.now() == before)

    def _show_found(self, report: Report, play: bool, still: bool = True) -> None:
        with self.hold_sync():
            if report.schedule and still:
                self.follow(report.schedule, play)
            self.found = found_words(report)
            if not report.schedule:
                self.status = ""  # what was found has a line of its own

    def _tell(self, states: int) -> None:
        self._searched = states
        self.searching = progress_words(states)

    def _say(self, words: str) -> None:
        self.status = words

    def on_find(self) -> None:
        """Handle the button *Find me the bug*."""
        if not self.searching:
            self._background.start(self._search())

    def on_stop(self) -> None:
        """Handle the button *Stop the search*."""
        self.stop_search()
