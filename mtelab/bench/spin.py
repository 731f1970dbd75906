"""SPIN on a Promela program: how long it takes to generate, compile and run, and what it finds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mtelab.sync.situations import STALE_TAG

TOOLS = ("spin", "gcc")


def missing() -> list[str]:
    """What has to be installed (Debian: ``apt-get install spin gcc``)."""
    return [tool for tool in TOOLS if shutil.which(tool) is None]


@dataclass(frozen=True)
class SpinRun:
    """A verification.

    Attributes
    ----------
    states : int
        States stored.
    violations : frozenset of str
        ``"leaks"``, ``"loses"`` and ``"deadlocks"``, as far as they were found.
    complete : bool
        Whether the whole state space was searched.
    generate, compile, run : float
        Seconds of processor time of ``spin -a``, of the C compiler, and of the search.
    megabytes : float
        Memory that the search took.
    """

    states: int
    violations: frozenset[str]
    complete: bool
    generate: float
    compile: float
    run: float
    megabytes: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.generate + self.compile + self.run


def spin(program: str, every_state: bool = True, hash_bits: int = 20) -> SpinRun:
    """Verify a Promela program.

    Parameters
    ----------
    program : str
        From `mtelab.explorer.promela`.
    every_state : bool
        Without merged statements and partial-order reduction, so that SPIN stores the states that the explorer does;
        otherwise as SPIN comes.
    hash_bits : int
        Logarithm of its hash table's size.

    Raises
    ------
    ValueError
        If SPIN or the compiler does not accept the program; the text is theirs.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.pml").write_text(program)
        generate = _timed(["spin", "-a", *(["-o3"] if every_state else []), "model.pml"], folder)[1]
        options = ["-DNOREDUCE"] if every_state else []
        built = _timed(["gcc", "-O2", "-w", "-DSAFETY", "-DMEMLIM=8000", *options, "-o", "pan", "pan.c"], folder)[1]
        printed, run = _timed(["./pan", "-c0", "-m100000", f"-w{hash_bits}"], folder)
    return SpinRun(
        states=int(_found(r"(\d+) states, stored", printed)),
        violations=_violations(printed),
        complete="Search not completed" not in printed and "max search depth too small" not in printed,
        generate=generate,
        compile=built,
        run=run,
        megabytes=float(_found(r"([\d.]+)\s+total actual memory usage", printed)),
    )


def _timed(command: list[str], folder: Path) -> tuple[str, float]:
    start = os.times()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    stop = os.times()
    if done.returncode:
        raise ValueError(f"{command[0]}: {done.stdout}{done.stderr}")
    return done.stdout, sum(stop[2:4]) - sum(start[2:4])  # of children


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"pan: {text!r}, expected a line like {pattern!r}")
    return found[1]


def _violations(printed: str) -> frozenset[str]:
    found = set()
    for said in re.findall(r"^pan:\d+: (.*)$", printed, re.MULTILINE):
        if said.startswith("invalid end state"):
            found.add("deadlocks")
        elif "!=0" in said:
            found.add("loses")
        elif f"!={STALE_TAG}" in said:
            found.add("leaks")
    return frozenset(found)
