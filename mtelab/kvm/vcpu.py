"""A vCPU: the guest's loads, stores and tag instructions, through stage 2 and the tag check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mtelab.arch.pointers import with_tag
from mtelab.arch.registers import PSTATE, SCTLR_EL1, TCR_EL1, TFSR_EL1
from mtelab.arch.tag_check import LOAD, STORE, TCF, check_tag
from mtelab.kvm.fault import Fault, kvm_handle_guest_abort
from mtelab.kvm.registers import TAG_REGISTERS
from mtelab.linux.errors import Errno
from mtelab.linux.page_table import PRESENT, WRITE, pfn_of
from mtelab.tags import PAGE_SIZE

if TYPE_CHECKING:
    from mtelab.kvm.vm import VM

_TCR: Final = TCR_EL1(TBI0=1)
_EL1: Final = PSTATE(EL=1)


class MmioExit(Exception):
    """KVM_RUN returned to the VMM, which is to emulate the access (KVM_EXIT_MMIO)."""


class GuestTagFault(Exception):
    """The guest took a data abort: the tag check failed, and its mode is synchronous."""


class GuestUndefined(Exception):
    """The guest took an undefined instruction exception."""


class VCPU:
    """The one vCPU of a VM. Its guest runs at EL1 and maps the scenario's pages Normal Tagged.

    Loads, stores and tag instructions raise `Errno` if KVM_RUN fails, `MmioExit`, or `GuestTagFault`.

    Parameters
    ----------
    vm : VM
        Where it is. What the VM has by now decides whether the guest finds MTE.
    """

    def __init__(self, vm: VM) -> None:
        self.vm = vm
        self.sctlr = SCTLR_EL1(ATA=int(vm.mte_enabled))
        self.registers = dict.fromkeys(TAG_REGISTERS, 0)

    def load(self, gfn: int, tag: int = 0) -> int:
        """Load the first byte of a guest page through a pointer with a tag."""
        pfn = self._access(gfn, write=False, tag=tag)
        return int(self.vm.machine.memory.data[pfn])

    def store(self, gfn: int, value: int, tag: int = 0) -> None:
        """Store the first byte of a guest page through a pointer with a tag."""
        pfn = self._access(gfn, write=True, tag=tag)
        self.vm.machine.memory.data[pfn] = value

    def ldg(self, gfn: int, granule: int) -> int:
        """Read an allocation tag (LDG); 0 in a VM without MTE, where HCR_EL2.ATA is 0."""
        pfn = self.translate(gfn, write=False, syndrome=False)
        return self.vm.machine.memory.load_tag(pfn, granule) if self.vm.mte_enabled else 0

    def stg(self, gfn: int, granule: int, tag: int) -> None:
        """Set an allocation tag (STG); in a VM without MTE nothing happens, but it is a write."""
        pfn = self.translate(gfn, write=True, syndrome=False)
        if self.vm.mte_enabled:
            self.vm.machine.memory.store_tag(pfn, granule, tag)

    def set_tcf(self, mode: TCF) -> None:
        """Let the guest set SCTLR_EL1.TCF."""
        self.sctlr.TCF = mode

    def read_tfsr(self) -> int:
        """Let the guest read TFSR_EL1."""
        self._needs_mte()
        return self.registers["tfsr"]

    def clear_tfsr(self) -> None:
        """Let the guest write 0 to TFSR_EL1."""
        self._needs_mte()
        self.registers["tfsr"] = 0

    def _needs_mte(self) -> None:
        if not self.vm.mte_enabled:
            raise GuestUndefined("TFSR_EL1 in a VM without MTE")

    def _access(self, gfn: int, write: bool, tag: int) -> int:
        """Translate, then check the tag; returns the frame."""
        pfn = self.translate(gfn, write)
        if self.vm.mte_enabled:
            pointer = with_tag(gfn * PAGE_SIZE, tag)
            memory_tag = self.vm.machine.memory.load_tag(pfn, 0)
            verdict = check_tag(pointer, memory_tag, STORE if write else LOAD, self.sctlr, _TCR, _EL1, tagged=True)
            if verdict.result == "synchronous":
                raise GuestTagFault(f"pointer tag {tag:X}, memory tag {memory_tag:X}")
            if verdict.result == "asynchronous":
                self.registers["tfsr"] |= int(TFSR_EL1(TF0=1))
        return pfn

    def fault(self, gfn: int, write: bool, syndrome: bool = True) -> Fault | None:
        """Fault that an access would take now, not yet handled; None if stage 2 permits the access."""
        wanted = PRESENT | (WRITE if write else 0)
        entry = self.vm.stage2.table[gfn]
        if entry & wanted == wanted:
            return None
        return Fault(self.vm, gfn, write, permission=bool(entry & PRESENT), syndrome=syndrome)

    def translate(self, gfn: int, write: bool, syndrome: bool = True) -> int:
        """Frame of a guest page, through stage 2; KVM handles each fault, and the guest tries again."""
        while fault := self.fault(gfn, write, syndrome):
            outcome = kvm_handle_guest_abort(fault)
            if outcome.kind == "mmio":
                raise MmioExit(outcome.reason)
            if outcome.errno is not None:
                raise Errno(outcome.errno, outcome.reason)
        return pfn_of(self.vm.stage2.table[gfn])
