"""What there is to see of a machine while a guest's fault is handled: panels of names and values, all text."""

from __future__ import annotations

from typing import Final

from mtelab.kvm.fault import Fault, Visit
from mtelab.kvm.memslot import MemSlot
from mtelab.kvm.vm import VM
from mtelab.linux.mte import tagging_page
from mtelab.linux.page import ZERO_PFN, PG_mte_lock, PG_mte_tagged
from mtelab.linux.page_table import HUGE, PRESENT, WRITE, pfn_of
from mtelab.linux.vma import VM_READ, VM_SHARED, VM_WRITE, VMA, Vm
from mtelab.scenario.guest import FIRST_GFN

State = dict[str, dict[str, str]]
"""By panel, and in it by name."""
TAGS_SHOWN: Final = 16
"""Granules whose tags are shown, the first of the page."""
_PROTECTION: Final = ((VM_READ, "r"), (VM_WRITE, "w"), (Vm.MTE, "m"))
_KINDS: Final = ((Vm.HUGETLB, "VM_HUGETLB"), (Vm.MTE, "VM_MTE"), (Vm.MTE_ALLOWED, "VM_MTE_ALLOWED"))


def state_of(vm: VM, gfn: int, locks: dict[str, str], fault: Fault | None) -> State:
    """Look at everything that the handling of a guest page's fault looks at or changes.

    Parameters
    ----------
    vm : VM
        Whose guest.
    gfn : int
        Guest page.
    locks : dict of str to str
        Whether each lock is held.
    fault : Fault or None
        What its steps have found so far; None before there is one.
    """
    slot = vm.find_slot(gfn)
    page = None if slot is None else slot.hva_page(gfn)
    return {
        "memslot": _memslot(slot),
        "VMA": _vma(vm, None if page is None else vm.mm.vmas.find(page)),
        "frame": _frame(vm, 0 if page is None else vm.mm.page_table[page]),
        "locks": locks | {"mmu_seq": str(vm.stage2.mmu_seq)},
        "stage 2": _stage2(vm.stage2.table[gfn]),
        "fault": _found(fault),
    }


def frame_name(pfn: int) -> str:
    """Name a frame."""
    return "the zero page" if pfn == ZERO_PFN else f"frame {pfn:#x}"


def vma_words(flags: Vm) -> str:
    """Say what a VMA is: ``private rw, VM_MTE_ALLOWED``."""
    protection = "".join(letter for flag, letter in _PROTECTION if flags & flag) or "no access"
    kinds = [name for flag, name in _KINDS if flags & flag]
    return ", ".join([f"{'VM_SHARED' if flags & VM_SHARED else 'private'} {protection}", *kinds])


def _memslot(slot: MemSlot | None) -> dict[str, str]:
    if slot is None:
        return {"slot": "none has this page", "flags": ""}
    first = slot.base_gfn - FIRST_GFN
    flags = ["KVM_MEM_READONLY"] * slot.readonly + ["KVM_MEM_LOG_DIRTY_PAGES"] * (slot.dirty_bitmap is not None)
    where = {"slot": f"{slot.id}, guest pages {first} to {first + slot.npages - 1}", "flags": " ".join(flags) or "none"}
    if slot.dirty_bitmap is not None:
        where["dirty"] = (
            "pages " + " ".join(map(str, slot.dirty_bitmap.nonzero()[0])) if slot.dirty_bitmap.any() else "none"
        )
    return where


def _vma(vm: VM, vma: VMA | None) -> dict[str, str]:
    rule = vm.release.vma_rule if vm.mte_enabled else "none: a VM without MTE"
    if vma is None:
        return {"mapped": "nothing", "flags": "", "rule": rule}
    first, *rest = vma_words(vma.flags).split(", ")
    kind = "anonymous" if vma.file is None else "a file"
    return {"mapped": f"{first}, {kind}", "flags": " ".join(rest) or "none", "rule": rule}


def _frame(vm: VM, entry: int) -> dict[str, str]:
    if not entry & PRESENT:
        return {"frame": "none yet", "flags": "", "tags": ""}
    memory, pfn = vm.machine.memory, pfn_of(entry)
    flags = int(memory.flags[tagging_page(vm.machine, pfn)])
    names = [name for bit, name in ((PG_mte_tagged, "PG_mte_tagged"), (PG_mte_lock, "PG_mte_lock")) if flags & bit]
    return {
        "frame": f"{frame_name(pfn)}, {'writable' if entry & WRITE else 'read-only'}",
        "flags": " ".join(names) or "not PG_mte_tagged",
        "tags": "".join(f"{tag:x}" for tag in memory.read_tags(pfn)[:TAGS_SHOWN]),
    }


def _stage2(entry: int) -> dict[str, str]:
    if not entry & PRESENT:
        return {"entry": "none", "size": ""}
    may = "read and write" if entry & WRITE else "read"
    return {"entry": f"{frame_name(pfn_of(entry))}, {may}", "size": "2 MiB block" if entry & HUGE else "4 KiB page"}


def _found(fault: Fault | None) -> dict[str, str]:
    if fault is None:
        return dict.fromkeys(("wants", "syndrome", "kind", "mte_allowed", "mmu_seq", "pfn"), "")
    return {
        "wants": "to write" if fault.write else "to read",
        "syndrome": "yes" if fault.syndrome else "no",
        "kind": "permission" if fault.permission else "translation",
        "mte_allowed": str(fault.mte_allowed),
        "mmu_seq": str(fault.mmu_seq),
        "pfn": frame_name(fault.pfn) + (", writable" if fault.writable else "") if fault.pfn or fault.writable else "",
    }


def answer(fault: Fault, visit: Visit, before: State, after: State) -> str:
    """Say in a few words what a step has found or done."""
    if visit.outcome is not None and visit.step.name != "mark_page_dirty":
        return visit.outcome.reason
    match visit.step.name:
        case "find_memslot":
            return f"slot {fault.memslot.id}"
        case "refuse_read_permission_fault":
            return "a permission fault on a write" if fault.permission else "not a permission fault"
        case "find_vma":
            assert fault.vma is not None
            return vma_words(fault.vma.flags)
        case "choose_block_size":
            return "2 MiB" if fault.block else "4 KiB"
        case "sample_vma":
            return f"mte_allowed = {fault.mte_allowed}"
        case "mmap_read_unlock":
            return "the VMM may change its mappings again"
        case "read_mmu_seq":
            return f"mmu_seq is {fault.mmu_seq}"
        case "faultin_pfn":
            return f"{frame_name(fault.pfn)}, {'writable' if fault.writable else 'read-only'}"
        case "hold_back_write":
            return "a dirty log: map read-only" if fault.memslot.logging_active and not fault.write else "no need"
        case "mmu_notifier_retry":
            return f"mmu_seq is still {fault.mmu_seq}"
        case "check_mte_allowed":
            return _passed(fault) or "allowed"
        case "sanitise_mte_tags":
            return _sanitised(fault, before, after)
        case "stage2_map":
            return f"{frame_name(fault.pfn)}, {'read and write' if fault.writable else 'read'}"
        case _:
            logged = fault.writable and fault.memslot.dirty_bitmap is not None
            return "logged as dirty" if logged else "nothing to log"


def _passed(fault: Fault) -> str:
    """Say why a fault need not be asked about tags; nothing if it must."""
    if not fault.vm.mte_enabled:
        return "passed over: a VM without MTE"
    return "passed over: a permission fault" if fault.permission else ""


def _sanitised(fault: Fault, before: State, after: State) -> str:
    if passed := _passed(fault):
        return passed
    if fault.pfn == ZERO_PFN and not fault.vm.release.zero_page_flagged:
        return "the zero page is left alone"
    if before["frame"]["flags"] == after["frame"]["flags"]:
        return "PG_mte_tagged is set already: tags stay"
    return "tags cleared, PG_mte_tagged set"
