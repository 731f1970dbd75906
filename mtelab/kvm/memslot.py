"""Memory slots: which guest pages are which pages of the VMM (virt/kvm/kvm_main.c, arch/arm64/kvm/mmu.c)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from mtelab.linux.errors import Errno

if TYPE_CHECKING:
    from mtelab.kvm.vm import VM

KVM_USER_MEM_SLOTS: Final = 32767
IPA_PAGES: Final = 1 << (40 - 12)
"""A guest has 40 bits of physical address."""


@dataclass(eq=False)
class MemSlot:
    """A slot.

    Attributes
    ----------
    id : int
        The VMM's number for it.
    base_gfn, npages : int
        Guest pages it covers.
    userspace_page : int
        Page of the VMM that backs the first.
    readonly : bool
        KVM_MEM_READONLY.
    dirty_bitmap : bool array or None
        Pages written since the log was last read; None without KVM_MEM_LOG_DIRTY_PAGES.
    """

    id: int
    base_gfn: int
    npages: int
    userspace_page: int
    readonly: bool = False
    dirty_bitmap: npt.NDArray[np.bool_] | None = None

    @property
    def logging_active(self) -> bool:
        """Whether there are writes to log: not in a read-only slot (memslot_is_logging)."""
        return self.dirty_bitmap is not None and not self.readonly

    @property
    def end_gfn(self) -> int:
        """First guest page after it."""
        return self.base_gfn + self.npages

    def hva_page(self, gfn: int) -> int:
        """Page of the VMM behind a guest page."""
        return self.userspace_page + gfn - self.base_gfn


def kvm_set_memory_region(
    vm: VM, slot_id: int, gfn: int, npages: int, userspace_page: int, readonly: bool = False, log: bool = False
) -> None:
    """Make, move, change or (size 0) delete a slot: KVM_SET_USER_MEMORY_REGION.

    Which of these it is follows from the slot of that number, if there is one. An identical call changes nothing and
    checks nothing.
    """
    if not 0 <= slot_id < KVM_USER_MEM_SLOTS:
        raise Errno("EINVAL", f"slot {slot_id}, the last is {KVM_USER_MEM_SLOTS - 1}")
    old = vm.slots.get(slot_id)
    if npages == 0:
        if old is None:
            raise Errno("EINVAL", f"slot {slot_id} does not exist")
        vm.stage2.unmap(old.base_gfn, old.npages)
        del vm.slots[slot_id]
        return
    new = MemSlot(slot_id, gfn, npages, userspace_page, readonly, old.dirty_bitmap if old and log else None)
    moved = False
    if old is not None:
        if (userspace_page, npages, readonly) != (old.userspace_page, old.npages, old.readonly):
            raise Errno("EINVAL", "a slot cannot change its memory, its size or KVM_MEM_READONLY")
        moved = gfn != old.base_gfn
        if not moved and log == (old.dirty_bitmap is not None):
            return
    if old is None or moved:
        check_overlap(vm, new)
    if moved and old is not None:
        vm.stage2.unmap(old.base_gfn, old.npages)
    kvm_arch_prepare_memory_region(vm, new)
    if log and new.dirty_bitmap is None:
        new = replace(new, dirty_bitmap=np.zeros(npages, np.bool_))
    vm.slots[slot_id] = new
    if log:
        vm.stage2.write_protect(new.base_gfn, new.npages)


def check_overlap(vm: VM, new: MemSlot) -> None:
    """Refuse guest pages that another slot has."""
    for other in vm.slots.values():
        if other.id != new.id and other.base_gfn < new.end_gfn and new.base_gfn < other.end_gfn:
            raise Errno("EEXIST", f"slot {other.id} has guest pages of the range")


def kvm_arch_prepare_memory_region(vm: VM, new: MemSlot) -> None:
    """Look at the memory behind a slot that is made, moved or given other flags.

    Only at VMAs that exist: a hole is accepted, and so is memory that is mapped over the slot later. The fault path
    has to look again.
    """
    if new.end_gfn > IPA_PAGES:
        raise Errno("EFAULT", "the slot ends above the guest's physical addresses")
    if not vm.mte_enabled:
        return
    for vma in vm.mm.vmas.intersecting(new.userspace_page, new.userspace_page + new.npages):
        if not vm.release.vma_may_back_mte(vma.flags):
            raise Errno("EINVAL", f"a VM with MTE may use memory that is {vm.release.vma_rule}")


def kvm_get_dirty_log(vm: VM, slot_id: int) -> npt.NDArray[np.bool_]:
    """Read and clear the dirty log; pages in it are write-protected again, so that the next write shows."""
    if not 0 <= slot_id < KVM_USER_MEM_SLOTS:
        raise Errno("EINVAL", f"slot {slot_id}, the last is {KVM_USER_MEM_SLOTS - 1}")
    slot = vm.slots.get(slot_id)
    if slot is None or slot.dirty_bitmap is None:
        raise Errno("ENOENT", f"slot {slot_id} does not exist or does not log dirty pages")
    dirty = slot.dirty_bitmap.copy()
    slot.dirty_bitmap[:] = False
    for index in np.flatnonzero(dirty):
        vm.stage2.write_protect(slot.base_gfn + int(index), 1)
    return dirty
