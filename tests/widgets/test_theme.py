"""The theme keeps its promises: tags stay apart for every eye and in print, and text stays readable."""

from __future__ import annotations

from itertools import pairwise

import colorspacious
import numpy as np
import numpy.typing as npt
import pytest

from mtelab.widgets import theme

SIGHT = [None, "deuteranomaly", "protanomaly", "tritanomaly"]
MODES = ["light", "dark"]


def seen(colours: tuple[str, ...], sight: str | None) -> npt.NDArray[np.float64]:
    """CAM02-UCS coordinates of the colours as that eye sees them."""
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours])
    if sight:
        space = {"name": "sRGB1+CVD", "cvd_type": sight, "severity": 100}
        rgb = np.clip(colorspacious.cspace_convert(rgb, space, "sRGB1"), 0, 1)
    return np.asarray(colorspacious.cspace_convert(rgb, "sRGB1", "CAM02-UCS"))


def lightness(colour: str) -> float:
    """CIE L* of the colour printed in grey."""
    y = theme.luminance(colour)
    return float(116 * np.cbrt(y) - 16) if y > 0.008856 else 903.3 * y


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sight", SIGHT)
def test_any_two_tags_stay_apart_for_every_eye(mode: str, sight: str | None) -> None:
    points = seen(theme.TAG_COLOURS[mode], sight)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)[np.triu_indices(16, 1)]
    assert distances.min() > 11


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sight", SIGHT)
def test_any_two_series_stay_apart_for_every_eye(mode: str, sight: str | None) -> None:
    points = seen(theme.SERIES[mode], sight)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)[np.triu_indices(len(points), 1)]
    assert distances.min() > 18


def test_painted_tags_stay_apart_in_grey_print() -> None:
    levels = [lightness(colour) for colour in theme.TAG_COLOURS["light"][1:]]
    assert min(high - low for low, high in pairwise(sorted(levels))) > 3
    assert min(abs(one - other) for one, other in pairwise(levels)) > 19


@pytest.mark.parametrize("mode", MODES)
def test_digits_and_text_are_readable(mode: str) -> None:
    for fill in theme.TAG_COLOURS[mode]:
        assert theme.contrast(fill, theme.digit_colour(fill)) >= 4.5
    chrome = theme.CHROME[mode]
    for name in ("ink", "muted", "accent", "good", "bad", "warn"):
        assert theme.contrast(chrome[name], chrome["page"]) >= 4.5, name
        assert theme.contrast(chrome[name], chrome["surface"]) >= 4.5, name
    for colour in theme.SERIES[mode]:
        assert theme.contrast(colour, chrome["page"]) >= 3, colour
        assert theme.contrast(colour, chrome["surface"]) >= 3, colour


@pytest.mark.parametrize("mode", MODES)
def test_verdicts_are_readable_on_their_own_shade(mode: str) -> None:
    """The slot explorer writes on a box that is shaded with 0.14 of the verdict's colour."""
    chrome = theme.CHROME[mode]
    for name in ("good", "bad"):
        channels = [[int(chrome[c][i : i + 2], 16) for i in (1, 3, 5)] for c in (name, "page")]
        shade = "#" + "".join(f"{round(0.14 * one + 0.86 * other):02x}" for one, other in zip(*channels, strict=True))
        for ink in (name, "ink"):
            assert theme.contrast(chrome[ink], shade) >= 4.5, (name, ink)


def test_contrast_is_the_published_formula() -> None:
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


def test_the_browser_gets_the_same_colours() -> None:
    sent = theme.for_browser()
    assert set(sent) == set(MODES)
    for mode in MODES:
        part = sent[mode]
        assert isinstance(part, dict)
        assert part["tags"] == theme.TAG_COLOURS[mode]
        assert len(part["digits"]) == 16
