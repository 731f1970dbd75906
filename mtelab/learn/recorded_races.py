"""Races that were provoked on real kernels: on how many pages tags were lost."""

from __future__ import annotations

from typing import Final, NamedTuple

from mtelab import recordings

FILES: Final = {"H02": "memslots", "H07": "migration", "H10": "user_memory"}
"""Where each race is recorded."""


class Raced(NamedTuple):
    """One kernel in one race: pages that were raced for in all recorded runs, and on how many tags were lost."""

    kernel: str
    lost: int
    pages: int


def recorded_race(name: str) -> list[Raced]:
    """Count what was recorded of a race, for each kernel.

    Parameters
    ----------
    name : str
        ``"H02"`` two VMs of one process, ``"H07"`` tag copy and guest, ``"H10"`` two programs.

    Raises
    ------
    ValueError
        For another name.
    """
    if name not in FILES:
        raise ValueError(f"name: {name!r}, expected one of {', '.join(FILES)}")
    counted = []
    for record in recordings.read(recordings.folder("kernel") / f"{FILES[name]}.jsonl"):
        if record.text("id").startswith(name):
            runs = [record.values, *record.values.get("other_runs", [])]
            found = [run.get("data", run) for run in runs]
            lost, pages = (sum(run[f"v_pages_{what}"] for run in found) for what in ("with_lost_tags", "raced"))
            counted.append(Raced(record.text("release" if "release" in record else "kernel"), lost, pages))
    return counted
