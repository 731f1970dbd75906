"""Steps, protocols and situations: what they are called, what they refuse, what they do alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mtelab import sync
from mtelab.sync import PG_mte_tagged, situations, steps
from mtelab.sync.flags import VM_SHARED
from mtelab.sync.situations import KERNEL_KINDS, PRIVATE
from mtelab.sync.steps import Cpu, Page, Step

PAGE = Page(0)

STEPS = [
    *("test_bit", "set_bit", "clear_bit", "test_and_set_bit", "spin_lock", "spin_unlock", "wait_for_bit"),
    *("mte_clear_page_tags", "mte_restore_page_tags", "smp_wmb", "smp_rmb", "smp_mb", "smp_load_acquire"),
    *("smp_store_release", "load_tag", "store_tag", "refuse"),
]


def test_the_fixed_names_are_there() -> None:
    assert set(STEPS) | {"PG_mte_tagged", "PG_mte_lock", "PROTOCOLS", "SITUATIONS"} <= set(sync.__all__)
    assert list(sync.PROTOCOLS) == [
        *("flag-first", "clear-first", "big-lock", "lock-array", "per-mm-lock", "no-shared-slot-only", "no-shared"),
        *("merged-5.14", "two-bit-no-barriers", "page-lock", "always-tagged"),
    ]
    assert set(sync.SITUATIONS) == {
        *("two-vcpus", "two-vms", "two-vms-one-process", "vm-and-mprotect", "vm-and-foreign-fault"),
        *("ioctl-and-fault", "fork-and-mprotect", "swap-in", "mmap-over"),
    }


@pytest.mark.parametrize("name", sync.PROTOCOLS)
def test_a_protocol_says_what_it_is_in_one_line(name: str) -> None:
    assert len(sync.PROTOCOLS[name].summary) > 30
    assert sync.PROTOCOLS[name].mmu_lock == ("shared" if name == "page-lock" else "exclusive")


@pytest.mark.parametrize("name", sync.SITUATIONS)
@pytest.mark.parametrize("cpus", [1, 2, 3, 8])
def test_a_situation_names_every_cpu(name: str, cpus: int) -> None:
    situation = sync.SITUATIONS[name]
    actors = situation(cpus)
    assert len(actors) == cpus
    assert {actor.kind for actor in actors} <= set(KERNEL_KINDS)
    assert "\n" not in (situation.__doc__ or "\n")


def test_the_mmap_over_is_seen_at_the_fault_only() -> None:
    actor = situations.mmap_over(2)[0]
    assert VM_SHARED not in actor.slot
    assert VM_SHARED in actor.vma


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: steps.test_bit("PG_mte_tagged", PAGE), "flag: 'PG_mte_tagged', expected PG_mte_tagged or PG_mte_lock"),
        (lambda: steps.set_bit(PG_mte_tagged, 0), "page: 0, expected the page"),
        (lambda: steps.load_tag(PAGE, 256), "granule: 256, expected 0 to 255"),
        (lambda: steps.store_tag(PAGE, 0, 16), "tag: 16, expected 0 to 15"),
        (lambda: steps.store_tag(PAGE, 0, 1.0), "tag: 1.0"),
        (lambda: steps.spin_lock(["a"]), r"name: \['a'\], expected something that can be hashed"),
        (lambda: steps.refuse(14), "errno: 14, expected a name"),
        (lambda: steps.smp_store_release(PG_mte_tagged, PAGE, 2), "value: 2, expected 0 or 1"),
    ],
)
def test_a_step_refuses_what_it_cannot_be(make: Callable[[], Step], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_a_step_reads_like_the_call_that_made_it() -> None:
    assert repr(steps.test_bit(PG_mte_tagged, PAGE)) == "test_bit(PG_mte_tagged, page 0)"
    assert repr(steps.smp_wmb()) == "smp_wmb()"


@pytest.mark.parametrize("name", sync.PROTOCOLS)
@pytest.mark.parametrize("role", steps.ROLES)
def test_nobody_clears_a_page_of_whose_flag_it_has_read_that_it_is_set(name: str, role: str) -> None:
    protocol = sync.PROTOCOLS[name]
    run = protocol(Cpu(0, 0, 0, role, PRIVATE), PAGE)
    done = []
    answer = None
    while True:
        try:
            step = run.send(answer)
        except StopIteration:
            break
        done.append(step.op)
        answer = True if step.op in ("test_bit", "test_and_set_bit", "smp_load_acquire") else None
    flagless = name == "always-tagged"
    assert flagless or "mte_clear_page_tags" not in done
