"""Four workloads: what the vCPUs of many guests do, fault by fault, while the lock is wanted.

Start-up, resume and migration are what Catalin Marinas feared for: "basically any time you fault a page into the
guest" <20210617121322.GC6314@arm.com>. In all four each page of a guest is faulted on once, by one vCPU: nobody ever
waits for the lock of one page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mtelab.contention.costs import Costs
from mtelab.contention.programs import OWN_MMU_LOCK
from mtelab.contention.runner import Action, Run
from mtelab.sync.protocols import MmuLock

PAGES_A_BLOCK: Final = 512
"""4 KiB pages in a block of 2 MiB."""

Block = Literal["4K", "2M"]


@dataclass(frozen=True)
class Setting:
    """Under what a fault runs.

    Attributes
    ----------
    costs : Costs
        What it takes.
    mmu_lock : str
        ``"exclusive"`` or ``"shared"``.
    block : str
        ``"4K"`` or ``"2M"``.
    plain : bool
        Whether the protocol is a plain function.
    """

    costs: Costs
    mmu_lock: MmuLock
    block: Block
    plain: bool

    def mapped(self, runs: Iterable[Run]) -> Iterator[Action]:
        """user_mem_abort() from mmu_lock on: the protocol on every page, then one entry for all."""
        costs = self.costs
        if self.mmu_lock == "exclusive":
            yield Action("lock", OWN_MMU_LOCK, 0.0)
        yield work(costs.spin_lock)
        for run in runs:
            yield from run.actions
        yield work(costs.map_block if self.block == "2M" else costs.map_page)
        yield work(costs.spin_unlock)
        if self.mmu_lock == "exclusive":
            yield Action("unlock", OWN_MMU_LOCK, 0.0)


def work(time: float) -> Action:
    """Make an action that takes time and no lock."""
    return Action("work", None, time)


Pages = Sequence[tuple[Run, ...]]
"""What the protocol does on each page of a fault, in one role after another."""


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes
    ----------
    roles : tuple of str
        Why the protocol is run on each page, one after another.
    actions : function
        What happens, made of what the protocol does.
    """

    roles: tuple[str, ...]
    actions: Callable[[Setting, Pages], Iterator[Action]]


def fresh(setting: Setting, pages: Pages) -> Iterator[Action]:
    """A fault on memory that nobody had: it is allocated, zeroed, and its tags are initialised."""
    yield work(setting.costs.fault_path)
    for allocated, _ in pages:
        yield work(setting.costs.zero_page)
        yield from allocated.actions
    yield from setting.mapped(fault for _, fault in pages)


def again(setting: Setting, pages: Pages) -> Iterator[Action]:
    """A fault on memory that has its tags: only stage 2 had lost it."""
    yield work(setting.costs.fault_path)
    yield from setting.mapped(fault for _, _, fault in pages)


def from_swap(setting: Setting, pages: Pages) -> Iterator[Action]:
    """A fault on swapped memory: do_swap_page() restores the tags under the page lock, then stage 2 finds them."""
    costs = setting.costs
    yield work(costs.fault_path)
    for allocated, restored, _ in pages:
        yield work(costs.read_from_swap)
        yield from allocated.actions
        yield work(costs.spin_lock)  # the page lock, which nobody else wants
        yield from restored.actions
        yield work(costs.spin_unlock)
    yield from setting.mapped(fault for _, _, fault in pages)


def copied(setting: Setting, pages: Pages) -> Iterator[Action]:
    """KVM_ARM_MTE_COPY_TAGS of one page: slots_lock, which it holds, is wanted by nobody else here."""
    costs = setting.costs
    for _, first in pages:
        yield work(costs.ioctl_page)
        yield from first.actions
        if setting.plain:  # the ioctl then writes the tags and sets the flag
            yield work(costs.mte_copy_tags_from_user + costs.set_bit)


@dataclass(frozen=True)
class Workload:
    """A workload.

    Attributes
    ----------
    name : str
        As given to `contend`.
    summary : str
        What happens, in a line.
    fault : Kind
        What a vCPU does on a page.
    other : Kind or None
        What it does on a page whose tags are there already, which most are.
    ioctl : Kind or None
        What a thread of the VMM does beside the vCPUs, on half of the guest's pages.
    """

    name: str
    summary: str
    fault: Kind
    other: Kind | None = None
    ioctl: Kind | None = None


FRESH: Final = Kind(("allocate", "fault"), fresh)
AGAIN: Final = Kind(("allocate", "fault", "fault"), again)
FROM_SWAP: Final = Kind(("allocate", "swap_in", "fault"), from_swap)
COPIED: Final = Kind(("allocate", "ioctl"), copied)

WORKLOADS: Final[dict[str, Workload]] = {
    workload.name: workload
    for workload in (
        Workload("start-up", "every page is faulted once, and is fresh", FRESH),
        Workload("resume", "every page comes back from swap with its tags, and is faulted once", FROM_SWAP),
        Workload(
            "migration",
            "half of a guest's pages get their tags by ioctl, page by page, while its vCPUs fault on the other half",
            FRESH,
            ioctl=COPIED,
        ),
        Workload("steady-state", "faults on pages that have their tags, but for a few", FRESH, other=AGAIN),
    )
}
"""The workloads, by name."""


def find_workload(name: object) -> Workload:
    """Return a workload by name.

    Raises
    ------
    ValueError
        If there is none; the text lists those there are.
    """
    if not isinstance(name, str) or name not in WORKLOADS:
        raise ValueError(f"workload: {name!r}, expected one of {', '.join(WORKLOADS)}")
    return WORKLOADS[name]
