"""The packed format: two tags a byte, the even granule in the low nibble."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mtelab.tags import PACKED_PAGE, TAGS_PER_PAGE, formats, pack, unpack

tag_arrays = hnp.arrays(np.uint8, st.tuples(st.integers(0, 4), st.just(TAGS_PER_PAGE)), elements=st.integers(0, 15))


def test_the_even_granule_is_in_the_low_nibble() -> None:
    tags = np.array([0xA, 0x1, 0xB, 0x2], np.uint8)
    assert pack(tags).tolist() == [0x1A, 0x2B]


@given(tag_arrays)
def test_packing_agrees_with_the_definition(tags: np.ndarray) -> None:
    assert (pack(tags) == tags[..., 0::2] | tags[..., 1::2] << 4).all()


@given(tag_arrays)
def test_unpack_undoes_pack(tags: np.ndarray) -> None:
    assert (unpack(pack(tags)) == tags).all()


def test_more_than_one_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "_BLOCK", 100)
    tags = np.random.default_rng(1).integers(0, 16, (7, TAGS_PER_PAGE), np.uint8)
    assert (pack(tags) == tags[:, 0::2] | tags[:, 1::2] << 4).all()
    assert (unpack(pack(tags)) == tags).all()


def test_out_is_filled_and_returned() -> None:
    tags = np.full((2, TAGS_PER_PAGE), 5, np.uint8)
    packed = np.zeros((2, PACKED_PAGE), np.uint8)
    assert pack(tags, packed) is packed
    assert (packed == 0x55).all()
    again = np.zeros_like(tags)
    assert unpack(packed, again) is again
    assert (again == 5).all()
