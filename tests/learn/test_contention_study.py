"""The contention study: what it keeps, where it says it hurts, and its bounds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from mtelab.contention import Costs, contend, sweep
from mtelab.learn.contention_study import ARRAY, FIRST_SEEDS, LOCKS, ContentionStudy, Settings
from mtelab.learn.lock_limits import measured, only_the_lock
from mtelab.sync import PG_mte_tagged, mte_clear_page_tags, set_bit, test_bit
from mtelab.sync.steps import Cpu, Page, Protocol

SMALL = Settings(guests=2, pages=64)


def study(*names: str, **changes: object) -> ContentionStudy:
    return ContentionStudy(names, settings=dataclasses.replace(SMALL, **changes), seeds=4)


def test_its_numbers_are_those_of_a_sweep() -> None:
    one = study("big-lock", "page-lock")
    one.run()
    found = sweep(["big-lock", "page-lock"], guests=2, vcpus=[1, 8], pages=64, mmu_lock="shared", seed=range(4))
    for measure in ("throughput", "wait_mean", "wait_p99", "time_to_start", "utilisation"):
        wanted = found.estimates(measure)
        for name in one.chosen:
            points = {point.settings.vcpus: point for point in one.points(name)}
            for vcpus in (1, 8):
                assert points[vcpus].values[measure] == wanted[name, vcpus]


def test_the_first_seeds_of_all_protocols_come_first() -> None:
    one = study("big-lock", "page-lock")
    seen = []
    for done, wanted in one.pieces():
        seen.append(done)
        if done == FIRST_SEEDS * wanted // 4:
            assert {point.seeds for name in one.chosen for point in one.points(name)} == {FIRST_SEEDS}
            break
    assert seen == sorted(seen)


def test_what_was_run_is_not_run_again() -> None:
    one = study("big-lock")
    one.run()
    assert one.done() == one.wanted()
    before = one.points("big-lock")
    one.settings = dataclasses.replace(one.settings, guests=4)
    assert one.points("big-lock") == []
    one.settings = dataclasses.replace(one.settings, guests=2, vcpus=3)  # the last only says where to look
    assert list(one.pieces()) == []
    assert one.points("big-lock") == before


def test_protocols_that_the_number_of_locks_does_not_touch_are_run_once() -> None:
    one = ContentionStudy(["big-lock", ARRAY], settings=dataclasses.replace(SMALL, vcpus=4), grows="locks", seeds=2)
    assert one.wanted() == (1 + len(LOCKS)) * 2
    one.run()
    assert len({point.values["wait_mean"] for point in one.points("big-lock")}) == 1
    waits = [point.values["wait_mean"].mean for point in one.points(ARRAY)]
    assert waits == sorted(waits, reverse=True)
    assert waits[0] == pytest.approx(one.points("big-lock")[0].values["wait_mean"].mean)


def test_it_hurts_where_the_loss_is_exceeded() -> None:
    one = study("big-lock", "page-lock", pages=256)
    one.run()
    hurts = one.hurts_from("big-lock")
    assert hurts is not None
    lost = {point.x: point.values["lost"].mean for point in one.points("big-lock")}
    assert max(x for x in lost if lost[x] < one.loss) <= hurts.high
    assert min(x for x in lost if lost[x] > one.loss) >= hurts.low
    assert one.hurts_from("page-lock") is None
    one.loss = 0.5
    later = one.hurts_from("big-lock")
    assert later is not None
    assert later.low > hurts.high


def test_the_smallest_array_that_is_enough() -> None:
    one = ContentionStudy([ARRAY], settings=Settings(guests=1, vcpus=16, pages=256), grows="locks", seeds=4)
    one.run()
    enough = one.enough_locks()
    assert enough is not None
    for point in one.points(ARRAY):
        assert (point.values["lost"].mean <= one.loss) == (point.x >= enough.x)
    one.grows = "vcpus"
    assert one.enough_locks() is None


def test_no_array_is_enough_while_runs_are_missing() -> None:
    one = ContentionStudy([ARRAY], settings=Settings(guests=1, vcpus=2, pages=64), grows="locks", seeds=8)
    said = [one.enough_locks()]
    for done, wanted in one.pieces():
        if done < wanted:
            said.append(one.enough_locks())
    assert len(said) > 1
    assert said == [None] * len(said)
    assert one.enough_locks() is not None


def test_places_keep_to_the_most_vcpus_and_to_a_fault_for_each() -> None:
    assert study("big-lock", guests=16).places() == (1, 2, 3, 4)
    assert study("big-lock", guests=1, pages=4).places() == (1, 2, 3, 4)
    one = study("big-lock", guests=16, vcpus=8)
    assert one.place() == 4
    assert one.x(4) == 64
    one.grows = "guests"
    assert one.places()[-1] == 8
    one.grows = "locks"
    assert one.at(64).vcpus == 4


@pytest.mark.parametrize(
    ("protocol", "mmu_lock", "locks", "lock", "hold"),
    [
        ("big-lock", "shared", None, "tag_sync_lock", 336 + 60),
        ("page-lock", "shared", None, "", 0),
        ("per-mm-lock", "shared", None, "mm_lock", (336 + 60) / 4),
        ("lock-array", "shared", 64, "tag_locks", (336 + 60) / 64),
        ("lock-array", "shared", 8, "tag_locks", (336 + 60) / 8),
    ],
)
def test_limits_of_four_guests(protocol: str, mmu_lock: str, locks: int | None, lock: str, hold: float) -> None:
    found = measured(_named(protocol), mmu_lock=mmu_lock)
    assert found is not None
    limits = found.at(4, locks)
    assert limits.lock == lock
    assert limits.hold == pytest.approx(hold)
    alone = contend(protocol, guests=1, vcpus=1, pages=64, mmu_lock=mmu_lock, costs=Costs(guest_variation="constant"))
    assert limits.cycle == pytest.approx(alone.time_to_start / 64)


def _named(name: str) -> object:
    from mtelab.sync import PROTOCOLS

    return PROTOCOLS[name]


def test_no_run_is_better_than_its_bounds() -> None:
    one = study("big-lock", "per-mm-lock", "page-lock", pages=256, guests=2, mmu_lock="exclusive")
    one.settings = dataclasses.replace(one.settings, costs=Costs(handover=0, guest_variation="constant"))
    one.run()
    for name in one.chosen:
        for place, point in zip(one.places(), one.points(name), strict=True):
            limits = one.limits(name, place)
            assert limits is not None
            vcpus = point.settings.guests * point.settings.vcpus
            assert point.values["throughput"].mean <= limits.throughput(vcpus) * 1.0001
            assert point.values["time_to_start"].mean >= limits.time_to_start(vcpus, 2 * 256) * 0.9999


def test_migration_has_no_bounds_of_one_kind_of_thread() -> None:
    assert study("big-lock", workload="migration").limits("big-lock", 1) is None


def test_only_the_lock_takes_the_time_that_was_asked_for() -> None:
    costs = only_the_lock(2400, 400, guest_variation="constant", hold_variation="constant")
    run = contend("big-lock", guests=1, vcpus=1, pages=50, mmu_lock="shared", costs=costs)
    assert run.time_to_start == 50 * 2400
    with pytest.raises(ValueError, match="hold: 500, cycle: 400"):
        only_the_lock(400, 500)


def test_a_learners_protocol_is_a_series_too_and_one_that_cannot_run_is_refused() -> None:
    def mine(cpu: Cpu, page: Page) -> Protocol:
        if not (yield test_bit(PG_mte_tagged, page)):
            yield mte_clear_page_tags(page)
            yield set_bit(PG_mte_tagged, page)

    def endless(cpu: Cpu, page: Page) -> Iterator[object]:
        while True:
            yield test_bit(PG_mte_tagged, page)

    one = ContentionStudy({"mine": mine, "big-lock": "big-lock"}, settings=SMALL, seeds=1)
    one.run()
    assert one.points("mine")[-1].values["wait_mean"].mean == 0
    with pytest.raises(ValueError, match="protocol: endless"):
        one.add("endless", endless)
    with pytest.raises(ValueError, match="protocol: 'big'"):
        one.add("big", "big")


@pytest.mark.parametrize(("wrong", "said"), [({"grows": "pages"}, "grows: 'pages'"), ({"loss": 2}, "loss: 2")])
def test_bad_arguments_are_named(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ContentionStudy(["big-lock"], **wrong)
