"""Recordings: what real machines and kernels did, one JSON object a line, and errors that name file, line and field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent
_WORD = re.compile("0x[0-9a-fA-F]+")


class RecordingError(Exception):
    """A recording that cannot be read; the text names the file, the line and the field."""


class Record:
    """One line of a recording. Each method reads one field, checked; a dotted name reads inside: ``in.xn``.

    Parameters
    ----------
    values : dict
        The line.
    where : str
        ``file:line``, for messages.

    Raises
    ------
    RecordingError
        From every method, if the field is missing or not what the method promises.
    """

    def __init__(self, values: dict[str, Any], where: str) -> None:
        self.values, self.where = values, where

    def __repr__(self) -> str:
        return f"Record({self.where})"

    def error(self, field: str, expected: str) -> RecordingError:
        """Make the error for `field`, which is not as expected."""
        try:
            found = f"{self.get(field)!r:.80}"
        except RecordingError:
            found = "missing"
        return RecordingError(f"{self.where}: field {field}: {found}, expected {expected}")

    def __contains__(self, field: str) -> bool:
        values: Any = self.values
        for name in field.split("."):
            if not isinstance(values, dict) or name not in values:
                return False
            values = values[name]
        return True

    def get(self, field: str) -> Any:
        """Value of `field`, whatever it is."""
        values: Any = self.values
        for name in field.split("."):
            if not isinstance(values, dict) or name not in values:
                raise RecordingError(f"{self.where}: field {field}: missing")
            values = values[name]
        return values

    def word(self, field: str, bits: int = 64) -> int:
        """Read a register or an address: a string ``"0x..."`` of up to `bits` bits."""
        value = self.get(field)
        if isinstance(value, str) and _WORD.fullmatch(value) and (number := int(value, 16)) < 1 << bits:
            return number
        raise self.error(field, f"a string such as '0x1f' of up to {bits} bits")

    def integer(self, field: str, low: int, high: int, step: int = 1) -> int:
        """Read a whole number from `low` to `high`, a multiple of `step`."""
        value = self.get(field)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high and value % step == 0:
            return value
        multiple = f", a multiple of {step}" if step > 1 else ""
        raise self.error(field, f"a whole number from {low} to {high}{multiple}")

    def text(self, field: str) -> str:
        """Read a string."""
        value = self.get(field)
        if isinstance(value, str):
            return value
        raise self.error(field, "a string")

    def choice(self, field: str, allowed: tuple[str, ...]) -> str:
        """Read one of the strings `allowed`."""
        value = self.get(field)
        if isinstance(value, str) and value in allowed:
            return value
        raise self.error(field, f"one of {', '.join(allowed)}")

    def digits(self, field: str, count: int) -> str:
        """Read a string of `count` lower-case hex digits."""
        value = self.get(field)
        if isinstance(value, str) and len(value) == count and not set(value) - set("0123456789abcdef"):
            return value
        raise self.error(field, f"{count} lower-case hex digits")


def folder(name: str) -> Path:
    """Folder of the recordings called `name`, such as ``"insn"``, as this installation has it.

    A wheel carries them inside the package; in a source checkout they are in ``tests/conformance``.
    """
    for candidate in (PACKAGE / name, PACKAGE.parents[1] / "tests" / "conformance" / name):
        if candidate.is_dir():
            return candidate
    raise RecordingError(f"no recordings called {name}: install mtelab again")


def files(path: Path) -> list[Path]:
    """Files of a recording: `path` itself, or the ``.jsonl`` files of a folder in order of their names."""
    if path.is_dir():
        found = sorted(path.glob("*.jsonl"))
        if not found:
            raise RecordingError(f"{path}: no .jsonl file in this folder")
        return found
    if not path.is_file():
        raise RecordingError(f"{path}: no such file or folder")
    return [path]


def read(path: Path) -> Iterator[Record]:
    """Yield the records of a file or folder, one a line; empty lines are passed over."""
    for file in files(path):
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise RecordingError(f"{file}: cannot be read: {error}") from None
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _record(line, f"{file}:{number}")


def _record(line: str, where: str) -> Record:
    try:
        values = json.loads(line)
    except json.JSONDecodeError as error:
        raise RecordingError(f"{where}: not a line of JSON: {error.msg}, at column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise RecordingError(f"{where}: not a line of JSON: {error}") from None
    if not isinstance(values, dict):
        raise RecordingError(f"{where}: {line:.40}, expected a JSON object")
    return Record(values, where)
