"""Lab 02, when the check fires: predict outcomes, straddle granules, find the access behind a bit, choose a mode."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from mtelab.arch import Memory, Processor, configured, strip_tag, try_access, va_range, with_tag
from mtelab.arch.pointers import MASK_64
from mtelab.arch.tag_check import TCF
from mtelab.learn.access_setup import MODES, SIZES, AccessSetup
from mtelab.learn.exercise import function, prediction
from mtelab.tags import GRANULE_SIZE

BASE = 0x1_0000
"""Address of the memory that functions work on; questions use the bench's."""
OUTCOMES = ("allowed", "unchecked", "mismatch ignored", "recorded in TFSR", "tag check fault")


@dataclass(frozen=True, repr=False)
class Accesses:
    """Some accesses, each with the state that it meets."""

    setups: tuple[AccessSetup, ...]

    def __repr__(self) -> str:
        lines = ["how does each access end? (memory tags: granules 0x1000, 0x1010, 0x1020)"]
        for number, setup in enumerate(self.setups):
            access = f"EL{setup.el} {'store' if setup.write else 'load':5} of {setup.size:2} bytes"
            pointer = f"at {setup.pointer:#018x}, memory tags {' '.join(f'{tag:x}' for tag in setup.tags)}"
            bits = [name.upper() for name in ("tco", "tcma") if getattr(setup, name)]
            bits += ["ATA off"] * (not setup.ata) + ["untagged memory"] * (not setup.tagged)
            lines.append(f"  {number}  {access} {pointer}, {', '.join([setup.mode, *bits])}")
        return "\n".join([*lines, f"answers: {', '.join(OUTCOMES)}"])


def some_setup(rng: Random) -> AccessSetup:
    """Draw an access whose tags are often equal, so that each outcome comes up."""
    tag = rng.choice((0, 15, rng.randrange(16)))
    return AccessSetup(
        tag=tag,
        tags=tuple(rng.choice((tag, tag, rng.randrange(16))) for _ in range(3)),
        offset=rng.randrange(GRANULE_SIZE),
        size=rng.choice(SIZES),
        write=rng.random() < 0.5,
        el=rng.randrange(2),
        mode=rng.choice(MODES),
        va_range=rng.randrange(2),
        tco=rng.random() < 0.1,
        tcma=rng.random() < 0.4,
        ata=rng.random() < 0.9,
        tagged=rng.random() < 0.9,
    )


def six_accesses(rng: Random) -> Accesses:
    """Draw one access for each outcome, and a sixth, in any order."""
    wanted = [*OUTCOMES, rng.choice(OUTCOMES)]
    rng.shuffle(wanted)
    found = []
    for outcome in wanted:
        setup = some_setup(rng)
        while setup.run().outcome != outcome:
            setup = some_setup(rng)
        found.append(setup)
    return Accesses(tuple(found))


@prediction(
    lab=2,
    title="How does each access end?",
    points=2,
    draw=six_accesses,
    choices=OUTCOMES,
    hints=(
        "The pointer's tag is its second hex digit. Ask in the bench's order: TCO, TCMA, ATA, untagged memory. Each of "
        "them can end the check with 'unchecked'.",
        "Then find the granules: the last hex digit of the pointer plus the size says whether it reaches the second "
        "or the third. One tag that differs is enough.",
        "A mismatch ends by the mode: none: 'mismatch ignored'; sync: 'tag check fault'; async: 'recorded in TFSR'; "
        "asymmetric: a load as in sync, a store as in async. TCMA spares tag 0 where bit 55 of the pointer is 0, and "
        "tag f where it is 1. Put any of them on the bench to see it.",
    ),
)
def predict_outcomes(question: Accesses) -> list[str]:
    """Answer: what the processor does with each of them."""
    return [setup.run().outcome for setup in question.setups]


def a_straddle(rng: Random) -> tuple[int, int, dict[int, int]]:
    """Draw a pointer, a size, and the tags of the four granules from `BASE`, most of them the pointer's."""
    tag = rng.randrange(16)
    pointer = with_tag(BASE + rng.randrange(2 * GRANULE_SIZE), tag)
    places = range(BASE, BASE + 4 * GRANULE_SIZE, GRANULE_SIZE)
    return pointer, rng.choice(SIZES), {place: rng.choice((tag, tag, tag, rng.randrange(16))) for place in places}


@function(
    lab=2,
    title="An access that straddles granules",
    points=2,
    draw=a_straddle,
    size=lambda drawn: drawn[1] * 100 + drawn[0] % 64,
    hints=(
        "The address is the pointer without its top byte. Its first granule begins at address // 16 * 16.",
        "Walk from that granule in steps of 16 while you are below address + size. Stop after the first whose tag "
        "differs from the pointer's: the access ends there.",
        "FAR names the first byte of the access in the failing granule: the larger of the address and the granule's "
        "own address. Put the pointer's tag back with with_tag. If every granule passes, FAR is None.",
    ),
)
def straddle(pointer: int, size: int, tags: dict[int, int]) -> tuple[list[int], int | None]:
    """Return the granules that a synchronous check compares, lowest first, and what FAR_EL1 reports."""
    memory = Memory(BASE)
    for place, tag in tags.items():
        memory.store_tag(place, tag)
    outcome = try_access(memory=memory, tcf=TCF.SYNC, pointer=pointer, size=size)
    return [strip_tag(start) // GRANULE_SIZE * GRANULE_SIZE for start, _ in outcome.granules], outcome.FAR_EL1


class Logged(NamedTuple):
    """One access of a log: its pointer, and ``"load"`` or ``"store"``."""

    pointer: int
    kind: str

    def __repr__(self) -> str:
        return f"{self.kind} {self.pointer:#018x}"


class Snapshot(NamedTuple):
    """TFSR_EL1 as it was read after the first `after` accesses of a log."""

    after: int
    TFSR_EL1: int

    def __repr__(self) -> str:
        return f"after {self.after}: {self.TFSR_EL1:02b}"


def a_log(rng: Random) -> tuple[list[Logged], list[Snapshot], str]:
    """Draw accesses, run them at EL1 in a mode that does not stop stores, and read TFSR_EL1 now and then."""
    mode = rng.choice(("async", "asymmetric"))
    cpu = configured(Memory(BASE), el=1, tcf=MODES.index(mode))
    log: list[Logged] = []
    snapshots: list[Snapshot] = []
    for _ in range(rng.randint(1, 4)):
        for _ in range(rng.randint(1, 4)):
            log.append(Logged(_pointer(rng), rng.choice(("load", "store"))))
            _perform(cpu, log[-1], fails=rng.random() < 0.4 and (mode == "async" or log[-1].kind == "store"))
        snapshots.append(Snapshot(len(log), cpu.TFSR_EL1.value))
    return log, snapshots, mode


def _pointer(rng: Random) -> int:
    upper = MASK_64 ^ (1 << 48) - 1 if rng.random() < 0.5 else 0
    return with_tag(upper | BASE + rng.randrange(0, 4096, 8), rng.randrange(16))


def _perform(cpu: Processor, access: Logged, fails: bool) -> None:
    tag = access.pointer >> 56 & 0xF
    cpu.memory.store_tag(access.pointer & 0xFF_FFFF, tag ^ 1 if fails else tag)
    try_access(cpu, pointer=access.pointer, kind="load" if access.kind == "load" else "store")


@function(
    lab=2,
    title="The access behind a TFSR bit",
    points=3,
    draw=a_log,
    size=lambda drawn: len(drawn[0]),
    hints=(
        "A bit is sticky: once it is 1, later snapshots say nothing new about its range. Look for the first snapshot "
        "in which it is 1.",
        "The failure happened after the snapshot before that one (or after the start), and the access's pointer is in "
        "the bit's range: va_range(pointer) is 1 for TF1, which is bit 1, and 0 for TF0, which is bit 0.",
        "In asymmetric mode a load that fails stops the program instead of setting a bit: then only stores are "
        "suspects. Do this for both bits, and return the positions in the log as one set.",
    ),
)
def access_behind_tfsr(log: list[Logged], snapshots: list[Snapshot], mode: str) -> set[int]:
    """Return the positions in `log` of every access that may have been the first to set a bit."""
    suspects = set()
    for bit in (0, 1):
        start = 0
        for after, tfsr in snapshots:
            if tfsr >> bit & 1:
                suspects |= {at for at in range(start, after) if va_range(log[at].pointer) == bit}
                break
            start = after
    return {at for at in suspects if mode == "async" or log[at].kind == "store"}


NEEDS = {
    "may go unnoticed": 0,
    "must be heard of, some time later will do": 1,
    "must be reported with its address": 2,
    "must not be done": 2,
}
"""What somebody may ask of a bad access, and how strict a check that takes: 0 none, 1 asynchronous, 2 synchronous."""


@dataclass(frozen=True, repr=False)
class Requirements:
    """What somebody asks of a bad load and of a bad store, each a key of `NEEDS`, several times over."""

    needs: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        lines = ["which is the weakest mode that will do?  none < async < asymmetric < sync"]
        for at, (load, store) in enumerate(self.needs):
            lines += [f"  {at}  a bad load {load},", f"     a bad store {store}"]
        return "\n".join(lines)


def _weakest(load: str, store: str) -> str:
    if NEEDS[store] == 2:
        return "sync"
    if NEEDS[load] == 2:
        return "asymmetric"
    return "async" if NEEDS[load] or NEEDS[store] else "none"


def five_requirements(rng: Random) -> Requirements:
    """Draw one requirement for each mode and a fifth, in any order."""
    pairs = [(load, store) for load in NEEDS for store in NEEDS]
    chosen = [rng.choice([pair for pair in pairs if _weakest(*pair) == mode]) for mode in MODES]
    chosen.append(rng.choice([pair for pair in pairs if pair not in chosen]))
    rng.shuffle(chosen)
    return Requirements(tuple(chosen))


@prediction(
    lab=2,
    title="Which mode will do?",
    points=1,
    draw=five_requirements,
    choices=MODES,
    hints=(
        "Only a synchronous check prevents an access and knows its address. An asynchronous one sets a bit.",
        "Look at the store first: if it must be prevented or located, only one mode will do.",
        "Store prevented or located: sync. Else load prevented or located: asymmetric. Else either must be heard of: "
        "async. Else: none.",
    ),
)
def tcf_for(question: Requirements) -> list[str]:
    """Answer: the weakest mode that meets each requirement."""
    return [_weakest(load, store) for load, store in question.needs]
