"""Lab 03's exercises: right answers pass, loops among them; wrong ones are told apart."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from mtelab import tags as formats
from mtelab.learn import check
from mtelab.learn.exercises import lab03


def clear(tags, pages):
    tags[pages] = 0


def copy(tags, source, target):
    tags[target] = tags[source]


def unpack(packed, count):
    tags = np.empty((*packed.shape[:-1], count), np.uint8)
    tags[..., 0::2] = packed & 15
    tags[..., 1::2] = packed[..., : count // 2] >> 4
    return tags


RIGHT = {
    "clear": clear,
    "copy": copy,
    "pack": lab03.packed_tags,
    "unpack": unpack,
    "packing_pays": lab03.packing_pays,
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_right_answer_passes(name: str, seed: int) -> None:
    assert check(name, RIGHT[name], seed=seed).passed


def test_a_loop_over_granules_passes_if_it_is_right() -> None:
    def clear(tags, pages):
        for page in np.arange(len(tags))[pages]:
            for granule in range(256):
                tags[page, granule] = 0

    def copy(tags, source, target):
        before = tags.copy()
        numbers = np.arange(len(tags))
        for one, other in zip(numbers[source], numbers[target], strict=True):
            for granule in range(256):
                tags[other, granule] = before[one, granule]

    assert check("clear", clear).passed
    assert check("copy", copy).passed


def test_a_copy_that_runs_over_its_own_source_fails_and_says_whose_tags_it_found() -> None:
    def copy(tags, source, target):
        numbers = np.arange(len(tags))
        for one, other in zip(numbers[source], numbers[target], strict=True):
            tags[other] = tags[one]

    answer = repr(check("copy", copy))
    assert "failing" in answer
    assert "expected the tags that page" in answer
    assert "found the tags that page" in answer


def test_a_clear_of_a_new_array_is_told_to_work_in_place() -> None:
    def clear(tags, pages):
        cleared = tags.copy()
        cleared[pages] = 0
        return cleared

    assert "it should change the one that it was given" in repr(check("clear", clear))


@pytest.mark.parametrize(
    ("name", "wrong", "complaint"),
    [
        ("clear", lambda tags, pages: tags.fill(0), "found only tags 0"),
        ("pack", lambda tags: lab03.packed_tags(tags).astype(np.uint16), "an array of uint16"),
        ("pack", lambda tags: tags[..., 0::2] | tags[..., 1::2] << 4, "expected"),
        ("pack", lambda tags: 7, "the number 7"),
        ("unpack", lambda packed, count: formats.unpack(packed), "expected"),
        ("packing_pays", lambda *numbers: 1, "expected"),
        ("packing_pays", lambda *numbers: True, "expected  False"),
        ("packing_pays", lambda *numbers: False, "expected  True"),
    ],
)
def test_a_wrong_answer_fails_with_a_sentence(name: str, wrong: object, complaint: str) -> None:
    answer = repr(check(name, wrong))
    assert "failing" in answer
    assert complaint in answer
    assert "Traceback" not in answer


def test_a_function_that_changes_its_input_is_found_out() -> None:
    def pack(tags):
        packed = lab03.packed_tags(tags)
        tags[...] = 0
        return packed

    assert "changed the array that it was given" in repr(check("pack", pack))


def test_an_even_count_packs_as_the_tag_store_does() -> None:
    tags = lab03.page_colours(7)
    assert (lab03.packed_tags(tags) == formats.pack(tags)).all()


def test_copies_overlap_and_index_arrays_occur() -> None:
    drawn = [lab03.two_places(Random(seed)) for seed in range(100)]
    slices = [(one, other) for _, one, other in drawn if isinstance(one, slice)]
    assert any(one.start < other.start < one.stop for one, other in slices)
    assert any(other.start < one.start < other.stop for one, other in slices)
    assert any(isinstance(one, np.ndarray) and set(one) & set(other) for _, one, other in drawn)


def test_pages_can_be_told_apart() -> None:
    colours = lab03.page_colours(12)
    assert len({page.tobytes() for page in colours}) == 12
    assert colours.min() > 0
    assert colours.max() <= 15


def test_both_formats_win_often() -> None:
    answers = [lab03.packing_pays(*lab03.two_stores(Random(seed))) for seed in range(200)]
    assert 50 < sum(answers) < 150
