"""Judge a learner's tagging heap: replay calls on a processor, and try what a heap must allow and must catch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from mtelab.arch import DataAbort, Memory, Processor, logical_tag, strip_tag
from mtelab.tags import GRANULE_SIZE

Call = tuple[str, int]
"""``("malloc", size)``, or ``("free", n)`` for the block of malloc number n, from 0."""

START: Final = 0x1100
"""Address of the heap: memory with tag 0 lies on both sides."""
SIZE: Final = 0x200
ROUNDS: Final = 60
"""How often one block is handed out again, to see whether its tag varies."""
FEWEST_TAGS: Final = 8
MANY_CALLS: Final = 10
"""Length of the calls after which tags are counted too: a heap that fails sooner has a smaller case to look at."""


@dataclass
class Heap:
    """The learner's heap, the processor it runs on, and what must be true of it."""

    cpu: Processor
    heap: Any
    live: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Blocks in use: number of the malloc to (pointer, size asked for)."""

    def malloc(self, number: int, size: int) -> str | None:
        """Call malloc; complain about what it returned."""
        name = f"malloc({size})"
        try:
            pointer = self.heap.malloc(size)
        except MemoryError:
            room = self._longest_gap()
            return f"{name} raised MemoryError, but {room} bytes in a row are free" if room >= _rounded(size) else None
        if isinstance(pointer, bool) or not isinstance(pointer, int):
            return f"{name} returned {pointer!r}, expected a pointer"
        address = strip_tag(pointer)
        if address % GRANULE_SIZE or not START <= address <= START + SIZE - _rounded(size):
            return f"{name} returned {pointer:#x}, which is no granule's start with room for the block in the heap"
        for other, length in self.live.values():
            if address < strip_tag(other) + _rounded(length) and strip_tag(other) < address + _rounded(size):
                return f"{name} returned {pointer:#x}, which overlaps the live block at {other:#x}"
        self.live[number] = pointer, size
        return None

    def free(self, number: int) -> str | None:
        """Free a block, try to use and to free it once more."""
        if number not in self.live:  # its malloc found no room
            return None
        pointer, size = self.live.pop(number)
        try:
            self.heap.free(pointer)
        except DataAbort as fault:
            return f"free({pointer:#x}) of a live block faulted: {fault}"
        for offset in range(0, _rounded(size), GRANULE_SIZE):
            if self._reaches(pointer + offset):
                return f"use after free not caught: {pointer + offset:#x} still reaches its byte"
        before = self.cpu.memory.tags.read(0)
        try:
            self.heap.free(pointer)
        except DataAbort:
            pass
        else:
            return f"double free not caught: free({pointer:#x}) a second time raised no DataAbort"
        if (before != self.cpu.memory.tags.read(0)).any():
            return f"free({pointer:#x}) a second time changed tags before it faulted"
        return None

    def check(self) -> str | None:
        """Complain if a live block is out of reach, if its bounds are open, or if free memory is not tagged 0."""
        tags = self.cpu.memory.tags.read(0)
        used: set[int] = set()
        for pointer, size in self.live.values():
            try:
                self.cpu.store(pointer, bytes(size))
            except DataAbort as fault:
                return f"false alarm: the {size} bytes at {pointer:#x} are live, but: {fault}"
            for beyond, what in ((pointer - 1, "underflow"), (pointer + _rounded(size), "overflow")):
                if self._reaches(beyond):
                    return f"{what} not caught: {beyond:#x} is outside the {size} bytes at {pointer:#x}"
            first = (strip_tag(pointer) - self.cpu.memory.base) // GRANULE_SIZE
            used |= set(range(first, first + _rounded(size) // GRANULE_SIZE))
        for granule in range(tags.size):
            if tags[granule] and granule not in used:
                address = self.cpu.memory.base + granule * GRANULE_SIZE
                return f"the granule at {address:#x} is not in use, but its tag is {tags[granule]:x}, expected 0"
        return None

    def _reaches(self, pointer: int) -> bool:
        try:
            self.cpu.load(pointer, 1)
        except DataAbort:
            return False
        return True

    def _longest_gap(self) -> int:
        used = {START + SIZE}
        for pointer, size in self.live.values():
            used |= set(range(strip_tag(pointer), strip_tag(pointer) + _rounded(size), GRANULE_SIZE))
        longest, start = 0, START
        for address in sorted(used):
            longest = max(longest, address - start)
            start = address + GRANULE_SIZE
        return longest


def judge_heap(heap_class: Callable[..., Any], seed: int, calls: list[Call]) -> str | None:
    """Run `calls` on a fresh heap, then hand one block out again and again.

    Returns
    -------
    str or None
        The first complaint, or None.
    """
    cpu = Processor(Memory(base=0x1000), seed=seed)
    subject = Heap(cpu, heap_class(cpu, START, SIZE))
    mallocs = 0
    for name, number in calls:
        if name == "malloc":
            complaint = subject.malloc(mallocs, number)
            mallocs += 1
        else:
            complaint = subject.free(number)
        complaint = complaint or subject.check()
        if complaint:
            return complaint
    return _tags_vary(heap_class, seed) if len(calls) >= MANY_CALLS else None


def _tags_vary(heap_class: Callable[..., Any], seed: int) -> str | None:
    """Hand one block out again and again; complain if its tag could be foretold."""
    cpu = Processor(Memory(base=0x1000), seed=seed)
    subject = Heap(cpu, heap_class(cpu, START, SIZE))
    seen = set()
    for number in range(ROUNDS):
        complaint = subject.malloc(number, GRANULE_SIZE)
        seen |= {logical_tag(pointer) for pointer, _ in subject.live.values()}
        complaint = complaint or subject.free(number)
        if complaint:
            return complaint
    if len(seen) < FEWEST_TAGS:
        return f"{ROUNDS} blocks, one after the other, got only {len(seen)} different tags: draw them with IRG"
    return None


def _rounded(size: int) -> int:
    """Size in whole granules, in bytes."""
    return -(-size // GRANULE_SIZE) * GRANULE_SIZE
