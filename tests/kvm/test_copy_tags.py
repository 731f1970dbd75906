"""KVM_ARM_MTE_COPY_TAGS: order of the checks, partial results, short buffers."""

from __future__ import annotations

import numpy as np
import pytest

from mtelab.kvm import FROM_GUEST, TO_GUEST, kvm_set_memory_region, kvm_vm_ioctl_mte_copy_tags
from mtelab.linux import Errno

from .conftest import GFN, make

IPA = GFN * 4096


def copy(host, length, flags, buffer, ipa=IPA, **options):
    return kvm_vm_ioctl_mte_copy_tags(host.vm, ipa, length, flags, buffer, **options)


def zeros(tags):
    return np.zeros(tags, np.uint8)


def test_tags_go_in_and_come_out(host):
    tags = np.random.default_rng(1).integers(0, 256, 512).astype(np.uint8)
    assert copy(host, 8192, TO_GUEST, tags) == 8192
    out = zeros(512)
    assert copy(host, 8192, FROM_GUEST, out) == 8192
    assert (out == tags & 15).all()
    assert host.vcpu.ldg(GFN + 1, 9) == tags[256 + 9] & 15


@pytest.mark.parametrize(
    ("length", "flags", "ipa", "reserved"),
    [(4095, 1, IPA, 0), (4096, 1, IPA + 16, 0), (4096, 2, IPA, 0), (4096, 1, IPA, 1)],
)
def test_arguments(host, length, flags, ipa, reserved):
    with pytest.raises(Errno, match="EINVAL"):
        copy(host, length, flags, zeros(256), ipa=ipa, reserved=reserved)


def test_no_mte_is_looked_at_first():
    host = make("linux-6.12", mte=False)
    with pytest.raises(Errno, match="EINVAL: the VM has no MTE"):
        copy(host, 1, 9, zeros(0), reserved=1)


def test_a_hole_ends_the_copy(host):
    host.mm.munmap(host.start + 2, 1)
    assert copy(host, 8 * 4096, FROM_GUEST, zeros(2048)) == 8192
    with pytest.raises(Errno, match="EFAULT"):
        copy(host, 4096, FROM_GUEST, zeros(256), ipa=IPA + 8192)
    assert copy(host, 0, FROM_GUEST, zeros(0)) == 0


@pytest.mark.parametrize(("kernel", "after"), [("linux-6.1", [7] * 100 + [5] * 156), ("linux-6.12", [0] * 256)])
def test_a_buffer_that_ends_inside_a_tagged_page(kernel, after):
    host = make(kernel)
    copy(host, 4096, TO_GUEST, zeros(256) + np.uint8(5))
    with pytest.raises(Errno, match="EFAULT"):
        copy(host, 4096, TO_GUEST, zeros(100) + np.uint8(7))
    out = zeros(256)
    copy(host, 4096, FROM_GUEST, out)
    assert out.tolist() == after


def test_dirty_logging(host):
    kvm_set_memory_region(host.vm, 0, GFN, 8, host.start, log=True)
    assert copy(host, 4096, FROM_GUEST, zeros(256)) == 4096
    if host.vm.release.copy_tags_ebusy:
        with pytest.raises(Errno, match="EBUSY"):
            copy(host, 0, TO_GUEST, zeros(0))
    else:
        assert copy(host, 4096, TO_GUEST, zeros(256)) == 4096
        assert not host.vm.slots[0].dirty_bitmap.any()


def test_two_gigabytes_are_a_negative_number_on_6_1():
    host = make("linux-6.1", pages=1 << 19, prot="r")
    assert copy(host, 1 << 31, FROM_GUEST, zeros(1 << 27)) == -(1 << 31)
