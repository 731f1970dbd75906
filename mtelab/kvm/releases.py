"""What each release of Linux does differently, all in one place.

The four are the kernels of the recordings. Sources: the commits named beside each field, and what the recorded
kernels did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from mtelab.linux.rules import MemoryRules
from mtelab.linux.vma import VM_MTE_ALLOWED, VM_SHARED, Vm


@dataclass(frozen=True)
class Release:
    """One release.

    Attributes
    ----------
    name : str
        As in recordings: ``linux-6.1``.
    memory : MemoryRules
        What memory management does.
    vma_rule : str
        `vma_may_back_mte` in words, for people.
    vma_may_back_mte : function
        Whether a VM with MTE may use memory of a VMA with these flags; asked when a slot is made and at every fault.
        Not VM_SHARED until 6.1 (v16 of the first series); VM_MTE_ALLOWED from 6.2 (d89585fbb308, c911f0d46879).
    fault_path : tuple of str
        Steps of a guest's fault in order; names from `mtelab.kvm.fault`.
    zero_page_flagged : bool
        A guest's first read flags the zero page as tagged; ended by 2986a6257405 (7.x).
    copy_tags_length_max : int or None
        Longest KVM_ARM_MTE_COPY_TAGS; INT_MAX from 6.4.
    copy_tags_ebusy : bool
        Tags cannot be copied to a guest while a slot logs dirty pages (e0b7de4fd18c, 6.12).
    copy_tags_clears_short : bool
        If the buffer faults inside a page, that page ends with all tags 0 and flagged (6.2). Before, it stayed
        as far as it had come, with its flag as it was.
    """

    name: str
    memory: MemoryRules
    vma_rule: str
    vma_may_back_mte: Callable[[Vm], bool]
    fault_path: tuple[str, ...]
    zero_page_flagged: bool
    copy_tags_length_max: int | None
    copy_tags_ebusy: bool
    copy_tags_clears_short: bool


def not_shared(flags: Vm) -> bool:
    """Whether a VMA is private."""
    return not flags & VM_SHARED


def mte_allowed(flags: Vm) -> bool:
    """Whether a VMA's memory can hold tags."""
    return bool(flags & VM_MTE_ALLOWED)


_BEGIN: Final = ("find_memslot", "refuse_read_permission_fault", "find_vma", "choose_block_size", "sample_vma")
_END: Final = ("sanitise_mte_tags", "stage2_map", "mark_page_dirty")

FAULT_PATH_6_1: Final = (
    *_BEGIN,
    "mmap_read_unlock",
    "read_mmu_seq",
    "faultin_pfn",
    "hold_back_write",
    "mmu_notifier_retry",
    "check_mte_allowed",
    *_END,
)
FAULT_PATH_6_12: Final = (
    *_BEGIN,
    "read_mmu_seq",
    "mmap_read_unlock",
    "faultin_pfn",
    "hold_back_write",
    "mmu_notifier_retry",
    "check_mte_allowed",
    *_END,
)
"""The notifier's sequence is read while mmap_lock is still held (13ec9308a857)."""
FAULT_PATH_7_2: Final = (
    *_BEGIN,
    "read_mmu_seq",
    "mmap_read_unlock",
    "faultin_pfn",
    "hold_back_write",
    "check_mte_allowed",
    "mmu_notifier_retry",
    *_END,
)
"""The VMA's verdict is passed before mmu_lock is taken."""

INT_MAX: Final = (1 << 31) - 1

LINUX_6_1: Final = Release(
    name="linux-6.1",
    memory=MemoryRules(
        hugetlb_mte=False,
        hugetlb_free_clears_flags=False,
        protocol="merged-5.14",
        set_pte_at_notify=True,
        mmap_split_errno="ENOMEM",
    ),
    vma_rule="not VM_SHARED",
    vma_may_back_mte=not_shared,
    fault_path=FAULT_PATH_6_1,
    zero_page_flagged=True,
    copy_tags_length_max=None,
    copy_tags_ebusy=False,
    copy_tags_clears_short=False,
)
LINUX_6_12: Final = Release(
    name="linux-6.12",
    memory=MemoryRules(
        hugetlb_mte=False,
        hugetlb_free_clears_flags=False,
        protocol="page-lock",
        set_pte_at_notify=False,
        mmap_split_errno="EINVAL",
    ),
    vma_rule="VM_MTE_ALLOWED",
    vma_may_back_mte=mte_allowed,
    fault_path=FAULT_PATH_6_12,
    zero_page_flagged=True,
    copy_tags_length_max=INT_MAX,
    copy_tags_ebusy=True,
    copy_tags_clears_short=True,
)
LINUX_6_18: Final = replace(
    LINUX_6_12,
    name="linux-6.18",
    memory=replace(LINUX_6_12.memory, hugetlb_mte=True, hugetlb_free_clears_flags=True),
)
LINUX_7_2: Final = replace(LINUX_6_18, name="linux-7.2", fault_path=FAULT_PATH_7_2, zero_page_flagged=False)

RELEASES: Final = {release.name: release for release in (LINUX_6_1, LINUX_6_12, LINUX_6_18, LINUX_7_2)}


class UnknownKernel(ValueError):
    """No release of that name; the text lists those there are."""


def release(name: str) -> Release:
    """Release by name."""
    if name not in RELEASES:
        raise UnknownKernel(f"kernel: {name}, expected one of {', '.join(RELEASES)}")
    return RELEASES[name]


def slot_check_only(kernel: str) -> Release:
    """Release as it would be if it looked at a VMA when a slot is made, and not at the fault as well."""
    real = release(kernel)
    return replace(real, fault_path=tuple(step for step in real.fault_path if step != "check_mte_allowed"))
