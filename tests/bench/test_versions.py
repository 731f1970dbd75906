"""The versions of lab 03 agree with each other, whatever they are given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mtelab.bench.versions import ROOFS, VERSIONS, Version, pack_granules, unpack_granules, works
from mtelab.tags import pack


def label(version: Version) -> str:
    return f"{version.operation}, {version.name}"


@pytest.fixture
def tags() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 16, (12, 256), dtype=np.uint8)


def named(version: Version, *pages: int) -> Any:
    """Pages as the version takes them."""
    return slice(pages[0], pages[-1] + 1) if version.pages == "slice" else np.array(pages)


@pytest.mark.parametrize("version", [v for v in (*VERSIONS, ROOFS["clear"]) if v.operation == "clear"], ids=label)
def test_clear_zeroes_its_pages_and_no_other(version: Version, tags: np.ndarray) -> None:
    before = tags.copy()
    version.function(tags, named(version, 4, 5, 6))
    assert not tags[4:7].any()
    tags[4:7] = before[4:7]
    assert (tags == before).all()


@pytest.mark.parametrize("version", [v for v in (*VERSIONS, ROOFS["copy"]) if v.operation == "copy"], ids=label)
def test_copy_moves_its_pages_and_no_other(version: Version, tags: np.ndarray) -> None:
    before = tags.copy()
    version.function(tags, named(version, 0, 1, 2), named(version, 7, 8, 9))
    assert (tags[7:10] == before[0:3]).all()
    tags[7:10] = before[7:10]
    assert (tags == before).all()


@pytest.mark.parametrize("version", [v for v in VERSIONS if v.operation == "pack"], ids=label)
def test_pack_puts_the_even_granule_in_the_low_nibble(version: Version, tags: np.ndarray) -> None:
    packed = version.function(tags)
    assert packed.shape == (12, 128)
    assert (packed & 15 == tags[:, 0::2]).all()
    assert (packed >> 4 == tags[:, 1::2]).all()


@pytest.mark.parametrize("version", [v for v in VERSIONS if v.operation == "unpack"], ids=label)
def test_unpack_undoes_pack(version: Version, tags: np.ndarray) -> None:
    assert (version.function(pack(tags)) == tags).all()


@pytest.mark.parametrize("version", VERSIONS, ids=label)
def test_every_version_that_takes_slices_works(version: Version) -> None:
    if version.pages == "slice":
        assert works(version)


def test_wrong_ways_do_not_work() -> None:
    def raises(*_: object) -> None:
        raise RuntimeError("not yet")

    assert not works(Version("clear", "does nothing", lambda tags, pages: None))
    assert not works(Version("clear", "clears too much", lambda tags, pages: tags.fill(0)))
    assert not works(Version("copy", "raises", raises))
    assert not works(Version("pack", "returns nothing", lambda tags: ...))
    assert not works(Version("pack", "odd granule first", lambda tags: pack_granules(tags) << 4))
    assert not works(Version("unpack", "another shape", lambda packed: unpack_granules(packed).reshape(-1)))


def test_an_unknown_operation_is_refused() -> None:
    with pytest.raises(ValueError, match="operation: 'sort', expected one of clear, copy, pack, unpack"):
        Version("sort", "mine", sorted)
