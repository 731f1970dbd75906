"""Lab 01's judges accept good answers and name what is wrong with bad ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mtelab.arch import logical_tag
from mtelab.learn import check
from mtelab.learn.exercise import find


class GoodHeap:
    """First fit; LDG says what is free."""

    def __init__(self, cpu: Any, start: int, size: int) -> None:
        self.cpu, self.start, self.end = cpu, start, start + size
        self.sizes: dict[int, int] = {}

    def mask(self, address: int, size: int) -> int:
        mask = 1
        for neighbour in (address - 16, address + size):
            mask = self.cpu.GMI(self.cpu.LDG(0, neighbour), mask)
        return mask

    def rounded(self, size: int) -> int:
        return -(-size // 16) * 16

    def is_free(self, address: int) -> bool:
        return logical_tag(self.cpu.LDG(0, address)) == 0

    def malloc(self, size: int) -> int:
        size = self.rounded(size)
        for address in range(self.start, self.end - size + 1, 16):
            if all(self.is_free(address + offset) for offset in range(0, size, 16)):
                pointer = int(self.cpu.IRG(address, self.mask(address, size)))
                for offset in range(0, size, 16):
                    self.cpu.STG(pointer, pointer + offset)
                self.sizes[pointer] = size
                return pointer
        raise MemoryError

    def free(self, pointer: int) -> None:
        self.cpu.load(pointer, 1)
        for offset in range(0, self.sizes.pop(pointer), 16):
            self.cpu.STG(0, pointer + offset)


class AnyTag(GoodHeap):
    def mask(self, address: int, size: int) -> int:
        return 1


class ForgetsToRetag(GoodHeap):
    def free(self, pointer: int) -> None:
        self.cpu.load(pointer, 1)


class RoundsDown(GoodHeap):
    def rounded(self, size: int) -> int:
        return max(16, size // 16 * 16)


class DoubleFree(GoodHeap):
    def free(self, pointer: int) -> None:
        for offset in range(0, self.sizes[pointer], 16):
            self.cpu.STG(0, pointer + offset)


class GivesUp(GoodHeap):
    def malloc(self, size: int) -> int:
        if len(self.sizes) == 3:
            raise MemoryError
        return super().malloc(size)


class ThreeTags(GoodHeap):
    def mask(self, address: int, size: int) -> int:
        return super().mask(address, size) | 0xFFF0


class FirstGranuleOnly(GoodHeap):
    def malloc(self, size: int) -> int:
        pointer = super().malloc(size)
        for offset in range(16, self.sizes[pointer], 16):
            self.cpu.STG(0, pointer + offset)
        return pointer


class FreesFirstGranuleOnly(GoodHeap):
    def free(self, pointer: int) -> None:
        self.cpu.load(pointer, 1)
        self.cpu.STG(0, pointer)


class Untagged(GoodHeap):
    def malloc(self, size: int) -> int:
        return super().malloc(size) & ~(0xF << 56)


def test_a_good_heap_passes() -> None:
    for seed in range(3):
        assert check("tagging_heap", GoodHeap, seed=seed).passed


@pytest.mark.parametrize(
    ("heap", "complaint"),
    [
        (AnyTag, "flow not caught"),
        (ForgetsToRetag, "use after free not caught"),
        (RoundsDown, "false alarm"),
        (DoubleFree, "double free not caught"),
        (GivesUp, "raised MemoryError, but"),
        (ThreeTags, "different tags"),
        (FirstGranuleOnly, "false alarm"),
        (FreesFirstGranuleOnly, "use after free not caught"),
        (Untagged, "false alarm"),
    ],
)
def test_a_bad_heap_is_told_what_is_wrong(heap: type[GoodHeap], complaint: str) -> None:
    result = check("tagging_heap", heap, seed=1)
    assert not result.passed
    assert complaint in repr(result)


def vectorised(excluded: int, accesses: int, trials: int, rng: np.random.Generator) -> float:
    pointers, memory = rng.integers(16 - excluded, size=(2, trials, accesses))
    return float((pointers == memory).all(axis=1).mean())


def test_an_honest_estimate_passes() -> None:
    for seed in range(3):
        assert check("miss_probability", vectorised, seed=seed).passed


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda excluded, accesses, trials, rng: vectorised(0, accesses, trials, rng), "expected"),
        (lambda excluded, accesses, trials, rng: vectorised(excluded, 1, trials, rng), "expected"),
        (lambda excluded, accesses, trials, rng: 1 / (16 - excluded) ** accesses, "nothing was drawn"),
        (lambda excluded, accesses, trials, rng: "1/16", "expected a number"),
        (lambda excluded, accesses, trials, rng: float("nan"), "expected"),
    ],
)
def test_a_wrong_estimate_is_told_what_is_wrong(answer: Any, complaint: str) -> None:
    result = check("miss_probability", answer, seed=1)
    assert not result.passed
    assert complaint in repr(result)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda address, tag: address | tag << 56,
        lambda address, tag: address + (tag << 56),
        lambda address, tag: address,
    ],
)
def test_a_pointer_of_the_lower_range_only_fails(wrong: Any) -> None:
    assert not check("tagged_pointer", wrong, seed=1).passed


def test_counting_one_byte_too_many_fails() -> None:
    assert not check("granules_touched", lambda a, s: list(range(a // 16, (a + s) // 16 + 1)), seed=1).passed


def test_the_question_about_promises_has_an_answer_for_each_case() -> None:
    exercise = find("what_mte_promises")
    for seed in range(20):
        question = exercise.question(str(seed))
        answers = exercise.solve(question)
        assert len(answers) == 5
        assert set(answers) <= {"always", "mostly", "never"}
        assert len(repr(question).splitlines()) == 5
