"""Swap: tags are kept in 128 bytes, and come back before anybody can look."""

from __future__ import annotations

import pytest

from mtelab.linux import File
from mtelab.linux.page_table import LEAF, PRESENT, pfn_of


@pytest.fixture
def page(process, mm):
    start = mm.mmap(1, "rwm", shared=False)
    process.store(start, 7)
    process.stg(start, 3, 9)
    return start


def test_data_and_tags_come_back_from_swap(machine, process, mm, page):
    assert machine.swap.out(mm, page)
    (slot,) = machine.swap.slots.values()
    assert slot.tags.shape == (128,)
    assert slot.tags[1] == 9 << 4
    assert not mm.page_table[page] & PRESENT
    other = mm.mmap(1, "rw", shared=False)
    process.store(other, 1)  # takes the frame, and with it stale tags
    assert process.ldg(page, 3) == 9
    assert process.load(page) == 7
    assert machine.swap.slots == {}


def test_untagged_pages_need_no_room_for_tags(machine, process, mm):
    page = mm.mmap(1, "rw", shared=False)
    process.store(page, 7)
    machine.swap.out(mm, page)
    (slot,) = machine.swap.slots.values()
    assert slot.tags is None
    mm.mprotect(page, 1, "rwm")
    assert process.ldg(page, 3) == 0


def test_a_page_that_fork_shares_is_swapped_for_both(machine, process, mm, page):
    child = process.fork()
    pfn = pfn_of(mm.page_table[page])
    assert machine.swap.out(mm, page)
    assert machine.memory.refcount[pfn] == machine.memory.mapcount[pfn] == 0
    process.stg(page, 3, 1)
    assert child.ldg(page, 3) == 9
    assert machine.swap.slots == {}


def test_a_swapped_page_can_be_forked_and_dropped(machine, process, mm, page):
    machine.swap.out(mm, page)
    child = process.fork()
    mm.munmap(page, 1)
    assert child.load(page) == 7


def test_what_is_not_anonymous_stays(machine, process, mm):
    shared = mm.mmap(1, "rw", shared=True)
    process.store(shared, 1)
    read = mm.mmap(1, "rw", shared=False)
    process.load(read)
    assert not machine.swap.out(mm, shared)
    assert not machine.swap.out(mm, read)
    assert not machine.swap.out(mm, read + 1)
    huge = mm.mmap(LEAF, "rw", shared=False, file=File("h", LEAF, hugetlb=True))
    process.store(huge, 1)
    assert not machine.swap.out(mm, huge)
