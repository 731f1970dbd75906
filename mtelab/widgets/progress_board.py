"""The progress board: every exercise of the course, and how far the learner is."""

from __future__ import annotations

import traitlets

from mtelab.learn.progress import progress
from mtelab.widgets.figure import Figure


class ProgressBoard(Figure):
    """One line a lab, one mark an exercise: not tried, failing or passed.

    The board reads what `check` wrote down, when it is made and whenever *Look again* is pressed.
    """

    script = "progress_board.js"

    rows = traitlets.List(traitlets.Dict()).tag(sync=True)
    """One dictionary an exercise: lab, title, points, state."""

    def __init__(self) -> None:
        super().__init__(title="Your progress")
        self.refresh()

    def refresh(self) -> None:
        """Read the states anew."""
        self.rows = [
            {"lab": f"Lab {row.lab:02}", "title": row.title, "points": row.points, "state": str(row.state)}
            for row in progress().rows
        ]
        passed = [row for row in self.rows if row["state"] == "passed"]
        points, most = (sum(row["points"] for row in some) for some in (passed, self.rows))
        self.status = f"{len(passed)} of {len(self.rows)} exercises passed, {points} of {most} points."

    def on_refresh(self) -> None:
        """Handle the button *Look again*."""
        self.refresh()

    def describe(self) -> str:
        """Say what is shown, whatever the course holds and whoever looks."""
        return "every exercise of the course"
