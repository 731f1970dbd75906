"""How a series of the contention figures looks: colour, marker and dash, the same wherever it is shown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from mtelab.widgets import theme

# Those that are compared most come first and get colours of their own.
_ORDER: Final = (
    "lock-array", "big-lock", "page-lock", "no-shared", "per-mm-lock", "always-tagged",
    "flag-first", "clear-first", "merged-5.14", "two-bit-no-barriers", "no-shared-slot-only",
)  # fmt: skip
_MARKS: Final = {
    "circle": "●", "square": "■", "triangle": "▲", "diamond": "◆", "inverted_triangle": "▼", "star": "★",
    "hex": "⬢", "plus": "✚", "x": "✖", "asterisk": "✱", "square_x": "⊠", "circle_cross": "⊕",
}  # fmt: skip
_DASHES: Final = {"solid": "", "dashed": "6", "dotted": "2 4", "dashdot": "6 4 2 4", "dotdash": "2 4 6 4"}


class Look(NamedTuple):
    """The look of a series.

    Attributes
    ----------
    colour : int
        Number of its colour in `theme.SERIES`.
    marker, sign : str
        Bokeh's name of its marker, and a character that looks like it.
    dash, strokes : str
        Bokeh's name of its dash, and the same for SVG.
    """

    colour: int
    marker: str
    sign: str
    dash: str
    strokes: str


def looks(names: Iterable[str]) -> dict[str, Look]:
    """Return the look of each series; protocols of the history have theirs whatever the others are."""
    names = list(names)
    own = [name for name in names if name not in _ORDER]
    return {name: _look(_ORDER.index(name) if name in _ORDER else len(_ORDER) + own.index(name)) for name in names}


def _look(number: int) -> Look:
    marker = list(_MARKS)[number % len(_MARKS)]
    dash = list(_DASHES)[number % len(_DASHES)]
    return Look(number % len(theme.SERIES["light"]), marker, _MARKS[marker], dash, _DASHES[dash])
