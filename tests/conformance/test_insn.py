"""The processor against every recorded instruction vector, and the comparison against itself."""

from __future__ import annotations

import copy

import pytest

from mtelab import recordings
from mtelab.arch.vectors import describe, is_target, replay, vectors
from mtelab.recordings import Record, RecordingError

KINDS = [file.stem for file in recordings.files(recordings.folder("insn"))]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if is_target(kind)])
def test_every_vector_of_the_kind_agrees(kind):
    found = vectors(kind)
    assert found
    wrong = [(vector, result.differences) for vector in found if not (result := replay(vector)).agrees]
    assert not wrong[:3]


def changed(record: Record, **fields: object) -> Record:
    values = copy.deepcopy(record.values)
    for name, value in fields.items():
        *path, last = name.split("__")
        place = values
        for step in path:
            place = place[step]
        place[last] = value
    return Record(values, record.where)


def first(kind: str, wanted=lambda values: True) -> Record:
    return next(vector for vector in vectors(kind) if wanted(vector.values))


def faulted(values):
    return values["fault"] is not None


@pytest.mark.parametrize(
    ("kind", "field", "change"),
    [
        ("irg", "out__xd", lambda old: f"{int(old, 16) ^ 1 << 56:#x}"),
        ("irg", "out__rgsr", lambda old: f"{int(old, 16) ^ 1 << 8:#x}"),
        ("irg_seq", "out__tags", lambda old: f"{int(old[0], 16) ^ 1:x}{old[1:]}"),
        ("irg_allseeds", "out__seeds_after", lambda old: f"{int(old[0], 16) ^ 1:x}{old[1:]}"),
        ("subps", "out__nzcv", lambda old: old ^ 1),
        ("stg", "out__tags", lambda old: f"{int(old[0], 16) ^ 1:x}{old[1:]}"),
        ("stg", "out__tfsr", lambda old: old ^ 1),
        ("stg", "out__xn", lambda old: f"{int(old, 16) ^ 16:#x}"),
        ("stzg", "out__zeroed", lambda old: [*old, [0, 16]]),
        ("ldgm", "out__xt", lambda old: f"{int(old, 16) ^ 1:#x}"),
        ("tagcheck_random", "out__tfsr", lambda old: old ^ 1),
    ],
)
def test_a_flipped_bit_in_a_recording_is_a_disagreement(kind, field, change):
    vector = first(kind)
    name = field.split("__")[1]
    flipped = changed(vector, **{field: change(vector.get(f"out.{name}"))})
    result = replay(flipped)
    assert not result.agrees
    assert [difference.field for difference in result.differences] == [{"zeroed": "data"}.get(name, name)]


@pytest.mark.parametrize("field", ["esr", "far", "dfsc", "wnr", "ec"])
def test_every_part_of_a_fault_is_compared(field):
    vector = first("tagcheck_matrix", faulted)
    old = vector.get(f"fault.{field}")
    new = f"{int(old, 16) ^ 1:#x}" if isinstance(old, str) else old ^ 1
    assert not replay(changed(vector, **{f"fault__{field}": new})).agrees


def test_bits_that_arm_leaves_unknown_in_far_are_not_compared():
    vector = first("tagcheck_matrix", faulted)
    far = f"{int(vector.get('fault.far'), 16) ^ 0xF << 60:#x}"
    assert replay(changed(vector, fault__far=far)).agrees


def test_a_store_that_failed_half_way_may_have_written_its_first_bytes():
    vector = first("tagcheck_matrix", lambda values: values.get("partial_store"))
    offset = int(vector.get("in.ea"), 16) % 2**39 - int(vector.get("base"), 16) % 2**39
    assert replay(changed(vector, out__written=[[offset, "00"]])).agrees


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("irg", "in__xn", "abc"),
        ("irg", "in__xn", "0x1" + "0" * 16),
        ("irg", "insn", "0x0"),
        ("irg", "k", "irq"),
        ("stg", "mode", "before"),
        ("stg", "out__zeroed", None),
        ("tagcheck_matrix", "acc", "both"),
        ("addg", "in__off", 8),
        ("addg", "in__tagoff", True),
        ("stg", "tags", "12"),
        ("stg", "mem", "Q"),
        ("stg", "cfg__tcf", 4),
        ("stg", "in__imm", 5000),
        ("stg", "out__written", [["x", 1]]),
        ("stg", "out__zeroed", [[0, 10**6]]),
        ("tagcheck_matrix", "op", "vld"),
        ("tagcheck_matrix", "size", "8"),
    ],
)
def test_a_malformed_field_is_named_with_its_line(kind, field, value):
    with pytest.raises(RecordingError) as caught:
        replay(changed(first(kind), **{field: value}))
    assert f"{kind}.jsonl:1: field {field.replace('__', '.')}: " in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("gmi", "in.xm"),
        ("irg", "in.gcr"),
        ("irg", "in.rgsr"),
        ("irg_seq", "in.rgsr"),
        ("irg_allseeds", "in.gcr"),
        ("addg", "in.gcr"),
        ("subps", "in.nzcv"),
        ("tagcheck_matrix", "fault.far"),
        ("stg", "out.tags"),
    ],
)
def test_a_missing_field_is_named(kind, field):
    vector = copy.deepcopy(first(kind, faulted if field.startswith("fault") else lambda values: True).values)
    outer, inner = field.split(".")
    del vector[outer][inner]
    with pytest.raises(RecordingError, match=rf"here:7: field {field}: missing"):
        replay(Record(vector, "here:7"))


def test_describe_and_row_are_for_people():
    vector = first("gmi")
    assert describe(vector) == "gmi x0, x1, x2  xn=0x0 xm=0x0"
    assert replay(vector).row() == ("gmi x0, x1, x2", "xd=0x1", "xd=0x1")


def test_an_unknown_kind_lists_the_kinds():
    with pytest.raises(ValueError, match=r"kind: 'irq', expected one of .*irg"):
        vectors("irq")
