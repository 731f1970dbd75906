"""The moves that each kind of step gives a CPU: loads, stores, loops over a page, read-modify-writes and locks.

For a step ``op`` there is a method ``_op``, which yields the moves; a step without one touches no location.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Literal

from mtelab.explorer.ahead import after_release
from mtelab.explorer.buffer import LONGEST_BUFFER, WMB, Entry, Store, stores, trimmed
from mtelab.explorer.memory import FARTHEST, Contents, Location, Tag, Value
from mtelab.explorer.move import CUT, LEAKS, LOCKED, LOSES, REFUSED, WRONG, Effect, Local, Move, NewTagError
from mtelab.explorer.program import Node, Program
from mtelab.sync.flags import PageFlag
from mtelab.sync.situations import SAVED_TAG, VMM_TAG
from mtelab.sync.steps import Page, Step

Memory = Literal["sc", "arm"]

KERNEL_LOCKS = ("mmu_lock", "mmap_lock", "page_lock", "slots_lock")
"""Locks that the programs of `mtelab.sync.situations` take; a refusal gives them back (out_unlock)."""

WHOLE_PAGE = ("mte_clear_page_tags", "mte_restore_page_tags", "mte_copy_tags_from_user")
"""Steps that are loops over a page's granules."""


class StepMoves:
    """What the steps of some CPUs' programs do to one memory.

    Parameters
    ----------
    programs : list of Program
        One a CPU.
    locations : list of Location
        All that they touch.
    memory : str
        ``"sc"`` or ``"arm"``.
    """

    def __init__(self, programs: list[Program], locations: list[Location], memory: Memory) -> None:
        self.programs = programs
        self.locations = locations
        self.memory = memory
        self._index = {(location.kind, location.name): at for at, location in enumerate(locations)}
        self._granules: dict[int, list[int]] = {}
        for location in locations:
            if location.kind == "tag":
                name: tuple[int, int] = location.name  # type: ignore[assignment]
                self._granules.setdefault(name[0], []).append(name[1])
        in_order = memory == "sc"
        self._released = [[False] * len(one.nodes) if in_order else after_release(one) for one in programs]

    def enter(self, cpu: int, node: int, buffer: tuple[Entry, ...]) -> tuple[Local, int]:
        """Arrive at a node: the place, and what arriving shows."""
        arrived = self.programs[cpu].nodes[node]
        shows = 0
        if arrived.step is None:
            shows |= WRONG * bool(arrived.error) | CUT * arrived.cut
            shows |= LOCKED * bool(arrived.held and not arrived.error and not arrived.cut)
        return Local(node, 0, buffer), shows

    def _steps(self, cpu: int, local: Local, node: Node) -> Iterator[Move]:
        step = node.step
        assert step is not None
        handler = getattr(self, f"_{step.op}", None)
        yield from handler(cpu, local, node, step) if handler else self._nothing(cpu, local, node, step)

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
        marked = local if self.memory == "sc" else local._replace(buffer=trimmed((*local.buffer, WMB)))
        yield from self._nothing(cpu, marked, node, step)

    def _smp_rmb(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        after, shows = self._then(cpu, local, node)
        yield Move(cpu, "", step, -1, lambda contents: Effect(contents, after, shows), catches_up=True)

    def _smp_mb(self, cpu: int, local: Local, node: Node, step: Step) -> Iterator[Move]:
        if not stores(local.buffer):
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
        if acquire and any(store.release for store in stores(local.buffer)):
            return  # LDAR after STLR: in order
        waiting = [store for store in stores(local.buffer) if store.where == where]
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
        if any(store.release or store.where == where for store in stores(local.buffer)):
            return
        after, shows = self._then(cpu, local, node)

        def effect(contents: Contents) -> Effect | None:
            return Effect(contents, after, shows) if _bit(contents.value, flag) else None

        yield Move(cpu, "", step, where, effect, catches_up=True)

    # -- stores

    def _stored(self, cpu: int, store: Store, contents: Contents) -> Contents:
        value = contents.value
        if isinstance(value, int) and isinstance(store.what, int) and store.how != "store":
            value = value | store.what if store.how == "set" else value & ~store.what
        else:
            value = store.what
        return self.locations[store.where].write(contents, cpu, value)

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
        if stores(local.buffer):
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
        if any(store.release for store in stores(local.buffer)):
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
