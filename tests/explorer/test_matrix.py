"""The verdict matrix for two CPUs, against what the history records of each design.

Each group of cells has its reason: a step of the design, a message, a commit, or a race that was measured on real
kernels (records in tests/conformance/kernel).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product

import pytest

import mtelab
from mtelab import recordings
from mtelab.sync import PROTOCOLS, SITUATIONS

SAFE = {"safe"}
LOCKED_INSIDE = ("two-vcpus",)
SWAP = ("swap-in",)
IOCTL = ("ioctl-and-fault",)
ONE_PROCESS = ("two-vms-one-process",)
OVER = ("mmap-over",)
FORK = ("fork-and-mprotect",)
MET_BY_PROCESSES = ("two-vms", "vm-and-mprotect", "vm-and-foreign-fault", "fork-and-mprotect", "mmap-over")
SEEN_SHARED = ("two-vms", "vm-and-mprotect", "vm-and-foreign-fault")
MEET = ("two-vms", "two-vms-one-process", "vm-and-mprotect", "vm-and-foreign-fault", "fork-and-mprotect", "mmap-over")
NOT_TWO_VCPUS = tuple(name for name in SITUATIONS if name != "two-vcpus")
WITH_LOCKS = ("big-lock", "lock-array")
REFUSING = ("no-shared-slot-only", "no-shared", "merged-5.14")
UNORDERED = ("clear-first", *WITH_LOCKS, "per-mm-lock", *REFUSING)
"""Their test at stage 2 is a plain one, and their flag is set with nothing that orders the tags before it."""
FLAGLESS_OR_FIXED = ("page-lock", "always-tagged")


@dataclass(frozen=True)
class Group:
    """Cells that come out alike, and why; `shows` are all bad verdicts that some interleaving shows."""

    protocols: tuple[str, ...]
    situations: tuple[str, ...]
    memory: str
    verdict: str
    shows: set[str]
    why: str


def bad(*verdicts: str) -> set[str]:
    return set(verdicts)


GROUPS = [
    # ---- in order
    Group(tuple(PROTOCOLS), LOCKED_INSIDE, "sc", "safe", bad(), "mmu_lock, or from 6.2 on the page's own flag"),
    Group(
        tuple(PROTOCOLS), SWAP, "sc", "safe", bad(), "the page lock around the restore <20210513152158.GB6801@arm.com>"
    ),
    Group(
        *(("flag-first",), MEET, "sc", "leaks", bad("leaks", "loses")),
        "the other believes the flag before the clear <20210517123239.8025-2-steven.price@arm.com>: A1 leaks, A2 loses",
    ),
    Group(
        *(("clear-first",), MEET, "sc", "loses", bad("loses")),
        "both test, the late clear wipes a stored tag; nothing leaks <20210524104513.13258-5-steven.price@arm.com>",
    ),
    Group(WITH_LOCKS, MEET, "sc", "safe", bad(), "every initialiser of a page takes the same lock (v14, v15)"),
    Group(
        ("per-mm-lock",),
        MET_BY_PROCESSES,
        "sc",
        "loses",
        bad("loses"),
        "tags belong to memory, which address spaces share <e65943cb-9643-c973-9626-ebf56723ea14@arm.com>",
    ),
    Group(("per-mm-lock",), ONE_PROCESS, "sc", "safe", bad(), "one mm, so one lock"),
    Group(
        *(("flag-first", "clear-first", *WITH_LOCKS, "per-mm-lock", *REFUSING), IOCTL, "sc", "loses", bad("loses")),
        "until 6.2 the ioctl took no lock that a fault takes: H07, measured on 6.1",
    ),
    Group(REFUSING, SEEN_SHARED, "sc", "refused", bad(), "VM_SHARED at the slot <87im2cd443.wl-maz@kernel.org>"),
    Group(REFUSING, ONE_PROCESS, "sc", "loses", bad("loses"), "a private page in two VMs: H02, measured on 6.1"),
    Group(
        ("no-shared-slot-only",),
        OVER,
        "sc",
        "loses",
        bad("loses"),
        "the slot was private, its memory is not any more <db4cf3c1-d5eb-f8cf-23ff-d52e3b6ae9b1@arm.com>",
    ),
    Group(("no-shared", "merged-5.14"), OVER, "sc", "refused", bad(), "the fault looks again (v16)"),
    Group(
        *(("no-shared-slot-only", "no-shared"), FORK, "sc", "loses", bad("loses")),
        "a private page with a child that adds PROT_MTE <YrtBIX0/0jyAdgnz@arm.com>; stage 2 takes no lock",
    ),
    Group(
        *(("merged-5.14",), FORK, "sc", "leaks", bad("leaks", "loses")),
        "as above, and stage 1 sets the flag first: the guest sees it before the clear",
    ),
    Group(("two-bit-no-barriers",), (*MEET, *IOCTL), "sc", "safe", bad(), "whoever is second waits for the flag"),
    Group(("page-lock",), (*MEET, *IOCTL), "sc", "safe", bad(), "e059853d14ca, d77e59a8fccd"),
    Group(("always-tagged",), (*MEET, *IOCTL), "sc", "safe", bad(), "tags are cleared before anybody has the page"),
    # ---- weakly ordered
    Group(tuple(PROTOCOLS), LOCKED_INSIDE, "arm", "safe", bad(), "as in order: a lock orders, and so does F's wait"),
    Group(
        *(("flag-first",), (*MEET, *IOCTL), "arm", "leaks", bad("leaks", "loses")),
        "as in order; at the ioctl the flag is seen before the VMM's tags",
    ),
    Group(
        *(("clear-first", "per-mm-lock"), MET_BY_PROCESSES, "arm", "leaks", bad("leaks", "loses")),
        "as in order, and the flag is seen before the clear",
    ),
    Group(("clear-first", *REFUSING), ONE_PROCESS, "arm", "leaks", bad("leaks", "loses"), "as in order, and the same"),
    Group(
        *(WITH_LOCKS, MEET, "arm", "leaks", bad("leaks", "loses")),
        "the first test is outside the lock and orders nothing: what e059853d14ca mended in 2022",
    ),
    Group(
        ("per-mm-lock",), ONE_PROCESS, "arm", "leaks", bad("leaks", "loses"), "as with any lock and an unordered test"
    ),
    Group(
        UNORDERED, IOCTL, "arm", "leaks", bad("leaks", "loses"), "as in order; the flag is seen before the VMM's tags"
    ),
    Group(REFUSING, SEEN_SHARED, "arm", "refused", bad(), "as in order"),
    Group(("no-shared-slot-only",), OVER, "arm", "leaks", bad("leaks", "loses"), "as in order, and unordered"),
    Group(("no-shared", "merged-5.14"), OVER, "arm", "refused", bad(), "as in order"),
    Group(REFUSING, FORK, "arm", "leaks", bad("leaks", "loses"), "as in order, and unordered"),
    Group(
        *(("flag-first", *UNORDERED, "two-bit-no-barriers"), SWAP, "arm", "leaks", bad("leaks", "loses")),
        "nothing orders the tags before the entry that shows them: H2, mended in 5.19 (1d0cb4c8864a)",
    ),
    Group(
        *(("two-bit-no-barriers",), (*MEET, *IOCTL), "arm", "leaks", bad("leaks", "loses")),
        "a barrier is missing <14f2a69e-4022-e463-1662-30032655e3d1@arm.com>",
    ),
    Group(("page-lock",), (*MEET, *IOCTL, *SWAP), "arm", "safe", bad(), "its barriers: e059853d14ca, 1d0cb4c8864a"),
    Group(
        ("always-tagged",), (*MEET, *IOCTL, *SWAP), "arm", "safe", bad(), "cleared before, and ordered by 1d0cb4c8864a"
    ),
]


def cells(group: Group) -> list[tuple[str, str, str]]:
    return list(product(group.protocols, group.situations, [group.memory]))


def test_every_cell_has_one_reason():
    given = sorted(cell for group in GROUPS for cell in cells(group))
    assert given == sorted(product(PROTOCOLS, SITUATIONS, ("sc", "arm")))


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: f"{group.memory}: {group.why[:40]}")
def test_the_model_agrees_with_the_history(group):
    for protocol, situation, memory in cells(group):
        report = mtelab.explore(protocol, situation, memory=memory)
        found = (report.verdict, set(report.violations), report.exhaustive)
        assert found == (group.verdict, group.shows, True), (protocol, situation, memory)


# ---- races that were measured


def measured(file: str, race: str) -> dict[str, bool]:
    """For each kernel, whether any run of a race lost a tag."""
    lost: dict[str, bool] = {}
    for line in (recordings.folder("kernel") / file).read_text().splitlines():
        record = json.loads(line)
        if record["id"].startswith(race):
            kernel = record["kernel"] if record["kernel"].startswith("linux") else record["release"]
            others = [run.get("data", run) for run in record.get("other_runs", [])]
            lost[kernel] = any(data["tags_lost"] == "yes" for data in (record["data"], *others))
    return lost


RACES = {
    "H07": ("migration.jsonl", "ioctl-and-fault", 2),
    "H02": ("memslots.jsonl", "two-vms-one-process", 2),
    "H10": ("user_memory.jsonl", "fork-and-mprotect", 3),
}
"""Where each race is recorded, and the situation that it is. H10 is CPUs 1 and 2: two processes, no VM."""


@pytest.mark.parametrize("race", RACES)
def test_a_race_is_lost_on_the_kernels_that_lost_it(race):
    file, situation, cpus = RACES[race]
    lost = measured(file, race)
    assert lost == {"linux-6.1": True, "linux-6.12": False, "linux-6.18": False, "linux-7.2": False}
    for kernel, was_lost in lost.items():
        protocol = "merged-5.14" if kernel == "linux-6.1" else "page-lock"
        assert ("loses" in mtelab.explore(protocol, situation, cpus=cpus).violations) == was_lost


def test_two_processes_lose_in_mprotect_without_a_vm_that_takes_part():
    """H10 again, where the VM is refused: the counterexample has steps of the two processes alone."""
    report = mtelab.explore("merged-5.14", "vm-and-mprotect", cpus=3)
    assert {cpu for cpu, _ in report.violations["loses"]} == {1, 2}
    assert mtelab.explore("page-lock", "vm-and-mprotect", cpus=3).verdict == "safe"


# ---- three CPUs


@pytest.mark.parametrize("memory", ["sc", "arm"])
@pytest.mark.parametrize("protocol", ["page-lock", "always-tagged", "merged-5.14"])
@pytest.mark.parametrize("situation", ["two-vms-one-process", "fork-and-mprotect", "ioctl-and-fault"])
def test_three_cpus_are_explored_to_the_end(protocol, situation, memory):
    """A selection; ``mtelab verify --cpus 3`` explores all."""
    three = mtelab.explore(protocol, situation, cpus=3, memory=memory)
    assert three.exhaustive
    assert three.verdict == mtelab.explore(protocol, situation, memory=memory).verdict


@pytest.mark.parametrize("memory", ["sc", "arm"])
def test_a_second_page_changes_no_verdict(memory):
    assert mtelab.explore("page-lock", "two-vms-one-process", pages=2, memory=memory).verdict == "safe"
    assert mtelab.explore("lock-array", "two-vms", pages=2, memory="sc").verdict == "safe"
    assert mtelab.explore("flag-first", "two-vms", pages=2, memory="sc").verdict == "leaks"
