"""A virtual machine as its VMM has it: capability, slots, vCPU, stage 2."""

from __future__ import annotations

from mtelab.kvm.memslot import MemSlot
from mtelab.kvm.releases import Release
from mtelab.kvm.stage2 import Stage2
from mtelab.kvm.vcpu import VCPU
from mtelab.linux.errors import Errno
from mtelab.linux.mm import AddressSpace


class VM:
    """A VM of one process.

    Parameters
    ----------
    mm : AddressSpace
        Memory of the VMM, in which the slots lie.
    release : Release
        The host's kernel; `mm` must be of a machine with the same rules.
    """

    def __init__(self, mm: AddressSpace, release: Release) -> None:
        self.mm, self.release, self.machine = mm, release, mm.machine
        self.mte_enabled = False
        self.slots: dict[int, MemSlot] = {}
        self.vcpu: VCPU | None = None
        self.stage2 = Stage2(self)
        mm.notifiers.append(self.stage2)

    def __repr__(self) -> str:
        return f"VM({self.release.name}, MTE {'on' if self.mte_enabled else 'off'}, {len(self.slots)} slots)"

    def enable_mte(self) -> None:
        """KVM_ENABLE_CAP of KVM_CAP_ARM_MTE: at any time before the first vCPU; slots are not looked at."""
        if self.vcpu is not None:
            raise Errno("EINVAL", "the VM has a vCPU already")
        self.mte_enabled = True

    def create_vcpu(self) -> VCPU:
        """KVM_CREATE_VCPU and KVM_ARM_VCPU_INIT."""
        if self.vcpu is not None:
            raise Errno("EEXIST", "the VM has this vCPU already")
        self.vcpu = VCPU(self)
        return self.vcpu

    def find_slot(self, gfn: int) -> MemSlot | None:
        """Slot that a guest page is in (gfn_to_memslot)."""
        for slot in self.slots.values():
            if slot.base_gfn <= gfn < slot.end_gfn:
                return slot
        return None
