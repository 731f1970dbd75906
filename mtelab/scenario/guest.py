"""A VM and its guest: the language's operations on them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mtelab.arch.tag_check import TCF
from mtelab.kvm.copy_tags import FROM_GUEST, TO_GUEST, kvm_vm_ioctl_mte_copy_tags
from mtelab.kvm.memslot import kvm_get_dirty_log, kvm_set_memory_region
from mtelab.kvm.registers import get_one_reg, id_aa64pfr1_mte, set_one_reg
from mtelab.kvm.releases import Release
from mtelab.kvm.vcpu import VCPU
from mtelab.kvm.vm import VM
from mtelab.scenario.actor import Actor, BadOperation
from mtelab.tags import PAGE_SIZE, TAGS_PER_PAGE

FIRST_GFN: Final = 0x8000_0000 // PAGE_SIZE
"""Guest page 0 of the language."""
PRIVATE_SLOT: Final = 31
PRIVATE_PAGES: Final = 16
PRIVATE_GFN: Final = 0x100
"""A VM's own code: far below the scenario's pages, which begin at `FIRST_GFN`."""


class Guest:
    """A VM of the VMM. Each operation is a method that returns its result.

    Parameters
    ----------
    vmm : Actor
        Whose memory the slots lie in.
    release : Release
        The host's kernel.
    """

    def __init__(self, vmm: Actor, release: Release) -> None:
        self._vmm = vmm
        self.vm = VM(vmm.mm, release)
        code = vmm.mm.mmap(PRIVATE_PAGES, "rw", shared=False)
        kvm_set_memory_region(self.vm, PRIVATE_SLOT, PRIVATE_GFN, PRIVATE_PAGES, code)

    @property
    def _vcpu(self) -> VCPU:
        if self.vm.vcpu is None:
            raise BadOperation("badop")
        return self.vm.vcpu

    def mte(self) -> str:
        """Enable the capability."""
        self.vm.enable_mte()
        return "ok"

    def vcpu(self) -> str:
        """Create the vCPU."""
        self.vm.create_vcpu()
        return "ok"

    def slot(self, number: int, page: int, region: str, first: int, pages: int, ro: bool, log: bool) -> str:
        """Make or change a slot."""
        userspace_page = self._vmm.page(region, first, missing="noregion")
        kvm_set_memory_region(self.vm, number, FIRST_GFN + page, pages, userspace_page, ro, log)
        return "ok"

    def unslot(self, number: int) -> str:
        """Delete a slot."""
        kvm_set_memory_region(self.vm, number, 0, 0, 0)
        return "ok"

    def dirty(self, number: int) -> str:
        """Read the dirty log; its first 64 pages are shown, page 0 in bit 0."""
        bits = np.packbits(kvm_get_dirty_log(self.vm, number)[:64], bitorder="little")
        return hex(int.from_bytes(bits.tobytes(), "little"))

    def gload(self, page: int, tag: int) -> str:
        """Let the guest load a byte."""
        return f"{self._vcpu.load(FIRST_GFN + page, tag):#04x}"

    def gstore(self, page: int, value: int, tag: int) -> str:
        """Let the guest store a byte."""
        self._vcpu.store(FIRST_GFN + page, value, tag)
        return "ok"

    def gldg(self, page: int, granule: int) -> str:
        """Let the guest read an allocation tag."""
        return str(self._vcpu.ldg(FIRST_GFN + page, granule))

    def gstg(self, page: int, granule: int, tag: int) -> str:
        """Let the guest set an allocation tag."""
        self._vcpu.stg(FIRST_GFN + page, granule, tag)
        return "ok"

    def tcf(self, mode: TCF) -> str:
        """Let the guest set what failed checks do."""
        self._vcpu.set_tcf(mode)
        return "ok"

    def tfsr(self) -> str:
        """Let the guest read TFSR_EL1."""
        return hex(self._vcpu.read_tfsr())

    def cleartfsr(self) -> str:
        """Let the guest clear TFSR_EL1."""
        self._vcpu.clear_tfsr()
        return "ok"

    def tags(self, page: int, pages: int) -> str:
        """Read tags of guest pages, and show them run by run."""
        buffer = self._buffer(pages)
        address = (FIRST_GFN + page) * PAGE_SIZE
        done = kvm_vm_ioctl_mte_copy_tags(self.vm, address, pages * PAGE_SIZE, FROM_GUEST, buffer)
        return f"{done}:{runs(buffer[: done // PAGE_SIZE * TAGS_PER_PAGE])}"

    def settags(self, page: int, pages: int, value: int) -> str:
        """Write tags of guest pages, all the same."""
        buffer = self._buffer(pages, value)
        address = (FIRST_GFN + page) * PAGE_SIZE
        return str(kvm_vm_ioctl_mte_copy_tags(self.vm, address, pages * PAGE_SIZE, TO_GUEST, buffer))

    def rawtags(self, address: int, length: int, flags: int, reserved: int, bad: bool) -> str:
        """Copy tags with raw arguments; the buffer holds zeros."""
        buffer = self._buffer(0 if bad else -(-length // PAGE_SIZE))
        return str(kvm_vm_ioctl_mte_copy_tags(self.vm, address, length, flags, buffer, reserved))

    def _buffer(self, pages: int, value: int = 0) -> npt.NDArray[np.uint8]:
        """Make a buffer for the tags of some pages, but of no more than the slots have."""
        most = sum(slot.npages for slot in self.vm.slots.values())
        return np.full(min(pages, most) * TAGS_PER_PAGE, value, np.uint8)

    def idreg(self) -> str:
        """Read the ID register's field MTE."""
        return f"mte={id_aa64pfr1_mte(self._vcpu)}"

    def getreg(self, name: str) -> str:
        """Read a tag register as the VMM."""
        return hex(get_one_reg(self._vcpu, name))

    def setreg(self, name: str, value: int) -> str:
        """Write a tag register as the VMM."""
        set_one_reg(self._vcpu, name, value)
        return "ok"


def runs(tags: npt.NDArray[np.uint8]) -> str:
    """Write tags as runs: ``0*3,7*1,0*252``."""
    starts = np.flatnonzero(np.diff(tags, prepend=np.uint8(255)))
    lengths = np.diff(starts, append=len(tags))
    return ",".join(f"{tags[start]}*{length}" for start, length in zip(starts, lengths, strict=True))
