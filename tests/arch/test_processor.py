"""The instructions that touch memory, and the faults they take."""

from __future__ import annotations

import pytest

from mtelab.arch import DataAbort, Memory, Processor, UndefinedInstruction, with_tag

HERE = with_tag(0x1020, 5)


@pytest.fixture
def cpu():
    return Processor(Memory(base=0x1000, size=8192))


def tags(cpu, count=8):
    return cpu.memory.tags.read(0)[:count].tolist()


def test_stg_then_ldg(cpu):
    assert cpu.STG(HERE, 0x1020) == 0x1020
    assert tags(cpu) == [0, 0, 5, 0, 0, 0, 0, 0]
    assert cpu.LDG(0x1000, 0x1028) == with_tag(0x1000, 5)


@pytest.mark.parametrize(("mode", "granule", "base"), [("off", 3, 0x1020), ("pre", 3, 0x1030), ("post", 2, 0x1030)])
def test_the_three_ways_to_use_the_immediate(cpu, mode, granule, base):
    assert cpu.STG(HERE, 0x1020, 16, mode) == base
    assert tags(cpu).index(5) == granule


def test_two_granules_tagged_and_zeroed(cpu):
    cpu.memory.data[:] = 0xAA
    cpu.STZ2G(HERE, 0x1020)
    assert tags(cpu) == [0, 0, 5, 5, 0, 0, 0, 0]
    assert not cpu.memory.data[0x20:0x40].any()
    assert cpu.memory.data[0x1F] == cpu.memory.data[0x40] == 0xAA


def test_stgp_stores_a_pair_and_tags_it_by_its_base(cpu):
    cpu.STGP(1, 2, HERE)
    assert tags(cpu)[2] == 5
    assert cpu.memory.read(0x1020, 16) == (1).to_bytes(8, "little") + (2).to_bytes(8, "little")


def test_ldgm_returns_what_stgm_wrote(cpu):
    cpu.PSTATE.EL = 1
    cpu.STGM(0xFEDC_BA98_7654_3210, 0x1080)
    assert tags(cpu, 16) == list(range(16))
    assert cpu.LDGM(0x10F0) == 0xFEDC_BA98_7654_3210


def test_the_smallest_blocks_of_ldgm_use_their_own_part_of_the_register(cpu):
    cpu.PSTATE.EL = 1
    cpu.GMID_EL1.BS = 2
    cpu.STGM(0x0000_0000_0000_5000, 0x1030)
    assert tags(cpu) == [0, 0, 0, 5, 0, 0, 0, 0]
    assert cpu.LDGM(0x1030) == 0x5000


@pytest.mark.parametrize("instruction", ["LDGM", "STGM", "STZGM"])
def test_the_block_forms_are_undefined_at_el0(cpu, instruction):
    operands = (0x1000,) if instruction == "LDGM" else (0, 0x1000)
    with pytest.raises(UndefinedInstruction, match=f"{instruction} at EL0"):
        getattr(cpu, instruction)(*operands)
    assert (cpu.ESR_EL1.EC, cpu.ESR_EL1.IL) == (0, 1)


def test_dc_gva_and_gzva_cover_the_block_around(cpu):
    cpu.memory.data[:] = 1
    cpu.DC_GVA(with_tag(0x1055, 3))
    assert tags(cpu) == [0, 0, 0, 0, 3, 3, 3, 3]
    assert cpu.memory.data[:128].all()
    cpu.DC_GZVA(with_tag(0x1001, 4))
    assert tags(cpu) == [4, 4, 4, 4, 3, 3, 3, 3]
    assert cpu.memory.data[:128].tolist() == [0] * 64 + [1] * 64


def test_dc_zva_checks_every_granule_as_a_write(cpu):
    cpu.memory.data[:] = 1
    cpu.memory.tags.store(0x30, 9)
    with pytest.raises(DataAbort) as caught:
        cpu.DC_ZVA(0x1008)
    assert caught.value.ESR_EL1.WnR == 1
    assert cpu.memory.data.all()


def test_a_failed_check_says_what_happened(cpu):
    cpu.STG(HERE, 0x1020)
    with pytest.raises(DataAbort) as caught:
        cpu.store(with_tag(0x1028, 3), b"x")
    assert str(caught.value) == "tag check fault: pointer tag 3, memory tag 5, at 0x1028, write"
    assert caught.value.ESR_EL1.value == 0x92000051
    assert caught.value.FAR_EL1 == with_tag(0x1028, 3)
    assert (cpu.ESR_EL1.DFSC, cpu.FAR_EL1) == (0x11, with_tag(0x1028, 3))
    assert cpu.load(HERE, 16) == bytes(16)


def test_an_access_over_two_granules_names_the_first_byte_that_fails(cpu):
    cpu.STG(HERE, 0x1020)
    with pytest.raises(DataAbort) as caught:
        cpu.load(with_tag(0x1028, 5), 16)
    assert caught.value.FAR_EL1 == with_tag(0x1030, 5)


def test_nothing_is_stored_by_an_access_that_fails_later(cpu):
    cpu.STG(HERE, 0x1020)
    with pytest.raises(DataAbort):
        cpu.store(with_tag(0x1028, 5), b"\xff" * 16)
    assert not cpu.memory.data.any()


def test_alignment_comes_before_the_tags(cpu):
    for access in (lambda: cpu.STG(HERE, 0x1028), lambda: cpu.LDADD(1, with_tag(0x102C, 7))):
        with pytest.raises(DataAbort, match="alignment fault"):
            access()


def test_atomics_return_what_was_there(cpu):
    cpu.memory.write(0x1020, (2**64 - 1).to_bytes(8, "little"))
    assert cpu.LDADD(2, 0x1020) == 2**64 - 1
    assert cpu.SWP(7, 0x1020) == 1
    assert cpu.CAS(6, 9, 0x1020) == 7
    assert cpu.CAS(7, 9, 0x1020) == 7
    assert cpu.load(0x1020, 8) == (9).to_bytes(8, "little")


def test_an_atomic_fails_as_a_read_even_if_writes_are_asynchronous(cpu):
    cpu.SCTLR_EL1.TCF0 = 3
    with pytest.raises(DataAbort) as caught:
        cpu.SWP(1, HERE)
    assert caught.value.ESR_EL1.WnR == 0


def test_untagged_memory_has_no_tags(cpu):
    cpu.memory.tagged[1] = False
    cpu.STG(with_tag(0, 5), 0x2000)
    assert cpu.LDG(with_tag(0, 9), 0x2000) == 0
    cpu.store(with_tag(0x2000, 9), b"unchecked")


def test_an_absent_page_is_a_translation_fault_and_nothing_is_written(cpu):
    cpu.memory.mapped[1] = False
    with pytest.raises(DataAbort, match="translation fault, level 3"):
        cpu.STZ2G(HERE, 0x1FF0)
    assert not cpu.memory.tags.read(0).any()


def test_an_access_of_no_bytes_is_refused(cpu):
    with pytest.raises(ValueError, match="size: 0, expected at least 1"):
        cpu.store(HERE, b"")


def test_a_bad_immediate_is_refused(cpu):
    with pytest.raises(ValueError, match="imm: 8, expected a multiple of 16 from -4096 to 4080"):
        cpu.STG(0, 0x1000, 8)
    with pytest.raises(ValueError, match="mode: 'before'"):
        cpu.STG(0, 0x1000, 0, "before")


@pytest.mark.parametrize("arguments", [{"base": 8}, {"size": 100}, {"size": 0}, {"walk_level": 4}])
def test_a_bad_memory_is_refused(arguments):
    with pytest.raises(ValueError, match=f"^{next(iter(arguments))}: .*expected"):
        Memory(**arguments)


@pytest.mark.parametrize(
    ("argument", "instruction"),
    [
        ("pointer", lambda cpu: cpu.load(1.5, 8)),
        ("pointer", lambda cpu: cpu.STG(0, -16)),
        ("pointer", lambda cpu: cpu.DC_ZVA(2**64)),
        ("pointer", lambda cpu: cpu.SUBP(-1, 0)),
        ("size", lambda cpu: cpu.load(0x1000, 0)),
        ("size", lambda cpu: cpu.load(0x1000, 4.0)),
        ("offset", lambda cpu: cpu.ADDG(0x1000, 16.0, 1)),
        ("imm", lambda cpu: cpu.STG(0, 0x1000, 1.5)),
        ("tag", lambda cpu: with_tag(0x1000, "3")),
        ("xm", lambda cpu: cpu.GMI(0x1000, -1)),
        ("xm", lambda cpu: cpu.IRG(0x1000, "a")),
        ("xt2", lambda cpu: cpu.STGP(0, 2**64, 0x1000)),
        ("base", lambda cpu: Memory(base=4096.0)),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_changes(cpu, argument, instruction):
    with pytest.raises(ValueError, match=f"^{argument}: .*expected"):
        instruction(cpu)
    assert not cpu.memory.data.any()
    assert not cpu.memory.tags.read(slice(None)).any()


def test_an_access_far_beyond_the_memory_faults_where_the_memory_ends(cpu):
    with pytest.raises(DataAbort, match="translation fault") as caught:
        cpu.load(0x1000, 2**40)
    assert caught.value.FAR_EL1 == 0x3000
