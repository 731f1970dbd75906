"""A protocol on a machine where nothing else runs, and the model of KVM that runs it so."""

from __future__ import annotations

import pytest

from mtelab.kvm.releases import RELEASES
from mtelab.linux import mte
from mtelab.linux.machine import Machine
from mtelab.linux.page import PG_mte_lock, PG_mte_tagged
from mtelab.sync import PROTOCOLS, load_tag, wait_for_bit
from mtelab.sync import PG_mte_tagged as FLAG
from mtelab.sync.flags import VM_MTE_ALLOWED, VM_SHARED, Vm
from mtelab.sync.steps import Cpu, Page, Protocol
from mtelab.sync.straight import run_straight


def machine(release: str) -> Machine:
    return Machine(RELEASES[release].memory, frames=8)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("role", ["fault", "set_pte"])
def test_a_stale_frame_is_cleared_once_and_flagged(release: str, role: str) -> None:
    host = machine(release)
    pfn = host.memory.alloc_page()
    assert host.memory.read_tags(pfn).any(), "an owner before has left tags"
    mte.run_protocol(host, pfn, role)
    assert not host.memory.read_tags(pfn).any()
    assert host.memory.flags[pfn] & PG_mte_tagged
    assert bool(host.memory.flags[pfn] & PG_mte_lock) == (release != "linux-6.1")
    host.memory.store_tag(pfn, 3, 7)
    mte.run_protocol(host, pfn, role)
    assert host.memory.load_tag(pfn, 3) == 7, "a frame is initialised once"


@pytest.mark.parametrize("release", RELEASES)
def test_one_by_one_and_all_at_once_are_the_same(release: str) -> None:
    single, bulk = machine(release), machine(release)
    for host in (single, bulk):
        pfns = host.memory.alloc_pages(5)
        mte.run_protocol(host, 2, "fault")
        host.memory.store_tag(2, 0, 9)
    for pfn in range(1, 6):
        mte.run_protocol(single, pfn, "fault")
    mte.initialise(bulk, pfns)
    assert single.memory.flags.tolist() == bulk.memory.flags.tolist()
    for pfn in range(1, 6):
        assert single.memory.read_tags(pfn).tolist() == bulk.memory.read_tags(pfn).tolist()


@pytest.mark.parametrize(
    ("name", "role", "vma", "errno"),
    [
        ("no-shared", "memslot", VM_SHARED, "EINVAL"),
        ("no-shared", "fault", VM_SHARED, "EFAULT"),
        ("no-shared-slot-only", "fault", VM_SHARED, None),
        ("no-shared", "fault", Vm(0), None),
        ("page-lock", "memslot", Vm(0), "EINVAL"),
        ("page-lock", "fault", Vm(0), "EFAULT"),
        ("page-lock", "fault", VM_SHARED | VM_MTE_ALLOWED, None),
    ],
)
def test_who_refuses_what(name: str, role: str, vma: Vm, errno: str | None) -> None:
    host = machine("linux-6.1")
    run = PROTOCOLS[name](Cpu(0, 0, 0, role, vma), Page(1))
    assert run_straight(run, mte.Frames(host, 1)) == errno
    assert bool(host.memory.flags[1]) == (errno is None)


def test_waiting_alone_is_an_error() -> None:
    def waits(page: Page) -> Protocol:
        yield wait_for_bit(FLAG, page)

    def loads(page: Page) -> Protocol:
        yield load_tag(page, 0)

    frames = mte.Frames(machine("linux-6.1"), 1)
    with pytest.raises(ValueError, match=r"wait_for_bit.*nobody else runs"):
        run_straight(waits(Page(1)), frames)
    with pytest.raises(ValueError, match=r"load_tag.*expected a step that works on flags"):
        run_straight(loads(Page(1)), frames)
