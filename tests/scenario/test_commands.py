"""``mtelab scenario`` and ``mtelab conformance scenarios``: what they print, and the status they end with."""

from __future__ import annotations

import json

import pytest

from mtelab import recordings
from mtelab.cli import main
from mtelab.scenario import read_recorded

CURATED = recordings.folder("scenario") / "curated.jsonl"


@pytest.fixture
def records():
    return [json.loads(line) for line in CURATED.read_text().splitlines()]


@pytest.fixture
def scenario(tmp_path, records):
    """A file with the operations of the first recorded scenario."""
    file = tmp_path / "scenario.txt"
    file.write_text("\n".join(records[0]["ops"]) + "\n")
    return file


@pytest.fixture
def wrong(tmp_path, records):
    """A recording of it with a result that no kernel gave."""
    records[0]["linux-6.12"][3] = "mte=9"
    file = tmp_path / "wrong.jsonl"
    file.write_text(json.dumps(records[0]) + "\n")
    return file


def test_each_operation_is_printed_with_its_result(scenario, capsys):
    assert main(["scenario", str(scenario), "--kernel", "linux-7.2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[3].split() == ["idreg", "v", "mte=3"]
    assert len(lines) == 14


def test_agreement_with_a_recording(scenario, capsys):
    assert main(["scenario", str(scenario), "--compare", str(CURATED)]) == 0
    assert capsys.readouterr().out.endswith("\nlinux-6.1 14/14\n")


def test_a_difference_is_marked_and_shrunk(scenario, wrong, capsys):
    command = ["scenario", str(scenario), "--kernel", "linux-6.12", "--compare", str(wrong), "--shrink"]
    assert main(command) == 1
    out = capsys.readouterr().out
    assert "mte=3  <- differs: recorded mte=9" in out
    assert out.endswith(
        "linux-6.12 13/14\n\nThe fewest operations, 4, the last of which differs:\nvm v\nmte v\nvcpu v\nidreg v\n"
    )


def test_a_recorded_scenario_is_a_table_of_the_operations_asked_for():
    curated = {each.id: each for each in read_recorded(CURATED)}
    assert curated["slot-hole-filled-shared"].table("remap", "gldg", "gload").splitlines() == [
        "slot-hole-filled-shared         6.1     6.12  6.18  7.2",
        "   remap r0 1 1 shared anon rw  ok      ok    ok    ok",
        "   gldg v 1 0                   EFAULT  0     0     0",
        "   gload v 1                    EFAULT  0x00  0x00  0x00",
    ]
    everything = curated["slot-hole-filled-shared"]
    assert len(everything.table().splitlines()) == 1 + len(everything.operations)


def test_operations_that_are_not_in_the_recording(tmp_path, capsys):
    file = tmp_path / "scenario.txt"
    file.write_text("vm v\n")
    assert main(["scenario", str(file), "--compare", str(CURATED)]) == 2
    assert "expected a scenario with the same operations in the same order, found none" in capsys.readouterr().err


def test_a_file_that_is_not_there(tmp_path, capsys):
    assert main(["scenario", str(tmp_path / "none")]) == 2
    expected = "no such file or directory: expected a file of operations, one a line"
    assert capsys.readouterr().err == f"mtelab: {tmp_path / 'none'}: {expected}\n"


def test_bad_input_names_file_line_and_word_and_runs_nothing(tmp_path, capsys):
    file = tmp_path / "scenario.txt"
    file.write_text("vm v\nmte w\n")
    assert main(["scenario", str(file)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"mtelab: {file}: line 2: word 2, 'w': expected a VM of an earlier line: v\n"


@pytest.mark.parametrize("command", [["scenario", "{file}"], ["conformance", "scenarios", str(CURATED)]])
def test_an_unknown_kernel_is_told_which_there_are(scenario, capsys, command):
    words = [word.format(file=scenario) for word in command]
    assert main([*words, "--kernel", "6.1"]) == 2
    assert capsys.readouterr().err == (
        "mtelab: kernel: 6.1, expected one of linux-6.1, linux-6.12, linux-6.18, linux-7.2\n"
    )


def test_shrink_needs_a_recording(scenario, capsys):
    assert main(["scenario", str(scenario), "--shrink"]) == 2
    assert "--shrink: expected --compare too" in capsys.readouterr().err


def test_conformance_prints_a_line_a_kernel(capsys):
    assert main(["conformance", "scenarios", str(CURATED)]) == 0
    assert capsys.readouterr().out == "linux-6.1 574/574\nlinux-6.12 574/574\nlinux-6.18 574/574\nlinux-7.2 574/574\n"


def test_conformance_shows_disagreements_up_to_where_they_begin(wrong, capsys):
    assert main(["conformance", "scenarios", str(wrong), "--kernel", "linux-6.12"]) == 1
    out = capsys.readouterr().out
    assert out.startswith(f"linux-6.12 13/14\n\n{wrong}:1: scenario cap-before-vcpu on linux-6.12:\n")
    assert out.endswith("idreg v  mte=3  <- differs: recorded mte=9\n")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"ops": ["vm v", "mte w"]}, "field ops: operation 2: word 2, 'w': expected a VM of an earlier line: v"),
        ({"ops": "vm v"}, "field ops: 'vm v', expected a list of strings"),
        ({"ops": ["vm v", " "]}, "field ops: ['vm v', ' '], expected one operation a string"),
        ({"linux-6.1": ["ok"]}, "field linux-6.1: 1 results, expected 14, one an operation"),
        ({"linux-6.1": None}, "field linux-6.1: None, expected a list of strings"),
        ({"linux-6.6": []}, "field linux-6.6: expected one of linux-6.1, linux-6.12, linux-6.18, linux-7.2"),
        ({"id": 7}, "field id: 7, expected a string"),
    ],
)
def test_a_malformed_recording_is_refused(tmp_path, records, capsys, change, problem):
    file = tmp_path / "bad.jsonl"
    file.write_text(json.dumps({**records[0], **change}) + "\n")
    assert main(["conformance", "scenarios", str(CURATED), str(file)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"mtelab: {file}:1: {problem}\n"


def test_a_recording_without_the_kernel_asked_for(tmp_path, records, capsys):
    del records[0]["linux-6.1"]
    file = tmp_path / "part.jsonl"
    file.write_text(json.dumps(records[0]) + "\n")
    assert main(["conformance", "scenarios", str(file), "--kernel", "linux-6.1"]) == 2
    assert "field linux-6.1: missing" in capsys.readouterr().err
    assert main(["conformance", "scenarios", str(file)]) == 0


def test_an_empty_recording_is_refused(tmp_path, capsys):
    file = tmp_path / "empty.jsonl"
    file.write_text("\n")
    assert main(["conformance", "scenarios", str(file)]) == 2
    assert "no scenarios in it" in capsys.readouterr().err
