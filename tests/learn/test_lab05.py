"""Lab 05's exercises: right answers are the model's, the usual wrong ones fail, and the questions can be answered."""

from __future__ import annotations

from random import Random

import pytest

from mtelab import recordings
from mtelab.kvm.memslot import kvm_set_memory_region
from mtelab.kvm.releases import RELEASES, release
from mtelab.kvm.vcpu import MmioExit
from mtelab.kvm.vm import VM
from mtelab.learn import check, problem
from mtelab.learn.exercises import lab05
from mtelab.learn.fault_walk import ACCESSES, fault_walk
from mtelab.linux.errors import Errno
from mtelab.linux.machine import Machine
from mtelab.linux.mm import AddressSpace

SEEDS = range(60)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_missing_slot_ends_as_in_the_model(seed: int) -> None:
    slots, page, access = lab05.some_slots(Random(seed))
    kernel = release("linux-6.12")
    vm = VM(AddressSpace(Machine(kernel.memory)), kernel)
    vcpu = vm.create_vcpu()
    for number, slot in enumerate(slots):
        memory = vm.mm.mmap(slot.pages, "rw", shared=False)
        kvm_set_memory_region(vm, number, slot.first, slot.pages, memory, readonly=slot.readonly)
    try:
        vcpu.translate(page, *ACCESSES[access])
        ending = "goes on"
    except Errno as error:
        ending = error.name
    except MmioExit:
        ending = "mmio"
    assert lab05.mmio_or_enosys(slots, page, access) == ending


@pytest.mark.parametrize("seed", SEEDS)
def test_an_order_asks_for_the_steps_that_have_moved(seed: int) -> None:
    question = problem("fault_order", seed=seed)
    answer = lab05.fault_order(question)
    assert sorted(answer) == sorted(question.steps)
    assert len(set(answer)) == 7
    other = RELEASES["linux-7.2" if question.kernel != "linux-7.2" else "linux-6.1"].fault_path
    assert answer != sorted(answer, key=other.index)
    assert all(name in repr(question) for name in (question.kernel, *answer))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_question_has_every_ending(seed: int) -> None:
    question = problem("which_errno", seed=seed)
    answer = lab05.which_errno(question)
    assert set(answer) == set(lab05.ENDINGS)
    assert len(set(question.touches)) == len(question.touches)
    assert answer == [fault_walk(*touch).ending for touch in question.touches]


def test_right_answers_pass() -> None:
    def mte_check(kernel, mte, permission, flags):
        refused = "VM_SHARED" in flags if kernel == "linux-6.1" else "VM_MTE_ALLOWED" not in flags
        return "EFAULT" if mte and not permission and refused else None

    assert check("mte_check", mte_check, seed=1).passed
    assert check("mmio_or_enosys", lab05.mmio_or_enosys, seed=1).passed


def test_the_usual_wrong_checks_fail() -> None:
    def always_the_new_rule(kernel, mte, permission, flags):
        return "EFAULT" if mte and not permission and "VM_MTE_ALLOWED" not in flags else None

    def forgets_permission_faults(kernel, mte, permission, flags):
        refused = "VM_SHARED" in flags if kernel == "linux-6.1" else "VM_MTE_ALLOWED" not in flags
        return "EFAULT" if mte and refused else None

    def both_rules(kernel, mte, permission, flags):
        return "EFAULT" if mte and not permission and ("VM_SHARED" in flags or "VM_MTE_ALLOWED" not in flags) else None

    for wrong in (always_the_new_rule, forgets_permission_faults, both_rules):
        assert not check("mte_check", wrong, seed=1).passed


def test_the_usual_wrong_lookups_fail() -> None:
    def forgets_readonly(slots, page, access):
        if any(slot.first <= page < slot.first + slot.pages for slot in slots):
            return "goes on"
        return "mmio" if access in ("gload", "gstore") else "ENOSYS"

    def by_write(slots, page, access):
        right = lab05.mmio_or_enosys(slots, page, access)
        return right if right == "goes on" else "ENOSYS" if access in ("gstore", "gstg") else "mmio"

    for wrong in (forgets_readonly, by_write):
        assert not check("mmio_or_enosys", wrong, seed=1).passed


def test_the_model_flags_the_zero_page_as_the_machines_did() -> None:
    records = [
        r for r in recordings.read(recordings.folder("kernel") / "faults.jsonl") if r.text("id").startswith("A00")
    ]
    assert [record.text("kernel") for record in records] == list(RELEASES)
    for record in records:
        frame = fault_walk(record.text("kernel"), "fresh page", "gload").stops[-1].state["frame"]
        recorded = record.text("data.5_after_read_by_MTE_guest").split()
        assert ("mte_tagged" in recorded) == frame["flags"].startswith("PG_mte_tagged")
        assert ("mte_lock" in recorded) == frame["flags"].endswith("PG_mte_lock")


def test_stg_to_a_read_only_slot_ends_as_recorded() -> None:
    records = [
        r for r in recordings.read(recordings.folder("kernel") / "faults.jsonl") if r.text("id").startswith("B31")
    ]
    for record in records:
        calls = {call["call"].split()[1]: call for call in record.get("calls") if call["call"].startswith("guest ST")}
        assert fault_walk(record.text("kernel"), "read-only slot", "gstg").ending == calls["STG"]["errno"]
        assert (
            calls["STR"]["exit_reason"].lower() == fault_walk(record.text("kernel"), "read-only slot", "gstore").ending
        )
