"""Four workloads: what the vCPUs of many guests do, fault by fault, while the lock is wanted.

Start-up, resume and migration are what Catalin Marinas feared for: "basically any time you fault a page into the
guest" <20210617121322.GC6314@arm.com>. In each of them the page that a vCPU faults on is its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mtelab.contention.programs import OWN_MMU_LOCK
from mtelab.contention.straight import Action, Flags, ProtocolRunner
from mtelab.sync.flags import PG_mte_tagged
from mtelab.sync.protocols import MmuLock, mte_copy_tags_from_user
from mtelab.sync.steps import Cpu, Page, set_bit

PAGES_A_BLOCK: Final = 512
"""4 KiB pages in a block of 2 MiB."""

Block = Literal["4K", "2M"]


@dataclass(frozen=True)
class Setting:
    """Under what a fault runs.

    Attributes
    ----------
    runner : ProtocolRunner
        The protocol, with the costs.
    mmu_lock : str
        ``"exclusive"`` or ``"shared"``.
    block : str
        ``"4K"`` or ``"2M"``.
    """

    runner: ProtocolRunner
    mmu_lock: MmuLock
    block: Block

    def allocated(self, cpu: Cpu, page: Page) -> tuple[tuple[Action, ...], Flags]:
        """What the protocol does when the page is allocated, and the flags it then has."""
        if not self.runner.acts("allocate"):
            return (), frozenset()
        return self.runner.run(as_role(cpu, "allocate"), page, frozenset())

    def mapped(self, cpu: Cpu, pages: Sequence[Page], flags: Sequence[Flags]) -> Iterator[Action]:
        """user_mem_abort() from mmu_lock on: the protocol on every page, then one entry for all."""
        costs = self.runner.costs
        if self.mmu_lock == "exclusive":
            yield Action("lock", OWN_MMU_LOCK, 0.0)
        yield work(costs.spin_lock)
        for page, flag in zip(pages, flags, strict=True):
            yield from self.runner.run(as_role(cpu, "fault"), page, flag).actions
        yield work(costs.map_block if self.block == "2M" else costs.map_page)
        yield work(costs.spin_unlock)
        if self.mmu_lock == "exclusive":
            yield Action("unlock", OWN_MMU_LOCK, 0.0)


def work(time: float) -> Action:
    """Make an action that takes time and no lock."""
    return Action("work", None, time)


def as_role(cpu: Cpu, role: str) -> Cpu:
    """Return the same CPU in another role."""
    return Cpu(cpu.id, cpu.vm, cpu.mm, role, cpu.vma)


# ---- kinds of fault


def fresh(setting: Setting, cpu: Cpu, pages: Sequence[Page]) -> Iterator[Action]:
    """A fault on memory that nobody had: it is allocated, zeroed, and its tags are initialised."""
    costs = setting.runner.costs
    yield work(costs.fault_path)
    flags = []
    for page in pages:
        yield work(costs.zero_page)
        actions, after = setting.allocated(cpu, page)
        yield from actions
        flags.append(after)
    yield from setting.mapped(cpu, pages, flags)


def again(setting: Setting, cpu: Cpu, pages: Sequence[Page]) -> Iterator[Action]:
    """A fault on memory that has its tags: only stage 2 had lost it."""
    yield work(setting.runner.costs.fault_path)
    flags = []
    for page in pages:
        flags.append(setting.runner.run(as_role(cpu, "fault"), page, setting.allocated(cpu, page)[1]).flags)
    yield from setting.mapped(cpu, pages, flags)


def from_swap(setting: Setting, cpu: Cpu, pages: Sequence[Page]) -> Iterator[Action]:
    """A fault on swapped memory: do_swap_page() restores the tags under the page lock, then stage 2 finds them."""
    costs = setting.runner.costs
    yield work(costs.fault_path)
    flags = []
    for page in pages:
        yield work(costs.read_from_swap)
        actions, after = setting.allocated(cpu, page)
        yield from actions
        yield work(costs.spin_lock)  # the page lock, which nobody else wants
        restored = setting.runner.run(as_role(cpu, "swap_in"), page, after)
        yield from restored.actions
        yield work(costs.spin_unlock)
        flags.append(restored.flags)
    yield from setting.mapped(cpu, pages, flags)


def copied(setting: Setting, cpu: Cpu, pages: Sequence[Page]) -> Iterator[Action]:
    """KVM_ARM_MTE_COPY_TAGS of one page: slots_lock, which it holds, is wanted by nobody else here."""
    runner = setting.runner
    for page in pages:
        yield work(runner.costs.ioctl_page)
        role = as_role(cpu, "ioctl")
        yield from runner.run(role, page, setting.allocated(cpu, page)[1]).actions
        if not runner.acts("memslot"):  # a plain function: the ioctl then writes the tags and sets the flag
            for step in (mte_copy_tags_from_user(page), set_bit(PG_mte_tagged, page)):
                yield work(runner.costs.of(step, "ioctl"))


Kind = Callable[[Setting, Cpu, Sequence[Page]], Iterator[Action]]


@dataclass(frozen=True)
class Workload:
    """A workload.

    Attributes
    ----------
    name : str
        As given to `contend`.
    summary : str
        What happens, in a line.
    fault : function
        What a vCPU does on a page.
    other : function or None
        What it does on a page whose tags are there already, which most are.
    ioctl : function or None
        What a thread of the VMM does beside the vCPUs, on half of the guest's pages.
    """

    name: str
    summary: str
    fault: Kind
    other: Kind | None = None
    ioctl: Kind | None = None


WORKLOADS: Final[dict[str, Workload]] = {
    workload.name: workload
    for workload in (
        Workload("start-up", "every page is faulted once, and is fresh", fresh),
        Workload("resume", "every page comes back from swap with its tags, and is faulted once", from_swap),
        Workload(
            "migration",
            "half of a guest's pages get their tags by ioctl, page by page, while its vCPUs fault on the other half",
            fresh,
            ioctl=copied,
        ),
        Workload("steady-state", "faults on pages that have their tags, but for a few", fresh, other=again),
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
