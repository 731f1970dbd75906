"""One interleaving in words: what a step is, what a CPU waits for, what a move changed, what went wrong."""

from __future__ import annotations

from collections.abc import Hashable

from mtelab.explorer.machine import LEAKS, LOCKED, LOSES, REFUSED, WRONG, Move, Store, said
from mtelab.explorer.memory import Location, Tag
from mtelab.explorer.state import State, first_state
from mtelab.explorer.walk import Lane, Walk
from mtelab.sync.flags import PageFlag
from mtelab.sync.situations import STALE_TAG, own_tag
from mtelab.sync.steps import Page, Step

OF = {"mmu_lock": "mmu_lock of VM", "slots_lock": "slots_lock of VM", "mmap_lock": "mmap_lock of process"}
"""What the kernel's own locks belong to."""

LOOKS = {"first look": "first look at its tag", "own tag": "its own tag", "look again": "looks again"}
"""What a tag access around the protocol is for."""


def lock_words(name: Hashable) -> str:
    """Name of a lock: ``"mmu_lock of VM 0"``."""
    if not isinstance(name, tuple):
        return str(name)
    return " ".join([OF.get(str(name[0]), str(name[0])), *map(str, name[1:])])


def step_words(step: Step, pages: int = 1) -> str:
    """Write a step as code; the page is left out where there is only one."""
    if step.op == "visible":
        return f"becomes visible: {step.args[0]}"
    arguments = []
    for argument in step.args:
        if isinstance(argument, Page):
            arguments += [repr(argument)] if pages > 1 else []
        else:
            arguments.append(lock_words(argument) if "lock" in step.op else f"{argument!r}")
    if step.op in ("load_tag", "store_tag"):
        arguments[-len(step.args) + 1] = f"granule {int(step.args[1])}"
    if step.op == "store_tag":
        arguments[-1] = f"tag {int(step.args[2]):X}"
    why = LOOKS.get(step.why, step.why)
    return f"{step.op}({', '.join(arguments)})" + (f"  # {why}" if why else "")


def waits_for(walk: Walk, lane: Lane) -> str:
    """Say what a CPU waits for; "" if it does not wait."""
    if not lane.waits or lane.step is None:
        return ""
    step = lane.step
    if step.op == "spin_lock":
        holder = walk.locks().get(step.args[0])
        if holder is not None:
            whom = "itself: it has the lock already" if holder == lane.cpu else f"CPU {holder}, which holds it"
            return f"waits for {lock_words(step.args[0])}, and so for {whom}"
    if step.op == "wait_for_bit":
        flag, page = step.args
        if not walk.pages()[page.pfn].flags & flag:
            return f"waits until {flag!r} is set"
    return "waits until its own stores are visible to all"


def move_words(walk: Walk, move: Move) -> str:
    """Say what a move is, with what sets it apart from the plain next step."""
    text = step_words(move.step, walk.model.pages)
    back = move.suffix.count("<")
    if not back:
        return text
    older = walk.machine.locations[move.where].older(walk.state.contents[move.where], move.cpu)
    return f"{text}: satisfied early, with the older value {_value(walk.machine.locations[move.where], older[-back])}"


def changes(walk: Walk, number: int) -> dict[str, str]:
    """Say what move `number` of a walk, from 1, changed: words by the name of the thing."""
    after = walk.way[number - 1][1]
    before = walk.way[number - 2][1] if number > 1 else first_state(walk.machine)[0]
    found = {}
    for location, old, new in zip(walk.machine.locations, before.contents, after.contents, strict=True):
        if old.value == new.value:
            continue
        if location.kind == "flags":
            for flag in PageFlag:
                if (int(old.value) ^ int(new.value)) & flag:  # type: ignore[call-overload]
                    now = "set" if int(new.value) & flag else "clear"  # type: ignore[call-overload]
                    found[f"flags {location.name} {flag!r}"] = f"{flag!r} is {now}"
        elif location.kind == "tag":
            page, granule = _granule(location)
            values = f"{_value(location, old.value)} → {_value(location, new.value)}"
            found[f"tag {page} {granule}"] = f"granule {granule}: {values}"
        elif location.kind == "lock":
            holder = new.value
            held = f"held by CPU {int(holder) - 1}" if holder else "free"  # type: ignore[call-overload]
            found[f"lock {lock_words(location.name)}"] = f"{lock_words(location.name)} {held}"
        else:
            found[f"pte {location.name}"] = "the VMM's entry is present"
    cpu = walk.way[number - 1][0].cpu
    put = _waiting(after, cpu) - _waiting(before, cpu)
    if put > 0:
        found[f"pending {cpu}"] = f"a store of CPU {cpu} waits: {_last(walk, after, cpu)}"
    return found


def _granule(location: Location) -> tuple[int, int]:
    """Page and granule of a tag's location."""
    name: tuple[int, int] = location.name  # type: ignore[assignment]
    return name


def _waiting(state: State, cpu: int) -> int:
    return sum(isinstance(entry, Store) for entry in state.locals[cpu].buffer)


def _last(walk: Walk, state: State, cpu: int) -> str:
    store = [entry for entry in state.locals[cpu].buffer if isinstance(entry, Store)][-1]
    return said(walk.machine.locations[store.where], store)


def _value(location: Location, value: object) -> str:
    """A location's value: a tag's digit, the flags that are set."""
    if isinstance(value, Tag):
        return f"{value.tag:X}" + (" (stale)" if value.origin == "stale" else "")
    if location.kind == "flags":
        flags = [repr(flag) for flag in PageFlag if int(value) & flag]  # type: ignore[call-overload]
        return " and ".join(flags) or "no flag"
    return "present" if value else "none"


def trouble(walk: Walk, number: int) -> str:
    """Say what went wrong at move `number` of a walk, from 1; "" if nothing did."""
    move, after, shows = walk.way[number - 1]
    if shows & LEAKS:
        return f"CPU {move.cpu} reads tag {STALE_TAG:X}, which an owner before has left: a tag has leaked."
    if shows & LOSES:
        stored = "the tag that the VMM copied" if _copies(walk, move.cpu) else f"its tag {own_tag(move.cpu):X}"
        return f"CPU {move.cpu} no longer finds {stored}: an initialiser has wiped it. A tag is lost."
    node = walk.machine.node(move.cpu, after.locals[move.cpu])
    if shows & LOCKED:
        return f"CPU {move.cpu} ends and still holds {', '.join(map(lock_words, node.held))}."
    if shows & REFUSED:
        return f"CPU {move.cpu} is refused with {move.step.args[0]}: it maps nothing."
    if shows & WRONG:
        return f"CPU {move.cpu} does what no protocol may: {node.error}"
    return ""


def _copies(walk: Walk, cpu: int) -> bool:
    return walk.model.situation == "ioctl-and-fault" and cpu == 0
