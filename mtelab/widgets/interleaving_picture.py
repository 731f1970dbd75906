"""What is drawn of an interleaving: a lane for each CPU, the pages and locks, the verdict so far, a row a move."""

from __future__ import annotations

from typing import Any, Final

from mtelab.explorer import Walk
from mtelab.explorer.listing import Listing
from mtelab.explorer.memory import Tag
from mtelab.explorer.walk import Lane, verdict
from mtelab.explorer.words import changes, lock_words, move_words, step_words, trouble, waits_for
from mtelab.sync import PG_mte_lock, PG_mte_tagged

LOOK: Final = {"leaks": "bad", "loses": "bad", "deadlocks": "bad", "wrong": "bad", "refused": "warn", "": ""}
"""How each verdict is drawn."""


def picture(walk: Walk, listings: list[Listing], line: list[dict[str, Any]]) -> dict[str, Any]:
    """Make the picture of the state that a walk has come to; `line` are the rows of its moves, and perhaps more."""
    last = changes(walk, len(walk.way)) if walk.way else {}
    words, look = _verdict(walk, line)
    return {
        "lanes": [_lane(walk, lane, listings[lane.cpu]) for lane in walk.lanes()],
        "pages": _pages(walk, last),
        "locks": [
            [lock_words(name), holder, f"lock {lock_words(name)}" in last] for name, holder in walk.locks().items()
        ],
        "verdict": words,
        "look": look,
    }


def said(row: dict[str, Any]) -> str:
    """Say what a move did."""
    done = row["text"].replace("  # ", ", ")
    return ": ".join([f"CPU {row['cpu']}", done, *filter(None, ["; ".join(row["changes"].values())])])


def row(walk: Walk, number: int) -> dict[str, Any]:
    """Make a row of the table of moves."""
    move, _, shows = walk.way[number - 1]
    text = step_words(move.step, walk.model.pages)
    if "<" in move.suffix:
        text += ", an older value"
    return {
        "cpu": move.cpu,
        "move": f"{move.cpu}{move.suffix}",
        "text": text,
        "changes": changes(walk, number),
        "trouble": trouble(walk, number),
        "look": LOOK[verdict(shows)],
    }


def static(lane: Listing) -> dict[str, Any]:
    """Make what the browser needs of a listing."""
    sources = [{"name": source.name, "lines": source.lines} for source in lane.sources.values()]
    return {"who": lane.who, "rows": list(lane.rows.values()), "sources": sources}


def _verdict(walk: Walk, line: list[dict[str, Any]]) -> tuple[str, str]:
    """Say what has shown so far, the worst of it, and how to draw that."""
    bad = [row for row in line[: len(walk.way)] if row["trouble"]]
    worst = [row for row in bad if row["look"] == "bad"] or bad
    if worst:
        return worst[-1]["trouble"], worst[-1]["look"]
    if walk.over:
        return "All are at their end, and nothing bad has shown. Another order may end otherwise.", "good"
    if "deadlocks" in walk.verdicts:
        return "No end can be reached any more: somebody waits, or goes round, for ever.", "bad"
    return "Nothing bad so far.", ""


def _lane(walk: Walk, lane: Lane, listing: Listing) -> dict[str, Any]:
    row, marks = listing.place(lane.node)
    return {
        "ended": lane.ended,
        "row": len(listing.rows) if lane.ended else row,
        "marks": [] if lane.ended else marks,
        "step": "" if lane.step is None else step_words(lane.step, walk.model.pages),
        "waits": waits_for(walk, lane),
        "moves": [[move.suffix, move_words(walk, move)] for move in lane.moves],
        "pending": list(lane.pending),
    }


def _pages(walk: Walk, last: dict[str, str]) -> list[dict[str, Any]]:
    machine, state = walk.machine, walk.state
    entries = {
        location.name: (bool(contents.value), f"pte {location.name}" in last)
        for location, contents in zip(machine.locations, state.contents, strict=True)
        if location.kind == "pte"
    }
    steps = [step for program in machine.programs for step in program.steps()]
    used = [flag for flag in (PG_mte_tagged, PG_mte_lock) if any(a is flag for step in steps for a in step.args)]
    return [
        {
            "pfn": view.pfn,
            "flags": [[repr(f), bool(view.flags & f), f"flags {view.pfn} {f!r}" in last] for f in used],
            "tags": [_tile(view.pfn, granule, tag, last) for granule, tag in sorted(view.tags.items())],
            "entry": entries.get(view.pfn),
        }
        for view in walk.pages()
    ]


def _tile(pfn: int, granule: int, tag: Tag, last: dict[str, str]) -> dict[str, Any]:
    origin = {"stale": "stale", "init": "initialised", "stored": "stored"}[tag.origin]
    return {"granule": granule, "tag": tag.tag, "origin": origin, "changed": f"tag {pfn} {granule}" in last}
