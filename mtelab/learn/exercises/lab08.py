"""Lab 08, many locks, one bit: which lock for which page, and what order the flag needs."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final

from mtelab.explorer.model import model
from mtelab.explorer.verdict import verdict_alone
from mtelab.learn.barriers import (
    ORDERED,
    PATCHES,
    READERS,
    WRITERS,
    Side,
    double_check,
    two_bits,
)
from mtelab.learn.exercise import judged, prediction
from mtelab.learn.protocol_judge import complain_unless_safe, complain_unless_shows, locks_taken
from mtelab.sync.protocols import Function, under_lock
from mtelab.sync.situations import SITUATIONS
from mtelab.sync.steps import Cpu, Page, Protocol

# ---- is it right? Locks, and who shares them

Key = Callable[[Cpu, Page], Hashable]

KEYS: Final[dict[str, Key]] = {
    '"tag_sync_lock"': lambda cpu, page: "tag_sync_lock",
    '("tag_locks", page.pfn % 64)': lambda cpu, page: ("tag_locks", page.pfn % 64),
    '("page", page.pfn)': lambda cpu, page: ("page", page.pfn),
    '("mm_lock", cpu.mm)': lambda cpu, page: ("mm_lock", cpu.mm),
    '("vm_lock", cpu.vm)': lambda cpu, page: ("vm_lock", cpu.vm),
    '("mm_and_page", cpu.mm, page.pfn)': lambda cpu, page: ("mm_and_page", cpu.mm, page.pfn),
    '("role", cpu.role)': lambda cpu, page: ("role", cpu.role),
    '("cpu", cpu.id)': lambda cpu, page: ("cpu", cpu.id),
}
"""Names that the lock of an initialiser may have, as they are written, and as functions."""


def under(key: str) -> Function:
    """Test, take the lock of that name, test again, initialise, set the flag."""

    def protocol(cpu: Cpu, page: Page) -> Protocol:
        yield from under_lock(cpu, page, KEYS[key](cpu, page))

    protocol.__name__ = "under_lock"
    return protocol


@cache
def holds(key: str, situation: str) -> str:
    """Verdict of that lock in a situation, on a machine that keeps order."""
    return verdict_alone(model(under(key), situation))


@dataclass(frozen=True, repr=False)
class Locks:
    """Names of locks, each in a situation."""

    pairs: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        lines = ["spin_lock(...) around the second test, the clear and set_bit: safe, or loses a tag?"]
        lines += [f"  {number}  {situation:21} {key}" for number, (key, situation) in enumerate(self.pairs)]
        return "\n".join(lines)


def six_locks(rng: Random) -> Locks:
    """Draw six locks in situations, of which two to four hold."""
    pairs = [(key, situation) for key in KEYS for situation in SITUATIONS]
    while True:
        question = Locks(tuple(rng.sample(pairs, 6)))
        if 2 <= which_lock(question).count("safe") <= 4:
            return question


@prediction(
    lab=8,
    title="Which lock for which page",
    points=2,
    draw=six_locks,
    hints=(
        "A lock keeps two CPUs apart if both take the same one. Write down the name that each CPU computes.",
        "mtelab.sync.SITUATIONS[...].__doc__ says who acts: whether the CPUs share an address space (cpu.mm), a VM "
        "(cpu.vm), or neither; and in which role each runs. A process without a VM has cpu.vm None.",
        "Same name on every CPU: safe. Different names: both clear, and the later clear loses a tag. In swap-in the "
        "page lock already lets only one CPU restore; the fault then finds the flag set.",
    ),
)
def which_lock(question: Locks) -> list[str]:
    """Answer: "safe" or "loses" for each."""
    return [holds(key, situation) for key, situation in question.pairs]


# ---- is it right? Order

MEET: Final = ("two-vms", "two-vms-one-process", "mmap-over")
"""Situations in which two vCPUs, each under its own mmu_lock, meet on a page: the same schedule fits all."""


def a_patch(rng: Random) -> tuple[str, str]:
    """Draw a patch and a situation."""
    return rng.choice(list(PATCHES)), rng.choice(MEET)


@judged(
    lab=8,
    title="The schedule that only a weakly ordered machine allows",
    points=3,
    draw=a_patch,
    size=lambda drawn: list(PATCHES).index(drawn[0]) * 10 + MEET.index(drawn[1]),
    runs=12,
    seconds=60.0,
    hints=(
        "In the figure with memory arm: let CPU 1 take the page and clear, but do not let its clear become visible. "
        "Let its flag become visible first, then let CPU 0 go on and look at a tag. Copy the schedule from the figure.",
        "With the writer's barrier, stores come out in order, so it has to be the reader: CPU 0 may answer a load "
        "with a value that memory held before. That move is 0 with < after it.",
        "InterleavingExplorer(protocol=PATCHES[patch], situation=situation, memory='arm').find_bug() plays one. Copy "
        "its schedule; the same string does in all three situations.",
    ),
)
def weak_schedule(answer: object, patch: str, situation: str) -> str | None:
    """Replay what the learner's function returns for a patch, and complain unless a stale tag is seen."""
    assert callable(answer)
    return complain_unless_shows(PATCHES[patch], situation, answer(patch), "leaks")


def a_machine(rng: Random) -> tuple[str, str, int]:
    """Draw a situation, an order of memory and a number of CPUs."""
    return rng.choice(list(SITUATIONS)), rng.choice(("sc", "arm", "arm")), rng.choice((2, 2, 3))


def _simplest_first(drawn: tuple[str, str, int]) -> float:
    situation, memory, cpus = drawn
    return cpus * 100 + (memory == "arm") * 10 + list(SITUATIONS).index(situation)


@judged(
    lab=8,
    title="The missing barrier",
    points=3,
    draw=a_machine,
    size=_simplest_first,
    runs=10,
    seconds=120.0,
    hints=(
        "Two sides have to agree. What must be visible before the flag is? And what must not be read before the flag "
        "has been?",
        "The initialiser's clear and set_bit are stores: smp_wmb() keeps their order. The waiter's test_bit and what "
        "comes after it begin with loads: which barrier is for loads?",
        "yield smp_wmb() between the clear and set_bit; yield smp_rmb() after the loop that waits. Or wait with "
        "wait_for_bit, which is an acquire, and set the flag with smp_store_release.",
    ),
)
def missing_barrier(answer: object, situation: str, memory: str, cpus: int) -> str | None:
    """Explore the learner's protocol, and complain unless it is safe."""
    return complain_unless_safe(answer, situation, memory, cpus)


@judged(
    lab=8,
    title="An array of locks, with an ordered first test",
    points=3,
    draw=a_machine,
    size=_simplest_first,
    runs=10,
    seconds=120.0,
    hints=(
        "The lock orders those who take it. Who comes past without taking it? That CPU needs an order of its own.",
        "The first test must be followed by what keeps later loads later: smp_load_acquire in place of test_bit, or "
        "smp_rmb once the flag was found set. And the flag must not be visible before the tags are.",
        "if (yield smp_load_acquire(PG_mte_tagged, page)): return; take ('tag_locks', page.pfn % 64); test again, "
        "clear, smp_wmb or smp_store_release for the flag; unlock. The clear is a restore if cpu.role is swap_in.",
    ),
)
def ordered_array(answer: object, situation: str, memory: str, cpus: int) -> str | None:
    """Explore the learner's protocol, and complain unless it is safe and takes locks by page."""
    complaint = complain_unless_safe(answer, situation, memory, cpus)
    if complaint:
        return complaint
    assert callable(answer)
    return _complain_unless_array(answer)


def _complain_unless_array(protocol: Function) -> str | None:
    """Complain unless pages are spread over several locks, and each page has one lock whoever asks."""
    for pfn in range(128):
        names = {tuple(locks_taken(protocol, pfn, mm)) for mm in (0, 1)}
        if len(names) > 1:
            return f"page {pfn}: two processes take different locks, {names}, expected the same"
        if names == {()}:
            return f"page {pfn}: no lock is taken on a fresh page, expected one of an array"
    if len({tuple(locks_taken(protocol, pfn, 0)) for pfn in range(128)}) < 2:
        return "128 pages all take one lock, expected several: an array"
    return None


@dataclass(frozen=True, repr=False)
class Placement:
    """Protocols with barriers in different places."""

    variants: tuple[tuple[str, Side, Side], ...]

    def __repr__(self) -> str:
        lines = ["under memory='arm', in two-vms: safe, or leaks?"]
        for number, (shape, writer, reader) in enumerate(self.variants):
            lines.append(f"  {number}  {shape:13} initialiser: {'; '.join(writer)}")
            lines.append(f"  {'':16} reader: {'; '.join(reader)}")
        return "\n".join(lines)


SHAPES: Final = {"two bits": two_bits, "double check": double_check}
"""Who initialises, and who only reads the flag: the loser of PG_mte_lock, or whoever passes the first test."""


@cache
def placed(shape: str, writer: Side, reader: Side) -> str:
    """Verdict of a placement on the weakly ordered machine."""
    return verdict_alone(model(SHAPES[shape](writer, reader), "two-vms", memory="arm"))


def five_placements(rng: Random) -> Placement:
    """Draw five placements, of which two or three are safe."""
    every = [(shape, writer, reader) for shape in SHAPES for writer in WRITERS for reader in READERS]
    ordered = [variant for variant in every if variant[1] in ORDERED and variant[2] in ORDERED]
    chosen = rng.sample(ordered, rng.choice((2, 3)))
    chosen += rng.sample([variant for variant in every if variant not in ordered], 5 - len(chosen))
    rng.shuffle(chosen)
    return Placement(tuple(chosen))


@prediction(
    lab=8,
    title="Barriers here or there",
    points=3,
    draw=five_placements,
    hints=(
        "Ask two things of each: can the flag be visible before the cleared tags? Can a tag be read before the flag?",
        "smp_wmb orders stores with stores, and only those before it with those after it. smp_rmb orders loads before "
        "it with everything after it. In the wrong place, or of the wrong kind, it does nothing here.",
        "Safe needs both: smp_wmb, smp_mb or smp_store_release between clear and flag; and smp_rmb or smp_mb after the "
        "test, or smp_load_acquire instead of it.",
    ),
)
def barrier_placement(question: Placement) -> list[str]:
    """Answer: "safe" or "leaks" for each."""
    return [placed(*variant) for variant in question.variants]
