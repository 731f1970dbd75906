"""``mtelab verify`` and the matrix: what they print, and what they refuse."""

from __future__ import annotations

import json

import pytest

import mtelab
from mtelab.cli import main
from mtelab.explorer import matrix
from mtelab.explorer.counterexample import counterexample
from mtelab.sync import PG_mte_tagged, set_bit
from mtelab.sync import test_bit as test_flag
from mtelab.sync.protocols import PROTOCOLS
from mtelab.sync.situations import SITUATIONS


def test_a_matrix_shows_verdict_and_states():
    made = matrix(["flag-first", "page-lock"], ["two-vms", "two-vms-one-process"])
    assert made.verdict("flag-first", "two-vms") == "leaks"
    assert made.verdict("page-lock", "two-vms", "arm") == "safe"
    lines = repr(made).splitlines()
    assert lines[0] == "memory sc, 2 CPUs, 1 page: verdict and states"
    states = mtelab.explore("flag-first", "two-vms").states
    assert lines[6].split() == ["flag-first", "leaks", str(states), "leaks", str(states)]
    assert "memory arm, 2 CPUs, 1 page: verdict and states" in lines
    assert f"<td>flag-first</td><td>leaks {states}</td>" in made._repr_html_()


def test_a_learner_s_function_is_a_row():
    def mine(cpu, page):
        if not (yield test_flag(PG_mte_tagged, page)):
            yield set_bit(PG_mte_tagged, page)

    assert matrix([mine], ["two-vms"], memory="sc").verdict("mine", "two-vms") == "leaks"


def test_progress_is_told():
    told = []
    matrix(["page-lock"], ["two-vms", "two-vcpus"], memory="sc", told=lambda *counts: told.append(counts))
    assert told == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"protocols": ["page-luck"]}, "protocol: 'page-luck', expected one of flag-first, "),
        ({"situations": ["three-vms"]}, "situation: 'three-vms', expected one of two-vcpus, "),
        ({"memory": "tso"}, "memory: 'tso', expected 'sc' or 'arm'"),
        ({"protocols": []}, "nothing to explore"),
    ],
)
def test_a_matrix_refuses_what_it_does_not_know_before_it_begins(bad, message):
    told = []
    with pytest.raises(ValueError, match=message):
        matrix(**bad, told=lambda *counts: told.append(counts))
    assert told == []


def test_a_counterexample_has_a_column_for_each_cpu_and_answers():
    text = counterexample(mtelab.explore("flag-first", "two-vms"))
    assert "shortest schedule: " in text
    head, _, *steps = text.split("\n\n")[1].splitlines()
    assert head.split() == ["CPU", "0", "CPU", "1", "shows"]
    assert steps[-1].endswith("leaks")
    assert sum("test_and_set_bit(PG_mte_tagged, page 0) -> False" in line for line in steps) == 1
    # Each step stands in the column of its CPU.
    second = head.index("CPU 1")
    schedule = mtelab.explore("flag-first", "two-vms").schedule
    assert "".join("1" if not line[4:second].strip() else "0" for line in steps) == schedule


def test_an_older_value_and_a_store_that_becomes_visible_are_said():
    text = counterexample(mtelab.explore("big-lock", "two-vms", memory="arm"))
    assert "visible: PG_mte_tagged set in page 0" in text


def test_a_safe_cell_has_no_table():
    assert "CPU 0" not in counterexample(mtelab.explore("page-lock", "two-vms"))


# ---- the command


def test_one_row(capsys):
    assert main(["verify", "page-lock", "--memory", "sc"]) == 0
    printed = capsys.readouterr().out
    row = printed.splitlines()[-1].split()
    assert row[0] == "page-lock"
    assert row[1::2] == ["safe"] * len(SITUATIONS)


def test_one_column(capsys):
    assert main(["verify", "--situation", "two-vcpus", "--memory", "sc"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[4:]]
    assert [row[0] for row in rows] == list(PROTOCOLS)
    assert {row[1] for row in rows} == {"safe"}


def test_one_cell_in_both_orders(capsys):
    assert main(["verify", "two-bit-no-barriers", "--situation", "two-vms"]) == 0
    printed = capsys.readouterr().out
    assert "memory sc: safe" in printed
    assert "memory arm: leaks" in printed
    assert printed.splitlines()[-1].endswith("leaks")


def test_json_holds_a_schedule_that_can_be_replayed(capsys):
    arguments = ["verify", "big-lock", "--situation", "two-vms", "--memory", "arm", "--cpus", "2", "--json"]
    assert main(arguments) == 0
    (cell,) = json.loads(capsys.readouterr().out)
    assert (cell["protocol"], cell["situation"], cell["verdict"]) == ("big-lock", "two-vms", "leaks")
    assert cell["exhaustive"] is True
    walk = mtelab.replay("big-lock", "two-vms", cell["schedule"], memory="arm")
    assert walk.shown == "leaks"
    assert len(walk.way) == len(cell["counterexample"])


def test_a_bound_makes_it_unknown(capsys):
    assert main(["verify", "page-lock", "--situation", "two-vms", "--max-states", "5"]) == 0
    assert "memory sc: unknown" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["page-luck"], "mtelab: protocol: 'page-luck', expected one of flag-first, "),
        (["--situation", "here"], "mtelab: situation: 'here', expected one of two-vcpus, "),
        (["--cpus", "0"], "mtelab: cpus: 0, expected 1 to 8"),
        (["--pages", "65"], "mtelab: pages: 65, expected 1 to 64"),
        (["--memory", "tso"], "mtelab: memory: 'tso', expected 'sc' or 'arm'"),
        (["--mmu-lock", "none"], "mtelab: mmu_lock: 'none', expected 'exclusive' or 'shared', or left out"),
        (["--max-states", "0"], "mtelab: max_states: 0, expected a number of 1 or more"),
        (["page-lock", "--litmus"], "mtelab: --litmus: expected no PROTOCOL"),
    ],
)
def test_bad_arguments_are_a_sentence_and_status_2(capsys, arguments, message):
    assert main(["verify", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(message)
    assert captured.out == ""


def test_the_litmus_table_is_a_command(capsys, monkeypatch):
    from mtelab.explorer import litmus_table

    monkeypatch.setattr(litmus_table, "TESTS", {name: litmus_table.TESTS[name] for name in ("SB", "SB+mbs")})
    assert main(["verify", "--litmus"]) == 0
    assert "2 litmus tests" in capsys.readouterr().out
    assert main(["verify", "--litmus", "--json"]) == 0
    assert [row["mark"] for row in json.loads(capsys.readouterr().out)] == ["allowed, shown", "forbidden"]
