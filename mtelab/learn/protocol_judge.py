"""Judge a learner's protocol: where it fails, with the shortest way there, in a few lines."""

from __future__ import annotations

from types import GeneratorType
from typing import Final

from mtelab.explorer import explore, replay
from mtelab.explorer.model import model
from mtelab.explorer.program import ProtocolError
from mtelab.explorer.report import MEANS
from mtelab.explorer.verdict import verdict_alone
from mtelab.learn.trial import is_stub
from mtelab.sync.budget import EndlessError, resume
from mtelab.sync.protocols import Function
from mtelab.sync.situations import PRIVATE
from mtelab.sync.steps import Cpu, Page, Step

LAST_STEPS: Final = 3
"""Steps of a counterexample that are shown in words."""
MOST_STATES: Final = 300_000
"""Of one cell; the protocols of the course stay under a thousandth of it."""


def complain_unless_safe(protocol: object, situation: str, memory: str, cpus: int = 2) -> str | None:
    """Explore a learner's protocol; return what is wrong with it, or None if it is safe.

    Parameters
    ----------
    protocol : object
        What the learner gave.
    situation, memory, cpus
        As for `mtelab.explore`.

    Raises
    ------
    NotImplementedError
        If it is only a placeholder.
    """
    if is_stub(protocol):
        raise NotImplementedError
    if not callable(protocol):
        return f"expected a generator function of cpu and page, got {type(protocol).__name__}"
    try:
        verdict = verdict_alone(model(protocol, situation, cpus, memory=memory), MOST_STATES)
        return None if verdict == "safe" else explain(protocol, situation, memory, cpus)
    except ProtocolError as error:
        return str(error)


def explain(protocol: str | Function, situation: str, memory: str, cpus: int = 2) -> str:
    """Say what is wrong with a protocol: verdict, shortest schedule and its last steps, a line each."""
    report = explore(protocol, situation, cpus, memory=memory, max_states=MOST_STATES)
    lines = [f"{report.verdict}: {MEANS[report.verdict]}"]
    if report.verdict == "unknown":
        lines.append("a count that grows for ever never comes back to a state that was seen: what does yours count?")
    if report.verdict == "refused":
        lines.append("nothing is mapped, so somebody cannot use the page at all")
    if report.counterexample:
        last = report.counterexample[-LAST_STEPS:]
        lines.append(f'shortest schedule ({len(report.counterexample)} moves): "{report.schedule}"')
        lines.append("it ends: " + "; ".join(f"CPU {cpu} {step!r}" for cpu, step in last))
    return "\n".join(lines)


def complain_unless_shows(protocol: Function, situation: str, schedule: object, verdict: str) -> str | None:
    """Replay a learner's schedule on the weakly ordered machine; return what is missing for `verdict`, or None."""
    if not isinstance(schedule, str):
        return f"expected a schedule, a string such as '0011', got {type(schedule).__name__}"
    try:
        walk = replay(protocol, situation, schedule, memory="arm")
    except ValueError as error:
        return str(error)
    if verdict in walk.verdicts:
        return None
    shown = ", ".join(walk.verdicts) or "nothing bad"
    return f"the schedule can be played, and shows {shown}; expected that it {verdict}"


def straight(protocol: Function, cpu: Cpu, page: Page, most: int = 200) -> list[Step]:
    """Steps of a protocol on a CPU that is alone on a fresh page.

    Raises
    ------
    ValueError
        If it waits for what nobody does, does not end, or yields something other than a step.
    """
    run = protocol(cpu, page)
    if not isinstance(run, GeneratorType):
        raise ValueError(f"the protocol returned {run!r}, expected a generator: a function that yields steps")
    made: list[Step] = []
    flags: set[object] = set()
    answer: bool | None = None
    try:
        while len(made) < most:
            step = resume(run, answer)
            if not isinstance(step, Step):
                raise ValueError(f"it yields {step!r}, expected a step of mtelab.sync")
            made.append(step)
            answer = _alone(step, flags)
    except StopIteration:
        return made
    except EndlessError:
        raise ValueError(f"as {cpu!r}, it does not come to its next step") from None
    raise ValueError(f"as {cpu!r}, alone on a fresh page, it is not at its end after {most} steps")


def _alone(step: Step, flags: set[object]) -> bool | None:
    """Answer a step, where nobody else runs."""
    known = step.args[0] in flags if step.args else False
    if step.op in ("set_bit", "test_and_set_bit") or (step.op == "smp_store_release" and step.args[2]):
        flags.add(step.args[0])
    elif step.op in ("clear_bit", "smp_store_release"):
        flags.discard(step.args[0])
    elif step.op == "wait_for_bit" and not known:
        raise ValueError(f"alone on a fresh page it waits in {step!r}, which nobody will set")
    return known if step.op in ("test_bit", "test_and_set_bit", "smp_load_acquire") else None


def locks_taken(protocol: Function, pfn: int, mm: int) -> list[object]:
    """Names of the locks that a protocol takes when a CPU of address space `mm` faults on a fresh page."""
    steps = straight(protocol, Cpu(0, mm, mm, "fault", PRIVATE), Page(pfn))
    return [step.args[0] for step in steps if step.op == "spin_lock"]
