"""A machine, and a process on it."""

from __future__ import annotations

import pytest

from mtelab.kvm import release
from mtelab.linux import AddressSpace, Machine, Process


@pytest.fixture(params=["linux-6.1", "linux-6.18"])
def machine(request):
    return Machine(release(request.param).memory, frames=8192, hugepages=4, seed=5)


@pytest.fixture
def process(machine):
    return Process(AddressSpace(machine))


@pytest.fixture
def mm(process):
    return process.mm
