"""What a run says: the numbers, the timeline, and what must be true of both whatever is run."""

from __future__ import annotations

import itertools
import json
import math
import re

import numpy as np
import pytest

import mtelab
from mtelab.contention import WORKLOADS, Contention, Costs, Interval, contend
from mtelab.sync import PROTOCOLS, mte_clear_page_tags, spin_lock, spin_unlock
from mtelab.sync.protocols import MmuLock
from mtelab.sync.steps import Cpu, Page, Protocol

SMALL = {"guests": 3, "vcpus": 4, "pages": 96}


def test_it_is_there_by_its_short_name() -> None:
    assert mtelab.contend is contend
    assert mtelab.contention.contend is contend


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_same_seed_gives_the_same_result(protocol: str) -> None:
    one, other = contend(protocol, seed=4, **SMALL), contend(protocol, seed=4, **SMALL)
    assert one == other
    assert one.timeline == other.timeline
    assert contend(protocol, seed=5, **SMALL).time_to_start != one.time_to_start


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_release_decides_how_faults_exclude_each_other(protocol: str, workload: str) -> None:
    result = contend(protocol, workload, **SMALL)
    assert result.mmu_lock == ("shared" if protocol == "page-lock" else "exclusive")
    assert ("mmu_lock" in result.locks) == (result.mmu_lock == "exclusive")


# ---- the numbers


@pytest.fixture(scope="module", params=["big-lock", "lock-array", "page-lock"])
def result(request) -> Contention:
    return contend(request.param, **SMALL)


def test_throughput_is_pages_a_second(result: Contention) -> None:
    assert result.faults == 3 * 96
    assert result.throughput == pytest.approx(3 * 96 / (result.time_to_start * 1e-9))


def test_the_last_guest_decides_when_all_have_started(result: Contention) -> None:
    assert len(result.guest_times) == 3
    assert max(result.guest_times) == result.time_to_start


def test_waits_are_those_of_the_timeline(result: Contention) -> None:
    waits = np.zeros(result.faults)
    for interval in result.timeline:
        waits[interval.fault] += interval.granted - interval.requested
    assert result.wait_mean == pytest.approx(waits.mean())
    assert result.wait_p50 == pytest.approx(np.quantile(waits, 0.5))
    assert result.wait_p99 == pytest.approx(np.quantile(waits, 0.99))
    assert result.wait_max == waits.max()


def test_use_of_locks_is_that_of_the_timeline(result: Contention) -> None:
    for name, use in result.locks.items():
        held = [interval for interval in result.timeline if interval.lock == name]
        assert use.acquisitions == len(held)
        assert use.contended == sum(interval.granted > interval.requested for interval in held)
        assert use.longest_hold == max(interval.released - interval.granted for interval in held)
        share = sum(interval.released - interval.granted for interval in held) / use.size / result.time_to_start
        assert use.utilisation == pytest.approx(share)
        assert use.utilisation <= use.busiest <= 1
    assert result.utilisation == max((use.busiest for use in result.locks.values()), default=0)


def test_interrupts_are_off_from_the_request_of_a_lock_of_the_protocol_to_its_release(result: Contention) -> None:
    own = [interval for interval in result.timeline if interval.lock != "mmu_lock"]
    assert result.interrupts_off == max((interval.released - interval.requested for interval in own), default=0)
    assert result.acquisitions == len(own)
    assert result.collisions == sum(interval.granted > interval.requested for interval in own)


def test_plain_data_for_json(result: Contention) -> None:
    data = json.loads(json.dumps(result.as_dict()))
    assert data["throughput"] == result.throughput
    assert data["locks"].keys() == result.locks.keys()
    assert data["costs"]["mte_clear_page_tags"] == 315
    assert "timeline" not in data


# ---- the timeline


def holds(timeline: tuple[Interval, ...]) -> dict[tuple[str, int], list[Interval]]:
    """Acquisitions of locks of which there is one for each guest, or for all."""
    ordered = sorted(timeline, key=lambda interval: (interval.lock, interval.guest, interval.granted))
    return {key: list(group) for key, group in itertools.groupby(ordered, lambda i: (i.lock, i.guest))}


@pytest.mark.parametrize("fair", [True, False])
@pytest.mark.parametrize("cores", [None, 3])
def test_a_lock_has_one_holder_at_a_time(cores: int | None, fair: bool) -> None:
    run = contend("big-lock", cores=cores, fair=fair, **SMALL)
    big = sorted((i for i in run.timeline if i.lock == "tag_sync_lock"), key=lambda interval: interval.granted)
    own = [group for (lock, _), group in holds(run.timeline).items() if lock == "mmu_lock"]
    assert len(own) == 3
    for held in (big, *own):
        assert all(one.released <= other.granted for one, other in itertools.pairwise(held))


def test_a_fair_lock_is_given_in_the_order_of_the_requests() -> None:
    run = contend("big-lock", mmu_lock="shared", **SMALL)
    granted = [interval.granted for interval in run.timeline]  # in order of the requests
    assert granted == sorted(granted)


def test_an_unfair_lock_is_not_but_nobody_is_served_less() -> None:
    fair = contend("big-lock", mmu_lock="shared", **SMALL)
    unfair = contend("big-lock", mmu_lock="shared", fair=False, **SMALL)
    granted = [interval.granted for interval in unfair.timeline]
    assert granted != sorted(granted)
    assert unfair.wait_max > fair.wait_max
    assert unfair.faults == fair.faults
    assert unfair.time_to_start == pytest.approx(fair.time_to_start, rel=0.1)


def test_a_cpu_that_waited_holds_the_lock_longer_by_the_handover() -> None:
    run = contend("big-lock", mmu_lock="shared", costs=Costs(handover=100), **SMALL)
    for interval in run.timeline:
        hold = interval.released - interval.granted
        assert hold == (436 if interval.granted > interval.requested else 336)


@pytest.mark.parametrize("cores", [1, 2, 5])
def test_no_more_threads_run_than_there_are_cores(cores: int) -> None:
    run = contend("big-lock", cores=cores, costs=Costs(time_slice=5000), mmu_lock="shared", **SMALL)
    points = sorted((time, change) for i in run.timeline for time, change in ((i.requested, 1), (i.released, -1)))
    assert max(itertools.accumulate(change for _, change in points)) <= cores
    assert run.cores == cores
    assert {interval.thread for interval in run.timeline} == set(range(12))


def test_cores_beyond_the_threads_are_idle() -> None:
    assert contend("big-lock", cores=100, **SMALL).time_to_start == contend("big-lock", **SMALL).time_to_start


def test_one_core_does_all_the_work_and_the_changes() -> None:
    costs = Costs(guest_variation="constant", time_slice=0, context_switch=1000)
    run = contend("page-lock", guests=1, vcpus=3, pages=9, cores=1, costs=costs)
    one = contend("page-lock", guests=1, vcpus=1, pages=1, costs=costs).time_to_start
    assert run.time_to_start == 9 * one + 8 * 1000
    lazy = contend("page-lock", guests=1, vcpus=3, pages=9, cores=1, costs=Costs(guest_variation="constant"))
    assert lazy.time_to_start == 9 * one + 2 * 1500  # a slice holds all three faults of a vCPU


# ---- what the list wanted to know


def test_one_lock_for_all_limits_the_machine_and_an_array_does_not() -> None:
    big, array, pages = (
        contend(protocol, guests=16, vcpus=4, pages=128, mmu_lock="shared")
        for protocol in ("big-lock", "lock-array", "page-lock")
    )
    assert big.utilisation > 0.95
    assert big.throughput == pytest.approx(1e9 / (336 + 60), rel=0.05)  # hold and handover
    assert array.throughput > 3 * big.throughput
    assert pages.throughput >= array.throughput
    assert pages.wait_max == 0


def test_an_exclusive_mmu_lock_limits_each_guest() -> None:
    one = contend("clear-first", guests=1, vcpus=16, pages=512)
    two = contend("clear-first", guests=2, vcpus=16, pages=512)
    assert one.locks["mmu_lock"].utilisation > 0.95
    assert two.throughput == pytest.approx(2 * one.throughput, rel=0.05)
    assert contend("clear-first", guests=1, vcpus=16, pages=512, mmu_lock="shared").wait_max == 0


def test_the_lock_of_an_address_space_meets_nobody_elses() -> None:
    run = contend("per-mm-lock", mmu_lock="shared", **SMALL)
    assert run.locks["mm_lock"].size == 3
    assert contend("per-mm-lock", **SMALL).collisions == 0  # mmu_lock was there before


def test_a_block_takes_and_drops_the_lock_for_each_page() -> None:
    run = contend("big-lock", guests=2, vcpus=2, pages=4 * 512, block="2M")
    assert run.faults == 8
    assert run.acquisitions == 8 * 512
    assert run.locks["mmu_lock"].acquisitions == 8
    assert run.throughput == pytest.approx(4096 / run.time_to_start * 1e9)
    longest = max(interval.released - interval.granted for interval in run.timeline if interval.lock == "mmu_lock")
    assert longest > 512 * 336 + 40_000


def test_resume_restores_tags_and_start_up_clears_them() -> None:
    dear = Costs(mte_restore_page_tags=5000)
    for workload, slower in (("start-up", False), ("resume", True)):
        usual, changed = (contend("big-lock", workload, costs=costs, **SMALL) for costs in (Costs(), dear))
        assert (changed.time_to_start > usual.time_to_start) is slower


def test_always_tagged_clears_where_memory_is_zeroed() -> None:
    usual, dear = (contend("always-tagged", costs=Costs(mte_clear_page_tags=time), **SMALL) for time in (315, 9000))
    assert usual.time_to_start == dear.time_to_start
    dear = contend("always-tagged", costs=Costs(mte_zero_clear_page_tags=9000), **SMALL)
    assert dear.time_to_start > usual.time_to_start


def test_migration_copies_half_of_the_tags_beside_the_vcpus() -> None:
    run = contend("big-lock", "migration", **SMALL)
    assert run.faults == 3 * 96
    assert run.acquisitions == 3 * 48  # only the faults: the ioctl of that time took no lock that a fault takes
    assert run.cores == 3 * 5
    dear = contend("big-lock", "migration", costs=Costs(mte_copy_tags_from_user=20_000), **SMALL)
    assert dear.time_to_start > run.time_to_start
    assert dear.wait_mean <= run.wait_mean


def test_the_ioctl_of_a_plain_function_takes_its_locks() -> None:
    run = contend(lambda cpu, page: PROTOCOLS["big-lock"].run(faulting(cpu), page), "migration", **SMALL)
    assert run.acquisitions == 3 * 96
    assert {interval.thread % 5 for interval in run.timeline} == set(range(5))


def faulting(cpu):
    return type(cpu)(cpu.id, cpu.vm, cpu.mm, "fault", cpu.vma)


def test_in_the_steady_state_few_faults_want_the_lock() -> None:
    run = contend("big-lock", "steady-state", guests=4, vcpus=4, pages=1000)
    assert 0.03 < run.acquisitions / run.faults < 0.07


@pytest.mark.parametrize("mmu_lock", ["exclusive", "shared"])
@pytest.mark.parametrize("workload", WORKLOADS)
def test_each_page_is_one_vcpus_so_that_nobody_waits_for_its_lock(workload: str, mmu_lock: MmuLock) -> None:
    def lock_of_each_page(cpu: Cpu, page: Page) -> Protocol:
        yield spin_lock(("page", page.pfn))
        yield mte_clear_page_tags(page)
        yield spin_unlock(("page", page.pfn))

    use = contend(lock_of_each_page, workload, guests=3, vcpus=4, pages=96, mmu_lock=mmu_lock).locks["page"]
    assert use.acquisitions >= 3 * 96
    assert use.contended == 0


def test_more_pages_than_one_for_each_vcpu_are_shared_evenly() -> None:
    run = contend("big-lock", guests=1, vcpus=3, pages=10)
    faults = [sum(i.thread == thread for i in run.timeline if i.lock == "mmu_lock") for thread in range(3)]
    assert sorted(faults) == [3, 3, 4]


def test_a_vcpu_without_a_page_has_nothing_to_do() -> None:
    run = contend("big-lock", guests=1, vcpus=5, pages=2)
    assert run.faults == 2
    assert len({interval.thread for interval in run.timeline}) == 2


def test_contiguous_memory_walks_an_array_in_step() -> None:
    costs = Costs(guest_variation="constant")
    given = {"guests": 8, "vcpus": 1, "pages": 64, "costs": costs, "mmu_lock": "shared"}
    step = contend("lock-array", frames="contiguous", **given)
    assert step.collisions == 7  # all start at lock 0, and are apart from then on
    assert contend("lock-array", frames="scattered", **given).collisions > 7


def test_without_variation_a_seed_does_not_matter_for_one_lock() -> None:
    costs = Costs(guest_variation="constant")
    one, other = (contend("big-lock", costs=costs, seed=seed, **SMALL) for seed in (1, 2))
    assert one.time_to_start == other.time_to_start


def test_interference_slows_what_is_done_outside_locks() -> None:
    costs = Costs(guest_work=0, interference=0.1)
    alone = contend("page-lock", guests=1, vcpus=1, pages=10, costs=costs).time_to_start
    crowd = contend("page-lock", guests=1, vcpus=11, pages=110, costs=costs).time_to_start
    assert crowd == pytest.approx(2 * alone, rel=1e-4)


# ---- bad input


@pytest.mark.parametrize("value", [0, -3, 2.5, math.nan, math.inf, "4", True])
@pytest.mark.parametrize("name", ["guests", "vcpus", "pages", "cores"])
def test_counts(name: str, value) -> None:
    with pytest.raises(ValueError, match=f"^{name}: .*expected a whole number, 1 or more"):
        contend("big-lock", **{name: value})


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"workload": "lunch"}, "workload: 'lunch', expected one of start-up, resume, migration, steady-state"),
        ({"workload": None}, "workload: None"),
        ({"block": "1G"}, "block: '1G', expected one of '4K', '2M'"),
        ({"mmu_lock": "mine"}, "mmu_lock: 'mine', expected one of 'exclusive', 'shared'"),
        ({"fair": "yes"}, "fair: 'yes'"),
        ({"frames": "here"}, "frames: 'here'"),
        ({"seed": -1}, "seed: -1"),
        ({"seed": 0.5}, "seed: 0.5"),
        ({"costs": {"test_bit": 3}}, "costs: {'test_bit': 3}"),
        ({"block": "2M", "pages": 100}, "pages: 100, expected a multiple of 512"),
        ({"guests": 4, "pages": 10**9}, "pages: 1,000,000,000 in each of 4 guests"),
        ({"vcpus": 10**9}, "vcpus: "),
        ({"protocol": "biglock"}, "protocol: 'biglock', expected one of flag-first"),
        ({"protocol": 7}, "protocol: 7"),
    ],
)
def test_arguments_that_are_not_known(given, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(text)}"):
        contend(**{"protocol": "big-lock", **given})


def test_whole_numbers_of_numpy_will_do() -> None:
    assert contend("big-lock", guests=np.int64(2), vcpus=np.int32(2), pages=np.uint16(8)).faults == 16
