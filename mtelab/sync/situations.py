"""The nine situations in which two CPUs meet on a page, and what each CPU does in them.

Which pairs can race at all is Catalin Marinas's analysis of June 2021 (<20210609174117.GA18459@arm.com>): almost every
caller of set_pte_at() holds the page lock; mprotect() does not; a stage-2 fault holds its own VM's mmu_lock and nothing
that another VM or another process would take. mmap_lock is dropped before tags are touched in a fault, and in none of
the nine do two CPUs of one address space want it for writing, so it appears where it is held and never contends.

Explored, the situations bear the analysis out in all but two points:

* A restore from swap is called safe because of the page lock (<20210513152158.GB6801@arm.com>). In order it is. Weakly
  ordered, ``swap-in`` leaks in every protocol before 5.19: whoever finds the entry takes no lock, and nothing kept the
  tags before it. 1d0cb4c8864a put the missing smp_wmb() there.
* Without VM_SHARED no two VMs can race on a page, says the comment in v16 to 6.1. ``two-vms-one-process`` loses: two
  VMs of one process share its private pages. The kernel is as the model is: the race was measured on 6.1 (record H02).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import GeneratorType
from typing import Any, Literal

from mtelab.sync.flags import VM_MTE_ALLOWED, VM_READ, VM_SHARED, VM_WRITE, PG_mte_tagged, Vm
from mtelab.sync.protocols import PROTOCOLS, Function, Historical, MmuLock, mte_copy_tags_from_user
from mtelab.sync.steps import Cpu, Page, Protocol, Step, set_bit, spin_lock, spin_unlock

PRIVATE = VM_READ | VM_WRITE | VM_MTE_ALLOWED
SHARED = PRIVATE | VM_SHARED

STALE_TAG = 0xF
"""In every granule at the start: what an owner before has left."""
SAVED_TAG = 0xA
"""In every granule of the tags that were saved at swap-out."""
VMM_TAG = 0xC
"""What the tag-copy ioctl writes to every granule."""
MOST_CPUS = 8
"""More would run out of tags of their own."""

Kind = Literal["vcpu", "mprotect", "foreign fault", "ioctl", "swap-in vcpu"]


def own_tag(cpu: int) -> int:
    """Tag that CPU number `cpu` stores once it has the page."""
    return cpu + 1


@dataclass(frozen=True)
class Actor:
    """What one CPU does.

    Attributes
    ----------
    kind : str
        ``"vcpu"`` takes a stage-2 fault, ``"mprotect"`` adds PROT_MTE to a mapping, ``"foreign fault"`` faults a page
        into a process that has it mapped with PROT_MTE, ``"ioctl"`` copies tags TO_GUEST, ``"swap-in vcpu"`` takes a
        stage-2 fault on a page that is in swap.
    vm, mm : int
        VM and address space; `vm` is None for a process without a VM.
    slot, vma : Vm
        VMA flags that the memslot check and the later role see.
    stores : bool
        Whether it stores a tag of its own once it has the page.
    """

    kind: Kind
    vm: int | None
    mm: int
    slot: Vm = PRIVATE
    vma: Vm = PRIVATE
    stores: bool = True


Actors = tuple[Actor, ...]
Situation = Callable[[int], Actors]

SITUATIONS: dict[str, Situation] = {}
"""The nine, by name: a function from the number of CPUs to what each does."""


def situation(name: str) -> Callable[[Situation], Situation]:
    """Enter a function in `SITUATIONS`."""

    def enter(function: Situation) -> Situation:
        SITUATIONS[name] = function
        return function

    return enter


@situation("two-vcpus")
def two_vcpus(cpus: int) -> Actors:
    """CPU i is vCPU i of one VM: fault under its mmu_lock; slot and fault see private memory."""
    return tuple(Actor("vcpu", vm=0, mm=0) for _ in range(cpus))


@situation("two-vms")
def two_vms(cpus: int) -> Actors:
    """CPU i is the vCPU of VM i in process i: fault, each under its own mmu_lock; slot and fault see VM_SHARED."""
    return tuple(Actor("vcpu", vm=i, mm=i, slot=SHARED, vma=SHARED) for i in range(cpus))


@situation("two-vms-one-process")
def two_vms_one_process(cpus: int) -> Actors:
    """CPU i is the vCPU of VM i, all of one process: fault, each under its own mmu_lock; both see private memory."""
    return tuple(Actor("vcpu", vm=i, mm=0) for i in range(cpus))


@situation("vm-and-mprotect")
def vm_and_mprotect(cpus: int) -> Actors:
    """CPU 0 faults under mmu_lock; each other is a process in mprotect, set_pte under its mmap_lock; all VM_SHARED."""
    others = (Actor("mprotect", vm=None, mm=i, slot=SHARED, vma=SHARED) for i in range(1, cpus))
    return (Actor("vcpu", vm=0, mm=0, slot=SHARED, vma=SHARED), *others)


@situation("vm-and-foreign-fault")
def vm_and_foreign_fault(cpus: int) -> Actors:
    """CPU 0 faults under mmu_lock; each other faults in its own process, set_pte under the page lock; all VM_SHARED."""
    others = (Actor("foreign fault", vm=None, mm=i, slot=SHARED, vma=SHARED) for i in range(1, cpus))
    return (Actor("vcpu", vm=0, mm=0, slot=SHARED, vma=SHARED), *others)


@situation("ioctl-and-fault")
def ioctl_and_fault(cpus: int) -> Actors:
    """CPU 0 copies tags TO_GUEST, ioctl under slots_lock; each other is a vCPU that only reads, fault; all private."""
    others = (Actor("vcpu", vm=0, mm=0, stores=False) for _ in range(1, cpus))
    return (Actor("ioctl", vm=0, mm=0, stores=False), *others)


@situation("fork-and-mprotect")
def fork_and_mprotect(cpus: int) -> Actors:
    """CPU 0 faults under mmu_lock; each other is a forked child in mprotect, set_pte under mmap_lock; all private."""
    others = (Actor("mprotect", vm=None, mm=i) for i in range(1, cpus))
    return (Actor("vcpu", vm=0, mm=0), *others)


@situation("swap-in")
def swap_in(cpus: int) -> Actors:
    """CPU i is vCPU i of one VM: swap_in under the page lock if needed, then fault under mmu_lock; all private."""
    return tuple(Actor("swap-in vcpu", vm=0, mm=0) for _ in range(cpus))


@situation("mmap-over")
def mmap_over(cpus: int) -> Actors:
    """CPU i is the vCPU of VM i in process i: fault under its own mmu_lock; slot sees private, fault VM_SHARED."""
    return tuple(Actor("vcpu", vm=i, mm=i, slot=PRIVATE, vma=SHARED) for i in range(cpus))


# ---- what a CPU does, as one generator


def map_page(page: Page) -> Step:
    """Step that writes the entry: from here on whoever runs on this CPU has the page."""
    return Step("map_page", (page,))


def pte_present(page: Page) -> Step:
    """Step that reads the VMM's own entry without a lock (get_user_pages_fast): answered with True or False."""
    return Step("pte_present", (page,))


def set_pte(page: Page) -> Step:
    """Step that writes the VMM's own entry."""
    return Step("set_pte", (page,))


def access(actor: Actor, cpu: int, page: Page) -> Protocol:
    """Use the page: look at a tag, store one, look again. CPU i uses granule i."""
    if actor.kind != "ioctl":
        yield Step("load_tag", (page, cpu), why="first look")
    if actor.stores:
        yield Step("store_tag", (page, cpu, own_tag(cpu)), why="own tag")
    if actor.stores or actor.kind == "ioctl":
        yield Step("load_tag", (page, cpu), why="look again")


@dataclass(frozen=True)
class Run:
    """A protocol in a situation.

    Attributes
    ----------
    protocol : function or Historical
        What runs.
    mmu_lock : str
        ``"exclusive"`` or ``"shared"``.
    """

    protocol: Function
    mmu_lock: MmuLock

    @property
    def historical(self) -> bool:
        """Whether the protocol acts in every role by itself."""
        return isinstance(self.protocol, Historical)

    def acts(self, role: str) -> bool:
        """Whether the protocol is called in this role: a plain function is not at memslot and allocate."""
        return self.historical or role not in ("memslot", "allocate")

    def once(self, actor: Actor, cpu: int, role: str, page: Page) -> Protocol:
        """Run the protocol on a page in a role; the ioctl of a plain function then writes its tags and the flag."""
        vma = actor.slot if role == "memslot" else actor.vma
        run = self.protocol(Cpu(cpu, actor.vm, actor.mm, role, vma), page)
        if not isinstance(run, GeneratorType):
            raise ValueError(f"the protocol returned {run!r}, expected a generator: a function that yields steps")
        yield from run
        if role == "ioctl" and not self.historical:
            yield mte_copy_tags_from_user(page)
            yield set_bit(PG_mte_tagged, page)

    def program(self, actor: Actor, cpu: int, pages: tuple[Page, ...]) -> Protocol:
        """Everything that CPU number `cpu` does, from its first step to its last."""
        if actor.kind in ("vcpu", "swap-in vcpu") and self.acts("memslot"):
            yield from self.once(actor, cpu, "memslot", pages[0])
        for page in pages:
            if actor.kind == "swap-in vcpu":
                yield from self.swapped_in(actor, cpu, page)
            yield from getattr(self, _HAVE[actor.kind])(actor, cpu, page)
            yield from access(actor, cpu, page)

    def faulted(self, actor: Actor, cpu: int, page: Page) -> Protocol:
        """user_mem_abort() from mmu_lock on; a shared mmu_lock keeps faults of one VM apart from nobody here."""
        yield from self.locked(
            ("mmu_lock", actor.vm) if self.mmu_lock == "exclusive" else None, actor, cpu, "fault", page
        )

    def protected(self, actor: Actor, cpu: int, page: Page) -> Protocol:
        """mprotect() of a page that is present: no page lock."""
        yield from self.locked(("mmap_lock", actor.mm), actor, cpu, "set_pte", page)

    def foreign(self, actor: Actor, cpu: int, page: Page) -> Protocol:
        """A process's own fault on a page of a file: under the page lock."""
        yield from self.locked(("page_lock", page.pfn), actor, cpu, "set_pte", page)

    def copied(self, actor: Actor, cpu: int, page: Page) -> Protocol:
        """KVM_ARM_MTE_COPY_TAGS to the guest: under slots_lock, which no fault takes."""
        yield spin_lock(("slots_lock", actor.vm))
        yield from self.once(actor, cpu, "ioctl", page)
        yield spin_unlock(("slots_lock", actor.vm))

    def locked(self, lock: Any, actor: Actor, cpu: int, role: str, page: Page) -> Protocol:
        """Run the protocol and write the entry under a lock of the kernel's own."""
        if lock is not None:
            yield spin_lock(lock)
        yield from self.once(actor, cpu, role, page)
        yield map_page(page)
        if lock is not None:
            yield spin_unlock(lock)

    def swapped_in(self, actor: Actor, cpu: int, page: Page) -> Protocol:
        """do_swap_page(): bring the page back under the page lock, unless somebody has."""
        if (yield pte_present(page)):
            return
        yield spin_lock(("page_lock", page.pfn))
        if not (yield pte_present(page)):
            yield from self.once(actor, cpu, "swap_in", page)
            yield set_pte(page)
        yield spin_unlock(("page_lock", page.pfn))

    def allocation(self, page: Page) -> Protocol:
        """What happens when the page is allocated, before any CPU has it."""
        if self.acts("allocate"):
            yield from self.protocol(Cpu(0, None, 0, "allocate", PRIVATE), page)


_HAVE = {
    "vcpu": "faulted",
    "swap-in vcpu": "faulted",
    "mprotect": "protected",
    "foreign fault": "foreign",
    "ioctl": "copied",
}


KERNEL_KINDS = tuple(_HAVE)
"""Kinds of `Actor` that there are."""


def find_protocol(protocol: str | Function) -> Function:
    """Return a protocol by name, or the function itself.

    Raises
    ------
    ValueError
        If there is no protocol of that name; the text lists those there are.
    """
    if isinstance(protocol, str):
        if protocol not in PROTOCOLS:
            known = ", ".join(PROTOCOLS)
            raise ValueError(f"protocol: {protocol!r}, expected one of {known}; in Python also a generator function")
        return PROTOCOLS[protocol]
    if not callable(protocol):
        raise ValueError(f"protocol: {protocol!r}, expected a name or a generator function of cpu and page")
    return protocol


def find_situation(name: str) -> Situation:
    """Return a situation by name.

    Raises
    ------
    ValueError
        If there is none; the text lists those there are.
    """
    if name not in SITUATIONS:
        raise ValueError(f"situation: {name!r}, expected one of {', '.join(SITUATIONS)}")
    return SITUATIONS[name]
