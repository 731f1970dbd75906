"""From a protocol and a situation to a machine: programs, memory, and how memory starts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Hashable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from mtelab.explorer.machine import Machine, Memory, NewTagError, loaded_by
from mtelab.explorer.memory import Location, Tag, Value
from mtelab.explorer.program import Program, ProtocolError
from mtelab.explorer.slices import Slices
from mtelab.sync.budget import EndlessError, resume
from mtelab.sync.protocols import Function, Historical, MmuLock
from mtelab.sync.situations import MOST_CPUS, STALE_TAG, Run, find_protocol, find_situation
from mtelab.sync.steps import Page, Step

FLAG_STEPS = (
    *("test_bit", "set_bit", "clear_bit", "test_and_set_bit", "wait_for_bit"),
    *("smp_load_acquire", "smp_store_release"),
)
MOST_PAGES = 64
T = TypeVar("T")
Start = Callable[[], Generator[Any, Any, Any]]


@dataclass(frozen=True)
class Model:
    """A protocol in a situation, ready to be explored.

    Attributes
    ----------
    protocol : str or function
        As it was given.
    situation : str
        Name.
    cpus, pages : int
        How many.
    memory, mmu_lock : str
        ``"sc"`` or ``"arm"``; ``"exclusive"`` or ``"shared"``.
    """

    protocol: str | Function
    situation: str
    cpus: int
    pages: int
    memory: Memory
    mmu_lock: MmuLock

    @property
    def name(self) -> str:
        """Name of the protocol, or of the learner's function."""
        if isinstance(self.protocol, str):
            return self.protocol
        return str(getattr(self.protocol, "name", None) or getattr(self.protocol, "__name__", "protocol"))

    def run(self) -> Run:
        """Return the protocol with its mmu_lock."""
        return Run(find_protocol(self.protocol), self.mmu_lock)

    def build(self, known_tags: set[int] | None = None, fused: bool = False) -> Machine:
        """Make the machine; `known_tags` are the tags that loads may find."""
        run = self.run()
        actors = find_situation(self.situation)(self.cpus)
        pages = tuple(Page(pfn) for pfn in range(self.pages))

        def start(cpu: int) -> Start:
            return lambda: run.program(actors[cpu], cpu, pages)

        starts = [start(cpu) for cpu in range(self.cpus)]
        return build(starts, self.memory, known_tags, self._allocated(run, pages), fused)

    def _allocated(self, run: Run, pages: tuple[Page, ...]) -> dict[tuple[str, Hashable], Value]:
        """What memory holds after the pages were allocated, where that is not what was left there."""
        held: dict[tuple[str, Hashable], Value] = {}
        for page in pages:
            generator = run.allocation(page)
            try:
                step: Step = resume(generator, None)
                while True:
                    if step.op == "mte_clear_page_tags":
                        held["page", page.pfn] = Tag(0, "init")
                    step = resume(generator, None)
            except StopIteration:
                pass
            except EndlessError:
                raise ProtocolError("allocate: the protocol does not come to an end") from None
        return held


def model(
    protocol: str | Function,
    situation: str,
    cpus: int = 2,
    pages: int = 1,
    memory: str = "sc",
    mmu_lock: str | None = None,
) -> Model:
    """Check the arguments and return the model.

    Raises
    ------
    ValueError
        For an argument that is none of what is expected; the text names it.
    """
    function = find_protocol(protocol)
    find_situation(situation)
    for name, value, most in (("cpus", cpus, MOST_CPUS), ("pages", pages, MOST_PAGES)):
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise ValueError(f"{name}: {value!r}, expected 1 to {most}")
    if memory not in ("sc", "arm"):
        raise ValueError(f"memory: {memory!r}, expected 'sc' or 'arm'")
    if mmu_lock is None:
        mmu_lock = function.mmu_lock if isinstance(function, Historical) else "shared"
    if mmu_lock not in ("exclusive", "shared"):
        raise ValueError(f"mmu_lock: {mmu_lock!r}, expected 'exclusive' or 'shared', or left out")
    return Model(protocol, situation, cpus, pages, memory, mmu_lock)  # type: ignore[arg-type]


def build(
    starts: list[Start],
    memory: Memory,
    known_tags: set[int] | None = None,
    held: dict[tuple[str, Hashable], Value] | None = None,
    fused: bool = False,
    watched: Iterable[tuple[str, Hashable]] = (),
) -> Machine:
    """Make a machine of programs: one generator function a CPU.

    Parameters
    ----------
    starts : list of function
        Each makes a fresh generator.
    memory : str
        ``"sc"`` or ``"arm"``.
    known_tags : set of int, optional
        Tags that a load may find; a search that meets another adds it and asks for a new machine.
    held : dict, optional
        What locations hold at the start, by kind and name, or a page's tags by ``("page", pfn)``.
    fused : bool
        See `Machine`.
    watched : iterable of (str, hashable)
        Locations to keep even if nobody loads them, by kind and name.
    """
    tags = {0, STALE_TAG} if known_tags is None else known_tags
    programs = [Program(start, f"CPU {cpu}", lambda step: tags) for cpu, start in enumerate(starts)]
    found: dict[tuple[str, Hashable], set[int]] = {where: set() for where in watched}
    for cpu, program in enumerate(programs):
        for step in program.steps():
            for where in touched(step):
                found.setdefault(where, set())
            loads = loaded_by(step)
            if loads is not None:
                found.setdefault(loads, set()).add(cpu)
    locations = [
        Location(*where, initial(where, held or {}), readers if memory == "arm" else ())
        for where, readers in sorted(found.items(), key=lambda item: (item[0][0], repr(item[0][1])))
    ]
    return Machine(programs, locations, memory, fused)


def touched(step: Step) -> list[tuple[str, Hashable]]:
    """Flag words, entries and locks that a step works on; a tag counts once somebody loads it."""
    if step.op in FLAG_STEPS:
        return [("flags", step.args[1].pfn)]
    if step.op in ("pte_present", "set_pte"):
        return [("pte", step.args[0].pfn)]
    if step.op in ("spin_lock", "spin_unlock"):
        return [("lock", step.args[0])]
    return []


def initial(where: tuple[str, Hashable], held: dict[tuple[str, Hashable], Value]) -> Value:
    """What a location holds at the start: no flag, no entry, no lock, a stale tag."""
    if where in held:
        return held[where]
    if where[0] == "tag":
        pfn: Hashable = where[1][0]  # type: ignore[index]
        return held.get(("page", pfn), Tag(STALE_TAG, "stale"))
    return 0


def with_all_tags(make: Callable[[set[int]], T], known: Collection[int] = (0, STALE_TAG)) -> T:
    """Call ``make(tags)`` until no load finds a tag that is not in the set, which begins with those that are known."""
    tags = set(known)
    while True:
        try:
            return make(tags)
        except NewTagError as missing:
            tags.add(int(missing.args[1]))


def slices_with_all_tags(make: Callable[[set[int]], Slices[T]]) -> Slices[T]:
    """Do the slices of ``make(tags)``, and begin anew whenever a load finds a tag that is not in the set."""
    tags = {0, STALE_TAG}
    while True:
        try:
            return (yield from make(tags))
        except NewTagError as missing:
            tags.add(int(missing.args[1]))
