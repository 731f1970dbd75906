"""The benchmarks measure what they say and print every row; their numbers are nobody's promise."""

from __future__ import annotations

import numpy as np
import pytest

from mtelab.bench import explore, tags
from mtelab.bench.__main__ import main
from mtelab.bench.spin import missing
from mtelab.bench.timing import best_of


def test_functions_take_turns_and_the_best_time_counts() -> None:
    order: list[str] = []
    ticks = iter([0, 5, 5, 6, 10, 12, 20, 29])
    best = best_of({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 2, clock=lambda: next(ticks))
    assert order == ["a", "b"] * 3
    assert best == {"a": 2, "b": 1}


def test_the_loops_that_we_are_held_against_do_clear() -> None:
    for loop in (tags.granule_loop, tags.page_loop):
        array = np.ones((3, 256), np.uint8)
        loop(array)
        assert not array.any()


def test_every_target_has_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tags", "--pages", "64"]) == 0
    printed = capsys.readouterr().out
    for operation in ("read", "write", "save", "restore", "copy", "clear", "scattered", "granules", "over pages"):
        assert operation in printed
    for target in ("1.10", "1.15", "2.50", "2.00"):
        assert target in printed
    assert "5,243 runs tagged" in printed


@pytest.mark.skipif(bool(missing()), reason="SPIN or a C compiler is not installed")
def test_the_explorer_and_spin_stand_side_by_side(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(explore, "CLASS", explore.CLASS[:1])
    assert main(["explore", "--cpus", "2", "--pages", "1"]) == 0
    printed = capsys.readouterr().out
    assert "flag-first in two-vms, 2 CPUs, 1 page           leaks       135" in printed
    assert "every state of per-mm-lock in two-vms, 2 CPUs, 1 page" in printed
    (states,) = {line.split()[-4] for line in printed.splitlines() if line.startswith(("mtelab", "SPIN run", "in all"))}
    assert states == "247"
    assert "Same verdicts and states." in printed


def test_without_spin_its_columns_are_empty(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(explore, "missing", lambda: ["spin"])
    assert main(["explore", "--cpus", "2", "--pages", "1"]) == 0
    printed = capsys.readouterr().out
    assert "SPIN's columns are empty: spin not installed" in printed
    assert "SPIN run" not in printed


@pytest.mark.parametrize("words", [[], ["speed"], ["tags", "--pages", "1"], ["explore", "--cpus", "9"]])
def test_bad_words_end_with_status_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err
