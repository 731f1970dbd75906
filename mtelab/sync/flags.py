"""The two page flags that protocols are about, and the VMA flags that some of them ask for.

They stand below Linux's model, which uses them, so that a protocol knows pages and flags and nothing else.
"""

from __future__ import annotations

from enum import IntFlag
from typing import Final


class PageFlag(IntFlag):
    """Flags in ``page->flags``; Linux's names, with ``PG_`` before them, are below."""

    mte_tagged = 1
    mte_lock = 2

    def __repr__(self) -> str:
        return f"PG_{self.name}"

    __str__ = __repr__


PG_mte_tagged: Final = PageFlag.mte_tagged
"""The allocation tags of this page are initialised (PG_arch_2)."""
PG_mte_lock: Final = PageFlag.mte_lock
"""Somebody is, or was, initialising them (PG_arch_3, 6.2 on)."""


class Vm(IntFlag):
    """Flags of a VMA; Linux's names, with ``VM_`` before them, are below."""

    READ = 1
    WRITE = 2
    SHARED = 8
    HUGETLB = 16
    MTE = 32
    MTE_ALLOWED = 64


VM_READ: Final = Vm.READ
VM_WRITE: Final = Vm.WRITE
VM_SHARED: Final = Vm.SHARED
VM_HUGETLB: Final = Vm.HUGETLB
VM_MTE: Final = Vm.MTE
"""Mapped with PROT_MTE: the program may use the tags, and its accesses are checked."""
VM_MTE_ALLOWED: Final = Vm.MTE_ALLOWED
"""The memory behind can hold tags: PROT_MTE is permitted."""
