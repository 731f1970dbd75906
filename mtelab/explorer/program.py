"""A CPU's program as a graph: its steps, and for each answer the step that follows.

A generator can be run forwards only, so each step is reached by running it anew with the answers that lead there. Steps
whose states are equal (`mtelab.explorer.freeze`) are one node: a loop comes back to where it was.
"""

from __future__ import annotations

import types
from collections import Counter
from collections.abc import Callable, Generator, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from mtelab.explorer.answers import Answer, Bit
from mtelab.explorer.freeze import OpaqueError, freeze_generator
from mtelab.sync import steps as sync_steps
from mtelab.sync.budget import EndlessError, resume
from mtelab.sync.steps import Page, Step

MOST_NODES = 1000
"""Steps of one CPU's program; a protocol that never comes back to the same state would have no end of them."""
MOST_ROUNDS = 256
"""Steps among them that stand at the same place and differ in some value: rounds of a loop that counts."""

BITS = ("test_bit", "test_and_set_bit", "smp_load_acquire", "pte_present")
SILENT = (
    *("set_bit", "clear_bit", "smp_store_release", "wait_for_bit", "spin_lock", "spin_unlock"),
    *("mte_clear_page_tags", "mte_restore_page_tags", "mte_copy_tags_from_user"),
    *("smp_wmb", "smp_rmb", "smp_mb", "store_tag", "map_page", "set_pte"),
)
LOADS = ("test_bit", "smp_load_acquire", "pte_present", "load_tag")
KNOWN = (*BITS, *SILENT, "load_tag", "refuse")


class ProtocolError(ValueError):
    """A protocol did what no protocol may; the text names the CPU, the step and the line."""


@dataclass
class Node:
    """One step of a program.

    Attributes
    ----------
    step : Step or None
        What is done; None at an end.
    place : str
        File and line where the step is yielded; "" at an end.
    line : int
        The line's number.
    stack : tuple of (code, int)
        Where each generator stands that delegates to the next, the outermost first, with the line.
    held : tuple
        Locks that are held before the step.
    next : dict
        Node that follows, by answer; steps without an answer have the key None.
    value : object
        At an end, what the program returned.
    error : str
        At an end that is a mistake, what is wrong.
    cut : bool
        The program goes on here, but has too many steps to be followed.
    depends : bool
        The step's address was computed from an answer.
    """

    step: Step | None
    place: str = ""
    line: int = 0
    stack: tuple[tuple[types.CodeType, int], ...] = ()
    held: tuple[Hashable, ...] = ()
    next: dict[Any, int] = field(default_factory=dict)
    value: object = None
    error: str = ""
    cut: bool = False
    depends: bool = False


class Program:
    """The graph of one CPU's program.

    Parameters
    ----------
    start : function
        Makes a fresh generator.
    name : str
        Who runs it, for messages: ``"CPU 0"``.
    tags : function
        From a step ``load_tag`` to the tags that it may be answered with.

    Attributes
    ----------
    nodes : list of Node
        The first is where it begins.
    """

    def __init__(
        self, start: Callable[[], Generator[Any, Any, Any]], name: str, tags: Callable[[Step], Iterable[int]]
    ) -> None:
        self.name = name
        self._start = start
        self._tags = tags
        self.nodes: list[Node] = []
        self._known: dict[Hashable, int] = {}
        self._rounds: Counter[str] = Counter()
        self._build()

    @property
    def loops(self) -> bool:
        """Whether a step can follow itself."""
        state = [0] * len(self.nodes)  # 0 not seen, 1 on the path, 2 done
        stack = [(0, iter(self.nodes[0].next.values()))]
        state[0] = 1
        while stack:
            number, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                state[number] = 2
                stack.pop()
            elif state[following] == 1:
                return True
            elif state[following] == 0:
                state[following] = 1
                stack.append((following, iter(self.nodes[following].next.values())))
        return False

    @property
    def cut(self) -> bool:
        """Whether it has more steps than were followed."""
        return any(node.cut for node in self.nodes)

    def steps(self) -> Iterable[Step]:
        """Every step that the program may come to."""
        return (node.step for node in self.nodes if node.step is not None)

    # ---- building

    def _build(self) -> None:
        todo: list[tuple[tuple[Any, ...], int, Any]] = []
        self._extend((), self._run(()), todo, None)
        while todo:
            answers, parent, answer = todo.pop()
            edge = (parent, answer)
            self._extend((*answers, answer), self._run((*answers, answer), self.nodes[parent].step), todo, edge)

    def _begin(self) -> Any:
        generator = self._start()
        if not isinstance(generator, types.GeneratorType):
            raise ProtocolError(
                f"{self.name}: the protocol returned {generator!r}, expected a generator: a function that yields steps"
            )
        return generator

    def _run(self, answers: tuple[Any, ...], before: Step | None = None) -> tuple[Any, Any, str]:
        """Run a fresh generator through `answers`; return it, what it came to, and what went wrong.

        `before` is the step that the last answer is for.
        """
        generator = self._begin()
        try:
            if answers:
                result = None
                for answer in (None, *answers[:-1]):
                    result = generator.send(answer)  # it came through this before
                if result != before:
                    return None, None, f"it did {before!r} before, and {result!r} now, after the same answers"
            return generator, resume(generator, answers[-1] if answers else None), ""
        except StopIteration as end:
            return None, end.value, ""
        except EndlessError as endless:
            return None, None, f"{place_of(endless)} runs on and on without a step: does the loop end?"
        except Exception as error:
            place = place_of(error)
            return None, None, f"{place}: {type(error).__name__}: {error}" if place else str(error)

    def _extend(
        self, answers: tuple[Any, ...], reached: Any, todo: list[tuple[tuple[Any, ...], int, Any]], edge: Any
    ) -> None:
        """Add the node that `answers` lead to, unless it is known, and what is to be done from there."""
        generator, result, wrong = reached
        held = self._held_after(edge)
        if wrong or generator is None:
            number = self._add(None, Node(None, held=held, value=result, error=wrong))
        else:
            number = self._arrive(generator, result, held, answers, todo)
        if edge is not None:
            self.nodes[edge[0]].next[edge[1]] = number

    def _held_after(self, edge: Any) -> tuple[Hashable, ...]:
        if edge is None:
            return ()
        before = self.nodes[edge[0]]
        assert before.step is not None
        if before.step.op == "spin_lock":
            taken: Hashable = before.step.args[0]
            return (*before.held, taken)
        if before.step.op == "spin_unlock":
            given: Hashable = before.step.args[0]
            return tuple(lock for lock in before.held if lock != given)
        held: tuple[Hashable, ...] = before.held
        return held

    def _arrive(
        self,
        generator: Any,
        step: Any,
        held: tuple[Hashable, ...],
        answers: tuple[Any, ...],
        todo: list[tuple[tuple[Any, ...], int, Any]],
    ) -> int:
        stack = delegates(generator)
        code, line = stack[-1]
        place = f"{file_words(code.co_filename)}, line {line}"
        wrong = self._wrong(step, held)
        if wrong:
            return self._add(None, Node(None, held=held, error=f"{place} ({code.co_name}): {wrong}"))
        try:
            key: Hashable = (freeze_generator(generator), step, _depends(step), held)
        except OpaqueError:
            key = None
        if key is not None and key in self._known:
            return self._known[key]
        self._rounds[place] += 1
        if len(self.nodes) >= MOST_NODES or self._rounds[place] > MOST_ROUNDS:
            return self._add(None, Node(None, place, line, stack, held, cut=True))
        number = self._add(key, Node(step, place, line, stack, held, depends=_depends(step)))
        todo.extend((answers, number, answer) for answer in self._answers(step))
        return number

    def _add(self, key: Hashable, node: Node) -> int:
        self.nodes.append(node)
        if key is not None:
            self._known[key] = len(self.nodes) - 1
        return len(self.nodes) - 1

    def _answers(self, step: Step) -> Iterable[Any]:
        if step.op == "refuse":
            return ()
        if step.op in BITS:
            return (Bit(0), Bit(1))
        if step.op == "load_tag":
            return [Answer(tag) for tag in sorted(set(self._tags(step)))]
        return (None,)

    def _wrong(self, step: Any, held: tuple[Hashable, ...]) -> str:
        """Say what is wrong with what was yielded, if anything is."""
        if not isinstance(step, Step) or step.op not in KNOWN:
            hint = ""
            if callable(step) and getattr(step, "__name__", "") in sync_steps.__dict__:
                hint = "; was it meant to be called?"
            if isinstance(step, types.GeneratorType):
                hint = "; a part of a protocol is run with yield from"
            return f"yielded {step!r}, expected a step of mtelab.sync, such as test_bit(PG_mte_tagged, page){hint}"
        if step.op == "spin_unlock" and step.args[0] not in held:
            return f"spin_unlock({step.args[0]!r}): this CPU does not hold it"
        return ""


def delegates(generator: Any) -> tuple[tuple[types.CodeType, int], ...]:
    """Code and line of each generator that delegates to the next, down to the one that yields."""
    stack = []
    while isinstance(generator, types.GeneratorType) and generator.gi_frame is not None:
        stack.append((generator.gi_code, generator.gi_frame.f_lineno))
        generator = generator.gi_yieldfrom
    return tuple(stack)


def place_of(error: BaseException) -> str:
    """File, line and function of the learner's where an exception comes from; "" if it comes from here."""
    trace = error.__traceback__
    frames = []
    while trace is not None:
        frames.append((trace.tb_frame.f_code, trace.tb_lineno))
        trace = trace.tb_next
    theirs = [frame for frame in frames if not _ours(frame[0].co_filename)]
    if not theirs:
        return ""
    code, line = theirs[-1]
    return f"{file_words(code.co_filename)}, line {line} ({code.co_name})"


def file_words(filename: str) -> str:
    """Name of a file as a learner knows it: a notebook's cell has a name of its own only inside Jupyter."""
    return "your cell" if "ipykernel" in filename or filename.startswith("<ipython") else filename


def _ours(filename: str) -> bool:
    return filename.startswith((sync_steps.__file__.rsplit("steps.py", 1)[0], __file__.rsplit("program.py", 1)[0]))


def _depends(step: Step) -> bool:
    """Whether the address of a load was computed from an answer: its page's number, or the granule's."""
    numbers = (arg.pfn if isinstance(arg, Page) else arg for arg in step.args)
    return step.op in LOADS and any(isinstance(number, Answer) for number in numbers)
