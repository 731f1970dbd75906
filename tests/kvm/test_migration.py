"""A migration with the tags beside the data loses none, whatever the guest does; the other orders cost or lose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtelab.kvm import RELEASES
from mtelab.kvm.migration import SLOT, Host, Migration, WireError
from mtelab.kvm.precopy import FEW_PAGES, MOST_ROUNDS, TAG_POLICIES, PreCopy
from mtelab.linux import Errno
from mtelab.recordings import Record, folder, read
from mtelab.tags import PAGE_SIZE, TAGS_PER_PAGE

RECORDS = list(read(folder("kernel") / "migration.jsonl"))
KERNELS = tuple(RELEASES)


def recorded(name: str) -> list[Record]:
    return [record for record in RECORDS if record.text("id").startswith(name)]


@settings(deadline=None, max_examples=40)
@given(
    kernel=st.sampled_from(KERNELS),
    pages=st.integers(4, 24),
    rate=st.floats(0, 3),
    seed=st.integers(0, 999),
    tags=st.sampled_from(("with the data", "at the end")),
)
def test_no_tag_is_lost(kernel: str, pages: int, rate: float, seed: int, tags: str) -> None:
    migration = Migration(pages, kernel=kernel, rate=rate, hot=2, seed=seed)
    precopy = PreCopy(migration, tags)
    precopy.run()
    assert not migration.lost()
    assert precopy.done
    assert len(precopy.rounds) <= MOST_ROUNDS + 1
    assert sum(one.data_bytes + one.tag_bytes for one in precopy.rounds) == migration.data_bytes + migration.tag_bytes
    for gfn in migration.pages:
        for granule in (0, 17, 255):
            there = migration.destination.vcpu.ldg(gfn, granule)
            assert there == migration.source.vcpu.ldg(gfn, granule)


def test_tags_sent_once_are_lost_and_data_are_not() -> None:
    migration = Migration(rate=1, seed=3)
    PreCopy(migration, "once at the start").run()
    lost = migration.lost()
    assert lost.tags
    assert not lost.data
    assert str(lost).startswith(f"{sum(lost.tags.values())} tags lost")


def test_the_checker_sees_one_wrong_tag_and_one_wrong_byte() -> None:
    migration = Migration(8, rate=0, seed=1)
    PreCopy(migration).run()
    tags = migration.destination.read_tags(5)
    tags[200] ^= 1
    migration.destination.write_tags(5, tags)
    migration.destination.write_data(2, migration.source.read_data(2) ^ 1)
    assert migration.lost().tags == {5: 1}
    assert migration.lost().data == (2,)


def test_a_quiet_guest_needs_two_rounds_and_a_pause_without_bytes() -> None:
    migration = Migration(8, rate=0)
    precopy = PreCopy(migration)
    precopy.run()
    assert [one.pages for one in precopy.rounds] == [8, 0]
    assert migration.paused_bytes == 0
    assert (migration.data_bytes, migration.tag_bytes) == (8 * PAGE_SIZE, 8 * TAGS_PER_PAGE)


def test_a_guest_that_never_rests_is_stopped() -> None:
    precopy = PreCopy(Migration(rate=4, seed=3))
    precopy.run()
    assert len(precopy.rounds) == MOST_ROUNDS + 1
    assert precopy.rounds[-1].pages > FEW_PAGES
    assert not precopy.migration.lost()


def test_stopped_before_the_first_round_everything_is_sent_while_paused() -> None:
    for tags in TAG_POLICIES:
        precopy = PreCopy(Migration(8, rate=2, seed=1), tags)
        precopy.stop()
        assert not precopy.migration.lost()
        assert precopy.migration.paused_bytes == 8 * (PAGE_SIZE + TAGS_PER_PAGE)


def test_after_the_end_nothing_more_is_sent() -> None:
    precopy = PreCopy(Migration(8))
    precopy.run()
    before = list(precopy.rounds)
    precopy.round()
    precopy.stop()
    precopy.run()
    assert precopy.rounds == before


def test_a_stopped_guest_writes_no_more() -> None:
    migration = Migration(8, rate=4, seed=2)
    migration.start_logging()
    migration.stop_guest()
    assert migration.dirty_log()
    migration.stop_guest()
    migration.send_data(migration.pages)
    assert migration.dirty_log() == []


def test_sending_without_end_is_stopped() -> None:
    migration = Migration(8, rate=0)
    with pytest.raises(WireError, match="bytes sent for a guest of 8 pages"):
        migration.send_data([0] * 8000)


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError, match="tags: 'never', expected one of with the data"):
        PreCopy(Migration(8), "never")


@pytest.mark.parametrize("record", recorded("E12b"), ids=lambda record: record.text("release"))
def test_the_dirty_log_is_the_recorded_one(record: Record) -> None:
    """Record E12b: sixteen pages, written before; what each step leaves in the log."""
    host = Host(record.text("release"), 16, seed=0)
    host.log_dirty_pages(True)
    calls = record.get("calls")

    def log() -> str:
        bitmap = host.vm.slots[SLOT].dirty_bitmap
        assert bitmap is not None
        bits = sum(1 << int(page) for page in np.flatnonzero(bitmap))
        bitmap[:] = False
        host.vm.stage2.write_protect(0, 16)
        return f"{bits:#x}"

    def write_tags(page: int) -> object:
        try:
            return host.write_tags(page, np.full(TAGS_PER_PAGE, 4, np.uint8))
        except Errno as error:
            return error.name

    for gfn in range(16):
        host.vcpu.store(gfn, 1)
    assert log() == record.text("data.dirty_initial")
    assert write_tags(3) == calls[1].get("errno", calls[1]["ret"])
    assert log() == record.text("data.dirty_after_TO_GUEST_page3")
    host.read_tags(5)
    assert log() == record.text("data.dirty_after_FROM_GUEST_page5")
    host.vcpu.stg(7, 0, 5)
    assert log() == record.text("data.dirty_after_guest_STG_page7")
    host.vcpu.ldg(9, 0)
    assert log() == record.text("data.dirty_after_guest_LDG_page9")
    host.vcpu.store(10, 5)
    assert log() == record.text("data.dirty_after_guest_STR_page10")
    host.write_data(11, 7)
    assert log() == record.text("data.dirty_after_VMM_store_page11")
    host.vcpu.stg(7, 0, 6)
    assert log() == record.text("data.dirty_after_second_guest_STG_page7")
    assert write_tags(7) == calls[-1].get("errno", calls[-1]["ret"])
    assert log() == record.text("data.dirty_after_TO_GUEST_page7")
