"""Slots: which call makes, moves, changes or deletes, and what each refuses."""

from __future__ import annotations

import pytest

from mtelab.kvm import kvm_get_dirty_log, kvm_set_memory_region
from mtelab.linux import Errno

from .conftest import GFN, make


def refused(name, *arguments, **options):
    with pytest.raises(Errno) as error:
        kvm_set_memory_region(*arguments, **options)
    assert error.value.name == name


def test_a_slot_cannot_overlap_or_change_its_memory(host):
    vm, start = host.vm, host.start
    refused("EEXIST", vm, 1, GFN + 7, 2, start)
    refused("EINVAL", vm, 0, GFN, 8, start + 1)
    refused("EINVAL", vm, 0, GFN, 7, start)
    refused("EINVAL", vm, 0, GFN, 8, start, readonly=True)
    refused("EINVAL", vm, 1, 0, 0, 0)
    refused("EINVAL", vm, 32767, GFN + 8, 1, start)
    refused("EFAULT", vm, 1, (1 << 28) - 1, 2, start)
    assert list(vm.slots) == [0]


def test_a_slot_moves_with_its_dirty_log(host):
    kvm_set_memory_region(host.vm, 0, GFN, 8, host.start, log=True)
    host.vcpu.store(GFN + 1, 5)
    kvm_set_memory_region(host.vm, 0, GFN + 4, 8, host.start, log=True)
    assert host.vcpu.load(GFN + 5) == 5
    assert kvm_get_dirty_log(host.vm, 0).nonzero()[0].tolist() == [1]


def test_switching_the_log_on_looks_at_the_memory_again():
    host = make("linux-6.1")
    host.mm.mmap(1, "rw", shared=True, at=host.start)
    kvm_set_memory_region(host.vm, 0, GFN, 8, host.start)
    refused("EINVAL", host.vm, 0, GFN, 8, host.start, log=True)


def test_a_hole_is_accepted_and_the_fault_path_has_to_look_again(host):
    host.mm.munmap(host.start, 1)
    kvm_set_memory_region(host.vm, 1, GFN + 8, 1, host.start)
    with pytest.raises(Errno, match="EFAULT"):
        host.vcpu.load(GFN + 8)


def test_every_write_since_the_last_reading_is_in_the_log(host):
    host.vcpu.store(GFN, 1)
    kvm_set_memory_region(host.vm, 0, GFN, 8, host.start, log=True)
    host.vcpu.load(GFN + 2)
    host.vcpu.stg(GFN + 3, 0, 1)
    host.vcpu.store(GFN, 1)
    assert kvm_get_dirty_log(host.vm, 0).nonzero()[0].tolist() == [0, 3]
    assert not kvm_get_dirty_log(host.vm, 0).any()
    host.vcpu.store(GFN, 1)
    assert kvm_get_dirty_log(host.vm, 0).nonzero()[0].tolist() == [0]


def test_a_log_that_does_not_run(host):
    with pytest.raises(Errno, match="ENOENT"):
        kvm_get_dirty_log(host.vm, 0)
    with pytest.raises(Errno, match="EINVAL"):
        kvm_get_dirty_log(host.vm, 32767)


def test_the_capability_comes_before_the_vcpu(host):
    with pytest.raises(Errno, match="EINVAL"):
        host.vm.enable_mte()
    with pytest.raises(Errno, match="EEXIST"):
        host.vm.create_vcpu()
