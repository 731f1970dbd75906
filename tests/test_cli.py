"""The command line: what it prints and the status it ends with."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mtelab import course, recordings
from mtelab.cli import main

GMI = recordings.folder("insn") / "gmi.jsonl"


@pytest.fixture
def lines():
    return GMI.read_text().splitlines()


def test_agreement_is_status_0(capsys):
    assert main(["conformance", "insn", str(GMI)]) == 0
    assert capsys.readouterr().out == "gmi 350/350\n"


def test_several_paths_add_up(capsys):
    assert main(["conformance", "insn", str(GMI), str(GMI)]) == 0
    assert capsys.readouterr().out == "gmi 700/700\n"


def test_a_folder_is_every_jsonl_file_in_it(tmp_path, capsys, lines):
    (tmp_path / "a.jsonl").write_text("\n".join(lines[:3]))
    (tmp_path / "b.jsonl").write_text("\n".join([lines[3], "", lines[4]]))
    (tmp_path / "notes.txt").write_text("not a recording")
    assert main(["conformance", "insn", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "gmi 5/5\n"


def test_quirks_are_counted_but_no_target(capsys):
    assert main(["conformance", "insn", str(GMI.with_name("quirk_cas.jsonl"))]) == 0
    assert capsys.readouterr().out == "quirk_cas not a target (84)\n"


def test_a_disagreement_is_shown_in_full_with_status_1(tmp_path, capsys, lines):
    vector = json.loads(lines[0])
    vector["out"]["xd"] = "0x3"
    file = tmp_path / "gmi.jsonl"
    file.write_text("\n".join([lines[1], json.dumps(vector)]))
    assert main(["conformance", "insn", str(file)]) == 1
    printed = capsys.readouterr().out
    assert printed.startswith("gmi 1/2\n")
    assert f"{file}:2: gmi x0, x1, x2" in printed
    assert "xd: recorded 0x3, model 0x1" in printed
    assert json.dumps(vector) in printed


def test_many_disagreements_are_counted(tmp_path, capsys, lines):
    file = tmp_path / "gmi.jsonl"
    without_mask = [line for line in lines if '"xm":"0x0"' in line]
    file.write_text("\n".join(line.replace('"xm":"0x0"', '"xm":"0x10000"') for line in without_mask[:20]))
    assert main(["conformance", "insn", str(file)]) == 1
    assert "15 more vectors disagree." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "v.jsonl:2: not a line of JSON"),
        ("[]", "v.jsonl:2: []"),
        ("{}", "v.jsonl:2: field k: missing"),
        ('{"k": "gmi", "insn": "0x9ac21420", "in": {"xn": 1}}', "v.jsonl:2: field in.xn: 1, expected a string"),
    ],
)
def test_malformed_input_is_status_2_with_file_line_and_field(tmp_path, capsys, lines, text, message):
    file = tmp_path / "v.jsonl"
    file.write_text(f"{lines[0]}\n{text}\n")
    assert main(["conformance", "insn", str(file)]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_a_path_without_vectors_is_status_2(tmp_path, capsys, content):
    file = tmp_path / "v.jsonl"
    if content is not None:
        file.write_bytes(content)
    assert main(["conformance", "insn", str(file)]) == 2
    assert str(file) in capsys.readouterr().err


def test_an_empty_folder_is_status_2(tmp_path, capsys):
    assert main(["conformance", "insn", str(tmp_path)]) == 2
    assert f"{tmp_path}: no .jsonl file" in capsys.readouterr().err


def test_lab_passes_its_arguments_on_and_says_what_is_in_the_way(monkeypatch, capsys):
    seen = []

    def lab(args):
        seen.append((args.folder, args.port, args.no_browser, args.seed))
        raise course.CourseError("no labs found")

    monkeypatch.setattr(course, "lab", lab)
    assert main(["lab", "here", "--port", "9000", "--no-browser", "--seed", "alice"]) == 2
    assert seen == [("here", 9000, True, "alice")]
    assert "mtelab: no labs found" in capsys.readouterr().err


def test_a_release_says_what_it_made_and_how_to_go_on(tmp_path, capsys):
    out = tmp_path / "a course"
    assert main(["release", str(out), "0"]) == 0
    assert capsys.readouterr().out == f"{out}: 1 lab. Open them with: mtelab lab '{out}'\n"
    assert main(["release", "--instructor", str(tmp_path / "mine")]) == 0
    assert "labs, worked. In that folder: nbgrader generate_assignment 00-start-here" in capsys.readouterr().out
    assert (tmp_path / "mine" / "nbgrader_config.py").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["release", "."], "expected a new or an empty folder; nothing was written"),
        (["release", "new", "quantum"], "quantum: no such lab; there are: 00-start-here, 01-"),
        (["problem", "quantum"], "quantum: no such lab; there are: 00-start-here, 01-"),
        (["problem", "0", "quantum"], "quantum: no such exercise in 00-start-here; there are: which_pointer"),
        (["problem", "0", "--solution"], "--seed, --solution: expected LAB and EXERCISE too"),
        (["problem", "--seed", "7"], "--seed, --solution: expected LAB and EXERCISE too"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_status_2(tmp_path, monkeypatch, capsys, arguments, message):
    (tmp_path / "thesis.tex").write_text("chapter one")
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_problem_is_printed_and_its_answer_on_demand(capsys):
    assert main(["problem", "0", "which_pointer", "--seed", "7"]) == 0
    asked = capsys.readouterr().out
    assert asked.startswith("Which pointer may touch its granule? (00-start-here, which_pointer, seed 7)\n")
    assert main(["problem", "00-start-here", "which_pointer", "--seed", "7", "--solution"]) == 0
    answered = capsys.readouterr().out
    assert answered.startswith(asked.rstrip("\n"))
    assert "\nanswer\n[" in answered
    assert main(["problem"]) == 0
    assert "which_pointer" in capsys.readouterr().out


def test_mtelabs_own_recordings_are_compared_where_none_are_given(monkeypatch, capsys):
    monkeypatch.setattr(recordings, "folder", lambda name: GMI if name == "insn" else None)
    assert main(["conformance", "insn"]) == 0
    assert capsys.readouterr().out == "gmi 350/350\n"


def test_the_module_is_the_command():
    done = subprocess.run([sys.executable, "-m", "mtelab", "conformance", "insn", GMI], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "gmi 350/350\n")


def test_what_is_left_out_is_told_but_not_what_may_be(capsys):
    with pytest.raises(SystemExit, match=r"^2$"):
        main(["release"])
    assert capsys.readouterr().err.endswith("required: OUT\n")


def test_no_command_is_status_2(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "usage: mtelab" in capsys.readouterr().err
