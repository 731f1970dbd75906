"""One guest access, walked through its fault step by step, with the state of the machine after each."""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from mtelab.kvm.fault import Fault, Outcome, Visit, walk
from mtelab.kvm.releases import RELEASES
from mtelab.kvm.vm import VM
from mtelab.learn.fault_situations import SITUATIONS, Situation
from mtelab.learn.fault_state import State, answer, state_of
from mtelab.scenario.guest import FIRST_GFN
from mtelab.scenario.language import parse
from mtelab.scenario.machine import ScenarioMachine

ACCESSES: Final = {"gload": (False, True), "gstore": (True, True), "gldg": (False, False), "gstg": (True, False)}
"""What a guest may do to a page: whether it is a write, and whether ESR_EL2 has a syndrome for it."""
LOOKS_AT: Final = {
    "find_memslot": ("memslot",),
    "refuse_read_permission_fault": ("fault",),
    "find_vma": ("VMA", "locks"),
    "choose_block_size": ("memslot", "VMA"),
    "sample_vma": ("VMA",),
    "mmap_read_unlock": ("locks",),
    "read_mmu_seq": ("locks",),
    "faultin_pfn": ("VMA", "frame"),
    "hold_back_write": ("memslot", "fault"),
    "mmu_notifier_retry": ("locks", "fault"),
    "check_mte_allowed": ("fault",),
    "sanitise_mte_tags": ("frame",),
    "stage2_map": ("stage 2",),
    "mark_page_dirty": ("memslot",),
}
"""The panels that each step looks at."""
NOTED_BY: Final = {"mte_allowed": "sample_vma", "mmu_seq": "read_mmu_seq"}
"""What a fault notes, and the step that notes it; before that there is nothing to show."""


class Stop(NamedTuple):
    """A step that was made.

    Attributes
    ----------
    attempt : int
        0, or more if the guest had to try again.
    name, reason : str
        The step, and what it is for.
    answer : str
        What it found, in a few words.
    meanwhile : str
        What another thread of the VMM did right after it; mostly nothing.
    outcome : Outcome or None
        How the attempt ends, if it ends here.
    state : dict of str to dict of str to str
        The machine after it, by panel.
    """

    attempt: int
    name: str
    reason: str
    answer: str
    meanwhile: str
    outcome: Outcome | None
    state: State


class FaultWalk:
    """What a kernel does about one guest access in a situation.

    Parameters
    ----------
    kernel : str
        Name of a release.
    situation : Situation
        What was done before.
    access : str
        A key of `ACCESSES`.

    Attributes
    ----------
    path : tuple of str
        All steps of this kernel, in order.
    start : dict of str to dict of str to str
        The machine before the fault, by panel.
    stops : list of Stop
        The steps that were made; none if stage 2 has the page.
    """

    def __init__(self, kernel: str, situation: Situation, access: str) -> None:
        self.kernel, self.situation, self.access = kernel, situation, access
        self._machine = ScenarioMachine(kernel)
        for operation in parse(situation.setup):
            self._machine.do(operation)
        self._vm: VM = self._machine.guests["V"].vm
        self._gfn = FIRST_GFN + situation.page
        self._locks = dict.fromkeys(("mmap_lock", "mmu_lock"), "free")
        self.path = self._vm.release.fault_path
        self.stops: list[Stop] = []
        self.start = self._state(None, self._fault())
        attempt = 0
        while (fault := self._fault()) is not None:
            for visit in walk(fault):
                self.stops.append(self._stop(attempt, fault, visit))
            if self.outcome.kind != "retry":
                break
            attempt += 1
        # Walks are kept for as long as the kernel runs, hundreds of them; what the machine had to show is in the stops.
        del self._machine, self._vm

    def __repr__(self) -> str:
        return f"FaultWalk({self.kernel}, {self.situation.name!r}, {self.access}: {self.ending})"

    @property
    def outcome(self) -> Outcome:
        """How it ends."""
        if self.stops:
            last = self.stops[-1].outcome
            assert last is not None
            return last
        return Outcome("none", None, "stage 2 has the page and permits the access: there is no fault")

    @property
    def ending(self) -> str:
        """The outcome in a word: an errno, ``"mmio"``, ``"mapped"`` or ``"none"``."""
        return self.outcome.errno or self.outcome.kind

    def differing(self, other: FaultWalk) -> dict[str, str]:
        """Compare with the same access on another kernel, as far as both go.

        Returns
        -------
        dict of str to str
            By step, ``"answer"`` if it answers or ends otherwise, ``"place"`` if only its place is another.
        """
        theirs = {(stop.attempt, stop.name): stop for stop in other.stops}
        found: dict[str, str] = {}
        for mine in self.stops:
            their = theirs.get((mine.attempt, mine.name))
            if their is None:
                continue
            if (mine.answer, mine.outcome) != (their.answer, their.outcome):
                found[mine.name] = "answer"
            elif self.path.index(mine.name) != other.path.index(mine.name):
                found.setdefault(mine.name, "place")
        return found

    def _fault(self) -> Fault | None:
        """Make the fault that the processor reports, if stage 2 does not let the access through."""
        assert self._vm.vcpu is not None
        return self._vm.vcpu.fault(self._gfn, *ACCESSES[self.access])

    def _stop(self, attempt: int, fault: Fault, visit: Visit) -> Stop:
        name, outcome = visit.step.name, visit.outcome
        self._lock(name, outcome)
        before = self.stops[-1].state if self.stops else self.start
        after = self._state(name, fault)
        found = answer(fault, visit, before, after)
        meanwhile = ""
        if attempt == 0 and self.situation.meanwhile and self.situation.meanwhile[0] == name:
            meanwhile = self.situation.meanwhile[1]
            self._machine.do(parse([*self.situation.setup, meanwhile])[-1])
            after = self._state(name, fault)
        return Stop(attempt, name, visit.step.reason, found, meanwhile, outcome, after)

    def _state(self, name: str | None, fault: Fault | None) -> State:
        """Look at the machine after a step; None is before the first."""
        state = state_of(self._vm, self._gfn, self._locks, fault)
        made = self.path.index(name) if name is not None else -1
        state["fault"] |= {field: "" for field, step in NOTED_BY.items() if made < self.path.index(step)}
        return state

    def _lock(self, name: str, outcome: Outcome | None) -> None:
        """Follow the locks. They are not in the model, which has one thread; the release's source says where."""
        locks = dict(self._locks)
        if name == "find_vma":
            locks["mmap_lock"] = "held"
        elif name == "mmap_read_unlock":
            locks["mmap_lock"] = "free"
        elif name == "mmu_notifier_retry":
            locks["mmu_lock"] = "held"
        if name in ("find_memslot", "mark_page_dirty"):
            locks = dict.fromkeys(locks, "free")
        elif outcome is not None:
            locks = {lock: "held, then dropped" if state == "held" else state for lock, state in locks.items()}
        self._locks = locks


@cache
def fault_walk(kernel: str, situation: str, access: str) -> FaultWalk:
    """Walk through a prepared situation, by its name; each is walked once."""
    for what, given, known in (
        ("kernel", kernel, RELEASES),
        ("situation", situation, SITUATIONS),
        ("access", access, ACCESSES),
    ):
        if given not in known:
            raise ValueError(f"{what}: {given!r}, expected one of {', '.join(map(repr, known))}")
    return FaultWalk(kernel, SITUATIONS[situation], access)
