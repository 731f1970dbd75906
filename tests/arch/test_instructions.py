"""The instructions on registers, against what Arm's manual promises of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtelab.arch import Processor, instructions, logical_tag, strip_tag, with_tag

pointers = st.integers(0, 2**64 - 1)
tags = st.integers(0, 15)
masks = st.integers(0, 0xFFFF)
seeds = st.integers(0, 0xFFFF)


@given(pointers, masks, masks, tags, seeds)
def test_irg_never_draws_an_excluded_tag_unless_all_are(xn, exclude, xm, tag, seed):
    cpu = Processor(GCR_EL1=exclude, RGSR_EL1=seed << 8 | tag)
    drawn = cpu.IRG(xn, xm)
    if exclude | xm == 0xFFFF:
        assert logical_tag(drawn) == 0
    else:
        assert not (exclude | xm) >> logical_tag(drawn) & 1
    assert with_tag(drawn, 0) == with_tag(xn, 0)
    assert cpu.RGSR_EL1.TAG == logical_tag(drawn)


@given(pointers, st.integers(0, 2**63), seeds)
def test_gmi_then_irg_gives_a_different_tag(xn, xm, seed):
    cpu = Processor(seed=seed)
    mask = cpu.GMI(xn, xm)
    assert mask == xm | 1 << logical_tag(xn)
    if mask & 0xFFFF != 0xFFFF:
        assert logical_tag(cpu.IRG(xn, mask)) != logical_tag(xn)


@given(masks, st.integers(0, 2**32))
def test_irg_with_rrnd_keeps_to_the_exclude_mask(exclude, seed):
    cpu = Processor(seed=seed & 0xFFFF, GCR_EL1=1 << 16 | exclude)
    drawn = logical_tag(cpu.IRG(0x1000))
    assert drawn == 0 if exclude == 0xFFFF else not exclude >> drawn & 1


def test_the_same_seed_draws_the_same_tags():
    first, second = Processor(seed=7), Processor(seed=7)
    assert [first.IRG(0) for _ in range(50)] == [second.IRG(0) for _ in range(50)]
    assert len({logical_tag(first.IRG(0)) for _ in range(500)}) == 16


def test_a_zero_seed_has_no_random_step():
    cpu = Processor(seed=0)
    assert [logical_tag(cpu.IRG(0)) for _ in range(4)] == [0, 0, 0, 0]


@given(pointers, st.integers(0, 63), tags, masks, tags)
def test_addg_steps_over_excluded_tags_one_at_a_time(xn, granules, tag, exclude, steps):
    xn = with_tag(xn, tag)
    moved = instructions.addg(xn, granules * 16, steps, exclude)
    allowed = [candidate for candidate in range(16) if not exclude >> candidate & 1]
    if not allowed:
        expected = 0
    else:
        ahead = [*(t for t in allowed if t > tag), *(t for t in allowed if t <= tag)]
        nearest = tag if tag in allowed else ahead[0]
        expected = nearest if steps == 0 else ahead[(steps - 1) % len(ahead)]
    assert logical_tag(moved) == expected
    assert with_tag(moved, 0) == with_tag((xn + granules * 16) % 2**64, 0)


@given(pointers, st.integers(0, 63))
def test_subg_undoes_the_address_of_addg(xn, granules):
    there = instructions.addg(xn, granules * 16, 0)
    assert strip_tag(instructions.subg(there, granules * 16, 0)) == strip_tag(xn)


@pytest.mark.parametrize(
    ("offset", "tag_offset", "name"), [(8, 0, "offset"), (1024, 0, "offset"), (0, 16, "tag_offset")]
)
def test_addg_refuses_what_cannot_be_encoded(offset, tag_offset, name):
    with pytest.raises(ValueError, match=f"^{name}: "):
        instructions.addg(0, offset, tag_offset)


@given(st.integers(0, 2**55 - 1), st.integers(0, 2**55 - 1), st.integers(0, 255), st.integers(0, 255))
def test_subp_ignores_the_top_bytes(a, b, top_a, top_b):
    assert instructions.subp(a | top_a << 56, b | top_b << 56) == (a - b) % 2**64


@given(pointers)
def test_subps_of_a_pointer_with_itself_sets_zero_and_carry(xn):
    assert instructions.subps(xn, with_tag(xn, 15)) == (0, 0b0110)


def test_without_tag_access_the_tag_is_zero():
    cpu = Processor(SCTLR_EL1=0)
    seed = cpu.RGSR_EL1.value
    assert logical_tag(cpu.IRG(with_tag(0x1000, 9))) == 0
    assert logical_tag(cpu.ADDG(with_tag(0x1000, 9), 16, 1)) == 0
    assert cpu.RGSR_EL1.value == seed
