"""What a CPU runs, as a person reads it: the kernel's steps around the protocol, and the protocol's own source."""

from __future__ import annotations

import ast
import inspect
import textwrap
from dataclasses import dataclass
from types import CodeType
from typing import Final

from mtelab.explorer.model import Model
from mtelab.explorer.program import Node, Program
from mtelab.explorer.words import step_words
from mtelab.sync import situations
from mtelab.sync.situations import find_protocol, find_situation

ROLES: Final = {
    "program": "memslot",
    "faulted": "fault",
    "protected": "set_pte",
    "foreign": "set_pte",
    "copied": "ioctl",
    "swapped_in": "swap_in",
}
"""Role in which each function of `mtelab.sync.situations` runs the protocol."""

WHO: Final = {
    "vcpu": "vCPU of VM {vm}, process {mm}",
    "mprotect": "process {mm}, mprotect(PROT_MTE)",
    "foreign fault": "process {mm}, a fault of its own",
    "ioctl": "VMM of VM {vm}, copies tags TO_GUEST",
    "swap-in vcpu": "vCPU of VM {vm}, page in swap",
}
"""Who runs on a CPU, by kind of actor."""

Key = tuple[str, int] | str


@dataclass(frozen=True)
class Source:
    """Source of one generator function: its name, and its lines with their numbers in the file."""

    name: str
    lines: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Listing:
    """What one CPU runs.

    Attributes
    ----------
    who : str
        On whose behalf.
    rows : dict
        Steps of the kernel and of the guest, and the calls of the protocol between them, in order: text by key.
    sources : dict
        The protocol, and what it delegates to, by code.
    """

    who: str
    rows: dict[Key, str]
    sources: dict[CodeType, Source]

    def place(self, node: Node) -> tuple[int, list[tuple[int, int]]]:
        """Row of a node, -1 at an end, and for each function that it is in its number and line, the innermost last."""
        if node.step is None:
            return -1, []
        functions = list(self.sources)
        marks = [(functions.index(code), line) for code, line in node.stack if code in self.sources]
        return list(self.rows).index(_key(node)), marks


def listing(model: Model, program: Program, cpu: int) -> Listing:
    """Say what CPU number `cpu` runs."""
    actor = find_situation(model.situation)(model.cpus)[cpu]
    function = find_protocol(model.protocol)
    function = getattr(function, "run", function)
    name = getattr(function, "__name__", model.name)
    rows: dict[Key, str] = {}
    reached: dict[CodeType, dict[int, str]] = {}
    code = getattr(function, "__code__", None)
    if code is not None:
        reached[code] = {}
    for node in _in_order(program):
        key, inside = _key(node), _inside(node)
        assert node.step is not None
        rows.setdefault(key, f"{name}(cpu, page)  # {key}" if inside else step_words(node.step))
        for found, line in inside:
            reached.setdefault(found, {})[line] = step_words(node.step)
    sources = {found: source(found, lines) for found, lines in reached.items()}
    return Listing(WHO[actor.kind].format(vm=actor.vm, mm=actor.mm), rows, sources)


def source(code: CodeType, steps: dict[int, str] | None = None) -> Source:
    """Source of a generator function, without decorators and docstring; where it is lost, the steps at their lines."""
    try:
        lines, first = inspect.getsourcelines(code)
        text = textwrap.dedent("".join(lines))
        parsed = ast.parse(text).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        return Source(code.co_name, tuple(sorted((steps or {}).items())))
    kept = list(enumerate(text.rstrip().split("\n"), max(first, 1)))
    if isinstance(parsed, ast.FunctionDef):
        told = parsed.body[0] if ast.get_docstring(parsed) is not None else None
        hidden = set(range(told.lineno, (told.end_lineno or told.lineno) + 1)) if told else set()
        kept = [line for at, line in enumerate(kept, 1) if at >= parsed.lineno and at not in hidden]
    return Source(code.co_name, tuple(kept))


def _inside(node: Node) -> list[tuple[CodeType, int]]:
    """Where a node is within the protocol; nothing for a step of the kernel around it."""
    return [(code, line) for code, line in node.stack if code.co_filename != situations.__file__]


def _key(node: Node) -> Key:
    """What stands in one row: a line of `mtelab.sync.situations`, or the protocol in one role."""
    if _inside(node):
        names = [code.co_name for code, _ in node.stack if code.co_filename == situations.__file__]
        return ROLES[next((name for name in reversed(names) if name in ROLES), "program")]
    code, line = node.stack[-1]
    return code.co_name, line


def _in_order(program: Program) -> list[Node]:
    """Every step, each as soon as it is first met by somebody who finds flags clear and tags as they are."""
    found: list[int] = []
    todo = [0]
    while todo:
        number = todo.pop()
        if number in found:
            continue
        found.append(number)
        following = program.nodes[number].next
        todo.extend(following[answer] for answer in sorted(following, key=lambda a: -1 if a is None else a)[::-1])
    return [program.nodes[number] for number in found if program.nodes[number].step is not None]
