"""The access bench drives the processor's model, and shows what that did."""

from __future__ import annotations

import itertools

import pytest

from mtelab.arch import logical_tag, strip_tag
from mtelab.learn.access_setup import MODES, SIZES, AccessSetup
from mtelab.widgets import AccessBench


def test_a_load_that_stays_in_its_granule_passes() -> None:
    bench = AccessBench(tag=3, tags=(3, 5, 5), offset=4, size=8)
    assert bench.outcome.outcome == "allowed"
    assert bench.result["moved"] == ["Loaded", "44 45 46 47 48 49 4a 4b"]
    assert bench.result["granules"][0]["check"] == "match"
    assert bench.result["far"] is None


def test_far_names_the_first_byte_of_the_granule_that_differs() -> None:
    bench = AccessBench(tag=3, tags=(3, 5, 5), offset=12, size=32)
    assert bench.outcome.outcome == "tag check fault"
    assert strip_tag(bench.outcome.FAR_EL1) == 0x1010
    assert logical_tag(bench.outcome.FAR_EL1) == 3
    assert bench.result["far_byte"] == 16
    assert [granule["check"] for granule in bench.result["granules"]] == ["match", "differ", "unreached"]
    assert bench.result["moved"] == ["Loaded", "nothing"]
    assert dict(bench.result["syndrome"])["DFSC [5:0]"].startswith("0x11")


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize(
    ("mode", "load", "store"),
    [
        ("none", "mismatch ignored", "mismatch ignored"),
        ("sync", "tag check fault", "tag check fault"),
        ("async", "recorded in TFSR", "recorded in TFSR"),
        ("asymmetric", "tag check fault", "recorded in TFSR"),
    ],
)
def test_the_four_modes(mode: str, load: str, store: str, write: bool) -> None:
    bench = AccessBench(tag=1, write=write)
    bench.set(mode=mode)
    assert bench.outcome.outcome == (store if write else load)
    performed = bench.outcome.outcome != "tag check fault"
    assert bool(bench.result["stored"]) == (performed and write)
    assert bench.result["bytes"][4] == (0xEE if performed and write else 0x44)


@pytest.mark.parametrize("change", [{"tco": True}, {"ata": False}, {"tagged": False}])
def test_what_spares_an_access_the_check(change: dict[str, bool]) -> None:
    bench = AccessBench(tag=1)
    assert bench.outcome.outcome == "tag check fault"
    bench.set(**change)
    assert bench.outcome.outcome == "unchecked"
    assert bench.result["steps"][-1][2] is True


@pytest.mark.parametrize(("va_range", "free"), [(0, 0), (1, 15)])
def test_tcma_frees_one_tag_of_each_range(va_range: int, free: int) -> None:
    spared = []
    for tag in range(16):
        bench = AccessBench(tag=tag, tags=(9, 9, 9), va_range=va_range, tcma=True)
        if bench.outcome.outcome == "unchecked":
            spared.append(tag)
    assert spared == [free]


def test_a_tagged_pointer_is_no_address_without_tbi() -> None:
    bench = AccessBench(tag=3, tbi=False)
    assert bench.outcome.outcome == "translation fault, level 0"
    assert [granule["check"] for granule in bench.result["granules"]] == ["unreached"] * 3


def test_tfsr_is_sticky_until_it_is_cleared() -> None:
    bench = AccessBench(tag=1, mode="async")
    assert bench.result["tfsr"] == {"name": "TFSRE0_EL1", "before": [0, 0], "after": [0, 1]}
    bench.keep()
    bench.set(tag=3, va_range=1)
    assert bench.result["tfsr"] == {"name": "TFSRE0_EL1", "before": [0, 1], "after": [0, 1]}
    bench.set(el=1)
    assert bench.result["tfsr"] == {"name": "TFSR_EL1", "before": [0, 0], "after": [0, 0]}
    bench.clear()
    bench.set(el=0)
    assert bench.result["tfsr"]["before"] == [0, 0]


def test_a_refused_change_leaves_the_bench_alone() -> None:
    bench = AccessBench()
    setup, result = bench.setup, bench.result
    for change, words in (
        ({"size": 7}, "size: 7, expected one of 1, 2, 4, 8, 16, 32"),
        ({"mode": "fast"}, "mode: 'fast', expected one of none, sync, async, asymmetric"),
        ({"tag": 16}, "tag: 16, expected 0 to 15"),
        ({"tags": (1, 2)}, "tags: 2 of them, expected 3"),
        ({"tags": (1, 2, 99)}, "99, expected 0 to 15"),
        ({"offset": 3, "speed": 9}, "speed: nothing on the bench"),
        ({"tco": "no"}, "tco: 'no', expected True or False"),
    ):
        with pytest.raises(ValueError, match=words.replace("[", r"\[")):
            bench.set(**change)
        assert (bench.setup, bench.result) == (setup, result)


def test_the_browser_says_the_same_as_a_cell() -> None:
    bench = AccessBench()
    bench._dispatch(bench, {"event": "set", "mode": "async", "tags": [1, 2, 3]}, [])
    assert bench.setup == AccessSetup(mode="async", tags=(1, 2, 3))
    bench._dispatch(bench, {"event": "set", "offset": 99}, [])
    assert bench.status == "Refused: offset: 99, expected 0 to 15"
    bench._dispatch(bench, {"event": "reset"}, [])
    assert bench.setup == AccessSetup()
    assert bench.status == ""


def test_every_access_on_the_bench_ends_with_a_reason() -> None:
    bench = AccessBench()
    for mode, write, el, size in itertools.product(MODES, (False, True), (0, 1), SIZES):
        bench.set(mode=mode, write=write, el=el, size=size, offset=15)
        assert [step[2] for step in bench.result["steps"]][-1], bench
        assert bench.result["words"]


def test_the_repr_tells_the_access_and_its_end() -> None:
    assert "load of 8 bytes at offset 4, pointer tag 3, memory tags 3 5 5, sync: allowed" in repr(AccessBench())
