"""The machine that programs run on: which moves each CPU has, and what each does to memory.

A move is one CPU's next step, a load that is satisfied with an older value, or a store that leaves the CPU's buffer
(the last two under ``"arm"`` only). Every move looks at one location and writes one location at most, so its effect is
a table from the location's contents; the search (`mtelab.explorer.search`) makes the tables, a figure asks for one
move.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from mtelab.explorer.memory import FARTHEST, Contents, Location, Tag, Value
from mtelab.explorer.program import Node, Program
from mtelab.sync.flags import PageFlag
from mtelab.sync.situations import SAVED_TAG, VMM_TAG
from mtelab.sync.steps import Page, Step

Memory = Literal["sc", "arm"]

LEAKS, LOSES, LOCKED, REFUSED, WRONG, CUT = 1, 2, 4, 8, 16, 32
"""What a move may show: a stale tag seen, a stored tag lost, a lock held at the end, an errno, a mistake of the
protocol, a program too long to follow."""

KERNEL_LOCKS = ("mmu_lock", "mmap_lock", "page_lock", "slots_lock")
"""Locks that the programs of `mtelab.sync.situations` take; a refusal gives them back (out_unlock)."""

CATCH_UP = ("smp_load_acquire", "wait_for_bit", "spin_lock", "test_and_set_bit", "smp_rmb", "smp_mb")
"""Steps after which a CPU reads nothing older than what memory holds."""

RELEASES = ("smp_store_release", "spin_unlock")
"""Stores that an acquire after them waits for (Arm ARM B2.3: a Release is ordered before a later Acquire)."""

WHOLE_PAGE = ("mte_clear_page_tags", "mte_restore_page_tags", "mte_copy_tags_from_user")
"""Steps that are loops over a page's granules."""

LONGEST_BUFFER = 12
"""Stores that may wait in one CPU's buffer."""

WMB = "smp_wmb"


class NewTagError(Exception):
    """A tag load met a tag that its program was not made for; `tags` of the machine has it now."""


class Store(NamedTuple):
    """A store that waits in a buffer: where, what it does there, whether earlier ones go first."""

    where: int
    how: str
    what: Value
    release: bool


Entry = Store | str
"""A waiting store, or the mark of a write barrier."""


class Local(NamedTuple):
    """Where a CPU is: the node of its program, how far within its step, and its waiting stores."""

    node: int
    part: int
    buffer: tuple[Entry, ...] = ()


class Effect(NamedTuple):
    """What a move does, given a location's contents: the contents and the CPU's place after it, and what it shows."""

    contents: Contents
    local: Local
    shows: int


@dataclass(frozen=True)
class Move:
    """One thing that a CPU may do next.

    Attributes
    ----------
    cpu : int
        Which.
    suffix : str
        After the CPU's number in a schedule: ``""`` its next step, ``"<"`` the same with a value one older,
        ``"a"`` the first of its waiting stores becomes visible, ``"b"`` the second.
    step : Step
        What it is, for people.
    where : int
        Location that it looks at, -1 for none.
    effect : function
        From the location's contents to the effect, or None where the move is not possible.
    catches_up : bool
        Afterwards the CPU reads nothing older than what memory holds now.
    """

    cpu: int
    suffix: str
    step: Step
    where: int
    effect: Callable[[Contents], Effect | None]
    catches_up: bool = False


NOWHERE = Contents(None, ())


def loaded_by(step: Step | None) -> tuple[str, Hashable] | None:
    """Kind and name of the location that a step reads as an ordinary load, if it does."""
    if step is None:
        return None
    if step.op in ("test_bit", "smp_load_acquire"):
        return "flags", step.args[1].pfn
    if step.op == "pte_present":
        return "pte", step.args[0].pfn
    if step.op == "load_tag":
        return "tag", (step.args[0].pfn, int(step.args[1]))
    return None


class Machine:
    """Some CPUs' programs on one memory.

    Parameters
    ----------
    programs : list of Program
        One a CPU.
    locations : list of Location
        All that they touch.
    memory : str
        ``"sc"`` or ``"arm"``.
    fused : bool
        Whether a CPU goes on at once through steps that touch nothing but its own buffer. No other CPU can tell the
        difference, so verdicts are the same, with far fewer states.
    """

    def __init__(self, programs: list[Program], locations: list[Location], memory: Memory, fused: bool = False) -> None:
        self.programs = programs
        self.locations = locations
        self.memory = memory
        self.fused = fused
        self._index = {(location.kind, location.name): at for at, location in enumerate(locations)}
        self._granules: dict[int, list[int]] = {}
        for location in locations:
            if location.kind == "tag":
                name: tuple[int, int] = location.name  # type: ignore[assignment]
                self._granules.setdefault(name[0], []).append(name[1])
        self._looks = [self._lookahead(program) for program in programs]
        self._released = [self._after_release(program) for program in programs]

    def _lookahead(self, program: Program) -> list[frozenset[int]]:
        """For each node, the locations that may be loaded before the next barrier."""
        looks: list[frozenset[int]] = [frozenset() for _ in program.nodes]
        changed = self.memory == "arm"
        while changed:
            changed = False
            for number in reversed(range(len(program.nodes))):
                node = program.nodes[number]
                found = frozenset(self._loaded(node.step))
                if node.step is not None and node.step.op not in CATCH_UP:
                    found = found.union(*(looks[following] for following in node.next.values()))
                if found != looks[number]:
                    looks[number] = found
                    changed = True
        return looks

    def _loaded(self, step: Step | None) -> list[int]:
        where = loaded_by(step)
        return [] if where is None else [self._index[where]]

    def _after_release(self, program: Program) -> list[bool]:
        """For each node, whether a release comes before it with nothing between that waits for it to be visible."""
        after = [False] * len(program.nodes)
        todo = [0] if self.memory == "arm" else []
        done = set(todo)
        while todo:
            number = todo.pop()
            node = program.nodes[number]
            op = node.step.op if node.step is not None else ""
            released = op in RELEASES or (after[number] and (op not in CATCH_UP or op == "smp_rmb"))
            for following in node.next.values():
                if following not in done or (released and not after[following]):
                    after[following] |= released
                    done.add(following)
                    todo.append(following)
        return after

    def begin(self) -> list[Contents]:
        """What every location holds at the start."""
        contents = [location.start for location in self.locations]
        for cpu in range(len(self.programs)):
            for where in range(len(contents)):
                looks = where in self._looks[cpu][0]
                contents[where] = self.locations[where].catch_up(contents[where], cpu, looks)
        return contents

    def afterwards(self, cpu: int, before: Local, after: Local, catches_up: bool) -> tuple[tuple[int, bool], ...]:
        """Locations where `cpu` gives up older values once a move is made, and whether it looks there again."""
        if self.memory == "sc" or before.node == after.node:
            return ()
        old, new = self._looks[cpu][before.node], self._looks[cpu][after.node]
        if not catches_up:
            return tuple((where, False) for where in sorted(old - new))
        readers = (at for at, location in enumerate(self.locations) if cpu in location.readers)
        return tuple((where, where in new) for where in readers)

    # ---- how much there can be, in order

    def most_places(self, cpu: int) -> int:
        """Places that a CPU can be at, none of its stores waiting."""
        places = 0
        for node in self.programs[cpu].nodes:
            op = "" if node.step is None else node.step.op
            if node.step is not None and op in WHOLE_PAGE:
                places += max(len(self._granules.get(node.step.args[0].pfn, ())), 2)
            else:
                places += 2 + len(node.held) if op == "refuse" else 1
        return places

    def most_values(self, location: Location) -> int:
        """Values that a location can hold."""
        steps = [step for program in self.programs for step in program.steps()]
        if location.kind == "tag":
            name: tuple[int, int] = location.name  # type: ignore[assignment]
            pages = {step.op for step in steps if step.op in WHOLE_PAGE and step.args[0].pfn == name[0]}
            stores = {step for step in steps if step.op == "store_tag" and step.args[:2] == (Page(name[0]), name[1])}
            return 1 + len(pages) + len(stores)
        if location.kind == "lock":
            takers = [program for program in self.programs if Step("spin_lock", (location.name,)) in program.steps()]
            return 1 + len(takers)
        return 4 if location.kind == "flags" else 2

    # ---- places

    def start(self, cpu: int) -> tuple[Local, int]:
        """Where a CPU begins, and what that shows."""
        local, shows = self.enter(cpu, 0, ())
        return self._onwards(cpu, local, shows) if self.fused else (local, shows)

    def enter(self, cpu: int, node: int, buffer: tuple[Entry, ...]) -> tuple[Local, int]:
        """Arrive at a node: the place, and what arriving shows."""
        arrived = self.programs[cpu].nodes[node]
        shows = 0
        if arrived.step is None:
            shows |= WRONG * bool(arrived.error) | CUT * arrived.cut
            shows |= LOCKED * bool(arrived.held and not arrived.error and not arrived.cut)
        return Local(node, 0, buffer), shows

    def node(self, cpu: int, local: Local) -> Node:
        """Node of the program that a CPU is at."""
        return self.programs[cpu].nodes[local.node]

    def ended(self, cpu: int, local: Local) -> bool:
        """Whether the CPU has come to an end, and its stores have reached memory."""
        node = self.node(cpu, local)
        if local.buffer:
            return False
        return node.step is None or (node.step.op == "refuse" and local.part > len(self.to_release(node)))

    # ---- moves

    def moves(self, cpu: int, local: Local) -> list[Move]:
        """All moves of a CPU that is at `local`, whether memory lets it make them or not."""
        made = [*self._next(cpu, local), *self._drains(cpu, local)]
        return [self._fuse(cpu, move) for move in made] if self.fused else made

    def _next(self, cpu: int, local: Local) -> list[Move]:
        """Moves that are the CPU's next step."""
        node = self.node(cpu, local)
        return [] if node.step is None else list(self._steps(cpu, local, node))

    def _fuse(self, cpu: int, move: Move) -> Move:
        def effect(contents: Contents) -> Effect | None:
            made = move.effect(contents)
            return None if made is None else Effect(made.contents, *self._onwards(cpu, made.local, made.shows))

        return replace(move, effect=effect)

    def private(self, cpu: int, local: Local) -> Effect | None:
        """What the CPU's next step does, if it is one that no other CPU can see; None if it is not."""
        made = self._next(cpu, local)
        # A load that finds a waiting store of its own is none: it would find memory once that store has left.
        if len(made) != 1 or made[0].where >= 0 or made[0].catches_up or loaded_by(made[0].step) is not None:
            return None
        return made[0].effect(NOWHERE)

    def _onwards(self, cpu: int, local: Local, shows: int) -> tuple[Local, int]:
        seen = {local}
        while (made := self.private(cpu, local)) is not None:
            local, shows = made.local, shows | made.shows
            if local in seen:
                break  # a loop of private steps: the search will find that it has no end
            seen.add(local)
        return local, shows

    def _drains(self, cpu: int, local: Local) -> Iterator[Move]:
        """Moves by which a waiting store reaches memory."""
        before: set[int] = set()
        letter = 0
        blocked = False
        for at, entry in enumerate(local.buffer):
            if isinstance(entry, str):
                blocked = True  # not empty before it: see _trimmed
                continue
            suffix = chr(ord("a") + letter)
            letter += 1
            free = not blocked and entry.where not in before and not (entry.release and before)
            before.add(entry.where)
            if free:
                rest = _trimmed(local.buffer[:at] + local.buffer[at + 1 :])
                yield self._drain(cpu, entry, local._replace(buffer=rest), suffix)

    def _drain(self, cpu: int, store: Store, after: Local, suffix: str) -> Move:
        location = self.locations[store.where]

        def effect(contents: Contents) -> Effect:
            return Effect(self._stored(cpu, store, contents), after, 0)

        return Move(cpu, suffix, Step("visible", (said(location, store),)), store.where, effect)

    def _stored(self, cpu: int, store: Store, contents: Contents) -> Contents:
        value = contents.value
        if isinstance(value, int) and isinstance(store.what, int) and store.how != "store":
            value = value | store.what if store.how == "set" else value & ~store.what
        else:
            value = store.what
        return self.locations[store.where].write(contents, cpu, value)

    def _steps(self, cpu: int, local: Local, node: Node) -> Iterator[Move]:
        step = node.step
        assert step is not None
        handler = getattr(self, f"_{step.op}", None)
        yield from handler(cpu, local, node, step) if handler else self._nothing(cpu, local, node, step)

    # ---- the kinds of steps

    def _then(self, cpu: int, local: Local, node: Node, answer: object = None) -> tuple[Local, int]:
        if answer not in node.next:
            raise NewTagError(node.step, answer)
        return self.enter(cpu, node.next[answer], local.buffer)

    def _nothing(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        """A step that touches no location."""
        after, shows = self._then(cpu, local, node)
        yield Move(cpu, "", step, -1, lambda contents: Effect(contents, after, shows))

    _map_page = _nothing

    def _smp_wmb(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        marked = local if self.memory == "sc" else local._replace(buffer=_trimmed((*local.buffer, WMB)))
        yield from self._nothing(cpu, marked, node, step)

    def _smp_rmb(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        after, shows = self._then(cpu, local, node)
        yield Move(cpu, "", step, -1, lambda contents: Effect(contents, after, shows), catches_up=True)

    def _smp_mb(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        if not _stores(local.buffer):
            yield from self._smp_rmb(cpu, local._replace(buffer=()), node, step)

    # -- loads

    def _load(
        self,
        cpu: int,
        local: Local,
        node: Node,
        where: int,
        answer: Callable[[Value], tuple[object, int]],
        acquire: bool,
    ) -> Iterator[Move]:
        """A load of a location; `answer` turns a value into the step's answer and what it shows."""
        step = node.step
        assert step is not None
        if acquire and any(store.release for store in _stores(local.buffer)):
            return  # LDAR after STLR: in order
        waiting = [store for store in _stores(local.buffer) if store.where == where]
        if waiting:
            if waiting[-1].how != "store":
                return  # a read-modify-write of one's own has no value yet
            found, seen = answer(waiting[-1].what)
            after, shows = self._then(cpu, local, node, found)
            yield Move(cpu, "", step, -1, lambda contents: Effect(contents, after, shows | seen), acquire)
            return
        # An acquire after a release would otherwise find what memory held before the release was visible.
        newest = self.memory == "sc" or node.depends or (acquire and self._released[cpu][local.node])
        oldest = 0 if newest else FARTHEST
        for back in range(oldest + 1):
            yield Move(cpu, "<" * back, step, where, self._read(cpu, local, node, where, answer, back), acquire)

    def _read(
        self, cpu: int, local: Local, node: Node, where: int, answer: Callable[[Value], tuple[object, int]], back: int
    ) -> Callable[[Contents], Effect | None]:
        location = self.locations[where]

        def effect(contents: Contents) -> Effect | None:
            if back > len(location.older(contents, cpu)):
                return None
            value, contents = location.read(contents, cpu, back)
            found, seen = answer(value)
            after, shows = self._then(cpu, local, node, found)
            return Effect(contents, after, shows | seen)

        return effect

    def _test_bit(self, cpu: int, local: Local, node: Node, step: Step, acquire: bool = False) -> Iterator[Move]:
        flag, page = step.args
        where = self._index["flags", page.pfn]
        yield from self._load(cpu, local, node, where, lambda value: (_bit(value, flag), 0), acquire)

    def _smp_load_acquire(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        yield from self._test_bit(cpu, local, node, step, acquire=True)

    def _pte_present(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        where = self._index["pte", step.args[0].pfn]
        yield from self._load(cpu, local, node, where, lambda value: (value, 0), acquire=False)

    def _load_tag(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        page, granule = step.args

        def answer(value: Value) -> tuple[object, int]:
            assert isinstance(value, Tag)
            shows = 0
            if step.why == "first look" and value.origin == "stale":
                shows = LEAKS
            if step.why == "look again" and value.origin != "stored":
                shows = LOSES
            return value.tag, shows

        yield from self._load(cpu, local, node, self._index["tag", (page.pfn, int(granule))], answer, acquire=False)

    def _wait_for_bit(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        flag, page = step.args
        where = self._index["flags", page.pfn]
        if any(store.release or store.where == where for store in _stores(local.buffer)):
            return
        after, shows = self._then(cpu, local, node)

        def effect(contents: Contents) -> Effect | None:
            return Effect(contents, after, shows) if _bit(contents.value, flag) else None

        yield Move(cpu, "", step, where, effect, catches_up=True)

    # -- stores

    def _put(self, cpu: int, local: Local, step: Step, store: Store | None, after: tuple[Local, int]) -> Iterator[Move]:
        """A store, done at once or put into the buffer; one that nobody ever reads is not kept."""
        place, shows = after
        if store is None:
            yield Move(cpu, "", step, -1, lambda contents: Effect(contents, place, shows))
        elif self.memory == "sc":
            yield Move(
                cpu, "", step, store.where, lambda contents: Effect(self._stored(cpu, store, contents), place, shows)
            )
        elif len(local.buffer) < LONGEST_BUFFER:
            buffered = place._replace(buffer=(*place.buffer, store))
            yield Move(cpu, "", step, -1, lambda contents: Effect(contents, buffered, shows))

    def _flag_store(self, page: Page, flag: PageFlag, value: bool, release: bool = False) -> Store:
        return Store(self._index["flags", page.pfn], "set" if value else "clear", int(flag), release)

    def _set_bit(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        flag, page = step.args
        store = self._flag_store(page, flag, step.op == "set_bit")
        yield from self._put(cpu, local, step, store, self._then(cpu, local, node))

    _clear_bit = _set_bit

    def _smp_store_release(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        flag, page, value = step.args
        store = self._flag_store(page, flag, value, release=True)
        yield from self._put(cpu, local, step, store, self._then(cpu, local, node))

    def _set_pte(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        store = Store(self._index["pte", step.args[0].pfn], "store", 1, False)
        yield from self._put(cpu, local, step, store, self._then(cpu, local, node))

    def _store_tag(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        page, granule, tag = step.args
        where = self._index.get(("tag", (page.pfn, int(granule))))
        origin = "stored" if step.why == "own tag" else "init"
        store = None if where is None else Store(where, "store", Tag(int(tag), origin), False)
        yield from self._put(cpu, local, step, store, self._then(cpu, local, node))

    def _whole_page(self, cpu: int, local: Local, node: Node, step: Step, tag: Tag) -> Iterator[Move]:
        """A loop over the granules of a page: each is a move of its own, and there are two at least."""
        pfn = step.args[0].pfn
        granules: list[int | None] = [*sorted(self._granules.get(pfn, []))]
        granules += [None] * (2 - len(granules))
        granule = granules[local.part]
        last = local.part == len(granules) - 1
        after = self._then(cpu, local, node) if last else (local._replace(part=local.part + 1), 0)
        store = None if granule is None else Store(self._index["tag", (pfn, granule)], "store", tag, False)
        part = step if granule is None else step._replace(why=f"granule {granule}")
        yield from self._put(cpu, local, part, store, after)

    def _mte_clear_page_tags(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        yield from self._whole_page(cpu, local, node, step, Tag(0, "init"))

    def _mte_restore_page_tags(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        yield from self._whole_page(cpu, local, node, step, Tag(SAVED_TAG, "init"))

    def _mte_copy_tags_from_user(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        yield from self._whole_page(cpu, local, node, step, Tag(VMM_TAG, "stored"))

    # -- read-modify-writes and locks

    def _test_and_set_bit(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        if _stores(local.buffer):
            return  # fully ordered: everything before it is visible first
        flag, page = step.args
        where = self._index["flags", page.pfn]
        ordered = local._replace(buffer=())

        def effect(contents: Contents) -> Effect:
            assert isinstance(contents.value, int)
            after, shows = self._then(cpu, ordered, node, _bit(contents.value, flag))
            return Effect(self.locations[where].write(contents, cpu, contents.value | int(flag)), after, shows)

        yield Move(cpu, "", step, where, effect, catches_up=True)

    def _spin_lock(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        if any(store.release for store in _stores(local.buffer)):
            return
        where = self._index["lock", step.args[0]]
        after, shows = self._then(cpu, local, node)

        def effect(contents: Contents) -> Effect | None:
            return None if contents.value else Effect(Contents(cpu + 1, contents.older), after, shows)

        yield Move(cpu, "", step, where, effect, catches_up=True)

    def _unlock(self, name: Hashable) -> Store:
        return Store(self._index["lock", name], "store", 0, release=True)

    def _spin_unlock(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        yield from self._put(cpu, local, step, self._unlock(step.args[0]), self._then(cpu, local, node))

    def to_release(self, node: Node) -> list[Hashable]:
        """Locks that a refusal gives back, the last taken first."""
        return [lock for lock in reversed(node.held) if isinstance(lock, tuple) and lock[0] in KERNEL_LOCKS]

    def _refuse(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        locks = self.to_release(node)
        after = local._replace(part=local.part + 1)
        if local.part == 0:
            shows = REFUSED | (LOCKED if len(locks) < len(node.held) else 0)
            yield from self._put(cpu, local, step, None, (after, shows))
        elif local.part <= len(locks):
            lock = locks[local.part - 1]
            yield from self._put(cpu, local, Step("spin_unlock", (lock,)), self._unlock(lock), (after, 0))


def _bit(value: Value, flag: PageFlag) -> int:
    assert isinstance(value, int)
    return int(bool(value & flag))


def said(location: Location, store: Store) -> str:
    """A waiting store in words."""
    if location.kind == "flags":
        assert isinstance(store.what, int)
        return f"{PageFlag(store.what)!r} {'set' if store.how == 'set' else 'cleared'} in page {location.name}"
    if location.kind == "tag":
        assert isinstance(store.what, Tag)
        name: tuple[int, int] = location.name  # type: ignore[assignment]
        return f"tag {store.what.tag:X} in granule {name[1]} of page {name[0]}"
    if location.kind == "pte":
        return f"entry of page {location.name}"
    lock = location.name if isinstance(location.name, tuple) else (location.name,)
    return f"{' '.join(map(str, lock))} given back"


def _stores(buffer: tuple[Entry, ...]) -> list[Store]:
    return [entry for entry in buffer if isinstance(entry, Store)]


def _trimmed(buffer: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Buffer without marks that keep nothing apart: at its front, or two in a row."""
    kept: list[Entry] = []
    for entry in buffer:
        if entry != WMB or (kept and kept[-1] != WMB):
            kept.append(entry)
    return tuple(kept)
