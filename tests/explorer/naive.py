"""The explorer's job, done plainly: one state after the other, in dictionaries."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from mtelab.explorer.machine import Machine
from mtelab.explorer.search import STUCK
from mtelab.explorer.state import State, first_state, over, successors


class TooMany(Exception):
    """More states than a plain enumeration can bear."""


@dataclass
class Found:
    """All states with their distance from the start, and how near each sign first shows."""

    distance: dict[State, int] = field(default_factory=dict)
    after: dict[State, set[State]] = field(default_factory=dict)
    signs: dict[int, int] = field(default_factory=dict)


def signs_of(shows: int) -> list[int]:
    return [1 << at for at in range(shows.bit_length()) if shows >> at & 1]


def depth_first(machine: Machine, most: int) -> set[State]:
    """Every state that can be reached."""
    start = first_state(machine)[0]
    seen = {start}
    stack = [start]
    while stack:
        for _, state, _ in successors(machine, stack.pop()):
            if state not in seen:
                if len(seen) == most:
                    raise TooMany
                seen.add(state)
                stack.append(state)
    return seen


def breadth_first(machine: Machine, most: int) -> Found:
    """Every state, with the fewest moves to it and to each sign."""
    found = Found()
    start, shows = first_state(machine)
    found.distance[start] = 0
    found.signs.update(dict.fromkeys(signs_of(shows), 0))
    todo = deque([start])
    while todo:
        state = todo.popleft()
        depth = found.distance[state] + 1
        following = found.after[state] = set()
        for _, after, shows in successors(machine, state):
            following.add(after)
            for sign in signs_of(shows):
                found.signs.setdefault(sign, depth)
            if after not in found.distance:
                if len(found.distance) == most:
                    raise TooMany
                found.distance[after] = depth
                todo.append(after)
    stuck = [state for state in found.after if not found.after[state] and not over(machine, state)]
    endless = stuck or _endless(machine, found)
    if endless:
        found.signs[STUCK] = min(found.distance[state] for state in endless)
    return found


def _endless(machine: Machine, found: Found) -> list[State]:
    """States from which no end can be reached."""
    before: dict[State, set[State]] = {}
    for state, following in found.after.items():
        for after in following:
            before.setdefault(after, set()).add(state)
    todo = [state for state in found.after if over(machine, state)]
    fine = set(todo)
    while todo:
        for state in before.get(todo.pop(), set()) - fine:
            fine.add(state)
            todo.append(state)
    return [state for state in found.after if state not in fine]
