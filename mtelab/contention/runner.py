"""Run a protocol straight through, alone, and write down what it does and how long that takes.

The pages of the workloads are private: what a protocol finds in a page's flags depends on what it did to that page
before, not on the other CPUs. They meet at locks, and nowhere else. So a protocol needs to be run only once for each
page, by itself; the engines then play the record against those of all other CPUs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Sequence
from dataclasses import dataclass
from types import GeneratorType
from typing import Any, Final, NamedTuple

from mtelab.contention.costs import Costs
from mtelab.contention.lock_arrays import LockArray, lock_of
from mtelab.sync import budget
from mtelab.sync.protocols import PROTOCOLS, Function, Historical
from mtelab.sync.steps import ROLES, Cpu, Page, Step

MOST_STEPS: Final = 10_000
"""Steps that a protocol may take on one page."""

Flags = frozenset[Any]
"""Page flags that are set."""


class Action(NamedTuple):
    """What a CPU does: ``("work", None, ns)``, ``("lock", name, 0)`` or ``("unlock", name, 0)``."""

    kind: str
    lock: Hashable
    time: float


@dataclass(frozen=True, eq=False)
class Run:
    """A straight run; there is one object for all that are alike.

    Attributes
    ----------
    actions : tuple of Action
        In order.
    flags : frozenset
        Flags of the page after it.
    """

    actions: tuple[Action, ...]
    flags: Flags


NOTHING: Final = Run((), frozenset())


class ProtocolRunner:
    """Runs one protocol on one page after another, and runs it once where it could not tell two pages apart.

    Parameters
    ----------
    name : str
        What errors call it.
    function : generator function
        The protocol.
    costs : Costs
        What its steps take.

    Attributes
    ----------
    looked_at : frozenset of str
        What the protocol has asked for so far: ``"id"``, ``"vm"``, ``"mm"`` or ``"vma"`` of a CPU, ``"pfn"`` of a page.
    """

    def __init__(self, name: str, function: Function, costs: Costs) -> None:
        self.name = name
        self.function = function
        self.looked_at: frozenset[str] = frozenset()
        self._costs = {role: costs.of_role(role) for role in ROLES}
        self._resume: Callable[[Any, Any], Any] = _send if _comes_back(function) else budget.resume
        self._lock_of = lock_of(function)
        self._known: dict[tuple[str, Flags], dict[tuple[str, ...], dict[tuple[Any, ...], Run]]] = {}
        self._alike: dict[tuple[tuple[Action, ...], Flags], Run] = {}

    @property
    def plain(self) -> bool:
        """Whether it is a plain function, which does nothing at memslot and allocate."""
        return not isinstance(self.function, Historical)

    def kind_of_page(self, frame: int) -> Hashable:
        """Return what the protocol can tell a page by: its frame number, or the number of its lock if that is all."""
        return frame if self._lock_of is None else self._lock_of(Page(frame))

    def chain(self, cpu: Cpu, page: Page, roles: Sequence[str]) -> tuple[Run, ...]:
        """Run the protocol in one role after another on a page that is new.

        Raises
        ------
        ValueError
            If the protocol cannot be run: it does not end, waits for what nobody does, keeps a lock, refuses, raises,
            or yields something other than a step.
        """
        runs, flags = [], NOTHING.flags
        for role in roles:
            run = NOTHING if self.plain and role in ("memslot", "allocate") else self._run(role, cpu, page, flags)
            flags = run.flags
            runs.append(run)
        return tuple(runs)

    def _run(self, role: str, cpu: Cpu, page: Page, flags: Flags) -> Run:
        known = self._known.setdefault((role, flags), {})
        for names, runs in known.items():
            run = runs.get(tuple([_read(cpu, page, name) for name in names]))
            if run is not None:
                return run
        looked_at: dict[str, None] = {}
        as_role, watched = _WatchedCpu(cpu.id, cpu.vm, cpu.mm, role, cpu.vma), _WatchedPage(page.pfn)
        as_role.__dict__["_seen"] = watched.__dict__["_seen"] = looked_at
        run = self._run_watched(role, as_role, watched, flags)
        run = self._alike.setdefault((run.actions, run.flags), run)
        names = tuple(looked_at)
        self.looked_at |= looked_at.keys()
        known.setdefault(names, {})[tuple([_read(cpu, page, name) for name in names])] = run
        return run

    def _run_watched(self, role: str, cpu: Cpu, page: Page, flags: Flags) -> Run:
        steps, costs, resume = self._begin(cpu, page), self._costs[role], self._resume
        actions: list[Action] = []
        held: list[Hashable] = []
        now, answer = set(flags), None
        for _ in range(MOST_STEPS):
            try:
                step = resume(steps, answer)
            except StopIteration:
                break
            except budget.EndlessError:
                raise self._error(role, "runs on and on between two steps") from None
            except Exception as error:
                raise self._error(role, f"raises {type(error).__name__}: {error}") from error
            if not isinstance(step, Step) or (step.op not in costs and step.op != "refuse"):
                raise self._error(role, f"yields {step!r}, expected a step of mtelab.sync")
            op, args = step.op, step.args
            if op == "spin_lock":
                if args[0] in held:
                    raise self._error(role, f"deadlocks: takes lock {args[0]!r}, which it holds")
                held.append(args[0])
                actions += Action("lock", args[0], 0.0), Action("work", None, costs[op])
                answer = None
            elif op == "spin_unlock":
                if args[0] not in held:
                    raise self._error(role, f"gives back lock {args[0]!r}, which it does not hold")
                held.remove(args[0])
                actions += Action("work", None, costs[op]), Action("unlock", args[0], 0.0)
                answer = None
            elif op == "refuse":
                raise self._error(role, f"refuses private memory with {args[0]}: no guest starts")
            else:
                if any(isinstance(argument, Page) and argument is not page for argument in args):
                    raise self._error(role, f"yields {step!r} of another page than the one it was given")
                actions.append(Action("work", None, costs[op]))
                if op == "wait_for_bit" and args[0] not in now:
                    raise self._error(role, f"deadlocks: waits for {args[0]!r}, which nobody sets")
                answer = _answer(op, args, now)
        else:
            raise self._error(role, f"takes {MOST_STEPS:,} steps on one page without an end")
        if held:
            raise self._error(role, f"deadlocks: ends with lock {held[-1]!r} held")
        return Run(tuple(actions), frozenset(now))

    def _begin(self, cpu: Cpu, page: Page) -> Generator[Any, Any, Any]:
        try:
            steps = self.function(cpu, page)
        except Exception as error:
            raise self._error(cpu.role, f"raises {type(error).__name__}: {error}") from error
        if not isinstance(steps, GeneratorType):
            raise self._error(cpu.role, f"returned {steps!r}, expected a generator: a function that yields steps")
        return steps

    def _error(self, role: str, what: str) -> ValueError:
        return ValueError(f"protocol: {self.name}, as {role}, {what}")


def _send(steps: Generator[Any, Any, Any], answer: Any) -> Any:
    return steps.send(answer)


def _comes_back(function: Function) -> bool:
    """Whether a protocol is one of ours, and needs nobody to stop it."""
    if isinstance(function, LockArray):
        return isinstance(function.hash, str)
    return isinstance(function, Historical) and PROTOCOLS.get(function.name) is function


def _answer(op: str, args: tuple[Any, ...], now: set[Any]) -> Any:
    """Do what a step does to flags, and return what it is answered with."""
    if op in ("test_bit", "smp_load_acquire"):
        return args[0] in now
    if op == "test_and_set_bit":
        was = args[0] in now
        now.add(args[0])
        return was
    if op == "set_bit" or (op == "smp_store_release" and args[2]):
        now.add(args[0])
    elif op in ("clear_bit", "smp_store_release"):
        now.discard(args[0])
    return 0 if op == "load_tag" else None


# ---- what a run depends on


def _read(cpu: Cpu, page: Page, name: str) -> Any:
    return page.pfn if name == "pfn" else getattr(cpu, name)


class _WatchedCpu(Cpu):
    """A CPU that notes which of its attributes are read."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("id", "vm", "mm", "vma"):  # the role is known
            object.__getattribute__(self, "__dict__").get("_seen", {})[name] = None
        return object.__getattribute__(self, name)


class _WatchedPage(Page):
    """A page that notes whether its number is read."""

    def __getattribute__(self, name: str) -> Any:
        if name == "pfn":
            object.__getattribute__(self, "__dict__").get("_seen", {})[name] = None
        return object.__getattribute__(self, name)
