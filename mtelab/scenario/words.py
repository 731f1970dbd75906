"""The words of a line, read one after another, each checked; errors name the line, the word and what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn


class ScenarioError(ValueError):
    """A scenario that cannot be run.

    Parameters
    ----------
    line : int or None
        Number of the line, from 1; None if it is about the whole.
    word : str
        What is wrong.
    expected : str
        What could stand there.
    """

    def __init__(self, line: int | None, word: str, expected: str) -> None:
        self.line, self.word, self.expected = line, word, expected
        super().__init__(self.problem if line is None else f"line {line}: {self.problem}")

    @property
    def problem(self) -> str:
        """The word and what was expected, without the line."""
        return f"{self.word}: expected {self.expected}"


class Cursor:
    """A place in a line.

    Parameters
    ----------
    text : str
        The line.
    line : int
        Its number.
    """

    def __init__(self, text: str, line: int) -> None:
        self.words = text.split()
        self.line = line
        self.place = 0

    def refuse(self, expected: str) -> NoReturn:
        """Say that the word last taken is not what was expected."""
        raise ScenarioError(self.line, f"word {self.place}, {self.words[self.place - 1]!r}", expected)

    @property
    def more(self) -> bool:
        """Whether words are left."""
        return self.place < len(self.words)

    def take(self, expected: str) -> str:
        """Next word, whatever it is."""
        if not self.more:
            raise ScenarioError(self.line, f"word {self.place + 1}, missing after {self.words[-1]!r}", expected)
        self.place += 1
        return self.words[self.place - 1]

    def end(self) -> None:
        """Insist that no word is left."""
        if self.more:
            self.take("")
            self.refuse("the end of the line")

    def choice(self, options: Sequence[str]) -> str:
        """Next word, one of some."""
        expected = options[0] if len(options) == 1 else f"{', '.join(options[:-1])} or {options[-1]}"
        word = self.take(expected)
        if word not in options:
            self.refuse(expected)
        return word

    def number(self, what: str, low: int, high: int) -> int:
        """Next word, a number, decimal or ``0x`` and hexadecimal, from `low` to `high`."""
        expected = f"{what}, {low} to {high}"
        word = self.take(expected)
        value = whole_number(word)
        if value is None or not low <= value <= high:
            self.refuse(expected)
        return value

    def name(self, what: str) -> str:
        """Next word, a new name: a letter, then letters, digits and underscores."""
        expected = f"a name for {what}"
        word = self.take(expected)
        if not (word.isascii() and word.isidentifier()):
            self.refuse(expected)
        return word

    def known(self, what: str, names: Sequence[str]) -> str:
        """Next word, a name that a line before declared."""
        so_far = f": {', '.join(names)}" if names else ", but none was made so far"
        expected = f"{what} of an earlier line{so_far}"
        word = self.take(expected)
        if word not in names:
            self.refuse(expected)
        return word


def whole_number(word: str) -> int | None:
    """Value of a decimal or 0x-hexadecimal number; None if it is neither."""
    digits, base = (word[2:], 16) if word[:2] in ("0x", "0X") else (word, 10)
    if not digits.isascii() or not digits.isalnum():
        return None
    try:
        return int(digits, base)
    except ValueError:
        return None
