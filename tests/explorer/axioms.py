"""Arm's memory model as axioms, for litmus tests: which outcomes it allows.

Written from the text of the Arm ARM (DDI 0487, B2.3) and Pulte et al., "Simplifying ARM Concurrency", POPL 2018,
section 5, with what was added since (local write successor, hazards). It shares the notation of the tests with
`mtelab.explorer.litmus` and nothing else: every execution of a test is listed, and three axioms are asked of each.

Accesses to flags are whole-word: `set_bit`, `clear_bit` and `smp_store_release` of one flag of a word are
read-modify-writes that return nothing (STSET and its like), whose reads a barrier for loads does not order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations, product

from mtelab.explorer.litmus import Litmus, Outcome


@dataclass(eq=False)
class Event:
    """A read or a write of one word."""

    number: int
    cpu: int
    reads: bool
    where: str
    bit: int = 0  # of a flag; 0 for a whole word
    sets: int = 0  # what a write puts into the bit, or into the word
    modifies: Event | None = None  # of a write: the read that it is one with
    silent: bool = False  # a read that returns nothing
    acquire: bool = False
    release: bool = False
    register: str = ""
    wants: int | None = None  # of a read: what its bit must be, or the step would still wait
    order: set[int] = field(default_factory=set)  # numbers of events that are ordered after it within the CPU
    depends: set[int] = field(default_factory=set)  # numbers of reads that its address or value depends on


class Program:
    """The events of a litmus test, and the order that each CPU keeps by itself (locally-ordered-before)."""

    def __init__(self, test: Litmus) -> None:
        self.test = test
        self.events: list[Event] = []
        for cpu in range(len(test.cpus)):
            self._add_cpu(cpu)

    def _event(self, cpu: int, reads: bool, where: str, bit: int, **more: object) -> Event:
        event = Event(len(self.events), cpu, reads, where, bit, **more)  # type: ignore[arg-type]
        self.events.append(event)
        return event

    def _add_cpu(self, cpu: int) -> None:
        mine: list[Event] = []
        source: dict[str, Event] = {}
        branched: list[Event] = []  # reads that a branch before this place depends on
        addressed: list[Event] = []  # reads that an address before this place depends on
        fences: list[tuple[str, int]] = []
        for op in self.test.cpus[cpu]:
            if op.kind in ("wmb", "rmb", "mb"):
                fences.append((op.kind, len(mine)))
                continue
            if op.kind == "tas":
                fences.append(("mb", len(mine)))
            new = self._access(cpu, op)
            if op.dependency == "ctrl":
                branched.append(source[op.on])
            for event in new:
                if not event.reads:
                    for read in (*branched, *addressed):
                        read.order.add(event.number)
                if op.dependency == "addr" or (op.dependency == "data" and not event.reads):
                    self._depend(source[op.on], event)
                if event.register:
                    source[event.register] = event
            if op.dependency == "addr":
                addressed.append(source[op.on])
            mine += new
            if op.kind == "tas":
                fences.append(("mb", len(mine)))
        self._order(mine, fences)

    def _depend(self, read: Event, event: Event) -> None:
        read.order.add(event.number)
        event.depends.add(read.number)

    def _access(self, cpu: int, op) -> list[Event]:
        where = op.where if op.kind in ("lock", "unlock") else op.where.lower()
        flag = where in self.test.flags and op.kind not in ("lock", "unlock")
        bit = (2 if op.where.isupper() else 1) if flag else 0
        if op.kind in ("load", "acquire", "wait"):
            wants = 1 if op.kind == "wait" else None
            acquire = op.kind != "load"
            return [self._event(cpu, True, where, bit, acquire=acquire, register=op.register, wants=wants)]
        if op.kind == "unlock":
            return [self._event(cpu, False, "lock " + where, 0, sets=0, release=True)]
        if op.kind == "lock":
            read = self._event(cpu, True, "lock " + where, 0, acquire=True, wants=0)
            return [read, self._write(cpu, read, 1, False)]
        if op.kind == "tas":
            read = self._event(cpu, True, where, bit, acquire=True, register=op.register)
            return [read, self._write(cpu, read, 1, True)]
        release = op.kind == "release"
        if not flag:
            return [self._event(cpu, False, where, 0, sets=op.value, release=release)]
        read = self._event(cpu, True, where, bit, silent=True)
        return [read, self._write(cpu, read, op.value, release)]

    def _write(self, cpu: int, read: Event, value: int, release: bool) -> Event:
        write = self._event(cpu, False, read.where, read.bit, sets=value, modifies=read, release=release)
        read.order.add(write.number)
        return write

    def _order(self, mine: list[Event], fences: list[tuple[str, int]]) -> None:
        for at, first in enumerate(mine):
            for behind, second in enumerate(mine[at + 1 :], at + 1):
                same = first.where == second.where
                between = [e for e in mine[at + 1 : behind] if not e.reads and e.where == second.where]
                # The next read of a word after a write that depends on something, or that ends a read-modify-write.
                successor = same and not first.reads and second.reads and not between
                if successor:
                    for read in first.depends:
                        self.events[read].order.add(second.number)
                    if first.modifies is not None and second.acquire:
                        first.order.add(second.number)
                if same and not second.reads:
                    first.order.add(second.number)
                if first.acquire or second.release or (first.release and second.acquire):
                    first.order.add(second.number)
                for kind, place in fences:
                    if not at < place <= behind:
                        continue
                    loads = kind == "rmb" and first.reads and not first.silent
                    stores = kind == "wmb" and not first.reads and not second.reads
                    if kind == "mb" or loads or stores:
                        first.order.add(second.number)


def allowed(test: Litmus) -> frozenset[Outcome]:
    """Every outcome of a litmus test that Arm allows."""
    program = Program(test)
    events = program.events
    words = sorted({event.where for event in events})
    stores = {word: [e for e in events if e.where == word and not e.reads] for word in words}
    found = set()
    for orders in product(*(_in_program_order(stores[word]) for word in words)):
        coherence = dict(zip(words, orders, strict=True))
        found |= _outcomes(test, events, coherence)
    return frozenset(found)


def _in_program_order(stores: list[Event]) -> list[tuple[Event, ...]]:
    """Orders of the writes of a word that keep each CPU's own."""
    return [
        order
        for order in permutations(stores)
        if all(a.cpu != b.cpu or a.number < b.number for at, a in enumerate(order) for b in order[at + 1 :])
    ]


def _outcomes(test: Litmus, events: list[Event], coherence: dict[str, tuple[Event, ...]]) -> set[Outcome]:
    """Outcomes of the executions with these orders of writes."""
    position: dict[Event, int] = {}
    value: dict[tuple[str, int], int] = {(word, 0): 0 for word in coherence}  # by place in the order, 0 the start
    choices: dict[Event, list[int]] = {}
    for word, order in coherence.items():
        held = 0
        for place, write in enumerate(order, 1):
            position[write] = place
            if write.modifies is not None:
                choices[write.modifies] = [place - 1]  # atomicity: nothing comes between
            held = (held & ~write.bit | write.bit * write.sets) if write.bit else write.sets
            value[word, place] = held
    reads = [event for event in events if event.reads]
    for read in reads:
        choices.setdefault(read, list(range(len(coherence[read.where]) + 1)))
        choices[read] = [place for place in choices[read] if _fits(read, value, place, events, position)]
    found = set()
    for places in product(*(choices[read] for read in reads)):
        from_ = dict(zip(reads, places, strict=True))
        if _consistent(events, coherence, position, from_):
            registers = {r.register: _seen(r, value[r.where, from_[r]]) for r in reads if r.register}
            memory = {word: value[word, len(order)] for word, order in coherence.items()}
            found.add(test.outcome(registers, memory))
    return found


def _seen(read: Event, held: int) -> int:
    return int(bool(held & read.bit)) if read.bit else held


def _fits(read: Event, value, place: int, events: list[Event], position: dict[Event, int]) -> bool:
    """Whether a read may see the write at this place: it gets what it wants, and coheres with its own CPU's writes."""
    if read.wants is not None and _seen(read, value[read.where, place]) != read.wants:
        return False
    own = [e for e in events if e.cpu == read.cpu and e.where == read.where and not e.reads]
    before = [position[e] for e in own if e.number < read.number]
    after = [position[e] for e in own if e.number > read.number]
    return (not before or place >= max(before)) and (not after or place < min(after))


def _consistent(events, coherence, position, from_) -> bool:
    """Internal and external visibility."""
    reads = list(from_)
    for at, first in enumerate(reads):
        for second in reads[at + 1 :]:
            same = first.cpu == second.cpu and first.where == second.where
            if same and from_[first] > from_[second]:
                return False  # read backwards
    after = [set(event.order) for event in events]
    for event in events:
        place = from_[event] if event.reads else position[event]
        for write in coherence[event.where]:
            if position[write] > place and write.cpu != event.cpu:
                after[event.number].add(write.number)  # coherence-after: from-read and coherence order
                if event.reads:
                    hazards = (e for e in reads if e.cpu == event.cpu and e.where == event.where)
                    for earlier in hazards:
                        if earlier.number < event.number:
                            after[earlier.number].add(write.number)
        if event.reads and place:
            write = coherence[event.where][place - 1]
            if write.cpu != event.cpu:
                after[write.number].add(event.number)
    return _acyclic(after)


def _acyclic(after: list[set[int]]) -> bool:
    pending = [0] * len(after)
    for following in after:
        for number in following:
            pending[number] += 1
    free = [number for number, count in enumerate(pending) if not count]
    done = 0
    while free:
        done += 1
        for number in after[free.pop()]:
            pending[number] -= 1
            if not pending[number]:
                free.append(number)
    return done == len(after)
