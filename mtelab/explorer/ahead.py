"""What a program may still do from each of its nodes: which loads come before a barrier, which follow a release.

A CPU may read a value that memory no longer holds. How long the older values must be kept, and which loads may have
them, is settled before the search, once for each program.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping

from mtelab.explorer.program import Program
from mtelab.sync.steps import Step

CATCH_UP = ("smp_load_acquire", "wait_for_bit", "spin_lock", "test_and_set_bit", "smp_rmb", "smp_mb")
"""Steps after which a CPU reads nothing older than what memory holds."""

RELEASES = ("smp_store_release", "spin_unlock")
"""Stores that an acquire after them waits for (Arm ARM B2.3: a Release is ordered before a later Acquire)."""


def loaded_by(step: Step | None) -> tuple[str, Hashable] | None:
    """Kind and name of the location that a step reads as an ordinary load, if it does."""
    if step is None:
        return None
    if step.op in ("test_bit", "smp_load_acquire"):
        return "flags", step.args[1].pfn
    if step.op == "pte_present":
        return "pte", step.args[0].pfn
    if step.op == "load_tag":
        return "tag", (step.args[0].pfn, int(step.args[1]))
    return None


def looked_at(program: Program, index: Mapping[tuple[str, Hashable], int]) -> list[frozenset[int]]:
    """For each node, the locations that may be loaded before the next barrier; `index` numbers the locations."""
    looks: list[frozenset[int]] = [frozenset() for _ in program.nodes]
    changed = True
    while changed:
        changed = False
        for number in reversed(range(len(program.nodes))):
            node = program.nodes[number]
            where = loaded_by(node.step)
            found = frozenset(() if where is None else (index[where],))
            if node.step is not None and node.step.op not in CATCH_UP:
                found = found.union(*(looks[following] for following in node.next.values()))
            if found != looks[number]:
                looks[number] = found
                changed = True
    return looks


def after_release(program: Program) -> list[bool]:
    """For each node, whether a release comes before it with nothing between that waits for it to be visible."""
    after = [False] * len(program.nodes)
    todo = [0]
    done = set(todo)
    while todo:
        number = todo.pop()
        node = program.nodes[number]
        op = node.step.op if node.step is not None else ""
        released = op in RELEASES or (after[number] and (op not in CATCH_UP or op == "smp_rmb"))
        for following in node.next.values():
            if following not in done or (released and not after[following]):
                after[following] |= released
                done.add(following)
                todo.append(following)
    return after
