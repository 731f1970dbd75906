"""Progress is kept, a pass stays, and a bad file harms nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mtelab.learn.progress import _memory, path, progress, record
from mtelab.learn.result import State

NAME = "which_pointer"


def state() -> State:
    return next(row.state for row in progress().rows if row.exercise == NAME)


def new_kernel() -> None:
    _memory.clear()


def test_it_starts_with_nothing_tried() -> None:
    assert {row.state for row in progress().rows} == {State.NOT_TRIED}
    assert "0 of" in repr(progress())


def test_another_kernel_reads_it() -> None:
    record(NAME, State.PASSED)
    new_kernel()
    assert state() is State.PASSED
    assert progress().points == 1
    assert "✓ passed     Which pointer" in repr(progress())


def test_once_passed_stays_passed() -> None:
    record(NAME, State.PASSED)
    new_kernel()
    record(NAME, State.FAILING)
    assert state() is State.PASSED
    entry = json.loads(path().read_text())["exercises"][NAME]
    assert entry == {"passed": True, "last": "failing"}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[]", b'{"exercises": 3}', b'{"exercises": {"which_pointer": {"last": ["x"]}}}'],
)
def test_a_corrupted_file_starts_anew(content: bytes) -> None:
    path().write_bytes(content)
    assert state() is State.NOT_TRIED
    record(NAME, State.PASSED)
    new_kernel()
    assert state() is State.PASSED


def test_where_nothing_can_be_written_it_lasts_as_long_as_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("MTELAB_PROGRESS", str(tmp_path / "file" / "progress.json"))
    record(NAME, State.PASSED)
    assert state() is State.PASSED
    new_kernel()
    assert state() is State.NOT_TRIED


def test_a_folder_in_its_place_is_no_error_and_leaves_no_scraps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").mkdir()
    monkeypatch.setenv("MTELAB_PROGRESS", str(tmp_path / "taken"))
    record(NAME, State.FAILING)
    assert [entry.name for entry in tmp_path.iterdir()] == ["taken"]


def test_without_a_setting_it_is_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MTELAB_PROGRESS")
    monkeypatch.chdir(tmp_path)
    record(NAME, State.FAILING)
    assert (tmp_path / ".mtelab" / "progress.json").is_file()
