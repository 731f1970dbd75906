"""Lab 02's exercises: right answers pass, the usual wrong ones fail, and the questions can be answered."""

from __future__ import annotations

from random import Random

import pytest

from mtelab.arch import Memory, configured, logical_tag, strip_tag, try_access, va_range, with_tag
from mtelab.learn import check, problem
from mtelab.learn.access_setup import MODES
from mtelab.learn.exercises import lab02

SEEDS = range(60)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_question_asks_for_each_outcome(seed: int) -> None:
    assert set(lab02.predict_outcomes(problem("predict_outcomes", seed=seed))) == set(lab02.OUTCOMES)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_question_shows_all_that_decides(seed: int) -> None:
    """What is not written in a line is as a learner expects: tag access on, memory tagged."""
    question = problem("predict_outcomes", seed=seed)
    lines = repr(question).splitlines()[1:-1]
    for setup, line in zip(question.setups, lines, strict=True):
        assert ("ATA off" in line) == (not setup.ata)
        assert ("untagged memory" in line) == (not setup.tagged)
        stated = line.split(", ")
        assert ("TCO" in stated, "TCMA" in stated) == (setup.tco, setup.tcma)
        assert setup.mode in line
        assert setup.tbi


@pytest.mark.parametrize("seed", SEEDS)
def test_far_is_a_byte_of_the_access_in_the_first_granule_that_differs(seed: int) -> None:
    pointer, size, tags = lab02.a_straddle(Random(seed))
    compared, far = lab02.straddle(pointer, size, tags)
    assert all(tags[place] == logical_tag(pointer) for place in compared[:-1])
    if far is None:
        assert tags[compared[-1]] == logical_tag(pointer)
        assert compared[-1] + 16 >= strip_tag(pointer) + size
    else:
        assert tags[compared[-1]] != logical_tag(pointer)
        assert logical_tag(far) == logical_tag(pointer)
        assert strip_tag(far) == max(compared[-1], strip_tag(pointer))


def test_a_suspect_and_only_a_suspect_can_be_the_first_to_set_its_bit() -> None:
    """Replay each log with one access that fails, and see which ones explain the snapshots of its range."""
    for seed in SEEDS:
        log, snapshots, mode = lab02.a_log(Random(seed))
        explained = set()
        for at, access in enumerate(log):
            cpu = configured(Memory(lab02.BASE), el=1, tcf=MODES.index(mode))
            bit = va_range(access.pointer)
            cpu.memory.store_tag(access.pointer & 0xFF_FFFF, logical_tag(access.pointer) ^ 1)
            outcome = try_access(cpu, pointer=access.pointer, kind="store" if access.kind == "store" else "load")
            seen = [read.TFSR_EL1 >> bit & 1 for read in snapshots]
            would_be = [int(read.after > at) for read in snapshots]
            if outcome.outcome == "recorded in TFSR" and seen == would_be:
                explained.add(at)
        assert lab02.access_behind_tfsr(log, snapshots, mode) == explained, seed


def test_mistakes_that_learners_make_fail() -> None:
    def first_granule_only(pointer: int, size: int, tags: dict[int, int]) -> tuple[list[int], int | None]:
        place = strip_tag(pointer) // 16 * 16
        return [place], None if tags[place] == logical_tag(pointer) else pointer

    def far_without_a_tag(pointer: int, size: int, tags: dict[int, int]) -> tuple[list[int], int | None]:
        compared, far = lab02.straddle(pointer, size, tags)
        return compared, far and strip_tag(far)

    def forgets_that_bits_stay(log: list[lab02.Logged], snapshots: list[lab02.Snapshot], mode: str) -> set[int]:
        suspects, start = set(), 0
        for after, tfsr in snapshots:
            suspects |= {at for at in range(start, after) if tfsr >> va_range(log[at].pointer) & 1}
            start = after
        return {at for at in suspects if mode == "async" or log[at].kind == "store"}

    def forgets_the_mode(log: list[lab02.Logged], snapshots: list[lab02.Snapshot], mode: str) -> set[int]:
        return lab02.access_behind_tfsr(log, snapshots, "async")

    for seed in range(3):
        assert not check("straddle", first_granule_only, seed=seed).passed
        assert not check("straddle", far_without_a_tag, seed=seed).passed
        assert not check("access_behind_tfsr", forgets_that_bits_stay, seed=seed).passed
        assert not check("access_behind_tfsr", forgets_the_mode, seed=seed).passed


@pytest.mark.parametrize("seed", SEEDS)
def test_every_mode_is_asked_for(seed: int) -> None:
    question = problem("tcf_for", seed=seed)
    assert set(lab02.tcf_for(question)) == set(MODES)


def prevented_or_located(mode: str, kind: str) -> bool:
    cpu = configured(el=0, tcf=MODES.index(mode))
    outcome = try_access(cpu, pointer=with_tag(0x1000, 3), kind="store" if kind == "store" else "load")
    return outcome.ESR_EL1 is not None


def heard_of(mode: str, kind: str) -> bool:
    cpu = configured(el=0, tcf=MODES.index(mode))
    outcome = try_access(cpu, pointer=with_tag(0x1000, 3), kind="store" if kind == "store" else "load")
    return outcome.outcome != "mismatch ignored"


def test_the_weakest_mode_is_what_the_processor_makes_of_it() -> None:
    meets = (lambda mode, kind: True, heard_of, prevented_or_located)
    for load, strict_load in lab02.NEEDS.items():
        for store, strict_store in lab02.NEEDS.items():
            enough = [mode for mode in MODES if meets[strict_load](mode, "load") and meets[strict_store](mode, "store")]
            weakest = next(mode for mode in ("none", "async", "asymmetric", "sync") if mode in enough)
            assert lab02.tcf_for(lab02.Requirements(((load, store),))) == [weakest]
