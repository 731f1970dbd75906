"""The fast engine gives the numbers of the plain one, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtelab.contention import WORKLOADS, Costs, lock_array
from mtelab.contention.events import play
from mtelab.contention.jobs import FEWEST, MEASURES, run_jobs
from mtelab.contention.layout import lanes_of
from mtelab.contention.result import measure
from mtelab.contention.run import set_up
from mtelab.contention.tables import Tables
from mtelab.sync import PROTOCOLS, PG_mte_tagged, mte_clear_page_tags, spin_lock, spin_unlock, test_bit

SEEDS = tuple(range(FEWEST))


def half_locked(cpu, page):
    """Take as many locks as the page says: none, or up to three."""
    for number in range(page.pfn % 4):
        yield spin_lock(("tag_locks", number))
        yield test_bit(PG_mte_tagged, page)
        yield spin_unlock(("tag_locks", number))


def lock_of_cpu(cpu, page):
    """Take a lock that two CPUs share, and one that a guest's share."""
    yield spin_lock(("pair", cpu.id // 2))
    yield mte_clear_page_tags(page)
    yield spin_unlock(("pair", cpu.id // 2))
    yield spin_lock(("mm", cpu.mm))
    yield test_bit(PG_mte_tagged, page)
    yield spin_unlock(("mm", cpu.mm))


COSTS = st.builds(
    Costs,
    guest_work=st.sampled_from([0, 100, 1000.3]),
    handover=st.sampled_from([0, 60]),
    map_page=st.sampled_from([0, 640]),
    context_switch=st.sampled_from([0, 1500]),
    time_slice=st.sampled_from([0, 2000, 50_000]),
    interference=st.sampled_from([0, 0.01]),
    guest_variation=st.sampled_from(["constant", "exponential"]),
    hold_variation=st.sampled_from(["constant", "exponential"]),
)
SHAPES = st.sampled_from(
    [(1, 1, 64, "4K"), (3, 2, 60, "4K"), (4, 3, 2, "4K"), (1, 9, 90, "4K"), (3, 4, 64, "4K"), (2, 3, 1024, "2M")]
)
PROTOCOL = st.sampled_from([*PROTOCOLS, lock_array(5, "pointer"), lock_array(2), half_locked, lock_of_cpu])


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    protocol=PROTOCOL,
    workload=st.sampled_from(list(WORKLOADS)),
    shape=SHAPES,
    cores=st.sampled_from([None, 1, 2, 5]),
    mmu_lock=st.sampled_from([None, "exclusive", "shared"]),
    costs=COSTS,
    fair=st.booleans(),
    frames=st.sampled_from(["scattered", "contiguous"]),
)
def test_the_fast_engine_agrees(protocol, workload, shape, cores, mmu_lock, costs, fair, frames) -> None:
    guests, vcpus, pages, block = shape
    setup = set_up(protocol, workload, guests, vcpus, pages, cores, block, mmu_lock, costs, fair, frames, 0)
    job = setup.job(*SEEDS)
    (fast,) = run_jobs([job])
    case = job.case()
    for seed in SEEDS:
        plain = measure(case.run(seed), play(case.run(seed)))
        assert {name: fast[name][seed] for name in MEASURES} == {name: plain[name] for name in MEASURES}


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("workload", ["steady-state", "migration"])
@pytest.mark.parametrize("protocol", ["big-lock", "lock-array", half_locked], ids=lambda p: getattr(p, "__name__", p))
def test_rounds_keep_to_the_order_of_requests(protocol, workload: str, fixed: bool) -> None:
    costs = Costs(guest_variation="constant", guest_work=0, fault_path=100) if fixed else None  # many at the same time
    setup = set_up(protocol, workload, 5, 3, 120, None, "4K", "exclusive", costs, True, "scattered", 0)
    job = setup.job(*SEEDS)
    case = job.case()
    lanes = lanes_of(case, Tables(case.programs))
    assert lanes is not None
    assert lanes.nested
    (fast,) = run_jobs([job])
    for seed in SEEDS:
        plain = measure(case.run(seed), play(case.run(seed)))
        assert {name: fast[name][seed] for name in MEASURES} == {name: plain[name] for name in MEASURES}


@pytest.mark.parametrize("workload", WORKLOADS)
@pytest.mark.parametrize("protocol", [*PROTOCOLS, half_locked, lock_of_cpu], ids=lambda p: getattr(p, "__name__", p))
def test_runs_of_the_history_fit_the_fast_engine(protocol, workload: str) -> None:
    if protocol is half_locked or protocol is lock_of_cpu:
        mmu_lock = "shared" if workload == "resume" else None
    else:
        mmu_lock = None
    setup = set_up(protocol, workload, 3, 2, 60, None, "4K", mmu_lock, None, True, "scattered", 0)
    case = setup.job(*SEEDS).case()
    assert lanes_of(case, Tables(case.programs)) is not None


def test_runs_of_many_shapes_together() -> None:
    setups = [
        set_up(protocol, workload, guests, vcpus, pages, cores, "4K", None, None, fair, "scattered", 0)
        for protocol in ("clear-first", "big-lock", "lock-array", "page-lock")
        for workload in ("start-up", "steady-state")
        for guests, vcpus, pages in ((1, 3, 40), (2, 7, 20), (2, 3, 20))
        for cores in (None, 2)
        for fair in (True, False)
    ]
    together = run_jobs([setup.job(*SEEDS) for setup in setups])
    for setup, found in zip(setups, together, strict=True):
        (alone,) = run_jobs([setup.job(*SEEDS)])
        for name in MEASURES:
            np.testing.assert_array_equal(found[name], alone[name])


def test_only_locks_of_its_own_keep_interrupts_off() -> None:
    setups = [
        set_up(protocol, "start-up", 1, 3, 40, None, "4K", mmu_lock, None, True, "scattered", 0)
        for protocol, mmu_lock in (("clear-first", "exclusive"), ("big-lock", "shared"))
    ]
    neither, own = run_jobs([setup.job(*SEEDS) for setup in setups])
    assert not neither["interrupts_off"].any()
    assert own["interrupts_off"].all()
