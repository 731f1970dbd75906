"""``mtelab contend``: what it prints, and the status it ends with."""

from __future__ import annotations

import json

import pytest

from mtelab.cli import main
from mtelab.contention import contend

ASKED = ["contend", "--protocol", "big-lock", "--guests", "16", "--vcpus", "4", "--pages", "32"]


def test_json_is_the_whole_result(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*ASKED, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == contend("big-lock", guests=16, vcpus=4, pages=32).as_dict()


def test_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(ASKED) == 0
    printed = capsys.readouterr().out
    result = contend("big-lock", guests=16, vcpus=4, pages=32)
    assert "16 guests of 4 vCPUs and 32 pages" in printed
    assert f"{result.throughput:,.0f} pages/s" in printed
    for line in ("time to start", "99th percentile", "interrupts off", "tag_sync_lock held", "mmu_lock held"):
        assert line in printed


def test_everything_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    words = "--workload migration --cores 3 --block 2M --pages 1024 --mmu-lock shared --unfair --frames contiguous"
    asked = ["contend", "--protocol", "lock-array", "--guests", "2", "--vcpus", "2", *words.split(), "--seed", "7"]
    assert main([*asked, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    wanted = contend(
        "lock-array",
        "migration",
        guests=2,
        vcpus=2,
        pages=1024,
        cores=3,
        block="2M",
        mmu_lock="shared",
        fair=False,
        frames="contiguous",
        seed=7,
    )
    assert printed == wanted.as_dict()


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--protocol", "biglock"], "protocol"),
        (["--protocol", "big-lock", "--guests", "0"], "guests"),
        (["--protocol", "big-lock", "--vcpus", "-2"], "vcpus"),
        (["--protocol", "big-lock", "--cores", "0"], "cores"),
        (["--protocol", "big-lock", "--workload", "lunch"], "workload"),
        (["--protocol", "big-lock", "--block", "1G"], "block"),
        (["--protocol", "big-lock", "--mmu-lock", "mine"], "mmu_lock"),
    ],
)
def test_bad_words_are_named_and_end_with_status_2(
    words: list[str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["contend", *words]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"mtelab: {name}: ")
