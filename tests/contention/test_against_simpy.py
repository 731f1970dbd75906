"""Event for event what a plain SimPy model of the same run does: who took which lock, in which fault, and when."""

from __future__ import annotations

import pytest

from mtelab.bench.simpy_model import Model
from mtelab.contention import WORKLOADS, Costs, lock_array
from mtelab.contention.case import Case
from mtelab.contention.events import play
from mtelab.contention.run import set_up
from mtelab.sync import PROTOCOLS, PG_mte_tagged, spin_lock, spin_unlock, test_bit

RANDOM = Costs(hold_variation="exponential")
CONSTANT = Costs(guest_variation="constant", handover=0)


def case_of(protocol, workload="start-up", guests=3, vcpus=4, pages=96, block="4K", mmu_lock=None, costs=None, seed=1):
    setup = set_up(protocol, workload, guests, vcpus, pages, None, block, mmu_lock, costs, True, "scattered", seed)
    return setup.job().case()


def assert_same(case: Case) -> None:
    model, records = Model(case), play(case)
    model.run()
    ours = zip(
        records.thread.tolist(),
        [records.names[lock] for lock in records.lock],
        records.fault.tolist(),
        records.requested.tolist(),
        records.granted.tolist(),
        records.released.tolist(),
        strict=True,
    )
    assert sorted(ours, key=repr) == sorted(map(tuple, model.acquisitions), key=repr)
    assert records.done.tolist() == model.done


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_in_every_workload(protocol: str, workload: str) -> None:
    assert_same(case_of(protocol, workload))


@pytest.mark.parametrize("protocol", ["clear-first", "big-lock", "lock-array", "page-lock"])
@pytest.mark.parametrize("workload", WORKLOADS)
def test_blocks_of_512_pages(protocol: str, workload: str) -> None:
    assert_same(case_of(protocol, workload, guests=2, vcpus=3, pages=3 * 512, block="2M"))


@pytest.mark.parametrize("mmu_lock", ["exclusive", "shared"])
@pytest.mark.parametrize("protocol", ["clear-first", "per-mm-lock", "big-lock", lock_array(7, "pointer")], ids=str)
def test_either_mmu_lock_and_random_holds(protocol, mmu_lock: str) -> None:
    assert_same(case_of(protocol, mmu_lock=mmu_lock, costs=RANDOM))


@pytest.mark.parametrize("mmu_lock", ["exclusive", "shared"])
@pytest.mark.parametrize("protocol", ["clear-first", "per-mm-lock", "big-lock"])
def test_nothing_varies(protocol: str, mmu_lock: str) -> None:
    # Not with an array: where two ask for a lock in the same instant, SimPy has its own order of events.
    assert_same(case_of(protocol, mmu_lock=mmu_lock, costs=CONSTANT))


def test_locks_under_locks() -> None:
    def nested(cpu, page):
        yield spin_lock(("guest", cpu.vm))
        yield test_bit(PG_mte_tagged, page)
        yield spin_lock("all")
        yield test_bit(PG_mte_tagged, page)
        yield spin_lock(("few", page.pfn % 3))
        yield spin_unlock("all")  # hand over hand
        yield test_bit(PG_mte_tagged, page)
        yield spin_unlock(("few", page.pfn % 3))
        yield spin_unlock(("guest", cpu.vm))

    assert_same(case_of(nested))
    assert_same(case_of(nested, mmu_lock="exclusive", costs=RANDOM))
