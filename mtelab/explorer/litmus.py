"""Litmus tests: the small programs by which memory models are told apart, run on the explorer's machine.

A test is written in one line, CPUs divided by ``|``, then the outcome that it asks for::

    x=1; wmb; y=1 | a=y; b=x addr a : a=1 b=0

``x`` to ``z`` are locations, ``X`` to ``Z`` the second flag in the same word; ``a`` to ``h`` are registers; all start
at 0. ``acq a=x``, ``rel x=1`` and ``tas a=x`` are an acquire, a release and a fully ordered test-and-set; ``addr a``,
``data a`` and ``ctrl a`` after an access say that its address, its value or whether it is reached depends on ``a``.
``wmb``, ``rmb``, ``mb``, ``lock l``, ``unlock l`` and ``wait x`` are the steps of `mtelab.sync`.

A location is a page's flags where a test uses it in a way that only flags have, and otherwise the tag of a granule.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from mtelab.explorer.machine import Machine, Memory
from mtelab.explorer.memory import Contents, Tag
from mtelab.explorer.model import Start, build
from mtelab.explorer.search import search
from mtelab.sync import steps
from mtelab.sync.flags import PageFlag, PG_mte_lock, PG_mte_tagged
from mtelab.sync.steps import Page, Protocol, Step

Outcome = tuple[tuple[str, int], ...]
"""Name and value of every register, and of every location that is written twice or more."""

LOCATIONS: Final = "xyz"
MOST_STATES: Final = 5_000_000
_ACCESS: Final = re.compile(r"(?:(acq|rel|tas) )?([a-zA-Z])=([a-zA-Z]|\d)(?: (addr|data|ctrl) ([a-h]))?")
_OTHER: Final = re.compile(r"(wmb|rmb|mb)|(lock|unlock) ([a-z])|(wait) ([x-zX-Z])")


@dataclass(frozen=True)
class Op:
    """One step of a litmus test.

    Attributes
    ----------
    kind : str
        ``"load"``, ``"acquire"``, ``"store"``, ``"release"``, ``"tas"``, ``"wait"``, ``"lock"``, ``"unlock"``,
        ``"wmb"``, ``"rmb"`` or ``"mb"``.
    where : str
        Location or lock.
    register : str
        Where a load puts its value.
    value : int
        What a store stores.
    dependency, on : str
        ``"addr"``, ``"data"`` or ``"ctrl"``, and the register that it comes from.
    """

    kind: str
    where: str = ""
    register: str = ""
    value: int = 0
    dependency: str = ""
    on: str = ""


def parse(line: str) -> tuple[tuple[Op, ...], ...]:
    """Read the CPUs of a test.

    Raises
    ------
    ValueError
        For a step that is none; the text names it.
    """
    return tuple(tuple(_op(text.strip()) for text in cpu.split(";")) for cpu in line.split("|"))


def _op(text: str) -> Op:
    access, other = _ACCESS.fullmatch(text), _OTHER.fullmatch(text)
    if access and access[3].isdigit() and access[1] in (None, "rel"):
        return Op("release" if access[1] else "store", access[2], "", int(access[3]), access[4] or "", access[5] or "")
    if access and access[3].isalpha() and access[1] != "rel":
        kind = {None: "load", "acq": "acquire", "tas": "tas"}[access[1]]
        return Op(kind, access[3], access[2], 0, access[4] or "", access[5] or "")
    if other:
        return Op(other[1] or other[2] or other[4], other[3] or other[5] or "")
    raise ValueError(f"litmus: {text!r}, expected a step such as 'x=1', 'acq a=x', 'b=y addr a' or 'mb'")


@dataclass(frozen=True)
class Litmus:
    """A litmus test.

    Attributes
    ----------
    name : str
        As in the literature, with Linux's names of barriers: ``"MP+wmb+addr"``.
    cpus : tuple
        Each CPU's steps.
    asked : tuple
        Names and values of the outcome that the test is about.
    allowed : bool
        Whether Arm allows it.
    not_shown : frozenset of Outcome
        Outcomes that Arm allows and the model does not show.
    source : str
        Where that stands.
    """

    name: str
    cpus: tuple[tuple[Op, ...], ...]
    asked: Outcome = ()
    allowed: bool = True
    not_shown: frozenset[Outcome] = frozenset()
    source: str = ""

    @property
    def flags(self) -> frozenset[str]:
        """Words, by their small letter, that are a page's flags."""
        special = ("acquire", "release", "tas", "wait")
        ops = [op for cpu in self.cpus for op in cpu if op.where]
        return frozenset(op.where.lower() for op in ops if op.kind in special or op.where.isupper())

    @property
    def words(self) -> tuple[str, ...]:
        """Words of memory that are accessed, locks left out."""
        used = {op.where.lower() for cpu in self.cpus for op in cpu if op.kind not in ("lock", "unlock") and op.where}
        return tuple(sorted(used))

    @property
    def contended(self) -> tuple[str, ...]:
        """Words whose last value is part of the outcome: those with two stores or more."""
        stores = [op.where.lower() for cpu in self.cpus for op in cpu if op.kind in ("store", "release", "tas")]
        return tuple(word for word in self.words if stores.count(word) > 1)

    def matches(self, outcome: Outcome) -> bool:
        """Whether an outcome is the one that is asked for."""
        return set(self.asked) <= set(outcome)

    # ---- on the explorer's machine

    def address(self, letter: str) -> tuple[str, Any]:
        """Kind and name of the location that a word is."""
        number = LOCATIONS.index(letter)
        return ("flags", number + 1) if letter in self.flags else ("tag", (0, number))

    def program(self, cpu: int) -> Protocol:
        """What a CPU does, as a generator of steps; it returns its registers."""
        registers: dict[str, int] = {}
        for op in self.cpus[cpu]:
            # A branch on a register, for `ctrl`, would lead to this step either way.
            answer = yield self._step(op, registers.get(op.on, 0))
            if op.register:
                registers[op.register] = answer
        return tuple(registers.items())  # type: ignore[return-value]

    def _step(self, op: Op, on: int) -> Step:
        if op.kind in ("wmb", "rmb", "mb"):
            return Step(f"smp_{op.kind}")
        if op.kind in ("lock", "unlock"):
            return Step(f"spin_{op.kind}", (op.where,))
        nothing = on ^ on  # 0, but read from memory if `on` was
        kind, name = self.address(op.where.lower())
        if kind == "tag":
            granule = name[1] + nothing if op.dependency == "addr" else name[1]
            if op.kind == "load":
                return steps.load_tag(Page(0), granule)
            return steps.store_tag(Page(0), granule, op.value + nothing)
        page = Page(name + nothing if op.dependency == "addr" else name)
        return _on_flag(op, PG_mte_lock if op.where.isupper() else PG_mte_tagged, page)

    def machine(self, memory: Memory, fused: bool = False) -> Machine:
        """Make the explorer's machine of the test."""
        starts: list[Start] = [partial(self.program, cpu) for cpu in range(len(self.cpus))]
        watched = [self.address(word) for word in self.words]
        known = {op.value for cpu in self.cpus for op in cpu} | {0}
        return build(starts, memory, known, {("page", 0): Tag(0, "init")}, fused, watched)

    def outcomes(self, memory: Memory, fused: bool = True) -> frozenset[Outcome]:
        """Every outcome that the model shows."""
        machine = self.machine(memory, fused)
        found = search(machine, MOST_STATES)
        if not found.complete:
            raise ValueError(f"{self.name}: more than {MOST_STATES:,} states, expected a small test")
        shown = set()
        for state in found.ends():
            nodes = [machine.node(cpu, place) for cpu, place in enumerate(state.locals)]
            registers: dict[str, int] = {}
            for node in nodes:
                registers.update(node.value)  # type: ignore[call-overload]
            held = zip(machine.locations, state.contents, strict=True)
            memory_at_end = {(location.kind, location.name): _number(contents) for location, contents in held}
            shown.add(self.outcome(registers, {word: memory_at_end[self.address(word)] for word in self.words}))
        return frozenset(shown)

    def outcome(self, registers: dict[str, int], memory: dict[str, int]) -> Outcome:
        """Outcome of registers and of what the words hold at the end."""
        last = {word: memory[word] for word in self.contended}
        return tuple(sorted((name, int(value)) for name, value in {**registers, **last}.items()))


def _on_flag(op: Op, flag: PageFlag, page: Page) -> Step:
    if op.kind == "release":
        return steps.smp_store_release(flag, page, bool(op.value))
    if op.kind == "store":
        return steps.set_bit(flag, page) if op.value else steps.clear_bit(flag, page)
    names = {"load": "test_bit", "acquire": "smp_load_acquire", "tas": "test_and_set_bit", "wait": "wait_for_bit"}
    return Step(names[op.kind], (flag, page))


def _number(contents: Contents) -> int:
    value = contents.value
    if isinstance(value, Tag):
        return value.tag
    assert isinstance(value, int)
    return value
