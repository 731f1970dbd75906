"""The fault path: its steps, their order, what they show, and the ways out."""

from __future__ import annotations

import pytest

from mtelab.kvm import RELEASES, Fault, kvm_handle_guest_abort, walk
from mtelab.kvm.fault import STEPS
from mtelab.linux.page import ZERO_PFN

from .conftest import GFN, make


def names(fault):
    return [visit.step.name for visit in walk(fault)]


def test_every_release_walks_every_step_once():
    for release in RELEASES.values():
        assert sorted(release.fault_path) == sorted(STEPS)
    assert all(step.reason for step in STEPS.values())


def test_a_walk_shows_what_each_step_found(host):
    visits = {visit.step.name: visit for visit in walk(Fault(host.vm, GFN, write=True))}
    assert list(visits) == list(host.vm.release.fault_path)
    assert visits["find_memslot"].shown["hva_page"] == host.start
    assert visits["sample_vma"].shown == {"mte_allowed": True}
    assert visits["faultin_pfn"].shown["writable"]
    assert visits["mark_page_dirty"].outcome.kind == "mapped"


def test_a_walk_step_by_step_ends_as_a_walk_in_one_go(host):
    other = make(host.kernel)
    for gfn, write in ((GFN, True), (GFN + 1, False), (GFN + 8, True)):
        *_, last = walk(Fault(host.vm, gfn, write))
        assert last.outcome == kvm_handle_guest_abort(Fault(other.vm, gfn, write))


@pytest.mark.parametrize(("syndrome", "kind", "errno"), [(True, "mmio", None), (False, "error", "ENOSYS")])
def test_without_a_slot_the_syndrome_decides(host, syndrome, kind, errno):
    fault = Fault(host.vm, GFN + 8, write=False, syndrome=syndrome)
    assert names(fault) == ["find_memslot"]
    assert kvm_handle_guest_abort(fault)[:2] == (kind, errno)


def test_nothing_mapped(host):
    host.mm.munmap(host.start, 1)
    assert names(Fault(host.vm, GFN, write=False))[-1] == "find_vma"
    assert kvm_handle_guest_abort(Fault(host.vm, GFN, write=False)).errno == "EFAULT"


def test_memory_that_may_not_be_written(host):
    host.mm.mprotect(host.start, 1, "r")
    assert names(Fault(host.vm, GFN, write=True))[-1] == "faultin_pfn"


@pytest.mark.parametrize(("kernel", "last"), [("linux-6.1", "check_mte_allowed"), ("linux-6.12", "mark_page_dirty")])
def test_shared_memory_mapped_over_the_slot(kernel, last):
    host = make(kernel)
    host.mm.mmap(1, "rw", shared=True, at=host.start)
    assert names(Fault(host.vm, GFN, write=True))[-1] == last


def test_a_vcpu_says_what_fault_an_access_would_take(host):
    assert host.vcpu.fault(GFN, write=False).permission is False
    host.vcpu.load(GFN)
    assert host.vcpu.fault(GFN, write=False) is None
    assert host.vcpu.fault(GFN, write=True).permission is True


def test_a_copy_on_write_in_the_fault_makes_the_guest_try_again(host):
    host.vcpu.load(GFN)
    fault = Fault(host.vm, GFN, write=True, permission=True)
    assert kvm_handle_guest_abort(fault).kind == "retry"
    host.vcpu.store(GFN, 5)
    assert host.process.load(host.start) == 5


def test_the_zero_page_is_flagged_until_6_18(host):
    host.vcpu.load(GFN)
    flagged = bool(host.vm.machine.memory.flags[ZERO_PFN] & 1)
    assert flagged is host.vm.release.zero_page_flagged


def test_a_read_permission_fault_cannot_be(host):
    assert kvm_handle_guest_abort(Fault(host.vm, GFN, write=False, permission=True)).errno == "EFAULT"


def test_stale_tags_are_cleared_before_the_guest_can_look(host):
    host.process.store(host.start, 1)
    assert host.vcpu.ldg(GFN, 0) == 0
    assert host.vcpu.ldg(GFN, 255) == 0


def test_a_vm_without_mte_leaves_tags_alone():
    host = make("linux-6.18", mte=False)
    host.vcpu.store(GFN, 1)
    assert host.vm.machine.memory.read_tags(1).any()
    assert host.vcpu.ldg(GFN, 0) == 0


def test_a_slot_of_swapped_pages_shows_their_tags(host):
    host.vcpu.stg(GFN, 4, 9)
    assert host.vm.machine.swap.out(host.mm, host.start)
    assert host.vm.stage2.table[GFN] == 0
    assert host.vcpu.ldg(GFN, 4) == 9


def test_until_6_9_kvm_hears_of_the_copy_and_maps_it_at_once():
    for kernel, expected in (("linux-6.1", True), ("linux-6.12", False)):
        host = make(kernel)
        host.vcpu.load(GFN)
        host.process.store(host.start, 5)
        assert bool(host.vm.stage2.table[GFN]) is expected
        assert host.vcpu.load(GFN) == 5
