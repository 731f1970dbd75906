"""A register of exercises and a learner's state for each test."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mtelab.learn import checking, exercise
from mtelab.learn.progress import _memory


@pytest.fixture(autouse=True)
def fresh_kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    exercise.exercises()  # the course registers itself before the register is copied
    monkeypatch.setattr(exercise, "_REGISTER", dict(exercise._REGISTER))
    monkeypatch.setattr(checking, "_attempts", Counter())
    monkeypatch.setattr(checking, "_hints", Counter())
    _memory.clear()
    monkeypatch.setenv("MTELAB_PROGRESS", str(tmp_path / "progress.json"))
