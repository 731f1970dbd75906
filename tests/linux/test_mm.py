"""mmap, munmap, mprotect, madvise: VMAs and errnos."""

from __future__ import annotations

import pytest

from mtelab.linux import Errno, File, Signal
from mtelab.linux.vma import VM_MTE


def spans(mm):
    return [(vma.start, vma.end) for vma in mm.vmas]


def refused(name, call, *arguments, **options):
    with pytest.raises(Errno) as error:
        call(*arguments, **options)
    assert error.value.name == name


def test_a_vma_splits_and_merges_again(mm):
    start = mm.mmap(8, "rw", shared=False)
    mm.mprotect(start + 2, 3, "r")
    assert spans(mm) == [(start, start + 2), (start + 2, start + 5), (start + 5, start + 8)]
    mm.mprotect(start + 2, 3, "rw")
    assert spans(mm) == [(start, start + 8)]


def test_a_hole_and_what_fills_it(mm):
    start = mm.mmap(8, "rw", shared=False)
    mm.munmap(start + 3, 2)
    assert spans(mm) == [(start, start + 3), (start + 5, start + 8)]
    mm.mmap(2, "rw", shared=False, at=start + 3)
    assert spans(mm) == [(start, start + 8)]
    mm.mmap(2, "rw", shared=True, at=start + 3)
    assert len(mm.vmas) == 3


def test_a_file_split_in_two_shows_the_same_pages(process, mm):
    file = File("f", 4)
    start = mm.mmap(4, "rw", shared=True, file=file)
    process.store(start + 3, 9)
    mm.munmap(start + 1, 1)
    assert process.load(start + 3) == 9
    assert mm.vmas.find(start + 3).index(start + 3) == 3


def test_mprotect_changes_what_comes_before_a_hole(process, mm):
    start = mm.mmap(4, "rw", shared=False)
    mm.munmap(start + 1, 1)
    refused("ENOMEM", mm.mprotect, start, 4, "r")
    with pytest.raises(Signal, match="SEGV_ACCERR"):
        process.store(start, 1)
    process.store(start + 2, 1)


def test_mprotect_adds_prot_mte_but_never_takes_it(mm):
    start = mm.mmap(1, "rw", shared=False)
    mm.mprotect(start, 1, "rwm")
    mm.mprotect(start, 1, "r")
    assert mm.vmas.find(start).flags & VM_MTE


def test_dontneed_goes_past_a_hole(process, mm):
    start = mm.mmap(3, "rw", shared=False)
    for page in range(3):
        process.store(start + page, 7)
    mm.munmap(start + 1, 1)
    refused("ENOMEM", mm.madvise_dontneed, start, 3)
    assert [process.load(start), process.load(start + 2)] == [0, 0]


def test_lengths_of_zero(mm):
    start = mm.mmap(1, "rw", shared=False)
    refused("EINVAL", mm.mmap, 0, "rw", shared=False)
    refused("EINVAL", mm.munmap, start, 0)
    mm.mprotect(start, 0, "r")
    mm.madvise_dontneed(start, 0)


def test_exit_gives_everything_back(machine, process, mm):
    before = machine.memory.available
    start = mm.mmap(4, "rw", shared=False)
    process.store(start, 1)
    child = process.fork()
    child.store(start, 2)
    child.mm.exit()
    mm.exit()
    assert machine.memory.available == before
    assert machine.mms == []
