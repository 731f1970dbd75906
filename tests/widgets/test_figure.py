"""The base of the figures: events become method calls, refusals become sentences."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mtelab import TagStore
from mtelab.widgets import TagMap, figure, theme
from mtelab.widgets.figure import Figure


def event(of: Figure, name: str, buffer: bytes | None = None, **fields: object) -> None:
    """What the browser sends."""
    of._dispatch(of, {"event": name, **fields}, [memoryview(buffer)] if buffer is not None else [])


@pytest.fixture
def page() -> TagMap:
    return TagMap(TagStore(1))


def test_an_event_calls_the_method_of_its_name(page: TagMap) -> None:
    event(page, "paint", (5).to_bytes(4, "little"), tag=7)
    assert page.store.load(5 * 16) == 7


def test_a_refusal_is_said_in_the_status_line_and_changes_nothing(page: TagMap) -> None:
    event(page, "paint", (300).to_bytes(4, "little"), tag=7)
    assert page.status.startswith("Refused: granules: [300]")
    assert not page.store.read(0).any()


def test_an_unknown_event_is_ignored(page: TagMap) -> None:
    before = page.frame
    event(page, "explode")
    assert page.frame == before


def test_a_fault_of_ours_is_not_swallowed(page: TagMap) -> None:
    with pytest.raises(TypeError):
        event(page, "paint", surprise=1)


def test_the_repr_is_stable_and_says_what_to_do(page: TagMap) -> None:
    said = repr(page)
    assert said == repr(TagMap(TagStore(1)))
    assert "run this cell" in said
    assert not re.search(r"0x[0-9a-f]{8}", said)


def test_every_figure_carries_the_shared_half_and_the_theme() -> None:
    script = str(TagMap._esm)
    assert script.startswith("const THEMES = ")
    assert "class FigureView" in script
    for colour in theme.TAG_COLOURS["light"]:
        assert colour in script


def test_no_figure_names_a_colour_or_a_network_address_of_its_own() -> None:
    for path in Path(figure.__file__).parent.glob("*.[jc]s*"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"#[0-9a-fA-F]{6}\b", text), path.name
        assert "http" not in text, path.name
