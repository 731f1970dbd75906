"""The eleven protocols that were proposed, shipped or fixed: who initialises a page's tags, when, and under which lock.

Each is one generator, run in one of the roles of `mtelab.sync.ROLES`. Letters and step lists are those of the series'
history: <20210517123239.8025-2-steven.price@arm.com> to <20210621111716.37157-1-steven.price@arm.com> for A to E,
<20220623234944.141869-1-pcc@google.com> for F0, e059853d14ca and d77e59a8fccd for F.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Literal

from mtelab.sync.flags import VM_MTE_ALLOWED, VM_SHARED, PG_mte_lock, PG_mte_tagged
from mtelab.sync.steps import (
    Cpu,
    Page,
    Protocol,
    Step,
    mte_clear_page_tags,
    mte_restore_page_tags,
    refuse,
    set_bit,
    smp_rmb,
    smp_wmb,
    spin_lock,
    spin_unlock,
    test_and_set_bit,
    test_bit,
    wait_for_bit,
)

Function = Callable[[Cpu, Page], Protocol]
MmuLock = Literal["exclusive", "shared"]

STAGE_1 = ("set_pte", "swap_in")
INITIALISES = (*STAGE_1, "fault")
"""Roles in which the tags of a page are initialised."""


@dataclass(frozen=True)
class Historical:
    """A protocol of the history; call it as you would call a learner's: ``PROTOCOLS["big-lock"](cpu, page)``.

    Attributes
    ----------
    name, letter : str
        What it is called here and in the history.
    run : function
        The generator.
    mmu_lock : str
        How stage-2 faults of one VM exclude each other in its release: ``"exclusive"`` until 6.1, ``"shared"`` from
        6.2 on (1577cb5823ce).
    """

    name: str
    letter: str
    run: Function
    mmu_lock: MmuLock

    def __call__(self, cpu: Cpu, page: Page) -> Protocol:
        """Begin a run."""
        return self.run(cpu, page)

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (self.run.__doc__ or "").split("\n")[0]


PROTOCOLS: dict[str, Historical] = {}
"""The eleven, by name."""


def historical(name: str, letter: str, mmu_lock: MmuLock = "exclusive") -> Callable[[Function], Function]:
    """Enter a generator in `PROTOCOLS`."""

    def enter(run: Function) -> Function:
        PROTOCOLS[name] = Historical(name, letter, run, mmu_lock)
        return run

    return enter


# ---- parts that several protocols share


def initialise(cpu: Cpu, page: Page) -> Step:
    """Step that gives a page its tags: those saved in swap where it comes from there, else 0."""
    return mte_restore_page_tags(page) if cpu.role == "swap_in" else mte_clear_page_tags(page)


def mte_copy_tags_from_user(page: Page) -> Step:
    """Step that writes the VMM's tags to a whole page: a loop, as a clear is. Only the ioctl does it."""
    return Step("mte_copy_tags_from_user", (page,), why="the VMM's tags")


def copy_tags_unlocked(page: Page) -> Protocol:
    """KVM_ARM_MTE_COPY_TAGS as 5.14 to 6.1 had it: tags, then the flag, with no lock that a fault takes."""
    yield mte_copy_tags_from_user(page)
    yield set_bit(PG_mte_tagged, page)


def under_lock(cpu: Cpu, page: Page, name: Any) -> Protocol:
    """Test, take the lock, test again, initialise, set the flag last: v12 to v16 (<20210517123239.8025-2-...>)."""
    if (yield test_bit(PG_mte_tagged, page)):
        return
    yield spin_lock(name)
    if not (yield test_bit(PG_mte_tagged, page)):
        yield initialise(cpu, page)
        yield set_bit(PG_mte_tagged, page)
    yield spin_unlock(name)


def test_clear_set(cpu: Cpu, page: Page) -> Protocol:
    """Test, initialise, set the flag last, with no lock: v13 at stage 2, and again v16 to 6.1."""
    if not (yield test_bit(PG_mte_tagged, page)):
        yield initialise(cpu, page)
        yield set_bit(PG_mte_tagged, page)


test_clear_set.__test__ = False  # type: ignore[attr-defined]


def page_mte_tagged(page: Page) -> Generator[Step, Any, bool]:
    """Whether the tags are initialised; if so, what is read afterwards is no older (e059853d14ca)."""
    tagged: bool = yield test_bit(PG_mte_tagged, page)
    if tagged:
        yield smp_rmb()
    return tagged


def set_page_mte_tagged(page: Page) -> Protocol:
    """Say that the tags are initialised, once they can be seen (e059853d14ca)."""
    yield smp_wmb()
    yield set_bit(PG_mte_tagged, page)


def try_page_mte_tagging(page: Page) -> Generator[Step, Any, bool]:
    """Whether the caller is the one to initialise; if not, wait for whoever is (d77e59a8fccd)."""
    if not (yield test_and_set_bit(PG_mte_lock, page)):
        return True
    yield wait_for_bit(PG_mte_tagged, page)
    return False


# ---- the eleven


@historical("flag-first", "A")
def flag_first(cpu: Cpu, page: Page) -> Protocol:
    """Set the flag, then initialise, with no lock: stage 1 from 5.10 to 6.1, stage 2 up to v12 of the series."""
    if cpu.role in INITIALISES:
        if not (yield test_and_set_bit(PG_mte_tagged, page)):
            yield initialise(cpu, page)  # too late: others already believe the flag
    elif cpu.role == "ioctl":
        yield from copy_tags_unlocked(page)


@historical("clear-first", "A'")
def clear_first(cpu: Cpu, page: Page) -> Protocol:
    """Initialise, then set the flag, with no lock: stage 2 of v13 (<20210524104513.13258-5-steven.price@arm.com>)."""
    if cpu.role in INITIALISES:
        yield from test_clear_set(cpu, page)
    elif cpu.role == "ioctl":
        yield from copy_tags_unlocked(page)


@historical("big-lock", "B")
def big_lock(cpu: Cpu, page: Page) -> Protocol:
    """One global spinlock for both stages: v14 and v15 (<20210607110816.25762-1-steven.price@arm.com>)."""
    if cpu.role in INITIALISES:
        yield from under_lock(cpu, page, "tag_sync_lock")
    elif cpu.role == "ioctl":
        yield from copy_tags_unlocked(page)


@historical("lock-array", "C")
def lock_array(cpu: Cpu, page: Page) -> Protocol:
    """An array of locks, chosen by the page frame number (<20210609174117.GA18459@arm.com>); 64 of them here."""
    if cpu.role in INITIALISES:
        yield from under_lock(cpu, page, ("tag_locks", page.pfn % 64))
    elif cpu.role == "ioctl":
        yield from copy_tags_unlocked(page)


@historical("per-mm-lock", "mm")
def per_mm_lock(cpu: Cpu, page: Page) -> Protocol:
    """A lock for each address space (<875yynz5wp.wl-maz@kernel.org>); but tags belong to memory, which mms share."""
    if cpu.role in INITIALISES:
        yield from under_lock(cpu, page, ("mm_lock", cpu.mm))
    elif cpu.role == "ioctl":
        yield from copy_tags_unlocked(page)


@historical("no-shared-slot-only", "D-")
def no_shared_slot_only(cpu: Cpu, page: Page) -> Protocol:
    """Refuse VM_SHARED when a memslot is made, and only then (<87im2cd443.wl-maz@kernel.org>)."""
    if cpu.role == "memslot" and VM_SHARED in cpu.vma:
        yield refuse("EINVAL")
    elif cpu.role == "fault":
        yield from test_clear_set(cpu, page)
    elif cpu.role in STAGE_1:
        yield from under_lock(cpu, page, "tag_sync_lock")
    elif cpu.role == "ioctl":
        yield from copy_tags_unlocked(page)


@historical("no-shared", "D")
def no_shared(cpu: Cpu, page: Page) -> Protocol:
    """Refuse VM_SHARED at the memslot and again at the fault; stage 1 keeps its lock: v16."""
    if cpu.role == "fault" and VM_SHARED in cpu.vma:
        yield refuse("EFAULT")  # a VMM can mmap over a slot (<db4cf3c1-d5eb-f8cf-23ff-d52e3b6ae9b1@arm.com>)
    else:
        yield from no_shared_slot_only(cpu, page)


@historical("merged-5.14", "E")
def merged_5_14(cpu: Cpu, page: Page) -> Protocol:
    """What 5.14 to 6.1 shipped: stage 2 as D, stage 1 as A, without any lock (<20210618144013.GE16116@arm.com>)."""
    if cpu.role in STAGE_1:
        yield from flag_first(cpu, page)
    else:
        yield from no_shared(cpu, page)


@historical("two-bit-no-barriers", "F0")
def two_bit_no_barriers(cpu: Cpu, page: Page) -> Protocol:
    """A second flag says that somebody initialises; whoever finds it set spins on the first. No barriers."""
    if cpu.role not in (*INITIALISES, "ioctl"):
        return
    if (yield test_and_set_bit(PG_mte_lock, page)):
        while not (yield test_bit(PG_mte_tagged, page)):
            pass  # cpu_relax()
        if cpu.role == "ioctl":
            yield mte_copy_tags_from_user(page)
        return
    yield mte_copy_tags_from_user(page) if cpu.role == "ioctl" else initialise(cpu, page)
    yield set_bit(PG_mte_tagged, page)


@historical("page-lock", "F", mmu_lock="shared")
def page_lock(cpu: Cpu, page: Page) -> Protocol:
    """The flag as a lock of its own, with barriers: 6.2 and later."""
    if cpu.role in ("memslot", "fault") and VM_MTE_ALLOWED not in cpu.vma:
        yield refuse("EINVAL" if cpu.role == "memslot" else "EFAULT")
    elif cpu.role in STAGE_1:
        if not (yield from page_mte_tagged(page)) and (yield from try_page_mte_tagging(page)):
            yield initialise(cpu, page)
            yield from set_page_mte_tagged(page)
        yield smp_wmb()  # tags before the entry that shows them (1d0cb4c8864a)
    elif cpu.role == "fault":
        if (yield from try_page_mte_tagging(page)):
            yield initialise(cpu, page)
            yield from set_page_mte_tagged(page)
    elif cpu.role == "ioctl":
        yield from try_page_mte_tagging(page)  # to wait; the tags are written whoever was first
        yield mte_copy_tags_from_user(page)
        yield from set_page_mte_tagged(page)


@historical("always-tagged", "0")
def always_tagged(cpu: Cpu, page: Page) -> Protocol:
    """No flag at all: tags are cleared when a page is allocated (<20210610140750.GA31534@arm.com>)."""
    if cpu.role == "allocate":
        yield mte_clear_page_tags(page)
    elif cpu.role == "swap_in":
        yield mte_restore_page_tags(page)
        yield smp_wmb()  # tags before the entry that shows them (1d0cb4c8864a)
    elif cpu.role == "ioctl":
        yield mte_copy_tags_from_user(page)
