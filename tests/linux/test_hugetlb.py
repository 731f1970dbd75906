"""Huge pages: the pool, reservations, and what a page carries from one owner to the next."""

from __future__ import annotations

import pytest

from mtelab.kvm import release
from mtelab.linux import AddressSpace, Errno, File, Machine, Process, Signal
from mtelab.linux.page_table import LEAF, pfn_of


def huge(mm, pages, file, shared, prot="rw"):
    return mm.mmap(pages * LEAF, prot, shared, file)


def test_mappings_reserve_what_they_may_need(machine, mm):
    file = File("h", 8 * LEAF, hugetlb=True)
    huge(mm, 2, file, shared=True)
    huge(mm, 2, file, shared=True)
    assert machine.pool.reserved == 2
    private = huge(mm, 2, file, shared=False)
    assert machine.pool.reserved == 4
    with pytest.raises(Errno, match="ENOMEM"):
        huge(mm, 1, file, shared=False)
    mm.munmap(private, 2 * LEAF)
    assert machine.pool.reserved == 2


def test_a_private_page_is_copied_when_fork_shares_it(machine, process, mm):
    start = huge(mm, 1, File("h", LEAF, hugetlb=True), shared=False)
    process.store(start + 5, 7)
    child = process.fork()
    child.store(start + 5, 8)
    assert process.load(start + 5) == 7
    assert len(machine.pool.free) == 2
    child.mm.munmap(start, LEAF)
    assert len(machine.pool.free) == 3


def test_the_owner_takes_the_page_from_its_child_when_the_pool_is_empty(machine, process, mm):
    start = huge(mm, 4, File("h", 4 * LEAF, hugetlb=True), shared=False)
    for page in range(4):
        process.store(start + page * LEAF, 7)
    child = process.fork()
    process.store(start, 8)
    assert process.load(start) == 8
    with pytest.raises(Signal, match="SIGBUS"):
        child.load(start)
    assert child.load(start + LEAF) == 7


def test_length_and_place(mm):
    file = File("h", 2 * LEAF, hugetlb=True)
    start = mm.mmap(5, "rw", shared=True, file=file)
    assert mm.vmas.find(start).end == start + LEAF
    for call in (
        lambda: mm.munmap(start, 5),
        lambda: mm.mprotect(start, 5, "r"),
        lambda: mm.madvise_dontneed(start + 1, 5),
    ):
        with pytest.raises(Errno, match="EINVAL"):
            call()
    mm.madvise_dontneed(start, 5)
    with pytest.raises(Errno, match="EINVAL: offset"):
        mm.mmap(LEAF, "rw", shared=True, file=file, pgoff=3)


@pytest.mark.parametrize(("kernel", "left"), [("linux-6.1", True), ("linux-6.12", True), ("linux-6.18", False)])
def test_a_page_in_the_pool_keeps_its_flag_until_6_12_and_its_tags_always(kernel, left):
    machine = Machine(release(kernel).memory, frames=8192, hugepages=1)
    process = Process(AddressSpace(machine))
    start = huge(process.mm, 1, File("h", LEAF, hugetlb=True), shared=False)
    process.store(start, 1)
    pfn = pfn_of(process.mm.page_table[start])
    machine.memory.store_tag(pfn, 0, 9)
    machine.memory.flags[pfn] |= 1
    process.mm.munmap(start, LEAF)
    assert machine.pool.free == [pfn]
    assert machine.memory.load_tag(pfn, 0) == 9
    assert bool(machine.memory.flags[pfn] & 1) is left


def test_prot_mte_clears_a_whole_huge_page():
    machine = Machine(release("linux-6.18").memory, frames=8192, hugepages=1)
    process = Process(AddressSpace(machine))
    start = huge(process.mm, 1, File("h", LEAF, hugetlb=True), shared=False, prot="rwm")
    assert process.ldg(start + 3, 0) == 0
    first = pfn_of(process.mm.page_table[start])
    assert not any(machine.memory.read_tags(first + page).any() for page in range(LEAF))
