"""The scorecard of a protocol: where it is safe, under which order of memory, what it costs and what it forbids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from mtelab.contention import contend
from mtelab.explorer.model import model
from mtelab.explorer.verdict import verdict_alone
from mtelab.learn.protocol_judge import MOST_STATES, straight
from mtelab.sync.protocols import PROTOCOLS, Function, Historical
from mtelab.sync.situations import PRIVATE, SITUATIONS, find_protocol
from mtelab.sync.steps import Cpu, Page

MEMORIES: Final = {"sc": "in order", "arm": "Arm"}
"""Orders of memory, and their names in tables."""
LOADS: Final = ("start-up", "resume", "migration")
"""Workloads that a protocol is timed under."""
GUESTS, VCPUS, PAGES = 16, 4, 64
"""How many guests contend, with how many vCPUs and pages each."""
STANDARD: Final = "page-lock"
"""Whose time is 1."""
BAD: Final = ("leaks", "loses", "deadlocks", "error")
"""Verdicts that no protocol should have, the worst first; ``"error"`` is a protocol that cannot be explored."""

Cell = tuple[str, str]
"""Situation and order of memory."""
CELLS: Final[tuple[Cell, ...]] = tuple((situation, memory) for memory in MEMORIES for situation in SITUATIONS)
"""All that are explored, in this order."""


@dataclass(repr=False, eq=False)
class Card:
    """What is known of one protocol.

    Attributes
    ----------
    name : str
        Of the protocol, or of the learner's function.
    protocol : str or function
        What was asked for.
    cpus : int
        CPUs in every situation.
    verdicts : dict
        Verdict of each (situation, memory), as `mtelab.explore` gives it, or ``"error"``.
    problem : str
        What was wrong where the verdict is ``"error"``; "" if it never is.
    saved_tags : str
        What the protocol does with tags saved at swap-out: ``"come back"``, ``"are cleared"`` or ``"stay away"``: the
        tags stay as the page's earlier owner left them. "" if not known.
    times : dict
        For each workload the time until all guests have their pages, as a multiple of the page lock's, both with a
        shared mmu_lock.
    released : dict
        The same with the mmu_lock that the protocol's release had; equal to `times` for a learner's function.
    done : bool
        Whether everything is known.
    """

    name: str
    protocol: str | Function
    cpus: int = 2
    verdicts: dict[Cell, str] = field(default_factory=dict)
    problem: str = ""
    saved_tags: str = ""
    times: dict[str, float] = field(default_factory=dict)
    released: dict[str, float] = field(default_factory=dict)
    done: bool = False

    @property
    def letter(self) -> str:
        """Letter of a protocol of the history; "" for a learner's."""
        return PROTOCOLS[self.protocol].letter if isinstance(self.protocol, str) else ""

    @property
    def forbids(self) -> tuple[str, ...]:
        """Situations in which somebody is refused, in either order of memory."""
        return tuple(s for s in SITUATIONS if "refused" in {self.verdicts.get((s, m)) for m in MEMORIES})

    def count(self, verdict: str, memory: str) -> int:
        """Count the situations of that verdict."""
        return sum(self.verdicts.get((situation, memory)) == verdict for situation in SITUATIONS)

    def worst(self, memory: str) -> str:
        """Worst verdict under an order of memory."""
        found = {self.verdicts.get((situation, memory), "unknown") for situation in SITUATIONS}
        return next(verdict for verdict in (*BAD, "unknown", "refused", "safe") if verdict in found)

    def fill(self) -> Iterator[None]:
        """Find out what is not known yet, one cell or one run at a time; a caller may stop between."""
        for cell in CELLS:
            if cell not in self.verdicts:
                self.look(*cell)
                yield
        if not self.problem:
            if not self.saved_tags:
                self.saved_tags = saved_tags(self.protocol)
            for load in LOADS:
                if load not in self.times and not self.problem:
                    self._time(load)
                    yield
        self.done = True

    def look(self, situation: str, memory: str) -> str:
        """Return one verdict, explored if it is not known yet."""
        if (situation, memory) not in self.verdicts:
            # What cannot be followed to its end in one cell cannot in the next, and takes seconds to find out.
            endless = {"unknown", "error"} & set(self.verdicts.values())
            self.verdicts[situation, memory] = "unknown" if endless else self._verdict(situation, memory)
        return self.verdicts[situation, memory]

    def _verdict(self, situation: str, memory: str) -> str:
        try:
            return verdict_alone(model(self.protocol, situation, self.cpus, memory=memory), MOST_STATES)
        except ValueError as error:
            self.problem = self.problem or f"{situation}, memory {memory}: {error}"
            return "error"

    def _time(self, load: str) -> None:
        try:
            self.times[load] = time_of(self.protocol, load) / time_of(STANDARD, load)
            self.released[load] = time_of(self.protocol, load, None) / time_of(STANDARD, load)
        except ValueError as error:
            self.problem = f"{load}: {error}"

    def __repr__(self) -> str:
        letter = f" ({self.letter})" if self.letter else ""
        lines = [f"scorecard of {self.name}{letter}, {self.cpus} CPUs", f"  {'':22}{'in order':11}Arm"]
        for situation in SITUATIONS:
            found = [self.verdicts.get((situation, memory), "?") for memory in MEMORIES]
            lines.append(f"  {situation:22}{found[0]:11}{found[1]}")
        lines.append(f"  saved tags            {self.saved_tags or '?'}")
        lines.append(f"  forbids               {', '.join(self.forbids) or 'nothing'}")
        lines.append(f"  time                  {self._times()}")
        if self.problem:
            lines.append(f"  not to be explored: {self.problem}")
        return "\n".join(lines)

    def _times(self) -> str:
        if not self.times:
            return "?"
        text = ", ".join(f"{load} {ratio:.2f}" for load, ratio in self.times.items())
        return f"{text} of the page lock's, {GUESTS} guests of {VCPUS} vCPUs"


def saved_tags(protocol: str | Function) -> str:
    """Say what becomes of tags that were saved at swap-out, when the protocol runs alone in the role swap_in."""
    try:
        steps = straight(find_protocol(protocol), Cpu(0, 0, 0, "swap_in", PRIVATE), Page(0))
    except ValueError:
        return "stay away"
    last = [step.op for step in steps if step.op in ("mte_clear_page_tags", "mte_restore_page_tags")][-1:]
    return {"mte_restore_page_tags": "come back", "mte_clear_page_tags": "are cleared"}.get("".join(last), "stay away")


_times: dict[tuple[str, str, str | None, int], float] = {}


def time_of(protocol: str | Function, load: str, mmu_lock: str | None = "shared", seed: int = 0) -> float:
    """Nanoseconds of the contention model until all guests have all their pages.

    Parameters
    ----------
    protocol : str or function
        As for `mtelab.contend`.
    load : str
        Workload.
    mmu_lock : str, optional
        None for that of the protocol's release.
    seed : int
        Of the guests' work between faults.

    Raises
    ------
    ValueError
        If the protocol cannot be run.
    """
    key = (protocol, load, mmu_lock, seed) if isinstance(protocol, str) else None
    if key is not None and key in _times:
        return _times[key]
    run = contend(protocol, load, guests=GUESTS, vcpus=VCPUS, pages=PAGES, mmu_lock=mmu_lock, seed=seed)
    if key is not None:
        _times[key] = run.time_to_start
    return run.time_to_start


_known: dict[tuple[str, int], Card] = {}


def card(protocol: str | Function, cpus: int = 2) -> Card:
    """Begin a scorecard; those of the history are kept, so that what is known of one is not looked for again.

    Raises
    ------
    ValueError
        If the protocol is neither a name nor a function, or the number of CPUs is out of range.
    """
    function = find_protocol(protocol)
    model(protocol, "two-vms", cpus)  # which says what is wrong with the arguments
    if isinstance(function, Historical):
        return _known.setdefault((function.name, cpus), Card(function.name, function.name, cpus))
    return Card(str(getattr(function, "__name__", "protocol")), function, cpus)


def scorecard(protocol: str | Function, cpus: int = 2, progress: Callable[[Card], bool | None] | None = None) -> Card:
    """Fill the scorecard of a protocol.

    Parameters
    ----------
    protocol : str or function
        Name in `mtelab.sync.PROTOCOLS`, or a generator function of ``cpu`` and ``page``.
    cpus : int
        CPUs in every situation.
    progress : function, optional
        Called with the card after each of its cells; returning True stops, and the rest stays unknown.

    Returns
    -------
    Card
        Its repr is a table.

    Raises
    ------
    ValueError
        For bad arguments. What a protocol does wrong is a verdict, ``"error"``, and a sentence in `Card.problem`.

    Examples
    --------
    >>> scorecard("clear-first").verdicts["two-vms", "sc"]
    'loses'
    """
    filled = card(protocol, cpus)
    for _ in filled.fill():
        if progress is not None and progress(filled):
            break
    return filled


def side_by_side(cards: Sequence[Card]) -> str:
    """Write cards as a table, one line each; the time to start is that of the protocol's release."""
    width = max(len(one.name) for one in cards) + 2
    head = ["safe in order", "safe on Arm", "refused", "saved tags", "start-up"]
    lines = ["".join([" " * (width + 4), *(f"{word:15}" for word in head)]).rstrip()]
    for one in cards:
        safe = [f"{one.count('safe', memory)} of 9, {one.worst(memory)}" for memory in MEMORIES]
        start = f"{one.released['start-up']:.2f}" if "start-up" in one.released else "?"
        cells = [*safe, str(len(one.forbids)), one.saved_tags or "?", start]
        lines.append("".join([f"{one.name:{width}}{one.letter:4}", *(f"{cell:15}" for cell in cells)]).rstrip())
    return "\n".join(lines)
