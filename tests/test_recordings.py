"""Finding and reading recordings."""

from __future__ import annotations

import pytest

from mtelab import recordings
from mtelab.recordings import Record, RecordingError


def test_a_wheels_own_recordings_come_first(monkeypatch, tmp_path):
    (tmp_path / "insn").mkdir()
    monkeypatch.setattr(recordings, "PACKAGE", tmp_path)
    assert recordings.folder("insn") == tmp_path / "insn"


def test_an_unknown_recording_is_named():
    with pytest.raises(RecordingError, match="no recordings called nothing"):
        recordings.folder("nothing")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RecordingError, match="no such file or folder"):
        list(recordings.read(tmp_path / "v.jsonl"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda record: record.word("w", 8), "f:1: field w: '0x1ff', expected a string such as '0x1f' of up to 8 bits"),
        (lambda record: record.word("n"), "f:1: field n: 3, expected a string such as"),
        (lambda record: record.integer("n", 0, 2), "f:1: field n: 3, expected a whole number from 0 to 2"),
        (lambda record: record.integer("n", 0, 8, step=2), "from 0 to 8, a multiple of 2"),
        (lambda record: record.integer("yes", 0, 8), "field yes: True, expected"),
        (lambda record: record.text("n"), "field n: 3, expected a string"),
        (lambda record: record.choice("w", ("a", "b")), "expected one of a, b"),
        (lambda record: record.digits("w", 5), "expected 5 lower-case hex digits"),
        (lambda record: record.get("in.x.y"), "field in.x.y: missing"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected(call, message):
    record = Record({"w": "0x1ff", "n": 3, "yes": True, "in": {"x": 1}}, "f:1")
    with pytest.raises(RecordingError) as caught:
        call(record)
    assert message in str(caught.value)
