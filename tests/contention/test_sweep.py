"""A sweep runs every combination, anywhere, with the same numbers; and it can be stopped."""

from __future__ import annotations

import math
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from distributed import Client, LocalCluster

from mtelab.contention import MEASURES, PARAMETERS, Costs, Sweep, contend, estimate, lock_array, sweep, sweeps
from mtelab.sync import PROTOCOLS as HISTORY
from mtelab.sync import PG_mte_lock, PG_mte_tagged, mte_clear_page_tags, set_bit, spin_lock, spin_unlock
from mtelab.sync import test_and_set_bit as take_flag

PROTOCOLS = ("clear-first", "big-lock", "lock-array", "page-lock")
SMALL = {"guests": 2, "vcpus": (1, 3), "pages": 30, "seed": range(3)}


def assert_equal(one: Sweep, other: Sweep) -> None:
    assert one.columns.keys() == other.columns.keys()
    for name, column in one.columns.items():
        np.testing.assert_array_equal(column, other[name], err_msg=name)


def test_each_run_is_what_contend_says() -> None:
    found = sweep(PROTOCOLS, **SMALL)
    assert len(found) == len(PROTOCOLS) * 2 * 3
    assert found.complete
    for row in found.rows():
        alone = contend(row["protocol"], guests=2, vcpus=row["vcpus"], pages=30, seed=row["seed"])
        for name in (*PARAMETERS, *MEASURES):
            assert row[name] == getattr(alone, name), name


def test_every_combination_in_the_order_of_the_arguments() -> None:
    found = sweep(
        "big-lock",
        ("start-up", "resume"),
        guests=(1, 2),
        pages=8,
        vcpus=2,
        cores=(None, 1),
        mmu_lock=("exclusive", "shared"),
        costs=(Costs(), Costs(guest_work=0)),
        fair=(True, False),
        frames=("scattered", "contiguous"),
        seed=(5, 7),
    )
    assert len(found) == 2**8
    assert found["seed"].tolist()[:4] == [5, 7, 5, 7]
    assert found["frames"].tolist()[:4] == ["scattered"] * 2 + ["contiguous"] * 2
    assert found["workload"].tolist() == ["start-up"] * 128 + ["resume"] * 128
    assert set(found["cores"].tolist()) == {1, 2, 4}
    assert [found.costs[number].guest_work for number in sorted(set(found["costs"].tolist()))] == [1000, 0]


def of_the_learner(cpu, page):
    """A lock for each page, made of a flag; and one lock too many."""
    if not (yield take_flag(PG_mte_lock, page)):
        yield spin_lock("mine")
        yield mte_clear_page_tags(page)
        yield set_bit(PG_mte_tagged, page)
        yield spin_unlock("mine")


@pytest.fixture(scope="module")
def in_process() -> Sweep:
    return sweep({"theirs": lambda cpu, page: of_the_learner(cpu, page), "B": "big-lock"}, cores=(None, 2), **SMALL)


def elsewhere(executor) -> Sweep:
    # A lambda cannot be sent anywhere: only what it does is.
    protocols = {"theirs": lambda cpu, page: of_the_learner(cpu, page), "B": "big-lock"}
    return sweep(protocols, cores=(None, 2), executor=executor, **SMALL)


def test_the_same_numbers_in_threads(in_process: Sweep) -> None:
    with ThreadPoolExecutor(2) as executor:
        assert_equal(elsewhere(executor), in_process)


def test_the_same_numbers_in_a_pool_of_processes(in_process: Sweep) -> None:
    with ProcessPoolExecutor(2) as executor:
        assert_equal(elsewhere(executor), in_process)


def test_the_same_numbers_on_a_dask_cluster(in_process: Sweep, tmp_path) -> None:
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=False,
            dashboard_address=None,
            local_directory=str(tmp_path),
        ) as cluster,
        Client(cluster) as client,
    ):
        assert_equal(elsewhere(client.get_executor()), in_process)


def test_chunks_make_no_difference(in_process: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "CHUNK", 1)
    assert_equal(elsewhere(None), in_process)


class Counting(ThreadPoolExecutor):
    """Counts what it is given."""

    given = 0

    def submit(self, *what, **more):
        self.given += 1
        return super().submit(*what, **more)


def test_every_core_has_a_share(in_process: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps.os, "cpu_count", lambda: 4)
    with Counting(1) as executor:
        assert_equal(elsewhere(executor), in_process)
    assert executor.given >= 4


@pytest.mark.parametrize(
    "protocol", [lock_array(7), lock_array(7, "pointer"), HISTORY["lock-array"]], ids=["pfn", "pointer", "historical"]
)
def test_pages_that_share_a_lock_are_alike(protocol) -> None:
    def one_by_one(cpu, page):
        yield from protocol(cpu, page)

    known, found = (
        sweep({"array": function}, ("start-up", "resume"), vcpus=6, pages=80, mmu_lock="exclusive", seed=range(2))
        for function in (protocol, one_by_one)
    )
    assert known["collisions"].any()
    assert_equal(known, found)


def test_progress_ends_with_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "CHUNK", 1)
    seen: list[tuple[int, int]] = []
    found = sweep(PROTOCOLS, progress=lambda done, wanted: seen.append((done, wanted)), **SMALL)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})
    assert seen[-1] == (len(found), len(found))
    assert len(seen) > 2


@pytest.mark.parametrize("where", ["here", "in threads"])
def test_a_cancelled_sweep_keeps_what_it_has(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "CHUNK", 1)
    done: list[int] = []
    with ThreadPoolExecutor(1) as pool:
        found = sweep(
            PROTOCOLS,
            executor=None if where == "here" else pool,
            progress=lambda number, _: done.append(number),
            cancel=lambda: bool(done),
            **SMALL,
        )
    whole = sweep(PROTOCOLS, **SMALL)
    assert not found.complete
    assert 0 < len(found) < len(whole) == found.wanted
    rows = list(whole.rows())
    assert all(row in rows for row in found.rows())


def test_an_interrupt_keeps_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "CHUNK", 1)

    def interrupt(done: int, _wanted: int) -> None:
        raise KeyboardInterrupt

    found = sweep(PROTOCOLS, progress=interrupt, **SMALL)
    assert 0 < len(found) < found.wanted


def test_cancelled_before_anything_was_done() -> None:
    with ThreadPoolExecutor(1) as pool:
        found = sweep("big-lock", executor=pool, cancel=lambda: True, **SMALL)
    assert len(found) == 0
    assert found.estimates("throughput") == {}


def test_nothing_is_run_if_anything_is_wrong() -> None:
    started: list[int] = []
    with pytest.raises(ValueError, match=r"^vcpus: 0"):
        sweep("big-lock", vcpus=(1, 0), progress=lambda done, _: started.append(done))
    assert started == []


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"seed": ()}, "seed"),
        ({"vcpus": ()}, "vcpus"),
        ({"protocol": ()}, "protocol"),
        ({"seed": (1, -1)}, "seed"),
        ({"workload": ("start-up", "lunch")}, "workload"),
        ({"costs": (Costs(), 5)}, "costs"),
    ],
)
def test_bad_arguments_are_named(given, name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        sweep(**{"protocol": "big-lock", **given})


def test_runs_are_chosen_by_their_parameters() -> None:
    found = sweep(PROTOCOLS, **SMALL)
    chosen = found.where(protocol="big-lock", vcpus=3)
    assert len(chosen) == 3
    assert set(chosen["protocol"]) == {"big-lock"}
    assert chosen.complete


def test_estimates_have_error_bars() -> None:
    found = sweep(("big-lock", "page-lock"), **SMALL)
    estimates = found.estimates("throughput")
    assert list(estimates) == [(p, v) for p in ("big-lock", "page-lock") for v in (1, 3)]
    values = found.where(protocol="big-lock", vcpus=1)["throughput"]
    bar = estimates["big-lock", 1]
    assert bar.mean == pytest.approx(values.mean())
    half = 4.303 * values.std(ddof=1) / math.sqrt(3)  # Student's t with 2 degrees of freedom
    assert (bar.low, bar.high) == pytest.approx((bar.mean - half, bar.mean + half))
    assert bar.seeds == 3


def test_one_value_has_no_error_bar() -> None:
    assert estimate([4.0]) == (4.0, 4.0, 4.0, 1)


def test_what_looks_the_same_is_run_once_and_answered_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    monkeypatch.setattr(sweeps, "run_jobs", lambda jobs, run=sweeps.run_jobs: sizes.append(len(jobs)) or run(jobs))
    found = sweep(("clear-first", "no-shared", "merged-5.14", lock_array(1)), guests=2, vcpus=2, pages=8, seed=3)
    assert sum(sizes) == 2
    assert len(found) == 4
    assert len(set(found["time_to_start"].tolist())) == 2
