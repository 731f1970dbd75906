"""Faulting in many pages at once leaves the same state, page for page, as one after another."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtelab.kvm import RELEASES, MmioExit, fault_in
from mtelab.linux import Errno

from .conftest import GFN, make

PAGES = 1500


def prepared(kernel, mte, prot, log, touched, shared, hole):
    """A guest some of whose pages were used before, so that frames are scattered and some are in use."""
    host = make(kernel, PAGES, mte=mte, prot=prot, log=log)
    for page, write in touched:
        if write:
            host.vcpu.store(GFN + page, 7)
            host.process.stg(host.start + page, 1, 5)
        else:
            host.vcpu.load(GFN + page)
    host.mm.madvise_dontneed(host.start, 300)
    if shared is not None and not (mte and kernel == "linux-6.1"):
        host.mm.mmap(2, "rw", shared=True, at=host.start + shared)
    if hole is not None:
        host.mm.munmap(host.start + hole, 1)
    return host


def outcome(call):
    try:
        call()
    except Errno as error:
        return error.name
    return "done"


def one_by_one(host):
    for page in range(PAGES):
        host.vcpu.translate(GFN + page, write=True)


PAGE = st.integers(0, PAGES - 3)


@settings(max_examples=40, deadline=None)
@given(
    kernel=st.sampled_from(sorted(RELEASES)),
    mte=st.booleans(),
    prot=st.sampled_from(["rw", "rwm"]),
    log=st.booleans(),
    touched=st.lists(st.tuples(PAGE, st.booleans()), max_size=20),
    shared=st.none() | PAGE,
    hole=st.none() | PAGE,
)
def test_bulk_is_one_by_one(**choices):
    bulk, single = prepared(**choices), prepared(**choices)
    assert outcome(lambda: fault_in(bulk.vm, GFN, PAGES)) == outcome(lambda: one_by_one(single))
    assert_same(bulk, single)


def assert_same(one, other):
    first, second = one.vm.machine.memory, other.vm.machine.memory
    for name in ("flags", "refcount", "mapcount", "data"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    assert first.available == second.available
    for table in ("mm.page_table", "vm.stage2.table"):
        start = one.start if table.startswith("mm") else GFN
        pages = [_table(host, table).items(start, start + PAGES) for host in (one, other)]
        assert list(pages[0]) == list(pages[1])
    for pfn in range(PAGES + 50):
        assert (first.read_tags(pfn) == second.read_tags(pfn)).all()
    assert first.alloc_page() == second.alloc_page()
    bitmaps = [host.vm.slots[0].dirty_bitmap for host in (one, other)]
    assert (bitmaps[0] is None) == (bitmaps[1] is None)
    if bitmaps[0] is not None:
        assert (bitmaps[0] == bitmaps[1]).all()


def _table(host, name):
    for part in name.split("."):
        host = getattr(host, part)
    return host


def test_where_no_slot_is_the_vmm_is_asked(host):
    with pytest.raises(MmioExit):
        fault_in(host.vm, GFN, 9)
    assert host.vm.stage2.table[GFN + 7]


def test_a_vm_without_a_vcpu_cannot_fault(host):
    host.vm.vcpu = None
    with pytest.raises(ValueError, match="no vCPU"):
        fault_in(host.vm, GFN, 1)


def test_memory_that_runs_out():
    host = make("linux-6.18", PAGES, frames=2048 + 1000)
    with pytest.raises(Errno, match="ENOMEM"):
        fault_in(host.vm, GFN, PAGES)
    assert host.vm.machine.memory.available == 0
