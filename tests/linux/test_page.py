"""Frames: what they hold when they are handed out, and what they keep when they are given back."""

from __future__ import annotations

import numpy as np
import pytest

from mtelab.linux import Errno, PhysicalMemory
from mtelab.linux.page import numbers


def test_memory_that_nobody_used_holds_random_tags_from_the_seed():
    first, again, other = (PhysicalMemory(8, seed).read_tags(5) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert len(np.unique(first)) == 16


def test_memory_that_an_owner_left_one_tag_in_holds_it_until_it_is_written():
    memory = PhysicalMemory(8)
    memory.leave_tag(slice(4, 8), 15)
    memory.clear_tags(5)
    memory.store_tag(6, 0, 3)
    assert [set(memory.read_tags(pfn).tolist()) for pfn in (4, 5, 6)] == [{15}, {0}, {15, 3}]
    assert len(np.unique(memory.read_tags(3))) == 16
    with pytest.raises(ValueError, match="tag: 16, expected 0 to 15"):
        memory.leave_tag(4, 16)


def test_a_freed_frame_keeps_its_tags():
    memory = PhysicalMemory(8)
    pfn = memory.alloc_page()
    memory.store_tag(pfn, 7, 9)
    memory.data[pfn] = 1
    memory.put_page(pfn)
    assert memory.alloc_page() == pfn
    assert memory.load_tag(pfn, 7) == 9
    assert memory.data[pfn] == 0


def test_saved_tags_come_back():
    memory = PhysicalMemory(8)
    tags = memory.read_tags(3)
    packed = memory.save_tags(3)
    assert packed.shape == (128,)
    memory.clear_tags(3)
    memory.restore_tags(3, packed)
    assert (memory.read_tags(3) == tags).all()


def test_many_frames_are_those_that_would_come_one_by_one():
    one, many = PhysicalMemory(32), PhysicalMemory(32)
    for memory in (one, many):
        for pfn in [memory.alloc_page() for _ in range(5)][1::2]:
            memory.put_page(pfn)
    assert [one.alloc_page() for _ in range(10)] == numbers(many.alloc_pages(10)).tolist()
    assert (one.refcount == many.refcount).all()
    assert one.alloc_page() == many.alloc_page()


def test_memory_ends():
    memory = PhysicalMemory(4)
    with pytest.raises(Errno, match="4 frames wanted, 3 free"):
        memory.alloc_pages(4)
    memory.alloc_pages(3)
    with pytest.raises(Errno, match="ENOMEM"):
        memory.alloc_page()
