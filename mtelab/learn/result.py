"""What a check says: a state and a few lines, as text and as a small coloured box."""

from __future__ import annotations

import html
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How far an exercise is; each one equals its own text."""

    NOT_TRIED = "not tried"
    FAILING = "failing"
    PASSED = "passed"


SYMBOLS: dict[State, str] = {State.NOT_TRIED: "○", State.FAILING: "✗", State.PASSED: "✓"}

# JupyterLab's own colours, light and dark; the second value is for pages that have none.
_EDGES: dict[State, str] = {
    State.NOT_TRIED: "var(--jp-ui-font-color2, #6b7280)",
    State.FAILING: "var(--jp-error-color1, #b3261e)",
    State.PASSED: "var(--jp-success-color1, #2e7d32)",
}


class NotPassedError(AssertionError):
    """A check that had to pass did not; the text is what it said."""

    def _render_traceback_(self) -> list[str]:
        # IPython shows this in place of a traceback: a student who reads a grader's report wants the check's words.
        return str(self).splitlines()


@dataclass(frozen=True, repr=False)
class Result:
    """The outcome of one check.

    Attributes
    ----------
    exercise : str
        Its name.
    state : State
        Not tried, failing or passed.
    lines : tuple of str
        What there is to say, at most six lines.
    """

    exercise: str
    state: State
    lines: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the exercise is solved."""
        return self.state is State.PASSED

    def require(self) -> None:
        """Do nothing if passed; else raise a `NotPassedError`: to a grader, a cell that raises has no points."""
        if not self.passed:
            raise NotPassedError(repr(self))

    @property
    def _head(self) -> str:
        return f"{SYMBOLS[self.state]} {self.exercise}: {self.state}"

    def __repr__(self) -> str:
        return "\n".join([self._head, *(f"  {line}" for line in self.lines)])

    def _repr_html_(self) -> str:
        box = (
            f"border-left: 4px solid {_EDGES[self.state]}; padding: 4px 12px; "
            "color: var(--jp-ui-font-color1, CanvasText); font-family: var(--jp-ui-font-family, sans-serif)"
        )
        mono = "margin: 4px 0 0; white-space: pre-wrap; font-family: var(--jp-code-font-family, monospace)"
        text = html.escape("\n".join(self.lines))
        body = f'<pre style="{mono}; color: inherit; background: none">{text}</pre>' if text else ""
        return f'<div role="status" style="{box}"><strong>{html.escape(self._head)}</strong>{body}</div>'
