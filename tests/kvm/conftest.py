"""A VM with MTE, a vCPU and eight pages of private memory, on each release."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from mtelab.kvm import RELEASES, VM, kvm_set_memory_region, release
from mtelab.linux import AddressSpace, Machine, Process

GFN = 0x80000


def make(kernel, pages=8, frames=8192, mte=True, prot="rw", shared=False, log=False, slot=True):
    chosen = release(kernel)
    mm = AddressSpace(Machine(chosen.memory, frames, hugepages=4, seed=3))
    vm = VM(mm, chosen)
    if mte:
        vm.enable_mte()
    start = mm.mmap(pages, prot, shared)
    if slot:
        kvm_set_memory_region(vm, 0, GFN, pages, start, log=log)
    return SimpleNamespace(vm=vm, vcpu=vm.create_vcpu(), mm=mm, start=start, process=Process(mm), kernel=kernel)


@pytest.fixture(params=RELEASES)
def host(request):
    return make(request.param)
