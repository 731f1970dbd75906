"""Run a protocol straight through, alone, and write down what it does and how long that takes.

The pages of the workloads are private: what a protocol finds in a page's flags depends on what it did to that page
before, not on the other CPUs. They meet at locks, and nowhere else. So a protocol needs to be run only once for each
page, by itself; the engine then plays the record against those of all other CPUs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable
from types import FrameType
from typing import Any, Final, NamedTuple

from mtelab.contention.costs import Costs
from mtelab.sync.protocols import PROTOCOLS, Function, Historical
from mtelab.sync.steps import Cpu, Page, Step

MOST_STEPS: Final = 10_000
"""Steps that a protocol may take on one page."""
MOST_LINES: Final = 100_000
"""Lines of Python that a learner's protocol may run on one page."""

Flags = frozenset[Any]


class Action(NamedTuple):
    """What a CPU does: ``("work", None, ns)``, ``("lock", name, 0)`` or ``("unlock", name, 0)``."""

    kind: str
    lock: Hashable
    time: float


class Run(NamedTuple):
    """A straight run: the actions, and the flags that the page has after it."""

    actions: tuple[Action, ...]
    flags: Flags


class _TooLong(BaseException):
    """The learner's code does not come back; not an Exception, so that it does not catch it."""


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
    """

    def __init__(self, name: str, function: Function, costs: Costs) -> None:
        self.name = name
        self.function = function
        self.costs = costs
        self.trusted = isinstance(function, Historical) and PROTOCOLS.get(function.name) is function
        self.looked_at: frozenset[str] = frozenset()
        self._runs: dict[tuple[str, Flags], dict[tuple[str, ...], dict[tuple[Any, ...], Run]]] = {}

    def acts(self, role: str) -> bool:
        """Whether the protocol is called in this role: a plain function is not at memslot and allocate."""
        return isinstance(self.function, Historical) or role not in ("memslot", "allocate")

    def run(self, cpu: Cpu, page: Page, flags: Flags) -> Run:
        """Return what the protocol does as `cpu` on `page`, which has `flags`.

        Raises
        ------
        ValueError
            If the protocol cannot be run: it does not end, waits for what nobody does, keeps a lock, refuses, raises,
            or yields something other than a step.
        """
        known = self._runs.setdefault((cpu.role, flags), {})
        for names, runs in known.items():
            run = runs.get(tuple(_read(cpu, page, name) for name in names))
            if run is not None:
                return run
        looked_at: dict[str, None] = {}
        watched = _WatchedCpu(cpu.id, cpu.vm, cpu.mm, cpu.role, cpu.vma), _WatchedPage(page.pfn)
        for part in watched:
            object.__setattr__(part, "_seen", looked_at)
        run = self._run(cpu.role, *watched, flags)
        names = tuple(looked_at)
        self.looked_at |= looked_at.keys()
        known.setdefault(names, {})[tuple(_read(cpu, page, name) for name in names)] = run
        return run

    def _run(self, role: str, cpu: Cpu, page: Page, flags: Flags) -> Run:
        steps = self._begin(cpu, page)
        resume: Callable[[Any], Any] = steps.send if self.trusted else _Budget(steps.send)
        actions: list[Action] = []
        now, answer = set(flags), None
        held: list[Hashable] = []
        for _ in range(MOST_STEPS):
            try:
                step = resume(answer)
            except StopIteration:
                break
            except _TooLong:
                raise self.error(f"runs {MOST_LINES:,} lines without an end", role) from None
            except Exception as error:
                raise self.error(f"raises {type(error).__name__}: {error}", role) from error
            if not isinstance(step, Step):
                raise self.error(f"yields {step!r}, expected a step of mtelab.sync", role)
            if step.op == "refuse":
                raise self.error(f"refuses private memory with {step.args[0]}, so no guest starts", role)
            answer = self._do(step, role, page, now, held, actions)
        else:
            raise self.error(f"takes {MOST_STEPS:,} steps on one page without an end", role)
        if held:
            raise self.error(f"ends with lock {held[-1]!r} held", role)
        return Run(tuple(actions), frozenset(now))

    def _begin(self, cpu: Cpu, page: Page) -> Any:
        try:
            steps = self.function(cpu, page)
        except Exception as error:
            raise self.error(f"raises {type(error).__name__}: {error}", cpu.role) from error
        if not hasattr(steps, "send"):
            raise self.error(f"gives {steps!r}, expected a generator: it must yield its steps", cpu.role)
        return steps

    def _do(self, step: Step, role: str, page: Page, now: set[Any], held: list[Hashable], actions: list[Action]) -> Any:
        op, args = step.op, step.args
        cost = self.costs.of(step, role)
        if op == "spin_lock":
            if args[0] in held:
                raise self.error(f"deadlocks: takes lock {args[0]!r}, which it holds", role)
            held.append(args[0])
            actions.append(Action("lock", args[0], 0.0))
            actions.append(Action("work", None, cost))
            return None
        actions.append(Action("work", None, cost))
        if op == "spin_unlock":
            if args[0] not in held:
                raise self.error(f"gives back lock {args[0]!r}, which it does not hold", role)
            held.remove(args[0])
            actions.append(Action("unlock", args[0], 0.0))
            return None
        for argument in args:
            if isinstance(argument, Page) and argument is not page:
                raise self.error("uses another page than the one it was given", role)
        return _answer(op, args, now, lambda what: self.error(what, role))

    def error(self, what: str, role: str) -> ValueError:
        """Make an error that names the protocol."""
        return ValueError(f"protocol: {self.name}, as {role}, {what}")


def _answer(op: str, args: tuple[Any, ...], now: set[Any], error: Callable[[str], ValueError]) -> Any:
    """Answer a step that reads or writes flags, and do to `now` what it does."""
    if op in ("test_bit", "smp_load_acquire"):
        return args[0] in now
    if op == "test_and_set_bit":
        was = args[0] in now
        now.add(args[0])
        return was
    if op == "set_bit":
        now.add(args[0])
    elif op == "clear_bit":
        now.discard(args[0])
    elif op == "smp_store_release":
        (now.add if args[2] else now.discard)(args[0])
    elif op == "wait_for_bit" and args[0] not in now:
        raise error(f"deadlocks: waits for {args[0]!r}, which nobody sets")
    return 0 if op == "load_tag" else None


# ---- what a run depends on


def _read(cpu: Cpu, page: Page, name: str) -> Any:
    return page.pfn if name == "pfn" else getattr(cpu, name)


class _WatchedCpu(Cpu):
    """A CPU that notes which of its attributes are read."""

    def __getattribute__(self, name: str) -> Any:
        if name in ("id", "vm", "mm", "vma"):  # role is part of the key anyway
            object.__getattribute__(self, "__dict__").get("_seen", {})[name] = None
        return object.__getattribute__(self, name)


class _WatchedPage(Page):
    """A page that notes whether its number is read."""

    def __getattribute__(self, name: str) -> Any:
        if name == "pfn":
            object.__getattribute__(self, "__dict__").get("_seen", {})[name] = None
        return object.__getattribute__(self, name)


class _Budget:
    """Resume a generator, and stop it when it has run too many lines of Python."""

    def __init__(self, resume: Callable[[Any], Any]) -> None:
        self.resume = resume
        self.lines = 0

    def __call__(self, answer: Any) -> Any:
        former = sys.gettrace()
        sys.settrace(self._count)
        try:
            return self.resume(answer)
        finally:
            sys.settrace(former)

    def _count(self, _frame: FrameType, event: str, _value: Any) -> Any:
        if event == "line":
            self.lines += 1
            if self.lines > MOST_LINES:
                raise _TooLong
        return self._count
