"""The explorer against SPIN: a verdict on models of a class, and states a second on a model of millions of states.

SPIN has to generate a C program, compile it and run it; the explorer has to make its tables. Both run on one core.
Seconds are of processor time, so that what else the machine does counts little.
"""

from __future__ import annotations

from time import process_time
from typing import Final, NamedTuple

import mtelab
from mtelab.bench.spin import SpinRun, missing, spin
from mtelab.explorer import model, search
from mtelab.explorer.model import with_all_tags
from mtelab.explorer.promela import promela
from mtelab.explorer.search import Search


class Case(NamedTuple):
    """A protocol in a situation, in order."""

    protocol: str
    situation: str
    cpus: int
    pages: int

    def __str__(self) -> str:
        return f"{self.protocol} in {self.situation}, {self.cpus} CPUs, {self.pages} page{'s' * (self.pages > 1)}"


CLASS: Final = (
    Case("flag-first", "two-vms", 2, 1),
    Case("clear-first", "two-vms", 3, 1),
    Case("big-lock", "two-vms", 3, 1),
    Case("merged-5.14", "fork-and-mprotect", 2, 2),
    Case("page-lock", "vm-and-mprotect", 3, 1),
    Case("two-bit-no-barriers", "swap-in", 3, 1),
)
"""Models as a class explores them."""

BIG: Final = Case("per-mm-lock", "two-vms", 4, 2)
"""A model of 7.3 million states."""

MOST_STATES: Final = 100_000_000
SPIN_TABLE: Final = 24
"""Logarithm of SPIN's hash table for the big model: more slots than states, as SPIN's manual advises."""


def run(big: Case = BIG) -> int:
    """Print both comparisons; 0, or 1 where the two disagree."""
    absent = missing()
    if absent:
        print(f"SPIN's columns are empty: {', '.join(absent)} not installed (Debian: apt-get install spin gcc)")
    agree = [_class_row(case, not absent) for case in CLASS]
    print()
    agree.append(_big(big, not absent))
    print("\nSame verdicts and states." if all(agree) else "\nThe two disagree.")
    return 0 if all(agree) else 1


def _class_row(case: Case, with_spin: bool) -> bool:
    if case == CLASS[0]:
        print(f"\n{'a verdict':55} {'states':>7}  {'mtelab':>8}  {'SPIN: generate, compile, run':>30}  {'ratio':>6}")
    start = process_time()
    report = mtelab.explore(*case[:2], cpus=case.cpus, pages=case.pages)
    ours = process_time() - start
    row = f"{case!s:47} {report.verdict:7} {report.states:7,}  {ours:6.3f} s"
    if not with_spin:
        print(row)
        return True
    twin = promela(model(*case[:2], cpus=case.cpus, pages=case.pages))
    best = spin(twin, every_state=False)
    parts = f"{best.generate:6.2f} {best.compile:6.2f} {best.run:6.2f} {best.seconds:6.2f} s"
    print(f"{row}  {parts}  {best.seconds / ours:5.1f}x")
    every = spin(twin)
    return every.states == report.states and every.violations == best.violations == set(report.violations)


def _big(case: Case, with_spin: bool) -> bool:
    start = process_time()
    found = searched(case)
    ours = process_time() - start
    print(f"every state of {case}")
    print(f"{'':8} {'states':>12} {'seconds':>9} {'states a second':>16} {'bytes a state':>14}")
    count = found.seen.count
    print(f"{'mtelab':8} {count:12,} {ours:9.1f} {count / ours:16,.0f} {found.seen.bytes_a_state:14.0f}")
    if not with_spin:
        return True
    theirs = spin(promela(model(*case[:2], cpus=case.cpus, pages=case.pages)), hash_bits=SPIN_TABLE)
    print(_spin_row("SPIN run", theirs, theirs.run))
    print(_spin_row("in all", theirs, theirs.seconds))
    print("target: a million states a second, 64 bytes a state")
    return theirs.states == count


def _spin_row(name: str, theirs: SpinRun, seconds: float) -> str:
    size = theirs.megabytes * 1e6 / theirs.states
    return f"{name:8} {theirs.states:12,} {seconds:9.1f} {theirs.states / seconds:16,.0f} {size:14.0f}"


def searched(case: Case) -> Search:
    """Reach every state of a case."""
    chosen = model(*case[:2], cpus=case.cpus, pages=case.pages)
    found: Search = with_all_tags(lambda tags: search(chosen.build(tags), MOST_STATES))
    return found
