"""What holds of every sequence of operations, on every kernel."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from mtelab.scenario import ScenarioMachine, parse, run

from .strategies import HUGE_SCENARIOS, KERNELS, SCENARIOS, TAGS, check_balance

REFUSED = {"EINVAL", "EEXIST", "EBUSY", "ENOENT"}


@settings(max_examples=150, deadline=None)
@given(SCENARIOS, KERNELS)
def test_no_guest_sees_a_tag_that_nobody_wrote(scenario, kernel):
    for operation, result in zip(scenario, run(scenario, kernel), strict=True):
        if operation.split()[0] in ("gldg", "ldg") and result.isdigit():
            assert int(result) in (0, *TAGS)
        if operation.startswith("tags") and ":" in result:
            assert {int(tag) for tag in re.findall(r"(\d+)\*", result)} <= {0, *TAGS}


@settings(max_examples=50, deadline=None)
@given(SCENARIOS, KERNELS)
def test_no_result_depends_on_what_memory_held_before(scenario, kernel):
    assert run(scenario, kernel, seed=1) == run(scenario, kernel, seed=2)


@settings(max_examples=100, deadline=None)
@given(st.one_of(SCENARIOS, HUGE_SCENARIOS), KERNELS)
def test_frames_balance_and_stage_2_follows_the_vmm(scenario, kernel):
    machine = ScenarioMachine(kernel)
    for operation in parse(scenario):
        machine.do(operation)
        check_balance(machine.machine, [guest.vm for guest in machine.guests.values()])


@settings(max_examples=100, deadline=None)
@given(SCENARIOS, KERNELS)
def test_a_refused_call_on_a_vm_changes_nothing(scenario, kernel):
    machine = ScenarioMachine(kernel)
    for operation in parse(scenario):
        before = state(machine)
        if machine.do(operation) in REFUSED and operation.name not in (
            "mmap",
            "remap",
            "munmap",
            "mprotect",
            "dontneed",
        ):
            assert state(machine) == before


def state(machine):
    memory = machine.machine.memory
    slots = [
        (slot.id, slot.base_gfn, slot.npages, slot.userspace_page, slot.readonly, slot.dirty_bitmap is None)
        for guest in machine.guests.values()
        for slot in guest.vm.slots.values()
    ]
    return slots, memory.flags.tobytes(), memory.refcount.tobytes(), memory.data.tobytes()
