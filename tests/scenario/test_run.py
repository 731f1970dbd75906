"""Operations whose answers the recordings do not have, and what `run` takes."""

from __future__ import annotations

import pytest

from mtelab.kvm import RELEASES, UnknownKernel
from mtelab.scenario import run

MTE_VM = ["vm v", "mte v", "vcpu v"]


def test_text_and_lists_are_the_same():
    assert run("vm v\nmte v\n") == run(["vm v", "mte v"]) == ["ok", "ok"]


def test_an_unknown_kernel_is_told_which_there_are():
    with pytest.raises(UnknownKernel, match=r"linux-5\.14, expected one of linux-6\.1, linux-6\.12, linux-6\.18, "):
        run("vm v", kernel="linux-5.14")


def test_nothing_can_be_done_with_what_is_not_there():
    operations = ["mmap r 1 private anon r", "child load r 0", "vm v", "gload v 0", "tfsr v", "idreg v"]
    assert run(operations) == ["ok", "badop", "ok", "badop", "badop", "badop"]


def test_a_second_fork_leaves_the_child_as_it_is():
    results = run(["mmap r 1 private anon rw", "fork", "store r 0 7", "fork", "child load r 0", "load r 0"])
    assert results[-2:] == ["0x00", "0x07"]


@pytest.mark.parametrize("kernel", RELEASES)
def test_a_guest_reads_write_only_memory_only_where_the_vmm_has_written(kernel):
    results = run(
        ["mmap r 2 private anon w", *MTE_VM, "slot v 0 0 r 0 2", "store r 0 7", "gload v 0", "gload v 1", "tags v 0 1"],
        kernel,
    )
    assert results[-3:] == ["0x07", "EFAULT", "EFAULT"]


@pytest.mark.parametrize("kernel", RELEASES)
def test_raw_tags_reach_over_more_than_one_page(kernel):
    operations = ["mmap r 3 private anon rw", *MTE_VM, "slot v 0 0 r 0 3", "settags v 0 3 5"]
    results = run([*operations, "rawtags v 0x80000000 8192 0 0 0", "tags v 0 3"], kernel)
    assert results[-2:] == ["8192", "12288:0*512,5*256"]


def test_a_page_whose_buffer_is_bad_keeps_its_tags_on_6_1_only():
    operations = ["mmap r 1 private anon rw", *MTE_VM, "slot v 0 0 r 0 1", "settags v 0 1 5"]
    operations += ["rawtags v 0x80000000 4096 0 0 1", "tags v 0 1"]
    assert run(operations, "linux-6.1")[-2:] == ["EFAULT", "4096:5*256"]
    assert run(operations, "linux-6.12")[-2:] == ["EFAULT", "4096:0*256"]


def test_what_is_mapped_over_part_of_a_huge_page_is_refused_and_the_old_mapping_stays():
    operations = ["hugefd h 512", "mmap r 512 shared h rw", "store r 5 9", "remap r 1 2 private anon rw", "load r 5"]
    assert run(operations, "linux-6.1")[-2:] == ["ENOMEM", "0x09"]
    assert run(operations, "linux-6.12")[-2:] == ["EINVAL", "0x09"]


@pytest.mark.parametrize("kernel", ["linux-6.18", "linux-7.2"])
@pytest.mark.parametrize(("gpn", "tag"), [(0, "0"), (1, "15")])
def test_a_huge_page_mapped_in_small_pages_shows_old_tags(kernel, gpn, tag):
    operations = ["hugefd h 512", "mmap r 512 private h rw", *MTE_VM, f"slot v 0 {gpn} r 0 512"]
    operations += [f"gldg v {gpn} 0", f"gldg v {gpn + 7} 0"]
    assert run(operations, kernel)[-2:] == ["0", tag]
