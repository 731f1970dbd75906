"""Protocols of a learner's that cannot be run are refused with a text that says why; the others are run as written."""

from __future__ import annotations

import re

import pytest

from mtelab.contention import HASHES, Costs, contend, lock_array
from mtelab.contention.runner import ProtocolRunner
from mtelab.contention.workloads import WORKLOADS
from mtelab.sync import (
    PG_mte_lock,
    PG_mte_tagged,
    clear_bit,
    load_tag,
    mte_clear_page_tags,
    refuse,
    set_bit,
    smp_load_acquire,
    smp_store_release,
    spin_lock,
    spin_unlock,
    wait_for_bit,
)
from mtelab.sync import test_and_set_bit as take_flag
from mtelab.sync import test_bit as read_flag
from mtelab.sync.situations import PRIVATE
from mtelab.sync.steps import Cpu, Page, Step

SMALL = {"guests": 2, "vcpus": 2, "pages": 8}


def endless(cpu, page):
    yield read_flag(PG_mte_tagged, page)
    while True:
        pass


def endless_steps(cpu, page):
    while not (yield read_flag(PG_mte_tagged, page)):
        pass


def waits_for_nobody(cpu, page):
    yield wait_for_bit(PG_mte_tagged, page)


def takes_twice(cpu, page):
    yield spin_lock("mine")
    yield spin_lock("mine")


def keeps(cpu, page):
    yield spin_lock("mine")


def gives_what_it_has_not(cpu, page):
    yield spin_unlock("mine")


def refuses(cpu, page):
    yield refuse("EFAULT")


def fails(cpu, page):
    yield read_flag(PG_mte_tagged, page)
    raise ZeroDivisionError("oh")


def yields_a_word(cpu, page):
    yield "spin_lock"


def yields_no_step(cpu, page):
    yield Step("wish", (page,))


def no_generator(cpu, page):
    return 5


def takes_nothing():
    yield


def another_page(cpu, page):
    yield mte_clear_page_tags(Page(page.pfn + 1))


@pytest.mark.parametrize(
    ("protocol", "says"),
    [
        (endless, "runs on and on"),
        (endless_steps, "without an end"),
        (waits_for_nobody, "deadlocks: waits for PG_mte_tagged"),
        (takes_twice, "deadlocks: takes lock 'mine'"),
        (keeps, "deadlocks: ends with lock 'mine' held"),
        (gives_what_it_has_not, "gives back lock 'mine'"),
        (refuses, "refuses private memory with EFAULT"),
        (fails, "raises ZeroDivisionError: oh"),
        (yields_a_word, "yields 'spin_lock'"),
        (yields_no_step, "yields wish"),
        (no_generator, "returned 5"),
        (takes_nothing, "raises TypeError"),
        (another_page, "of another page"),
    ],
)
def test_what_cannot_be_run_is_refused_by_name(protocol, says: str) -> None:
    with pytest.raises(ValueError, match=f"^protocol: {protocol.__name__}, as fault, .*{re.escape(says)}"):
        contend(protocol, **SMALL)


def crossed(cpu, page):
    """Two locks, in an order that depends on the CPU."""
    first, second = ("a", "b") if cpu.id % 2 else ("b", "a")
    yield spin_lock(first)
    yield mte_clear_page_tags(page)
    yield spin_lock(second)
    yield spin_unlock(second)
    yield spin_unlock(first)


def test_cpus_that_wait_for_each_other() -> None:
    with pytest.raises(ValueError, match=r"^protocol: crossed deadlocks"):
        contend(crossed, costs=Costs(guest_variation="constant"), **SMALL)
    assert contend(crossed, guests=1, vcpus=1, pages=8).acquisitions == 16


def test_a_lock_that_is_called_as_the_guests_own_is_that_lock() -> None:
    def protocol(cpu, page):
        yield spin_lock(("mmu_lock", cpu.vm))
        yield spin_unlock(("mmu_lock", cpu.vm))

    with pytest.raises(ValueError, match="deadlocks"):
        contend(protocol, mmu_lock="exclusive", **SMALL)
    assert contend(protocol, **SMALL).locks["mmu_lock"].size == 2


def test_every_step_has_its_cost() -> None:
    def protocol(cpu, page):
        assert (yield smp_load_acquire(PG_mte_lock, page)) is False
        yield smp_store_release(PG_mte_lock, page, True)
        assert (yield take_flag(PG_mte_lock, page)) is True
        yield clear_bit(PG_mte_lock, page)
        assert (yield take_flag(PG_mte_lock, page)) is False
        assert (yield load_tag(page, 0)) == 0
        yield set_bit(PG_mte_tagged, page)
        yield wait_for_bit(PG_mte_tagged, page)
        assert (yield read_flag(PG_mte_tagged, page)) is True

    costs = Costs()
    empty, full = (contend(p, guests=1, vcpus=1, pages=1) for p in (lambda cpu, page: iter_nothing(), protocol))
    steps = (
        "smp_load_acquire", "smp_store_release", "test_and_set_bit", "clear_bit", "test_and_set_bit", "load_tag",
        "set_bit", "wait_for_bit", "test_bit",
    )  # fmt: skip
    assert full.time_to_start - empty.time_to_start == sum(getattr(costs, step) for step in steps)


def iter_nothing():
    yield from ()


def test_a_protocol_is_run_once_for_all_that_it_cannot_tell_apart() -> None:
    seen: list[tuple[int, ...]] = []

    def by_guest_and_page(cpu, page):
        seen.append((cpu.vm, page.pfn))
        yield spin_lock((cpu.vm, page.pfn % 2))
        yield spin_unlock((cpu.vm, page.pfn % 2))

    def blind(cpu, page):
        seen.append(())
        yield spin_lock("mine")
        yield spin_unlock("mine")

    assert contend(blind, guests=4, vcpus=4, pages=64).acquisitions == 256
    assert len(seen) == 1
    seen.clear()
    run = contend(by_guest_and_page, guests=2, vcpus=2, pages=16)
    assert len(seen) <= len(set(seen)) + 1  # the first run shows what the protocol looks at
    assert sum(use.size for use in run.locks.values()) == 4


def test_the_role_is_known_to_the_protocol() -> None:
    roles = {}
    for name, workload in WORKLOADS.items():
        seen = roles[name] = set()

        def protocol(cpu, page, seen=seen):
            seen.add(cpu.role)
            yield read_flag(PG_mte_tagged, page)

        contend(protocol, name, **SMALL)
        assert workload.summary
    assert roles == {
        "start-up": {"fault"},
        "resume": {"swap_in", "fault"},
        "migration": {"fault", "ioctl"},
        "steady-state": {"fault"},
    }


def test_flags_last_from_one_role_to_the_next() -> None:
    found = []

    def protocol(cpu, page):
        found.append((cpu.role, (yield read_flag(PG_mte_tagged, page))))
        yield set_bit(PG_mte_tagged, page)

    contend(protocol, "resume", **SMALL)
    assert found == [("swap_in", False), ("fault", True)]


# ---- arrays of locks


@pytest.mark.parametrize("hash", HASHES)
@pytest.mark.parametrize("size", [1, 3, 64, 1000])
def test_an_array_uses_all_its_locks_about_evenly(hash: str, size: int) -> None:
    number = HASHES[hash]
    counts = [0] * size
    for pfn in range(64 * size):
        counts[number(Page(pfn), size)] += 1
    assert min(counts) >= 32
    assert max(counts) <= 128


def test_an_array_of_one_lock_is_the_big_lock() -> None:
    given = {"guests": 4, "vcpus": 2, "pages": 32, "mmu_lock": "shared"}
    assert contend(lock_array(1), **given).time_to_start == contend("big-lock", **given).time_to_start
    assert contend(lock_array(64), **given).time_to_start == contend("lock-array", **given).time_to_start


def test_a_larger_array_has_fewer_collisions() -> None:
    collisions = [contend(lock_array(2**n), guests=8, vcpus=4, pages=64).collisions for n in range(0, 9, 2)]
    assert collisions == sorted(collisions, reverse=True)
    assert collisions[0] > 20 * collisions[-1]


def test_a_hash_of_ones_own() -> None:
    run = contend(lock_array(16, hash=lambda page, size: page.pfn // 4 % size), **SMALL)
    assert run.locks["tag_locks"].size == 4


def test_arrays_that_are_alike_are_equal() -> None:
    assert lock_array(8) == lock_array(8, "pfn")
    assert lock_array(8) != lock_array(8, "pointer")
    assert lock_array(8, "pointer").__name__ == "8 locks by pointer"


@pytest.mark.parametrize(
    ("size", "hash", "name"), [(0, "pfn", "size"), (2.5, "pfn", "size"), (4, "crc", "hash"), (4, 7, "hash")]
)
def test_arrays_that_cannot_be(size, hash, name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        lock_array(size, hash)


def test_what_a_runner_has_seen() -> None:
    runner = ProtocolRunner("mine", lock_array(4), Costs())
    runner.chain(Cpu(0, 0, 0, "fault", PRIVATE), Page(1), ("fault",))
    assert runner.looked_at == {"pfn"}
