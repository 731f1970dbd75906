"""Faults of a program: the zero page, files, copy-on-write, fork; and the tags that go along."""

from __future__ import annotations

import pytest

from mtelab.linux import File, Signal
from mtelab.linux.mte import page_mte_tagged
from mtelab.linux.page import ZERO_PFN
from mtelab.linux.page_table import pfn_of


def signalled(name, call, *arguments):
    with pytest.raises(Signal) as signal:
        call(*arguments)
    assert signal.value.name == name


def frame(process, page):
    return pfn_of(process.mm.page_table[page])


def test_a_read_maps_the_zero_page_and_a_write_replaces_it(process, mm):
    start = mm.mmap(1, "rwm", shared=False)
    assert process.load(start) == 0
    assert frame(process, start) == ZERO_PFN
    assert process.ldg(start, 0) == 0
    process.store(start, 5)
    assert frame(process, start) != ZERO_PFN
    assert process.ldg(start, 255) == 0


def test_without_prot_mte_a_fresh_page_keeps_the_tags_it_came_with(machine, process, mm):
    start = mm.mmap(1, "rw", shared=False)
    process.store(start, 5)
    pfn = frame(process, start)
    assert machine.memory.read_tags(pfn).any()
    assert not page_mte_tagged(machine, pfn)
    assert process.ldg(start, 0) == 0
    process.stg(start, 0, 9)
    mm.mprotect(start, 1, "rwm")
    assert page_mte_tagged(machine, pfn)
    assert not machine.memory.read_tags(pfn).any()


def test_fork_shares_until_one_of_them_writes(machine, process, mm):
    start = mm.mmap(1, "rwm", shared=False)
    process.stg(start, 3, 9)
    child = process.fork()
    assert frame(child, start) == frame(process, start)
    child.store(start, 8)
    assert frame(child, start) != frame(process, start)
    assert child.ldg(start, 3) == process.ldg(start, 3) == 9
    before = frame(process, start)
    process.store(start, 7)
    assert frame(process, start) == before
    assert machine.memory.refcount[before] == 1


def test_a_shared_mapping_is_one_page_for_parent_and_child(process, mm):
    start = mm.mmap(1, "rwm", shared=True)
    child = process.fork()
    child.stg(start, 0, 4)
    assert process.ldg(start, 0) == 4
    mm.madvise_dontneed(start, 1)
    assert process.ldg(start, 0) == 4


def test_a_private_write_to_a_file_is_a_copy_with_the_files_tags(process, mm):
    file = File("f", 1)
    shared, private = (mm.mmap(1, "rwm", shared=kind, file=file) for kind in (True, False))
    process.stg(shared, 0, 6)
    process.store(private, 1, tag=6)
    process.stg(shared, 0, 2)
    assert process.ldg(private, 0) == 6
    assert process.load(shared, tag=2) == 0


def test_signals(process, mm):
    start = mm.mmap(3, "rwm", shared=True, file=File("f", 2))
    process.stg(start, 0, 6)
    signalled("SEGV_MTESERR", process.load, start, 5)
    signalled("SIGBUS", process.load, start + 2)
    signalled("SEGV_MAPERR", process.load, start + 3)
    mm.mprotect(start, 1, "r")
    signalled("SEGV_ACCERR", process.store, start, 1, 5)
    mm.mprotect(start, 1, "")
    signalled("SEGV_ACCERR", process.ldg, start, 0)
    mm.mprotect(start, 1, "w")
    assert process.load(start, 6) == 0
