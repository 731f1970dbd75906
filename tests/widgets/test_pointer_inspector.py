"""The inspector shows and changes a pointer; sliders, bits and map of the composite tell the same story."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtelab.arch.memory import Memory
from mtelab.arch.pointers import logical_tag
from mtelab.widgets import PointerInspector, TagsAndPointers

LOWER, UPPER = 0x0300_0000_0000_1038, 0xF3FF_FF80_0000_1038


def event(figure: PointerInspector, name: str, **fields: object) -> None:
    """What a browser would send."""
    figure._dispatch(figure, {"event": name, **fields}, [])


def row(figure: PointerInspector, name: str) -> tuple[str, str]:
    """What the inspector says under one heading, and its verdict."""
    return next((words, verdict) for label, words, verdict in figure.rows if label == name)


@settings(max_examples=50, deadline=None)  # each example makes a widget
@given(pointer=st.integers(0, 2**64 - 1), bit=st.integers(0, 63))
def test_flipping_a_bit_twice_returns_the_pointer(pointer: int, bit: int) -> None:
    inspector = PointerInspector(pointer)
    inspector.flip(bit)
    assert inspector.pointer == pointer ^ (1 << bit)
    event(inspector, "flip", bit=bit)
    assert inspector.pointer == pointer


@settings(max_examples=50, deadline=None)  # each example makes a widget
@given(pointer=st.integers(0, 2**64 - 1))
def test_every_pointer_is_sent_whole(pointer: int) -> None:
    inspector = PointerInspector()
    inspector.pointer = pointer
    assert int(inspector.word, 16) == pointer
    assert len(inspector.word) == 16


def test_it_says_tag_range_granule_and_byte() -> None:
    inspector = PointerInspector(LOWER)
    assert row(inspector, "Logical tag")[0].startswith("3 ")
    assert "TTBR0_EL1" in row(inspector, "Range")[0]
    assert "0x0000000000001038" in row(inspector, "Address")[0]
    assert row(inspector, "Granule")[0] == "number 0x103 of the range, and byte 8 in it"
    inspector.pointer = UPPER
    assert "TTBR1_EL1" in row(inspector, "Range")[0]
    assert "0xffffff8000001038" in row(inspector, "Address")[0]


@pytest.mark.parametrize(
    ("pointer", "va_bits", "with_tbi", "without_tbi"),
    [
        (0x0000_0000_0000_1038, 48, "good", "good"),
        (LOWER, 48, "good", "bad"),
        (UPPER, 39, "good", "bad"),
        (0xFFFF_FF80_0000_1038, 39, "good", "good"),
        (0x0000_8000_0000_0000, 48, "good", "good"),
        (0x0000_8000_0000_0000, 39, "bad", "bad"),
        (0x0001_0000_0000_0000, 48, "bad", "bad"),
        (0x00FF_FFFF_FFFF_FFFF, 48, "good", "bad"),
        (0xFF7F_FFFF_FFFF_FFFF, 48, "bad", "bad"),
    ],
)
def test_it_says_whether_the_pointer_translates(pointer: int, va_bits: int, with_tbi: str, without_tbi: str) -> None:
    inspector = PointerInspector(pointer, va_bits=va_bits)
    assert row(inspector, "With TBI")[1] == with_tbi
    assert row(inspector, "Without TBI")[1] == without_tbi


def test_a_pointer_is_typed_in_the_ways_people_write_one() -> None:
    inspector = PointerInspector()
    for text in ("0x0300_0000_0000_1038", "0300000000001038", " 0x300000000001038 "):
        inspector.pointer = 0
        event(inspector, "enter", text=text)
        assert inspector.pointer == LOWER


@pytest.mark.parametrize("text", ["", "granule", "0x1_0000_0000_0000_0000", "-1"])
def test_nonsense_typed_changes_nothing_and_is_explained(text: str) -> None:
    inspector = PointerInspector(LOWER)
    event(inspector, "enter", text=text)
    assert inspector.pointer == LOWER
    assert inspector.status.startswith("Refused: pointer")


def test_a_bad_pointer_bit_or_size_is_refused_by_name() -> None:
    inspector = PointerInspector(LOWER)
    with pytest.raises(ValueError, match="pointer"):
        inspector.pointer = 1 << 64
    with pytest.raises(IndexError, match="bit: 64"):
        inspector.flip(64)
    with pytest.raises(ValueError, match="va_bits: 52"):
        PointerInspector(0, va_bits=52)
    assert inspector.pointer == LOWER


def test_a_listener_hears_every_change_once() -> None:
    inspector = PointerInspector(LOWER)
    heard: list[int] = []
    inspector.on_change(heard.append)
    inspector.flip(0)
    inspector.pointer = LOWER
    inspector.pointer = LOWER
    assert heard == [LOWER ^ 1, LOWER]


def test_reset_returns_pointer_and_address_size() -> None:
    inspector = PointerInspector(LOWER, va_bits=39)
    event(inspector, "size", va_bits=48)
    inspector.flip(3)
    event(inspector, "reset")
    assert (inspector.pointer, inspector.va_bits) == (LOWER, 39)


def test_the_repr_says_what_is_shown() -> None:
    assert "tag 3, lower range, byte 0x1038" in repr(PointerInspector(LOWER))


@pytest.fixture
def linked() -> TagsAndPointers:
    memory = Memory(base=0x1000, size=4096)
    memory.tags.fill(0x20, 0x40, 5)
    return TagsAndPointers(memory, 0x0500_0000_0000_1028, size=8)


def test_it_opens_with_one_story(linked: TagsAndPointers) -> None:
    assert (linked.tag.value, linked.offset.value, linked.size.value) == (5, 0x28, 8)
    assert linked.map.reach["matches"] == [True]


def test_sliders_move_bits_and_map(linked: TagsAndPointers) -> None:
    linked.tag.value = 9
    assert logical_tag(linked.inspector.pointer) == 9
    assert linked.map.reach["matches"] == [False]
    linked.offset.value = 0x3C
    assert linked.inspector.pointer == 0x0900_0000_0000_103C
    assert (linked.map.reach["first"], linked.map.reach["last"]) == (3, 4)
    linked.size.value = 4
    assert (linked.map.reach["first"], linked.map.reach["last"]) == (3, 3)


def test_bits_move_sliders_and_map(linked: TagsAndPointers) -> None:
    linked.inspector.flip(57)
    assert linked.tag.value == 7
    linked.inspector.flip(8)
    assert linked.offset.value == 0x128
    assert linked.map.reach["first"] == 0x12


def test_painting_renews_the_matches(linked: TagsAndPointers) -> None:
    linked.map.paint([2], 6)
    assert linked.map.reach["matches"] == [False]
    linked.memory.tags.fill(0x20, 0x30, 5)
    linked.refresh()
    assert linked.map.reach["matches"] == [True]


def test_both_ranges_lead_to_the_memory(linked: TagsAndPointers) -> None:
    linked.inspector.pointer = 0xF580_0000_0000_1028
    assert linked.map.reach == {}
    linked.inspector.pointer = 0xF5FF_0000_0000_1028
    assert (linked.map.reach["first"], linked.map.reach["matches"]) == (2, [True])


def test_a_pointer_out_of_the_memory_is_said_and_a_slider_brings_it_back(linked: TagsAndPointers) -> None:
    linked.inspector.flip(40)
    assert linked.map.reach == {}
    assert "outside" in linked.map.status
    linked.size.value = 16
    assert linked.map.reach == {}
    linked.offset.value = 0
    assert linked.map.reach["first"] == 0
    assert linked.map.status == ""


def test_an_access_that_would_run_past_the_end_is_outside(linked: TagsAndPointers) -> None:
    linked.inspector.pointer = 0x13FC
    assert linked.map.reach == {}
    linked.size.value = 4
    assert linked.map.reach["last"] == 63


def test_the_composite_repr_is_stable(linked: TagsAndPointers) -> None:
    said = "TagsAndPointers: tag 5, lower range, byte 0x1028, 8 bytes [run this cell to use the figure]"
    assert repr(linked) == said
    assert len(said) <= 110


def test_an_access_of_a_size_that_no_slider_has_is_refused() -> None:
    with pytest.raises(ValueError, match="size: 65, expected 1 to 64"):
        TagsAndPointers(Memory(), size=65)
