"""The base of every drawn figure: state to the browser as bytes, events back as method calls.

A figure is a view. It keeps a plain model object (a tag store, a pointer), sends what is to be seen, and turns
each event of mouse or keyboard into a call of one of its own methods, the same that a cell or a test would
call. The browser half of the base is ``figure.js``; each figure adds one ``.js`` file of its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from mtelab.widgets import theme

_HERE = Path(__file__).parent


def _module(script: str) -> str:
    """One browser module: the theme, the shared half, the figure's own half."""
    shared = (_HERE / "figure.js").read_text(encoding="utf-8")
    own = (_HERE / script).read_text(encoding="utf-8")
    return f"const THEMES = {json.dumps(theme.for_browser())};\n{shared}\n{own}"


class Figure(anywidget.AnyWidget):
    """A figure with a title, a status line, a theme and a reset.

    A subclass names its browser half in `script`, keeps arrays in ``traitlets.Bytes`` traits (any other trait
    would send them as slow JSON lists) and handles the browser's event ``"paint"`` in a method ``on_paint``,
    which gets the event's fields as keywords. Equal values send nothing: change a trait to repaint.
    """

    script: ClassVar[str]
    _css = _HERE / "figure.css"

    title = traitlets.Unicode("").tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)
    """One sentence under the figure, read out by screen readers when it changes."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "script" in cls.__dict__:
            cls._esm = _module(cls.script)
        super().__init_subclass__(**kwargs)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.on_msg(self._dispatch)

    def _dispatch(self, _widget: object, content: dict[str, Any], buffers: list[bytes]) -> None:
        """Call ``on_<event>``; what the model refuses becomes the status line, not a lost traceback."""
        fields = dict(content)
        event = fields.pop("event", "")
        handler = getattr(self, f"on_{event}", None)
        if handler is None:
            return
        if buffers:
            fields["data"] = bytes(buffers[0])
        try:
            handler(**fields)
        except (ValueError, IndexError) as refusal:
            self.status = f"Refused: {refusal}"

    def on_reset(self) -> None:
        """Handle the reset button: back to the state that the figure was made with."""
        self.reset()

    def reset(self) -> None:
        """Return to the state that the figure was made with."""
        raise NotImplementedError

    def describe(self) -> str:
        """Say in a few words what the figure shows; the same for the same state."""
        raise NotImplementedError

    def __repr__(self) -> str:
        # Stable, so that a stored notebook can be compared, and of use where no figure can be drawn.
        return f"{type(self).__name__}: {self.describe()} [run this cell to use the figure]"
