"""Lab 06, the race: a leak and a loss by hand, the shortest way, who can race at all, an invariant, and stage 1."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final

import mtelab
from mtelab.explorer import Walk, model
from mtelab.learn.exercise import example, function, judged, prediction
from mtelab.learn.hunt import Hunt, by_search, complain_about
from mtelab.learn.race_state import races
from mtelab.learn.stage1 import pages_seen, set_pte_5_14
from mtelab.sync.steps import Page

RACY: Final = (
    "two-vms",
    "two-vms-one-process",
    "vm-and-mprotect",
    "vm-and-foreign-fault",
    "fork-and-mprotect",
    "mmap-over",
)
"""Situations in which nothing but the protocol keeps CPUs apart."""
LOSSES: Final = (
    *(("clear-first", situation) for situation in RACY),
    *(("per-mm-lock", situation) for situation in RACY if situation != "two-vms-one-process"),
    *(("no-shared", situation) for situation in ("two-vms-one-process", "fork-and-mprotect")),
)
"""Protocols that lose a tag of either of two CPUs, and leak none, in order."""


def a_leak(rng: Random) -> Hunt:
    """Draw a situation, two or three CPUs, and who sees the tag."""
    cpus = rng.choice((2, 3))
    return Hunt("flag-first", rng.choice(RACY), cpus, "leaks", rng.randrange(cpus))


@example(
    lab=6,
    title="Leak a tag by hand",
    points=2,
    draw=a_leak,
    find=by_search,
    hints=(
        "Set protocol, situation and CPUs in the figure as the question says. One CPU has to set the flag, and another "
        "has to believe it before the tags are cleared. The one that is asked for is the one that believes.",
        "Step another CPU until it has made test_and_set_bit, and leave it there: its next step is the clear. Then "
        "step the CPU that is asked for, and no other, until it takes its first look.",
        "For CPU 1 of two that is: 0 0 (lock, flag), then 1 1 1 1 1: lock, flag is set already, map, unlock, look. "
        "Another CPU instead of 1, other digits.",
    ),
)
def leak_by_hand(answer: object, question: Hunt) -> str | None:
    """Judge a schedule."""
    return complain_about(answer, question)


def a_loss(rng: Random) -> Hunt:
    """Draw a protocol that loses tags without leaking any, and whose tag is lost."""
    protocol, situation = rng.choice(LOSSES)
    return Hunt(protocol, situation, 2, "loses", rng.randrange(2))


@example(
    lab=6,
    title="Lose a tag by hand",
    points=2,
    draw=a_loss,
    find=by_search,
    hints=(
        "Both CPUs must find the flag clear. So the second has to test it before the first has set it, and must not "
        "clear yet.",
        "Call the CPU that is asked for A, the other B. Step B until it has found the flag clear and will clear next. "
        "Then step A until it has stored its own tag. Then let B clear, and A look again.",
        "Stop B when its button says mte_clear_page_tags for the first time. Stop A after store_tag. B then makes as "
        "many steps as it needs to clear A's granule, and A one more. A lock that the two do not share stops nobody.",
    ),
)
def lose_by_hand(answer: object, question: Hunt) -> str | None:
    """Judge a schedule."""
    return complain_about(answer, question)


def a_walk(rng: Random) -> tuple[str, str, str]:
    """Draw an interleaving, up to a leak, up to a loss, or to an end where neither comes soon."""
    protocol = rng.choice(("flag-first", "flag-first", "clear-first", "per-mm-lock", "big-lock"))
    until = rng.choice(("leaks", "loses"))
    walk = Walk(model(protocol, rng.choice(("two-vms", "vm-and-mprotect", "ioctl-and-fault"))))
    for _ in range(6):
        walk.restart()
        while (moves := walk.moves()) and walk.shown != until:
            walk.do(rng.choice(moves).cpu)
        if walk.shown:
            break
    return protocol, walk.model.situation, walk.schedule


@cache
def _shortest(protocol: str, situation: str) -> dict[str, int]:
    found = mtelab.explore(protocol, situation).violations
    return {word: len(moves) for word, moves in found.items()}


@function(
    lab=6,
    title="How many moves were spare?",
    points=2,
    draw=a_walk,
    size=lambda drawn: len(drawn[2]),
    runs=12,
    seconds=60,
    hints=(
        "replay(protocol, situation, schedule) follows the schedule; .shown of what it returns is the verdict of the "
        "last move, or an empty string.",
        "explore(protocol, situation).violations is a dict: for each bad verdict the shortest way there, a list with "
        "one entry a move.",
        "shown = replay(...).shown; if it is empty, return None. Otherwise return len(schedule) - "
        "len(explore(...).violations[shown]).",
    ),
)
def spare_moves(protocol: str, situation: str, schedule: str) -> int | None:
    """Return how many moves longer it is than the shortest with the same last verdict; None if it has none there."""
    shown = mtelab.replay(protocol, situation, schedule).shown
    return len(schedule) - _shortest(protocol, situation)[shown] if shown else None


ENDS: Final = ("race", "page lock", "mmap_lock", "mmu_lock", "no page in common")
PAIRS: Final = (
    ("process {p} faults in a page of a shared memfd", "process {q} faults in the same page", "page lock"),
    ("process {p} brings a page back from swap", "another thread of process {p} touches that page", "page lock"),
    ("process {p} calls mprotect(PROT_MTE) on a page", "another thread of process {p} faults it in", "mmap_lock"),
    ("the VMM of VM {v} calls mprotect(PROT_MTE) on guest memory", "a vCPU of VM {v} faults on it", "mmap_lock"),
    ("a vCPU of VM {v} faults on a page, on 6.1", "another vCPU of VM {v} faults on the same page", "mmu_lock"),
    (
        "VM {v}, private memory of process {p}: its vCPU faults",
        "VM {w}, private memory of process {q}: so does its",
        "no page in common",
    ),
    (
        "process {p} writes to a page that it shares since fork",
        "its child {q} writes to that page, too",
        "no page in common",
    ),
    ("process {p} calls mprotect(PROT_MTE) on a memfd page", "process {q} faults in the same page, shared", "race"),
    (
        "processes {p} and {q} share a page; {p} calls mprotect(PROT_MTE)",
        "process {q} calls mprotect(PROT_MTE) on it",
        "race",
    ),
    ("a vCPU of VM {v} faults on MAP_SHARED memory", "a child of its VMM calls mprotect(PROT_MTE) on it", "race"),
    (
        "a vCPU of VM {v} faults on a memfd page that its VMM has mapped",
        "process {q} faults it in, with PROT_MTE",
        "race",
    ),
    (
        "a vCPU of VM {v} faults on a page of a memfd",
        "a vCPU of VM {w}, another VMM's, faults on the same page",
        "race",
    ),
    (
        "one VMM, VMs {v} and {w}, one private page in both: a vCPU of {v} faults",
        "a vCPU of VM {w} faults on it",
        "race",
    ),
    ("the VMM of VM {v} copies tags to a fresh page, on 6.1", "a vCPU of VM {v} faults on that page", "race"),
)
"""Who does what at the same moment, and what keeps the two apart."""


@dataclass(frozen=True, repr=False)
class Pairs:
    """Some pairs, each of two that initialise tags at the same moment."""

    pairs: tuple[tuple[str, str], ...]
    ends: tuple[str, ...]

    def __repr__(self) -> str:
        lines = ["what keeps the two apart?"]
        for number, (one, other) in enumerate(self.pairs):
            lines += [f"  {number}  {one}", f"     {other}"]
        return "\n".join([*lines, f"answers: {', '.join(ENDS)}"])


def seven_pairs(rng: Random) -> Pairs:
    """Draw seven pairs, so that four answers come up at least."""
    while True:
        chosen = rng.sample(PAIRS, 7)
        if len({end for _, _, end in chosen}) >= 4:
            break
    pairs = []
    for one, other, _ in chosen:
        (p, q), (v, w) = rng.sample(range(1, 9), 2), rng.sample(range(1, 9), 2)
        pairs.append((one.format(p=p, q=q, v=v, w=w), other.format(p=p, q=q, v=v, w=w)))
    return Pairs(tuple(pairs), tuple(end for _, _, end in chosen))


@prediction(
    lab=6,
    title="Who can race at all?",
    points=2,
    draw=seven_pairs,
    choices=ENDS,
    hints=(
        "First ask whether both can reach the same frame. Private memory of two processes is not the same frame once "
        "somebody has written. Then ask which locks each of the two holds.",
        "A fault of a program, and a return from swap, hold the page lock. mprotect does not: it holds its own "
        "process's mmap_lock for writing, and faults in that process hold the same lock for reading. A vCPU holds the "
        "mmu_lock of its own VM.",
        "Two with the page lock: page lock. mprotect and a fault of one process or its guest: mmap_lock. "
        "Two vCPUs of one VM: mmu_lock. Two processes, two VMs, or the ioctl, on one frame: race.",
    ),
)
def who_can_race(question: Pairs) -> list[str]:
    """Answer: what keeps each pair apart, or "race"."""
    return list(question.ends)


JUDGES: Final = tuple(
    (protocol, situation)
    for situation in ("two-vms", "two-vcpus", "ioctl-and-fault", "fork-and-mprotect", "vm-and-mprotect", "swap-in")
    for protocol in ("flag-first", "clear-first", "big-lock", "page-lock", "per-mm-lock", "merged-5.14")
)
"""Protocols and situations that an invariant is tried on, the plainest first."""


@judged(
    lab=6,
    title="An invariant",
    points=3,
    draw=lambda rng: rng.choice(JUDGES),
    size=lambda drawn: JUDGES.index(drawn),
    runs=60,
    seconds=90,
    hints=(
        "Not the harm itself, but what makes it possible. A leak needs somebody who has the page while a stale tag is "
        "in it. What does a loss need?",
        "A loss needs an initialiser at work (race.clearing) while somebody has the page (race.mapped). The flags need "
        "not come into it: they are the means, not the end.",
        "One more can lose a tag without having the page: the VMM's ioctl, whose tags are 'stored' before any map. "
        "So: no 'stale' in race.tags.values() while race.mapped; nobody in race.clearing while race.mapped or a "
        "'stored' tag.",
    ),
)
def invariant(answer: object, protocol: str, situation: str) -> str | None:
    """Try an invariant on every race that a protocol meets in a situation."""
    assert callable(answer)
    met, harm = races(protocol, situation)
    broken = None
    for each in met:
        holds = answer(each.race)
        if not isinstance(holds, bool) and holds not in (0, 1):
            return f"race      {each.race}\nreturned  {holds!r}, expected True or False"
        if not holds:
            broken = each
            break
    if broken is not None and harm is None:
        return f"no harm can come, and yet it is False after {broken.schedule or 'no move'}:\n{broken.race}"
    if broken is None and harm is not None:
        return f"{mtelab.replay(protocol, situation, harm).shown} after {harm}, and yet it was never False"
    return None


# ---- stage 1


def an_entry(rng: Random) -> tuple[str, bool, bool, bool]:
    """Draw what the entry was, whether the new one is PROT_MTE, whether tags were saved, and the page's flag."""
    old = rng.choice(("none", "present", "swap", "migration"))
    return old, rng.random() < 0.5, old == "swap" and rng.random() < 0.6, rng.random() < 0.25


@judged(
    lab=6,
    title="set_pte_at, as it was",
    points=3,
    draw=an_entry,
    size=lambda drawn: ("none", "present", "swap", "migration").index(drawn[0]) + 4 * drawn[3] + drawn[2],
    runs=80,
    hints=(
        "Write the five sentences one after the other, each as an if. A step is made with yield; what "
        "test_and_set_bit answers is the value of the yield.",
        "First: if the new entry is not tagged and old is neither 'swap' nor 'migration', return. Then: if (yield "
        "test_and_set_bit(PG_mte_tagged, page)): return.",
        "The rest: if old == 'swap' and saved: yield mte_restore_page_tags(page) and return. If not tagged: return, "
        "with the flag set and nothing cleared. Else yield mte_clear_page_tags(page).",
    ),
)
def set_pte(answer: object, old: str, tagged: bool, saved: bool, flag: bool) -> str | None:
    """Compare what can be seen of the page, step by step, with what 5.14 shows."""
    assert callable(answer)
    run = answer(Page(0), old, tagged, saved)
    if not hasattr(run, "send"):
        return f"returned {run!r}, expected a generator: a function that yields steps"
    seen, right = pages_seen(run, flag), pages_seen(set_pte_5_14(Page(0), old, tagged, saved), flag)
    if seen == right:
        return None
    return "\n".join([f"expected  {' → '.join(right)}", f"got       {' → '.join(seen)}"])
