"""One or two processes and their memory as a picture: regions, pages, frames, swap, and what each step changed.

The machine is the scenario language's. The history is the list of operations itself: undo does all but the last again.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from mtelab.learn.page_views import FrameView, PageView
from mtelab.linux.mm import PROT_FLAGS
from mtelab.linux.mte import page_mte_tagged
from mtelab.linux.page import ZERO_PFN, PG_mte_lock
from mtelab.linux.page_table import PRESENT, READ, SPECIAL, SWAP, TAGGED, WRITE, pfn_of
from mtelab.linux.vma import VM_SHARED, VM_WRITE
from mtelab.scenario.actor import Actor
from mtelab.scenario.grammar import PROCESS_OPERATIONS, Names, region_page
from mtelab.scenario.language import Operation, parse_line
from mtelab.scenario.machine import ScenarioMachine
from mtelab.scenario.words import Cursor, ScenarioError
from mtelab.tags import TagStore

MOST_PAGES: Final = 6
"""Largest region or file that is drawn."""
STRIP: Final = 16
"""Granules of a frame whose tags are drawn one by one."""
SWAPOUT: Final = "swapout"
"""``swapout R k``: move a page out, as under memory pressure. Not in the language: recordings never swap."""
STEPS: Final = ("fork", "child", SWAPOUT)
OPERATIONS: Final = tuple(name for name in PROCESS_OPERATIONS if name != "hugefd")


class MemoryView:
    """A machine on which operations are done one after another, and which can be looked at after each.

    Parameters
    ----------
    kernel : str
        Name of a release.
    seed : int
        From which the tags come that unused memory holds.

    Attributes
    ----------
    log : list of (str, str)
        Each operation and its result.
    """

    def __init__(self, kernel: str = "linux-6.12", seed: int = 0) -> None:
        self.kernel, self.seed = kernel, seed
        self._start()

    def _start(self) -> None:
        self.machine = ScenarioMachine(self.kernel, self.seed)
        self.log: list[tuple[str, str]] = []
        self._names = Names()
        self._seen: set[int] = {ZERO_PFN}

    def do(self, line: str) -> str:
        """Do one operation and return its result.

        Raises
        ------
        ValueError
            It is not an operation, or too large to draw; nothing has been done.
        """
        first = line.split()[0] if line.strip() else "nothing"
        if first not in (*OPERATIONS, *STEPS):
            raise ValueError(f"{first}: expected an operation: {', '.join((*OPERATIONS, *STEPS))}")
        names = copy.deepcopy(self._names)
        try:
            result = self._swap_out(line, names) if first == SWAPOUT else self._do(line, names)
        except ScenarioError as error:
            raise ValueError(f"{line.strip()}: {error.problem}") from None
        self._names = names
        self.log.append((" ".join(line.split()), result))
        self._seen |= {frame.number for frame in self.frames()}
        return result

    def _do(self, line: str, names: Names) -> str:
        before = dict(names.regions)
        operation = parse_line(line, 1, names)
        self._refuse(operation, before)
        return self.machine.do(operation)

    def _refuse(self, operation: Operation, regions: dict[str, int]) -> None:
        """Refuse what cannot be drawn."""
        name = operation.name
        if name == "hugefd":
            raise ValueError("child hugefd: huge pages are not drawn")
        if operation.child and self.machine.child is None:
            raise ValueError("there is no child yet: do fork first")
        if name == "fork" and self.machine.child is not None:
            raise ValueError("there is a child already; a scenario has one at most")
        if name == "mmap" and operation.arguments[0] in regions:
            raise ValueError(f"{operation.arguments[0]}: there is such a region; choose another name, or use remap")
        if name in ("mmap", "memfd") and operation.arguments[1] > MOST_PAGES:
            raise ValueError(f"{operation.arguments[1]} pages, expected at most {MOST_PAGES}: more are not drawn")

    def _swap_out(self, line: str, names: Names) -> str:
        words = Cursor(line, 1)
        words.choice((SWAPOUT,))
        region, page = region_page(words, names)
        words.end()
        actor = self.machine.vmm
        if region not in actor.regions:
            return "badop"
        moved = self.machine.machine.swap.out(actor.mm, actor.page(region, page))
        return "ok" if moved else "stays"

    def undo(self) -> None:
        """Take the last operation back."""
        self.replay([line for line, _ in self.log[:-1]])

    def replay(self, lines: list[str], kernel: str | None = None) -> None:
        """Start again, on another kernel if one is named, and do these operations."""
        if kernel is not None:
            ScenarioMachine(kernel)  # an unknown kernel is refused before anything has changed
            self.kernel = kernel
        self._start()
        for line in lines:
            self.do(line)

    def actors(self) -> Iterator[tuple[str, Actor]]:
        """Yield the processes with their names."""
        yield "parent", self.machine.vmm
        if self.machine.child is not None:
            yield "child", self.machine.child

    def page(self, region: str, page: int, process: str = "parent") -> PageView:
        """Look at a page."""
        actors = dict(self.actors())
        if process not in actors:
            raise ValueError(f"process: {process!r}, expected one of {', '.join(actors)}")
        actor = actors[process]
        if region not in actor.regions or not 0 <= page < self._names.regions[region]:
            raise ValueError(f"{region} {page}: no such page of the {process}")
        number = actor.regions[region] + page
        vma, entry = actor.mm.vmas.find(number), actor.mm.page_table[number]
        state = "zero page" if entry & SPECIAL else "present" if entry & PRESENT else "none"
        access = ("r" if entry & READ else "") + ("w" if entry & WRITE else "")
        may_write = vma is not None and vma.cow and bool(vma.flags & VM_WRITE)
        cow = state == "present" and may_write and not entry & WRITE
        if entry & SWAP:
            state = "swapped"
        target = None if state == "none" else pfn_of(entry)
        return PageView(process, region, page, state, target, access, bool(entry & TAGGED), cow)

    def behind(self, region: str, page: int, process: str = "parent") -> str:
        """Say what the entry of a page names: a frame's kind, ``"swap"``, or ``"nothing"``."""
        shown = self.page(region, page, process)
        if shown.target is None:
            return "nothing"
        return "swap" if shown.state == "swapped" else self.frame(shown.target).kind

    def pages(self) -> Iterator[PageView]:
        """Yield all pages of all regions of all processes."""
        for process, actor in self.actors():
            for region in actor.regions:
                for number in range(self._names.regions[region]):
                    yield self.page(region, number, process)

    def frame(self, number: int) -> FrameView:
        """Look at a frame."""
        found = {frame.number: frame for frame in self.frames()}
        if number not in found:
            raise ValueError(f"frame {number}: not used so far, expected one of {', '.join(map(str, sorted(found)))}")
        return found[number]

    def frames(self) -> list[FrameView]:
        """Return all frames that are or were in use here, in order."""
        memory = self.machine.machine.memory
        users: dict[int, list[str]] = {}
        for page in self.pages():
            if page.state in ("present", "zero page") and page.target is not None:
                users.setdefault(page.target, []).append(page.key)
        cached = self._cached()
        found = []
        for pfn in sorted(self._seen | set(users) | set(cached)):
            tagged = page_mte_tagged(self.machine.machine, pfn)
            free = memory.refcount[pfn] == 0
            kind = (
                "zero page" if pfn == ZERO_PFN else "free" if free else "page cache" if pfn in cached else "anonymous"
            )
            lock = bool(memory.flags[pfn] & PG_mte_lock)
            flags = () if free else ("PG_mte_tagged",) * tagged + ("PG_mte_lock",) * lock
            tags = tuple(int(tag) for tag in memory.read_tags(pfn)[:STRIP])
            stale = (free or not tagged) and pfn != ZERO_PFN
            seen_by = tuple(users.get(pfn, ()))
            count, data = int(memory.refcount[pfn]), int(memory.data[pfn])
            found.append(FrameView(pfn, kind, cached.get(pfn, ""), flags, count, data, tags, stale, seen_by))
        return found

    def _cached(self) -> dict[int, str]:
        """Frames of the page cache, each with the page of the file that it holds."""
        found: dict[int, str] = {}
        for _, actor in self.actors():
            for vma in actor.mm.vmas:
                if vma.file is not None:
                    name = vma.file.name if vma.file.name in actor.files else "shared anon"
                    found |= {pfn: f"{name}[{index}]" for index, pfn in vma.file.cache.items()}
            for name, file in actor.files.items():
                found |= {pfn: f"{name}[{index}]" for index, pfn in file.cache.items()}
        return found

    def slots(self) -> list[FrameView]:
        """Return the slots of swap in use."""
        found = []
        for number, slot in self.machine.machine.swap.slots.items():
            tags: tuple[int, ...] = ()
            if slot.tags is not None:
                store = TagStore(1)
                store.restore(0, slot.tags)
                tags = tuple(int(tag) for tag in store.read(0)[:STRIP])
            users = tuple(page.key for page in self.pages() if page.state == "swapped" and page.target == number)
            found.append(FrameView(number, "swap", "", (), slot.users, slot.data, tags, False, users))
        return found

    def vma_words(self, page: PageView) -> str:
        """Say how a page is mapped: ``"private anon rwm"``."""
        actor = dict(self.actors())[page.process]
        number = actor.regions[page.region] + page.page
        vma = actor.mm.vmas.find(number)
        if vma is None:
            return "unmapped"
        file = "anon"
        if vma.file is not None and vma.file.name in actor.files:
            file = f"{vma.file.name}[{vma.index(number)}]"
        letters = [letter for letter, flag in PROT_FLAGS.items() if vma.flags & flag]
        return f"{'shared' if vma.flags & VM_SHARED else 'private'} {file} {''.join(letters) or '-'}"

    def picture(self) -> dict[str, Any]:
        """Return all that is drawn, as JSON can carry it."""
        processes: dict[str, dict[str, list[dict[str, Any]]]] = {name: {} for name, _ in self.actors()}
        for page in self.pages():
            drawn = asdict(page) | {"key": page.key, "words": str(page), "vma": self.vma_words(page)}
            processes[page.process].setdefault(page.region, []).append(drawn)
        held = [asdict(frame) | {"key": frame.key, "words": str(frame)} for frame in (*self.frames(), *self.slots())]
        return {"processes": processes, "held": held}


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Keys of the pages, frames and slots that two pictures show differently."""
    old = dict(_parts(before))
    return [key for key, part in _parts(after) if old.get(key) != part]


def _parts(picture: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for regions in picture["processes"].values():
        for pages in regions.values():
            yield from ((page["key"], page) for page in pages)
    # Who maps a frame is said by the pages.
    yield from ((part["key"], part | {"users": None}) for part in picture["held"])
