"""The scenario language: lines of text to checked operations, or an error that names the line and the word.

Reading checks all that needs no kernel: words, numbers, and that a name was declared by a line before. Whether the
kernel then does the operation is for the kernel, or its model, to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mtelab.scenario.grammar import GRAMMAR, PROCESS_OPERATIONS, Names
from mtelab.scenario.words import Cursor, ScenarioError


class Operation(NamedTuple):
    """One line.

    Attributes
    ----------
    name : str
        ``"mmap"``, ``"gstg"`` ...
    child : bool
        The child does it.
    arguments : tuple
        Checked values, in the order of the language's table.
    text : str
        The line.
    line : int
        Its number, from 1.
    """

    name: str
    child: bool
    arguments: tuple[Any, ...]
    text: str
    line: int


def parse(lines: str | Sequence[str]) -> list[Operation]:
    """Read a scenario.

    Parameters
    ----------
    lines : str or sequence of str
        The text, or its operations one by one. Empty lines and lines that begin with ``#`` are passed over.

    Raises
    ------
    ScenarioError
        At the first word that is not as it should be.
    """
    if isinstance(lines, str):
        lines = lines.splitlines()
    names = Names()
    operations = []
    for number, text in enumerate(lines, start=1):
        if text.strip() and not text.lstrip().startswith("#"):
            operations.append(parse_line(text, number, names))
    return operations


def parse_file(path: Path) -> list[Operation]:
    """Read a scenario from a file, which must end with a newline: one that does not may have been cut short."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScenarioError(None, (error.strerror or str(error)).lower(), "a file of operations, one a line") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ScenarioError(line, f"byte 0x{error.object[error.start]:02x}", "text in UTF-8") from None
    operations = parse(text)
    if text and not text.endswith("\n"):
        lines = text.splitlines()
        last = lines[-1].split()[-1] if lines[-1].split() else ""
        raise ScenarioError(len(lines), f"{last!r}, the last word", "a newline after it: is the file cut short?")
    return operations


def parse_line(text: str, line: int, names: Names) -> Operation:
    """Read one line, and enter in `names` what it declares."""
    words = Cursor(text, line)
    name = words.choice((*GRAMMAR, "child"))
    names.child = name == "child"
    if names.child:
        name = words.choice(PROCESS_OPERATIONS)
    arguments = GRAMMAR[name](words, names)
    words.end()
    return Operation(name, names.child, arguments, text.strip(), line)
