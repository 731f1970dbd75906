"""The model does what real kernels were recorded doing in the hand-written situations that the labs show."""

from __future__ import annotations

import pytest

from mtelab import recordings
from mtelab.recordings import Record
from mtelab.scenario import run

RECORDS = list(recordings.read(recordings.folder("kernel") / "memslots.jsonl"))
OVER = {"C06": ("memfd", "shared"), "C10": ("hugefd", "private"), "C11": ("hugefd", "shared")}
TOUCHES = {"LDR": "gload v 0", "STR": "gstore v 0 85", "LDG": "gldg v 0 0", "STG": "gstg v 0 0 7"}


def records(*ids: str) -> pytest.MarkDecorator:
    """Run a test for each record whose id begins with one of `ids`."""
    found = [record for record in RECORDS if record.text("id").startswith(ids)]
    return pytest.mark.parametrize("record", found, ids=lambda r: f"{r.text('id')}-{r.text('kernel')}")


@records(*OVER)
def test_mapped_over_a_private_slot(record: Record) -> None:
    file, way = OVER[record.text("id")[:3]]
    start = [f"{file} f 512", "mmap r 512 private anon rw", "vm v", "mte v", "vcpu v", "slot v 0 0 r 0 512"]
    results = run([*start, f"remap r 0 512 {way} f rw", *TOUCHES.values()], record.text("kernel"))[-4:]
    said = [f"{name} {'EFAULT' if result == 'EFAULT' else 'ok'}" for name, result in zip(TOUCHES, results, strict=True)]
    assert ", ".join(said) == record.text("outcome")


@records("D26")
def test_huge_pages_of_a_second_owner(record: Record) -> None:
    def owner(vm: str) -> list[str]:
        return ["mmap r 512 private h rw", f"vm {vm}", f"mte {vm}", f"vcpu {vm}", f"slot {vm} 0 0 r 0 512"]

    scenario = ["hugefd h 512", *owner("a"), "gstg a 3 0 9", "munmap r 0 512", *owner("b"), "gldg b 3 0"]
    results = run(scenario, record.text("kernel"))
    said = {"9": "stale tags: yes", "0": "stale tags: no"}.get(results[-1], "slot refused")
    assert said == record.text("outcome")
    assert ("EINVAL" in results) == (said == "slot refused")


def test_only_the_oldest_kernel_lost_tags_in_the_race() -> None:
    lost = {}
    for record in RECORDS:
        if record.text("id").startswith("H02"):
            runs = [record.values, *record.values.get("other_runs", [])]
            lost[record.text("kernel")] = sum(run["data"]["v_pages_with_lost_tags"] for run in runs)
    assert lost == {"linux-6.1": 15, "linux-6.12": 0, "linux-6.18": 0, "linux-7.2": 0}
