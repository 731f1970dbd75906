"""Lab 05, a guest takes a fault: what has no slot, the order of the steps, the check of each release, and the errno."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from textwrap import fill, indent
from typing import Final, NamedTuple

from mtelab.kvm.fault import STEPS
from mtelab.kvm.releases import RELEASES, release
from mtelab.learn.exercise import function, prediction
from mtelab.learn.fault_situations import SITUATIONS
from mtelab.learn.fault_walk import ACCESSES, fault_walk
from mtelab.linux.vma import NO_FLAGS, Vm

SLOT_PAGES: Final = 16
"""Guest pages that the slots of an exercise lie in."""
WIDTH: Final = 84
"""Characters of a line of a question."""


class Slot(NamedTuple):
    """A slot as an exercise shows it: its first guest page, how many it has, and KVM_MEM_READONLY."""

    first: int
    pages: int
    readonly: bool


def some_slots(rng: Random) -> tuple[list[Slot], int, str]:
    """Draw slots that do not overlap, in any order, and an access, often at the end of a slot."""
    slots, page = [], rng.randrange(3)
    while page < SLOT_PAGES:
        slots.append(Slot(page, rng.randint(1, 4), rng.random() < 0.4))
        page += slots[-1].pages + rng.randrange(3)
    rng.shuffle(slots)
    slots = slots[: rng.randint(1, len(slots))]
    edges = [place for slot in slots for place in (slot.first, slot.first + slot.pages - 1, slot.first + slot.pages)]
    return slots, rng.choice((rng.choice(edges), rng.randrange(SLOT_PAGES))), rng.choice(tuple(ACCESSES))


@function(
    lab=5,
    title="MMIO or ENOSYS?",
    points=2,
    draw=some_slots,
    size=lambda drawn: 100 * len(drawn[0]) + drawn[1],
    hints=(
        "A slot has the page if first <= page < first + pages. Slots do not overlap, but they come in any order.",
        "The slot is enough unless it is read-only and the access is a write: gstore or gstg. Then the answer is "
        "'goes on'.",
        "Otherwise it is up to the syndrome: loads and stores (gload, gstore) have one and end 'mmio'; tag "
        "instructions (gldg, gstg) have none and end 'ENOSYS'.",
    ),
)
def mmio_or_enosys(slots: list[Slot], page: int, access: str) -> str:
    """Return what find_memslot decides: ``"goes on"``, ``"mmio"`` or ``"ENOSYS"``."""
    write, syndrome = ACCESSES[access]
    for slot in slots:
        if slot.first <= page < slot.first + slot.pages and not (write and slot.readonly):
            return "goes on"
    return "mmio" if syndrome else "ENOSYS"


@dataclass(frozen=True, repr=False)
class Shuffled:
    """Some steps of a kernel's fault path, in any order."""

    kernel: str
    steps: tuple[str, ...]

    def __repr__(self) -> str:
        lines = [f"in which order does {self.kernel} make these steps?"]
        for name in self.steps:
            lines += [f"  {name}", indent(fill(STEPS[name].reason, WIDTH), " " * 6)]
        return "\n".join([*lines, "answer: a list of their names, the first step first"])


def seven_steps(rng: Random) -> Shuffled:
    """Draw seven steps of a kernel, the four whose order has changed among them."""
    kernel = rng.choice(tuple(RELEASES))
    moved = {"mmap_read_unlock", "read_mmu_seq", "mmu_notifier_retry", "check_mte_allowed"}
    others = [name for name in release(kernel).fault_path if name not in moved]
    steps = [*sorted(moved), *rng.sample(others, 3)]
    rng.shuffle(steps)
    return Shuffled(kernel, tuple(steps))


@prediction(
    lab=5,
    title="Put the steps in order",
    points=2,
    draw=seven_steps,
    hints=(
        "Each step needs what others have found: no VMA without a slot, no frame without a VMA, no tags to clear "
        "without a frame. What changes the machine comes last.",
        "What is read of the VMA is read before mmap_read_unlock, the frame is found after it. The retry check needs "
        "mmu_lock, and so does all that comes after: sanitise_mte_tags, stage2_map.",
        "6.1: unlock, then read_mmu_seq; since 6.12 the other way round. 7.2: check_mte_allowed before "
        "mmu_notifier_retry; before that after it. The figure shows each kernel's list.",
    ),
)
def fault_order(question: Shuffled) -> list[str]:
    """Answer: the steps in the order in which the kernel makes them."""
    return sorted(question.steps, key=release(question.kernel).fault_path.index)


def a_check(rng: Random) -> tuple[str, bool, bool, set[str]]:
    """Draw a kernel, a VM, a kind of fault and the flags of a VMA."""
    flags = {
        name for name in ("VM_READ", "VM_WRITE", "VM_SHARED", "VM_HUGETLB", "VM_MTE_ALLOWED") if rng.random() < 0.5
    }
    return rng.choice(tuple(RELEASES)), rng.random() < 0.8, rng.random() < 0.2, flags


@function(
    lab=5,
    title="The check of each release",
    points=2,
    draw=a_check,
    size=lambda drawn: len(drawn[3]),
    hints=(
        "Two kinds of fault are not asked at all: those of a VM without MTE, and permission faults, whose page was "
        "checked when it was first mapped.",
        "For the rest it is one flag. linux-6.1 refuses memory that is VM_SHARED. All later ones refuse memory that is "
        "not VM_MTE_ALLOWED. No other flag counts.",
        "if not mte or permission: return None. Then refused = 'VM_SHARED' in flags on linux-6.1, and "
        "'VM_MTE_ALLOWED' not in flags on the others. Return 'EFAULT' if refused, else None.",
    ),
)
def mte_check(kernel: str, mte: bool, permission: bool, flags: set[str]) -> str | None:
    """Return ``"EFAULT"`` if check_mte_allowed refuses the memory, else None."""
    if not mte or permission:
        return None
    vma_flags = NO_FLAGS
    for name in flags:
        vma_flags |= Vm[name.removeprefix("VM_")]
    return None if release(kernel).vma_may_back_mte(vma_flags) else "EFAULT"


class Touch(NamedTuple):
    """A guest's access in one of the prepared situations."""

    kernel: str
    situation: str
    access: str


ENDINGS: Final = ("mapped", "mmio", "ENOSYS", "EFAULT")
"""How the access of a question can end; one that finds the page mapped is not asked about."""


@dataclass(frozen=True, repr=False)
class Touches:
    """Some accesses."""

    touches: tuple[Touch, ...]

    def __repr__(self) -> str:
        lines = ["how does each access end?"]
        for number, touch in enumerate(self.touches):
            words = SITUATIONS[touch.situation].words
            lines += [f"  {number}  {touch.kernel:10} {touch.access:6}  {touch.situation}", f"     {words}"]
        return "\n".join([*lines, f"answers: {', '.join(ENDINGS)}"])


def six_touches(rng: Random) -> Touches:
    """Draw an access for each ending and two more, and mix them."""
    every = [Touch(kernel, name, access) for kernel in RELEASES for name in SITUATIONS for access in ACCESSES]
    chosen: list[Touch] = []
    for ending in (*ENDINGS, "mapped", "EFAULT"):
        known = {(touch.situation, touch.access) for touch in chosen}
        chosen.append(rng.choice([t for t in every if fault_walk(*t).ending == ending and t[1:] not in known]))
    rng.shuffle(chosen)
    return Touches(tuple(chosen))


@prediction(
    lab=5,
    title="Which errno, if any?",
    points=3,
    draw=six_touches,
    choices=ENDINGS,
    hints=(
        "Go through the steps in order and stop at the first that does not let the access on. Is there a slot that "
        "permits it? Is there a VMA? Can the VMM itself make this access? Does the MTE check let it through?",
        "No slot, or a write to a read-only slot: mmio for gload and gstore, ENOSYS for gldg and gstg. A VMM that has "
        "nothing mapped, may not write, or is past the end of a file: EFAULT, on all kernels.",
        "What is left is the MTE check of a VM with MTE: VM_SHARED is refused by 6.1 only; private huge pages are "
        "refused by 6.12 only, where they are not VM_MTE_ALLOWED. Step any of them in the figure to see it.",
    ),
)
def which_errno(question: Touches) -> list[str]:
    """Answer: how each access ends."""
    return [fault_walk(*touch).ending for touch in question.touches]
