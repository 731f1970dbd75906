"""KVM on arm64: VMs, slots, stage 2, a guest's faults and tags, and what each release of Linux changed."""

from mtelab.kvm.bulk import fault_in
from mtelab.kvm.copy_tags import FROM_GUEST, TO_GUEST, kvm_vm_ioctl_mte_copy_tags
from mtelab.kvm.fault import Fault, Outcome, Visit, kvm_handle_guest_abort, walk
from mtelab.kvm.memslot import MemSlot, kvm_get_dirty_log, kvm_set_memory_region
from mtelab.kvm.releases import RELEASES, Release, UnknownKernel, release
from mtelab.kvm.vcpu import VCPU, GuestTagFault, GuestUndefined, MmioExit
from mtelab.kvm.vm import VM

__all__ = [
    "FROM_GUEST",
    "RELEASES",
    "TO_GUEST",
    "VCPU",
    "VM",
    "Fault",
    "GuestTagFault",
    "GuestUndefined",
    "MemSlot",
    "MmioExit",
    "Outcome",
    "Release",
    "UnknownKernel",
    "Visit",
    "fault_in",
    "kvm_get_dirty_log",
    "kvm_handle_guest_abort",
    "kvm_set_memory_region",
    "kvm_vm_ioctl_mte_copy_tags",
    "release",
    "walk",
]
