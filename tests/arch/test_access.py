"""One access told in full."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtelab.arch import Memory, Processor, try_access, with_tag

HIGH = 0xFFFF_0000_0000_1020


def memory(tag=5):
    made = Memory(base=0x1000, size=8192)
    made.tags.fill(0, 8192, tag)
    return made


@pytest.mark.parametrize(
    ("tcf", "kind", "outcome"),
    [
        (0, "load", "mismatch ignored"),
        (0, "store", "mismatch ignored"),
        (1, "load", "tag check fault"),
        (1, "store", "tag check fault"),
        (2, "load", "recorded in TFSR"),
        (2, "store", "recorded in TFSR"),
        (3, "load", "tag check fault"),
        (3, "store", "recorded in TFSR"),
        (3, "atomic", "tag check fault"),
        (1, "prefetch", "unchecked"),
    ],
)
def test_what_a_mismatch_does_in_each_mode(tcf, kind, outcome):
    told = try_access(pointer=with_tag(0x1020, 3), kind=kind, memory=memory(), tcf=tcf)
    assert told.outcome == outcome
    assert told.reason[-1].decisive
    assert [step.decisive for step in told.reason[:-1]] == [False] * (len(told.reason) - 1)
    assert (told.ESR_EL1 is not None) == (outcome == "tag check fault")
    assert told.TFSRE0_EL1 == (0, int(outcome == "recorded in TFSR"))


@pytest.mark.parametrize(
    ("change", "question"),
    [
        ({"tco": 1}, "PSTATE.TCO"),
        ({"tbi": 2}, None),
        ({"ata": 0}, "ATA0"),
        ({"sp": True}, "kind of access"),
    ],
)
def test_what_spares_an_access_the_check(change, question):
    told = try_access(pointer=with_tag(0x1020, 3), memory=memory(), **change)
    if question is None:
        assert told.outcome == "translation fault, level 0"
    else:
        assert told.outcome == "unchecked"
        assert question in told.reason[-1].question


@given(st.integers(0, 15), st.integers(0, 3), st.booleans())
def test_tcma_spares_one_tag_in_each_range(tag, tcma, high):
    cpu_memory = memory(tag=(tag + 1) % 16)
    told = try_access(pointer=with_tag(HIGH if high else 0x1020, tag), memory=cpu_memory, tcma=tcma)
    spared = tcma >> high & 1 and tag == (15 if high else 0)
    assert told.outcome == ("unchecked" if spared else "tag check fault")


def test_the_range_chooses_the_status_bit_and_bits_stay():
    cpu = Processor(memory())
    cpu.SCTLR_EL1.TCF0 = 2
    assert try_access(cpu, pointer=with_tag(HIGH, 1), kind="store").TFSRE0_EL1 == (0, 2)
    assert try_access(cpu, pointer=with_tag(0x1020, 5)).TFSRE0_EL1 == (2, 2)
    assert try_access(cpu, pointer=with_tag(0x1020, 1)).TFSRE0_EL1 == (2, 3)


def test_unprivileged_accesses_of_el1_follow_the_rules_of_el0():
    cpu = Processor(memory())
    cpu.PSTATE.EL = 1
    cpu.SCTLR_EL1.TCF, cpu.SCTLR_EL1.TCF0 = 1, 2
    pointer = with_tag(0x1020, 3)
    assert try_access(cpu, pointer=pointer).outcome == "tag check fault"
    told = try_access(cpu, pointer=pointer, unprivileged=True)
    assert (told.outcome, told.TFSRE0_EL1, told.TFSR_EL1) == ("recorded in TFSR", (0, 1), (0, 0))


def test_the_syndrome_in_words():
    told = try_access(pointer=with_tag(0x1020, 3), size=4, kind="store", memory=memory())
    assert [(field.name, field.value, field.meaning) for field in told.syndrome] == [
        ("EC", 0x24, "data abort from EL0"),
        ("WnR", 1, "write"),
        ("DFSC", 0x11, "tag check fault"),
    ]
    assert str(told) == "tag check fault: pointer tag 3, memory tag 5, at 0x1020, write"


def test_a_load_brings_its_bytes():
    made = memory()
    made.write(0x1020, b"granules")
    told = try_access(pointer=with_tag(0x1020, 5), memory=made)
    assert (told.outcome, told.loaded, told.syndrome) == ("allowed", b"granules", ())


def test_of_two_granules_the_one_that_failed_is_told():
    made = memory()
    made.tags.store(0x30, 6)
    told = try_access(pointer=with_tag(0x1028, 5), size=16, memory=made)
    assert [verdict.result for _, verdict in told.granules] == ["match", "synchronous"]
    assert told.FAR_EL1 == with_tag(0x1030, 5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "read"}, "kind: 'read', expected one of load"),
        ({"data": b"1", "size": 2}, "data: 1 bytes"),
        ({"tcf": 4}, "tcf: 4, expected 0 to 3"),
        ({"cpu": Processor(), "tcf": 1}, "a processor or a configuration, not both"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        try_access(pointer=0x1000, **arguments)
