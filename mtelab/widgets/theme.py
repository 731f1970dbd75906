"""The look that every figure shares: tag colours, surfaces and type, in light and in dark.

The fifteen colours of tags 1 to 15 were found by search, not by taste. Any two of them, and tag 0, are at least
11 apart in CAM02-UCS for normal sight and under full deuteranomaly, protanomaly and tritanomaly; printed in
grey, any two differ by at least 3 in lightness, and tags *t* and *t + 1* by at least 19, so that neighbours in
a count stand out. ``tests/widgets/test_theme.py`` measures all of it. Colour is never the only sign: a tag is
always drawn with its hex digit.
"""

from __future__ import annotations

from typing import Final

_PAINTED: Final = (
    "#b5a0d7",
    "#93514c",
    "#fcd522",
    "#6f73f2",
    "#fca051",
    "#756eac",
    "#05d8b1",
    "#6f7010",
    "#97f6b7",
    "#978d11",
    "#095388",
    "#cbc9e8",
    "#f26967",
    "#850bd7",
    "#13b38c",
)

TAG_COLOURS: Final[dict[str, tuple[str, ...]]] = {
    "light": ("#eef0f3", *_PAINTED),
    "dark": ("#30353b", *_PAINTED),
}
"""Fill of tags 0 to 15 in each mode. Tag 0, what a cleared page holds, keeps close to the page behind it."""

CHROME: Final[dict[str, dict[str, str]]] = {
    "light": {
        "page": "#ffffff",
        "surface": "#f7f8fa",
        "line": "#c4cad3",
        "ink": "#1b1f24",
        "muted": "#5a6472",
        "accent": "#0b57d0",
        "good": "#0a7040",
        "bad": "#b3261e",
        "warn": "#8a5a00",
    },
    "dark": {
        "page": "#111315",
        "surface": "#1b1e22",
        "line": "#4a525c",
        "ink": "#eceff3",
        "muted": "#a3adba",
        "accent": "#8ab4f8",
        "good": "#6fd69b",
        "bad": "#ff8f86",
        "warn": "#f2c063",
    },
}
"""Colours of everything that is not a tag: surfaces, lines, text, and the three verdicts."""

SERIES: Final[dict[str, tuple[str, ...]]] = {
    "light": ("#5286d5", "#b34a5c", "#145414", "#a3830a", "#762099", "#38343c"),
    "dark": ("#6fbaf4", "#fb1c49", "#c0f4b8", "#f9b316", "#8764f8", "#a8a5a5"),
}
"""Line colours of charts, in order of use, found by search as the tags' were: any two are at least 18 apart for every
eye. A chart gives each series a marker and a dash of its own too."""

SANS: Final = 'system-ui, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif'
MONO: Final = 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace'


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``, 0 (black) to 1 (white), as WCAG 2.2 defines it."""

    def linear(channel: int) -> float:
        value = channel / 255
        return value / 12.92 if value <= 0.04045 else float(((value + 0.055) / 1.055) ** 2.4)

    red, green, blue = (linear(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21 (WCAG 2.2; text wants 4.5)."""
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def digit_colour(fill: str) -> str:
    """Near-black or white, whichever reads better on `fill`."""
    return max(("#14171a", "#ffffff"), key=lambda ink: contrast(fill, ink))


def for_browser() -> dict[str, object]:
    """Everything above as one JSON-ready dictionary, so that Python stays the only place that names a colour."""
    return {
        mode: {
            **CHROME[mode],
            "tags": TAG_COLOURS[mode],
            "digits": [digit_colour(fill) for fill in TAG_COLOURS[mode]],
            "series": SERIES[mode],
            "sans": SANS,
            "mono": MONO,
        }
        for mode in ("light", "dark")
    }
