"""A guest's stage-2 fault: kvm_handle_guest_abort() and user_mem_abort(), as a list of steps.

Each step is a function of the fault. It looks at what the steps before it found, adds what it finds, and returns an
`Outcome` if the fault ends there. The order is the release's (`mtelab.kvm.releases`). `walk` goes through them one by
one, for a figure; `kvm_handle_guest_abort` goes to the end.

Left out because nothing can go wrong here: memory for page tables, device memory, transparent huge pages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from mtelab.kvm.memslot import MemSlot
from mtelab.kvm.sanitise import sanitise_mte_tags as sanitise
from mtelab.linux.errors import Errno
from mtelab.linux.memory import get_user_page_fast_only, get_user_pages
from mtelab.linux.page_table import LEAF
from mtelab.linux.vma import VM_HUGETLB, VMA

if TYPE_CHECKING:
    from mtelab.kvm.vm import VM


class Outcome(NamedTuple):
    """How a fault ends.

    ``"mapped"`` and ``"retry"`` let the guest try again, ``"mmio"`` hands the access to the VMM, ``"error"`` makes
    KVM_RUN fail with `errno`.
    """

    kind: str
    errno: str | None
    reason: str


def refuse(errno: str, reason: str) -> Outcome:
    """Outcome that makes KVM_RUN fail."""
    return Outcome("error", errno, reason)


@dataclass
class Fault:
    """A fault, and what its steps have found so far.

    Attributes
    ----------
    vm : VM
        Whose guest faulted.
    gfn : int
        Guest page.
    write : bool
        What the guest wanted.
    permission : bool
        The page is mapped, but not for this access.
    syndrome : bool
        ESR_EL2 describes the access, so that a VMM can emulate it: true of loads and stores, not of LDG and STG.
    """

    vm: VM
    gfn: int
    write: bool
    permission: bool = False
    syndrome: bool = True
    slot: MemSlot | None = None
    hva_page: int = 0
    vma: VMA | None = None
    block: bool = False
    mte_allowed: bool = False
    mmu_seq: int = 0
    pfn: int = 0
    writable: bool = False

    @property
    def memslot(self) -> MemSlot:
        """The slot, once it was found."""
        assert self.slot is not None
        return self.slot


class Step(NamedTuple):
    """A step of the path: its name, what it does and why, what of the fault it shows, and its code."""

    name: str
    reason: str
    shows: tuple[str, ...]
    run: Callable[[Fault], Outcome | None]


STEPS: Final[dict[str, Step]] = {}


def step(*shows: str) -> Callable[[Callable[[Fault], Outcome | None]], Callable[[Fault], Outcome | None]]:
    """Enter a function in `STEPS`; its docstring is the reason."""

    def enter(function: Callable[[Fault], Outcome | None]) -> Callable[[Fault], Outcome | None]:
        reason = " ".join((function.__doc__ or "").split())
        STEPS[function.__name__] = Step(function.__name__, reason, shows, function)
        return function

    return enter


@step("slot", "hva_page")
def find_memslot(fault: Fault) -> Outcome | None:
    """Is there a slot that permits this? If not, the access is a device's: the VMM emulates it, from ESR_EL2."""
    fault.slot = fault.vm.find_slot(fault.gfn)
    if fault.slot is not None and not (fault.write and fault.slot.readonly):
        fault.hva_page = fault.slot.hva_page(fault.gfn)
        return None
    why = "no slot has this page" if fault.slot is None else "a write to a read-only slot"
    if not fault.syndrome:
        return refuse("ENOSYS", f"{why}, and no syndrome says what LDG or STG wanted")
    return Outcome("mmio", None, why)


@step("permission", "write")
def refuse_read_permission_fault(fault: Fault) -> Outcome | None:
    """Stage 2 never takes the right to read away, so a permission fault must be a write."""
    if fault.permission and not fault.write:
        return refuse("EFAULT", "a permission fault on a read")
    return None


@step("vma")
def find_vma(fault: Fault) -> Outcome | None:
    """Take mmap_lock for reading. Is anything mapped at the VMM's address?"""
    fault.vma = fault.vm.mm.vmas.find(fault.hva_page)
    return None if fault.vma is not None else refuse("EFAULT", "the VMM has nothing mapped there")


@step("block")
def choose_block_size(fault: Fault) -> Outcome | None:
    """A huge page is mapped whole if its place in the slot is aligned as its memory is and no dirty log runs."""
    assert fault.vma is not None
    slot = fault.memslot
    if not fault.vma.flags & VM_HUGETLB or slot.logging_active:
        return None
    first = fault.hva_page // LEAF * LEAF
    aligned = slot.base_gfn % LEAF == slot.userspace_page % LEAF
    if aligned and slot.userspace_page <= first and first + LEAF <= slot.userspace_page + slot.npages:
        fault.block = True
        fault.gfn, fault.hva_page = fault.gfn // LEAF * LEAF, first
    return None


@step("mte_allowed")
def sample_vma(fault: Fault) -> Outcome | None:
    """May a VM with MTE use this memory? Remember the answer: the VMA may be gone once mmap_lock is dropped."""
    assert fault.vma is not None
    fault.mte_allowed = fault.vm.release.vma_may_back_mte(fault.vma.flags)
    return None


@step()
def mmap_read_unlock(fault: Fault) -> Outcome | None:
    """Drop mmap_lock: from here on the VMM may map something else over the page."""
    fault.vma = None
    return None


@step("mmu_seq")
def read_mmu_seq(fault: Fault) -> Outcome | None:
    """Remember how many changes the notifier has reported, to see whether there are more by the time we map."""
    fault.mmu_seq = fault.vm.stage2.mmu_seq
    return None


@step("pfn", "writable")
def faultin_pfn(fault: Fault) -> Outcome | None:
    """Find the frame, faulting it in for the VMM as its own access would. A read maps writable what already is."""
    mm, may_write = fault.vm.mm, not fault.memslot.readonly
    pfn = get_user_page_fast_only(mm, fault.hva_page) if may_write else None
    if pfn is None:
        try:
            fault.pfn = get_user_pages(mm, fault.hva_page, fault.write)
        except Errno as error:
            return refuse(error.name, error.reason)
        pfn = get_user_page_fast_only(mm, fault.hva_page) if may_write else None
    fault.writable = pfn is not None
    fault.pfn = fault.pfn if pfn is None else pfn
    return None


@step("writable")
def hold_back_write(fault: Fault) -> Outcome | None:
    """With a dirty log a read maps read-only, so that the first write shows."""
    if fault.memslot.logging_active and not fault.write:
        fault.writable = False
    return None


@step("mmu_seq")
def mmu_notifier_retry(fault: Fault) -> Outcome | None:
    """Take mmu_lock. Has the VMM changed the mapping meanwhile? Then the frame is not the right one any more."""
    if fault.vm.stage2.mmu_seq != fault.mmu_seq:
        return Outcome("retry", None, "the mapping changed: the guest tries again")
    return None


@step("mte_allowed")
def check_mte_allowed(fault: Fault) -> Outcome | None:
    """The slot was checked when it was made, but the VMM can map anything over it. This is the check that holds."""
    if fault.vm.mte_enabled and not fault.permission and not fault.mte_allowed:
        return refuse("EFAULT", f"a VM with MTE may use memory that is {fault.vm.release.vma_rule}")
    return None


@step("pfn", "block")
def sanitise_mte_tags(fault: Fault) -> Outcome | None:
    """Clear the tags of every frame that the guest gets, unless they are initialised. It was done before a
    permission fault.
    """
    if not fault.permission:
        sanitise(fault.vm, fault.pfn, LEAF if fault.block else 1)
    return None


@step("gfn", "pfn", "writable", "block")
def stage2_map(fault: Fault) -> Outcome | None:
    """Map the frame, or let a mapped one be written."""
    fault.vm.stage2.map(fault.gfn, fault.pfn, fault.writable, fault.block)
    return None


@step("gfn", "writable")
def mark_page_dirty(fault: Fault) -> Outcome | None:
    """Log a page that can be written from now on. The guest repeats its access."""
    slot = fault.memslot
    if fault.writable and slot.dirty_bitmap is not None:
        slot.dirty_bitmap[fault.gfn - slot.base_gfn] = True
    return Outcome("mapped", None, "the guest tries again, and finds the page")


class Visit(NamedTuple):
    """A step that was made: what it shows of the fault afterwards, and the outcome if it was the last."""

    step: Step
    shown: dict[str, Any]
    outcome: Outcome | None


def walk(fault: Fault) -> Iterator[Visit]:
    """Go through the steps of a fault one by one, in the order of the VM's release."""
    for name in fault.vm.release.fault_path:
        visited = STEPS[name]
        outcome = visited.run(fault)
        yield Visit(visited, {field: getattr(fault, field) for field in visited.shows}, outcome)
        if outcome is not None:
            return


def kvm_handle_guest_abort(fault: Fault) -> Outcome:
    """Handle a fault to its end."""
    for name in fault.vm.release.fault_path:
        outcome = STEPS[name].run(fault)
        if outcome is not None:
            return outcome
    raise AssertionError("a fault path ends with an outcome")
