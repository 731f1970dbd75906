"""KVM_ARM_MTE_COPY_TAGS: how a VMM reads and writes a guest's tags, for migration (arch/arm64/kvm/guest.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from mtelab.linux import mte
from mtelab.linux.errors import Errno
from mtelab.linux.memory import get_user_pages
from mtelab.tags import PAGE_SIZE, TAGS_PER_PAGE

if TYPE_CHECKING:
    from mtelab.kvm.vm import VM

TO_GUEST: Final = 0
FROM_GUEST: Final = 1
"""KVM_ARM_TAGS_FROM_GUEST, the only flag."""


def kvm_vm_ioctl_mte_copy_tags(
    vm: VM,
    guest_ipa: int,
    length: int,
    flags: int,
    buffer: npt.NDArray[np.uint8],
    reserved: int = 0,
) -> int:
    """Copy tags, one a byte, between a guest's memory and a buffer.

    Parameters
    ----------
    vm : VM
        Whose memory.
    guest_ipa, length : int
        Which, in bytes; multiples of 4096.
    flags : int
        `FROM_GUEST` or `TO_GUEST`.
    buffer : uint8 array
        One byte a tag; of a byte written to the guest the low four bits count. What lies behind its end faults: an
        empty buffer is a bad address.
    reserved : int
        Must be 0.

    Returns
    -------
    int
        Bytes of guest memory done, whole pages, as a C int: 2 GiB, which 6.1 permits, come out negative. After a
        failure further on the caller has to ask again to see the errno.

    Raises
    ------
    Errno
        Nothing was done: EINVAL for the arguments, EBUSY while dirty pages are logged, EFAULT for the first page.
    """
    check_arguments(vm, guest_ipa, length, flags, reserved)
    first = guest_ipa // PAGE_SIZE
    for done in range(length // PAGE_SIZE):
        part = buffer[done * TAGS_PER_PAGE : (done + 1) * TAGS_PER_PAGE]
        try:
            if flags == FROM_GUEST:
                read_page(vm, first + done, part)
            else:
                write_page(vm, first + done, part)
        except Errno:
            if done:
                return as_int(done * PAGE_SIZE)
            raise
    return as_int(length)


def as_int(value: int) -> int:
    """Value as the 32 bits of a C int hold it."""
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def check_arguments(vm: VM, guest_ipa: int, length: int, flags: int, reserved: int) -> None:
    """Refuse bad arguments, in the kernel's order."""
    if not vm.mte_enabled:
        raise Errno("EINVAL", "the VM has no MTE")
    if reserved:
        raise Errno("EINVAL", "reserved fields must be 0")
    if flags & ~FROM_GUEST:
        raise Errno("EINVAL", f"flags {flags}: only KVM_ARM_TAGS_FROM_GUEST (1) exists")
    if length % PAGE_SIZE or guest_ipa % PAGE_SIZE:
        raise Errno("EINVAL", f"address and length must be multiples of {PAGE_SIZE}")
    longest = vm.release.copy_tags_length_max
    if longest is not None and length > longest:
        raise Errno("EINVAL", f"length {length}, at most {longest}")
    if (
        vm.release.copy_tags_ebusy
        and flags == TO_GUEST
        and any(slot.dirty_bitmap is not None for slot in vm.slots.values())
    ):
        raise Errno("EBUSY", "a slot logs dirty pages, and this would write without marking any")


def gfn_to_page(vm: VM, gfn: int, write: bool) -> int:
    """Frame of a guest page, from the VMM's memory; stage 2 and the rules for VMAs have no part in it."""
    slot = vm.find_slot(gfn)
    if slot is None or (write and slot.readonly):
        raise Errno("EFAULT", "no slot has this page" if slot is None else "the slot is read-only")
    return get_user_pages(vm.mm, slot.hva_page(gfn), write)


def read_page(vm: VM, gfn: int, out: npt.NDArray[np.uint8]) -> None:
    """Copy a page's tags out, as far as the buffer goes; zeros if they were never initialised."""
    pfn = gfn_to_page(vm, gfn, write=False)
    out[:] = vm.machine.memory.read_tags(pfn)[: len(out)] if mte.page_mte_tagged(vm.machine, pfn) else 0
    if len(out) < TAGS_PER_PAGE:
        raise Errno("EFAULT", f"the buffer ends after {len(out)} tags of the page")


def write_page(vm: VM, gfn: int, tags: npt.NDArray[np.uint8]) -> None:
    """Copy tags into a page and flag it.

    The flag of a huge page is set for the whole of it (6.13 on), although 4 KiB of it were written.
    """
    machine, memory = vm.machine, vm.machine.memory
    pfn = gfn_to_page(vm, gfn, write=True)
    short = len(tags) < TAGS_PER_PAGE
    clear = short and vm.release.copy_tags_clears_short
    memory.write_tags(pfn, np.append(tags & 0xF, memory.read_tags(pfn)[len(tags) :]))
    if clear:
        memory.clear_tags(pfn)
    if clear or not short:
        mte.try_page_mte_tagging(machine, pfn)
        mte.set_page_mte_tagged(machine, pfn)
    if short:
        raise Errno("EFAULT", f"the buffer ends after {len(tags)} tags of the page")
