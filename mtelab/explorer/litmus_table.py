"""What the explorer's machine shows of the standard litmus tests, beside what Arm allows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from mtelab.explorer import columns
from mtelab.explorer.litmus import Litmus, Outcome
from mtelab.explorer.litmus_tests import TESTS

SHOWN, NOT_SHOWN, FORBIDDEN, WRONG = "allowed, shown", "allowed, not shown", "forbidden", "FORBIDDEN, SHOWN"
HEADER = ("test", "outcome", "sc", "arm", "outcome is", "outcomes\nsc arm Arm's", "source")


def written(outcome: Outcome) -> str:
    """Outcome as text: ``"a=1 b=0"``."""
    return " ".join(f"{name}={value}" for name, value in outcome)


@dataclass(frozen=True)
class Row:
    """One test: every outcome under each memory order.

    Attributes
    ----------
    test : Litmus
        Which.
    sc, arm : frozenset of Outcome
        What the model shows.
    """

    test: Litmus
    sc: frozenset[Outcome]
    arm: frozenset[Outcome]

    @property
    def mark(self) -> str:
        """What the outcome that is asked for is: allowed and shown, allowed and not shown, or forbidden."""
        shown = any(map(self.test.matches, self.arm))
        if self.test.allowed:
            return SHOWN if shown else NOT_SHOWN
        return WRONG if shown else FORBIDDEN

    @property
    def marks(self) -> dict[Outcome, str]:
        """Every outcome that the model shows or Arm allows, and that which is asked for, with its mark."""
        found = dict.fromkeys(sorted(self.arm), SHOWN)
        found.update(dict.fromkeys(sorted(self.test.not_shown), NOT_SHOWN))
        if not any(map(self.test.matches, found)) or self.mark == WRONG:
            found[self.test.asked] = self.mark
        return found

    def cells(self) -> tuple[str, ...]:
        """Texts of the table's row."""
        shown = ["yes" if any(map(self.test.matches, outcomes)) else "no" for outcomes in (self.sc, self.arm)]
        allowed = len(self.arm | self.test.not_shown)
        counts = f"{len(self.sc):2} {len(self.arm):3} {allowed:5}"
        return (self.test.name, written(self.test.asked), *shown, self.mark, counts, self.test.source)

    def data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "test": self.test.name,
            "asked": written(self.test.asked),
            "mark": self.mark,
            "sc": [written(outcome) for outcome in sorted(self.sc)],
            "arm": [written(outcome) for outcome in sorted(self.arm)],
            "outcomes": {written(outcome): mark for outcome, mark in self.marks.items()},
            "source": self.test.source,
        }


@dataclass(frozen=True)
class LitmusTable:
    """Rows of tests; shown as a table."""

    rows: tuple[Row, ...]

    @property
    def wrong(self) -> list[str]:
        """Tests of which the model shows what Arm forbids."""
        return [row.test.name for row in self.rows if row.mark == WRONG]

    @property
    def caption(self) -> str:
        """What stands above the table."""
        count = {mark: sum(row.mark == mark for row in self.rows) for mark in (SHOWN, NOT_SHOWN, FORBIDDEN, WRONG)}
        return f"{len(self.rows)} litmus tests: " + "; ".join(f"{number} {mark}" for mark, number in count.items())

    def __repr__(self) -> str:
        return self.caption + "\n\n" + columns.text(HEADER, [row.cells() for row in self.rows])

    def _repr_html_(self) -> str:
        return columns.html(HEADER, [row.cells() for row in self.rows], self.caption)


def litmus(names: Iterable[str] | None = None) -> LitmusTable:
    """Run litmus tests under both memory orders.

    Parameters
    ----------
    names : iterable of str, optional
        Of `mtelab.explorer.litmus_tests.TESTS`; all if left out.

    Raises
    ------
    ValueError
        For a name that is none.
    """
    chosen = list(TESTS) if names is None else list(names)
    for name in chosen:
        if name not in TESTS:
            raise ValueError(f"litmus test: {name!r}, expected one of {', '.join(TESTS)}")
    tests = [TESTS[name] for name in chosen]
    return LitmusTable(tuple(Row(test, test.outcomes("sc"), test.outcomes("arm")) for test in tests))
