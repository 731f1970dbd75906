"""What a scenario's machine tells beside results: why it refused, and what earlier owners left."""

from __future__ import annotations

import tracemalloc

from mtelab.kvm.releases import slot_check_only
from mtelab.scenario import ScenarioMachine, parse, replay

START = ["vm v", "mte v", "vcpu v"]
LEAK = parse(["hugefd h 512", "mmap r 512 private h rw", *START, "slot v 0 1 r 0 512", "gldg v 1 0", "gldg v 2 0"])
OVER_AND_TOUCH = ["remap r 1 1 shared anon rw", "gload v 1", "gload v 0"]
OVER = parse(["mmap r 2 private anon rw", *START, "slot v 0 0 r 0 2", *OVER_AND_TOUCH])


def test_the_old_tag_of_the_pool_is_what_leaks() -> None:
    assert replay(LEAK, "linux-6.18")[-2:] == ["0", "15"]
    assert replay(LEAK, "linux-6.18", old_tag=9)[-2:] == ["0", "9"]
    assert replay(LEAK, "linux-6.18", old_tag=0)[-2:] == ["0", "0"]


def test_the_reason_is_that_of_the_last_operation() -> None:
    machine = ScenarioMachine("linux-6.1")
    reasons = []
    for operation in OVER:
        machine.do(operation)
        reasons.append(machine.reason)
    assert [bool(reason) for reason in reasons] == [False] * 6 + [True, False]
    assert "not VM_SHARED" in reasons[6]


def test_a_release_that_never_was() -> None:
    assert replay(OVER, "linux-6.1")[-2:] == ["EFAULT", "0x00"]
    assert replay(OVER, slot_check_only("linux-6.1"))[-2:] == ["0x00", "0x00"]


def test_a_machine_keeps_memory_for_what_is_used_of_its_own() -> None:
    """A lab keeps dozens of machines, and a browser does not lend memory before it is written."""
    replay(LEAK, "linux-6.18")  # imports and caches come first
    tracemalloc.start()
    try:
        machine = ScenarioMachine("linux-6.18")
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert machine.machine.memory.frames == 1 << 18
    assert kept < 4 << 20
