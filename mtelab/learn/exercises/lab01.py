"""Lab 01, tags and pointers: pointers from bits, a heap that tags, and what tags cannot promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from mtelab.learn.exercise import function, judged, prediction
from mtelab.learn.heap_judge import Call, judge_heap
from mtelab.tags import GRANULE_SIZE

UPPER_RANGE = 0xFFFF_0000_0000_0000
"""Lowest address of the upper range with addresses of 48 bits."""
TRIALS = 200_000
"""Trials of one Monte Carlo estimate."""
ALLOWED_SIGMAS = 6
"""How far, in standard deviations, an honest estimate may lie from the truth: further, once in 500 million."""


@function(
    lab=1,
    title="A tagged pointer from bits",
    points=1,
    draw=lambda rng: (rng.randrange(1 << rng.choice((6, 12, 48))) + rng.choice((0, UPPER_RANGE)), rng.randrange(16)),
    hints=(
        "Two steps: make bits 59 to 56 zero, then put the tag there. Does the lower range need both?",
        "0xF << 56 has ones in bits 59 to 56 only; & with its ~ makes them zero and keeps the other 60 bits.",
        "return address & ~(0xF << 56) | tag << 56",
    ),
)
def tagged_pointer(address: int, tag: int) -> int:
    """Pointer to `address`, of either range, that carries `tag`."""
    return address & ~(0xF << 56) | tag << 56


@function(
    lab=1,
    title="The granules that bytes touch",
    points=1,
    draw=lambda rng: (rng.randrange(1 << rng.choice((5, 7, 12))), rng.randint(1, rng.choice((4, 20, 80)))),
    hints=(
        "Which granule holds the first byte, and which holds the last?",
        "The last byte is at address + size - 1, not at address + size.",
        "list(range(first, last + 1)) with first = address // 16 and last = (address + size - 1) // 16",
    ),
)
def granules_touched(address: int, size: int) -> list[int]:
    """Numbers of the granules that hold `size` bytes from `address` on."""
    return list(range(address // GRANULE_SIZE, (address + size - 1) // GRANULE_SIZE + 1))


def some_calls(rng: Random) -> tuple[int, list[Call]]:
    """Draw a seed for the processor, and calls of malloc (a size) and free (the number of a malloc before it)."""
    calls: list[Call] = []
    live: list[int] = []
    for _ in range(rng.choice((1, 2, 4, 10, 20))):
        if live and rng.random() < 0.4:
            calls.append(("free", live.pop(rng.randrange(len(live)))))
        else:
            live.append(sum(name == "malloc" for name, _ in calls))
            calls.append(("malloc", rng.choice((1, 15, 16, 17, 24, 40, 64, 100))))
    return rng.randrange(1, 1 << 16), calls


@judged(
    lab=1,
    title="A malloc and free that tag",
    points=4,
    draw=some_calls,
    size=lambda drawn: len(drawn[1]),
    runs=60,
    hints=(
        "Free memory has tag 0 and live blocks have another tag, so that LDG tells you what is free. "
        "malloc: find enough free granules in a row, draw a tag, store it. free: store tag 0.",
        "The tag must differ from both neighbours and from 0. Collect an exclude mask with GMI, starting from 1: "
        "mask = cpu.GMI(cpu.LDG(0, address - 16), mask), the same for the granule after the block, then "
        "cpu.IRG(address, mask).",
        "free: self.cpu.load(pointer, 1) faults on a pointer that was freed before. Then for each of the block's "
        "granules cpu.STG(0, pointer + offset), as the register 0 carries tag 0. How long the block is, you know "
        "from a dict that malloc filled.",
    ),
)
def tagging_heap(answer: Callable[..., Any], seed: int, calls: list[Call]) -> str | None:
    """Run the learner's class through the calls, on a model of the processor."""
    return judge_heap(answer, seed, calls)


@judged(
    lab=1,
    title="The chance that tags miss, by Monte Carlo",
    points=3,
    draw=lambda rng: (rng.randint(0, 13), rng.randint(1, 3), rng.randrange(1 << 16)),
    size=lambda drawn: 100 * drawn[1] + drawn[0],
    runs=24,
    hints=(
        "Number the allowed tags 0, 1, 2 and so on; how many are there? An access goes unnoticed if two of them, drawn "
        "independently, are equal.",
        "rng.integers(n, size=(trials, accesses)) draws a whole table of tags, each 0 to n - 1. Draw two such tables.",
        "unnoticed = pointer_tags == memory_tags has a row a trial; "
        "unnoticed.all(axis=1).mean() is the share of rows in which every access was.",
    ),
)
def miss_probability(answer: Callable[..., Any], excluded: int, accesses: int, seed: int) -> str | None:
    """Compare the learner's estimate with (1 / (16 - excluded)) ** accesses, as closely as chance allows."""
    rng = np.random.default_rng(seed)
    before = rng.bit_generator.state
    estimate = answer(excluded, accesses, TRIALS, rng)
    if isinstance(estimate, bool) or not isinstance(estimate, float | int | np.floating):
        return f"expected a number, got {type(estimate).__name__}"
    truth = (1 / (16 - excluded)) ** accesses
    allowed = ALLOWED_SIGMAS * (truth * (1 - truth) / TRIALS) ** 0.5 + 1 / TRIALS
    if not abs(estimate - truth) <= allowed:
        return f"expected  {truth:.5f}, give or take {allowed:.5f}\ngot       {estimate:.5f}"
    if rng.bit_generator.state == before:
        return "the number is right, but nothing was drawn from rng: estimate it by trials, then compare"
    return None


@dataclass(frozen=True, repr=False)
class Mistakes:
    """A few wrong accesses to a heap that tags as `tagging_heap` does, checked synchronously."""

    cases: tuple[str, ...]

    def __repr__(self) -> str:
        return "\n".join(f"{number}  {case}" for number, case in enumerate(self.cases))


CAUGHT = {
    "a loop that writes upwards runs from its block into the next one, which is live": "always",
    "a loop that writes upwards runs from its block into free memory": "always",
    "a freed pointer is used, and nothing was allocated since": "always",
    "a block is freed twice, nothing was allocated between, and free loads a byte first": "always",
    "a freed pointer is used after its memory was handed out again": "mostly",
    "an index is far too large, and the access lands in some other live block": "mostly",
    "an attacker makes up a pointer and guesses its tag, once": "mostly",
    "byte 20 of a block of 20 bytes is written; bytes count from 0": "never",
    "a device writes over the end of a buffer by DMA": "never",
    "a handler runs with PSTATE.TCO = 1 and writes through a freed pointer": "never",
    "an attacker who learned a block's tag by speculation reads the block": "never",
    "an overflow in memory that was mapped without PROT_MTE": "never",
}
"""Each mistake, and whether the check notices."""


@prediction(
    lab=1,
    title="What MTE promises",
    points=1,
    draw=lambda rng: Mistakes(tuple(rng.sample(sorted(CAUGHT), 5))),
    choices=("always", "mostly", "never"),
    hints=(
        'Three answers are possible. "always": the two tags differ by construction. "mostly": they may be equal by '
        'chance. "never": there is no check, or the tags are equal.',
        "Ask of each case: is there a check at all? Then: who chose the tag of the pointer, who that of the memory?",
        "Never: inside one granule, a device, TCO = 1, untagged memory, a known tag. Mostly: a tag drawn at random "
        "against another one. Always: a neighbour's tag, or 0 against a tag that is not 0.",
    ),
)
def what_mte_promises(question: Mistakes) -> list[str]:
    """Answer: "always", "mostly" or "never", for each case."""
    return [CAUGHT[case] for case in question.cases]
