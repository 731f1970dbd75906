"""Pointers and registers as bit fields."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtelab.arch import Processor, logical_tag, pointer_fields, strip_tag, va_range, with_tag
from mtelab.arch.registers import GCR_EL1, SCTLR_EL1

pointers = st.integers(0, 2**64 - 1)


@given(pointers, st.integers(0, 15))
def test_a_tag_put_in_comes_out_and_nothing_else_moves(pointer, tag):
    tagged = with_tag(pointer, tag)
    assert logical_tag(tagged) == tag
    assert (tagged ^ pointer) & ~(0xF << 56) == 0


@given(pointers)
def test_stripping_keeps_the_address_and_the_range(pointer):
    stripped = strip_tag(pointer)
    assert strip_tag(stripped) == stripped
    assert stripped % 2**56 == pointer % 2**56
    assert va_range(stripped) == va_range(pointer)
    assert stripped >> 56 == (0xFF if va_range(pointer) else 0)


@given(pointers)
def test_the_fields_are_all_64_bits_in_order(pointer):
    fields = pointer_fields(pointer)
    assert sum(field.value << field.low for field in fields) == pointer
    assert [field.high for field in fields] == [63, *(field.low - 1 for field in fields[:-1])]
    assert fields[-1].low == 0


@pytest.mark.parametrize("wrong", [-1, 2**64, 1.5, "0x10"])
def test_what_is_no_pointer_is_named(wrong):
    with pytest.raises(ValueError, match=r"^pointer: .*expected"):
        logical_tag(wrong)


def test_a_tag_above_15_is_refused():
    with pytest.raises(ValueError, match=r"^tag: 16, expected 0 to 15$"):
        with_tag(0, 16)


def test_a_field_is_set_alone():
    register = SCTLR_EL1(ATA=1)
    register.TCF0 = 2
    assert (register.ATA, register.ATA0, register.TCF, register.TCF0) == (1, 0, 0, 2)
    assert register.value == 1 << 43 | 2 << 38


def test_a_value_too_large_for_its_field_changes_nothing():
    register = SCTLR_EL1()
    with pytest.raises(ValueError, match=r"SCTLR_EL1.TCF0: 4, expected 0 to 3"):
        register.TCF0 = 4
    assert register.value == 0


def test_an_unknown_field_or_register_is_named():
    with pytest.raises(ValueError, match="GCR_EL1 has no field Excluded"):
        GCR_EL1(Excluded=1)
    with pytest.raises(ValueError, match="GCR_EL2: no register"):
        Processor(GCR_EL2=1)


def test_a_register_takes_a_whole_value():
    cpu = Processor()
    cpu.GCR_EL1 = 0x1FFFE
    assert (cpu.GCR_EL1.RRND, cpu.GCR_EL1.Exclude) == (1, 0xFFFE)


def test_a_misspelt_field_is_refused_when_it_is_set_later():
    cpu = Processor()
    with pytest.raises(ValueError, match=r"SCTLR_EL1 has no field TCFO; it has ATA, ATA0, TCF, TCF0"):
        cpu.SCTLR_EL1.TCFO = 2


def test_exception_levels_that_are_not_modelled_are_refused():
    cpu = Processor()
    with pytest.raises(ValueError, match=r"PSTATE.EL: 3, expected 0 to 1"):
        cpu.PSTATE.EL = 3
    assert cpu.PSTATE.EL == 0


@pytest.mark.parametrize("wrong", [-1, 2**64, 1.0])
def test_a_register_takes_64_bits_and_nothing_else(wrong):
    cpu = Processor()
    with pytest.raises(ValueError, match=r"^GCR_EL1: .*expected"):
        cpu.GCR_EL1 = wrong
    assert hex(cpu.GCR_EL1) == "0x0"


def test_numpy_integers_are_as_good_as_ints():
    cpu = Processor()
    cpu.GCR_EL1 = np.uint64(0xFFFE)
    assert cpu.GCR_EL1.Exclude == 0xFFFE
    assert with_tag(0x1000, np.uint8(3)) == 0x0300_0000_0000_1000
    assert cpu.ADDG(np.uint64(2**64 - 16), 32, 0) == 0x10
    cpu.store(np.int64(0x1000), b"data")
    assert cpu.load(np.uint64(0x1000), np.int64(4)) == b"data"
