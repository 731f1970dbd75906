"""Shrinking finds the few operations that matter, for bugs planted in the model of one release."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mtelab import recordings
from mtelab.kvm import RELEASES
from mtelab.kvm.releases import not_shared
from mtelab.scenario import read_recorded, replay, run, shrink, shrink_disagreement
from mtelab.scenario.shrink import first_difference

KERNEL = "linux-6.12"


def first_disagreement():
    """Find a recorded scenario that the model, with its bug, gets wrong: its operations and results."""
    for one in read_recorded(recordings.folder("scenario") / "random.jsonl", KERNEL):
        if first_difference(replay(one.operations, KERNEL), one.results[KERNEL]) is not None:
            return [operation.text for operation in one.operations], one.results[KERNEL]
    raise AssertionError("the bug does not show")


def test_a_wrong_rule_for_slots(monkeypatch):
    monkeypatch.setitem(RELEASES, KERNEL, replace(RELEASES[KERNEL], vma_may_back_mte=not_shared))
    operations, recorded = first_disagreement()
    small = shrink_disagreement(operations, recorded, KERNEL)
    assert [operation.split()[0] for operation in small if operation.split()[0] != "memfd"] == [
        "mmap",
        "vm",
        "mte",
        "slot",
    ]


def test_a_missing_clear(monkeypatch):
    path = tuple(name for name in RELEASES[KERNEL].fault_path if name != "sanitise_mte_tags")
    monkeypatch.setitem(RELEASES, KERNEL, replace(RELEASES[KERNEL], fault_path=path))
    operations, recorded = first_disagreement()
    small = shrink_disagreement(operations, recorded, KERNEL)
    assert len(small) <= 8
    assert small[-1].split()[0] in ("gldg", "tags", "ldg", "gload", "gstore")


def test_a_model_that_agrees_has_nothing_to_shrink():
    operations = ["vm v", "mte v"]
    with pytest.raises(ValueError, match="agrees"):
        shrink_disagreement(operations, ["ok", "ok"], KERNEL)


def test_without_a_witness_the_wrong_answer_stays_the_same():
    operations = ["mmap r 1 private anon rw", "store r 0 7", "vm v", "fork", "load r 0"]
    recorded = [*run(operations, KERNEL)[:-1], "0x08"]
    assert shrink_disagreement(operations, recorded, KERNEL) == [operations[0], operations[1], operations[4]]


def test_shrink_needs_only_something_that_fails():
    assert shrink(range(100), lambda kept: {13, 77} <= set(kept)) == [13, 77]
