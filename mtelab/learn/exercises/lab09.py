"""Lab 09, or forbid it: both checks, a way around the first, who is hurt, and a huge page that leaks all the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import NamedTuple

from mtelab import recordings
from mtelab.kvm import VM, MemSlot, kvm_set_memory_region, release
from mtelab.kvm.releases import slot_check_only
from mtelab.learn.exercise import function, judged, prediction
from mtelab.learn.slot_judge import complain_unless_shared, where_refused
from mtelab.linux.errors import Errno
from mtelab.linux.machine import Machine
from mtelab.linux.mm import AddressSpace
from mtelab.linux.page_cache import File
from mtelab.linux.vma import NO_FLAGS, VM_MTE_ALLOWED, VM_READ, VM_SHARED, VM_WRITE, VMA
from mtelab.scenario import Recorded, read_recorded, replay

MOST_PAGES = 16
"""Pages of the VMM in the exercises on checks."""


class Mapping(NamedTuple):
    """A VMA: pages `start` up to, not including, `end`, and two of its flags."""

    start: int
    end: int
    shared: bool
    mte_allowed: bool

    def __repr__(self) -> str:
        tags = "mte_allowed" if self.mte_allowed else "not mte_allowed"
        return f"<{self.start} to {self.end} {'shared' if self.shared else 'private'} {tags}>"


def some_mappings(rng: Random) -> list[Mapping]:
    """Draw neighbours, now and then with a hole between them."""
    found: list[Mapping] = []
    page = rng.randint(0, 2)
    while page < MOST_PAGES and len(found) < 4:
        end = page + rng.randint(1, 4)
        found.append(Mapping(page, end, rng.random() < 0.3, rng.random() < 0.75))
        page = end + rng.choice((0, 0, 1, 2))
    return found


def make_vm(vmas: list[Mapping], kernel: str) -> VM:
    """VM with MTE whose VMM has these mappings."""
    mm = AddressSpace(Machine(release(kernel).memory, frames=64))
    for vma in vmas:
        flags = VM_READ | VM_WRITE | (VM_SHARED if vma.shared else NO_FLAGS)
        flags |= VM_MTE_ALLOWED if vma.mte_allowed else NO_FLAGS
        mm.vmas.insert(VMA(vma.start, vma.end, flags, File("shared", vma.end) if vma.shared else None))
    vm = VM(mm, release(kernel))
    vm.enable_mte()
    return vm


def a_slot(rng: Random) -> tuple[list[Mapping], int, int, str]:
    """Draw mappings, a range of them for a slot, and a kernel."""
    start = rng.randint(0, MOST_PAGES - 2)
    return some_mappings(rng), start, rng.randint(1, 6), rng.choice(("linux-6.1", "linux-6.12"))


@function(
    lab=9,
    title="The check at the memslot",
    points=2,
    draw=a_slot,
    size=lambda drawn: len(drawn[0]) * 100 + drawn[2],
    hints=(
        "Only VMAs that have a page in common with the slot count. A hole is none of them, and nobody objects to it.",
        "The slot is pages start up to, not including, start + npages. A VMA meets it if it begins before the slot's "
        "end and ends after the slot's start.",
        "For each VMA that meets it: on linux-6.1 vma.shared is refused; on linux-6.12 it is a VMA that is not "
        'vma.mte_allowed. One of them is enough for "EINVAL"; after the loop return "ok".',
    ),
)
def slot_check(vmas: list[Mapping], start: int, npages: int, kernel: str) -> str:
    """Say "ok" or "EINVAL", as KVM_SET_USER_MEMORY_REGION of a VM with MTE does."""
    try:
        kvm_set_memory_region(make_vm(vmas, kernel), 0, 0, npages, start)
    except Errno as error:
        return error.name
    return "ok"


def a_touch(rng: Random) -> tuple[list[Mapping], int, str]:
    """Draw mappings, a page that a guest touches, and a kernel."""
    return some_mappings(rng), rng.randint(0, MOST_PAGES - 1), rng.choice(("linux-6.1", "linux-6.12"))


@function(
    lab=9,
    title="The check at the fault",
    points=2,
    draw=a_touch,
    size=lambda drawn: len(drawn[0]) * 100 + drawn[1],
    hints=(
        "At the fault there is one page and at most one VMA. Find the VMA first.",
        "If no VMA has the page, KVM cannot map anything: EFAULT. Here a hole matters, unlike at the memslot.",
        "For the VMA with vma.start <= page < vma.end the rule is the same as in slot_check; only the errno is "
        'another: "EFAULT".',
    ),
)
def fault_check(vmas: list[Mapping], page: int, kernel: str) -> str:
    """Say "ok" or "EFAULT", as KVM_RUN does when a guest with MTE first stores to what is at `page` of the VMM."""
    vm = make_vm(vmas, kernel)
    # As it is after mmap over a slot: the slot is there, and nobody has looked at these VMAs.
    vm.slots[0] = MemSlot(0, 0, MOST_PAGES, 0)
    try:
        vm.create_vcpu().store(page, 1)
    except Errno as error:
        return error.name
    return "ok"


def a_length_and_a_page(rng: Random) -> tuple[int, int]:
    """Draw the length of a slot and a guest page in it."""
    pages = rng.randint(1, 12)
    return pages, rng.randrange(pages)


@judged(
    lab=9,
    title="Past the check at the memslot",
    points=3,
    draw=a_length_and_a_page,
    runs=20,
    hints=(
        "Do in the figure what you want to write down, then print explorer.steps[-1].text after each step. There "
        "blocks have 512 pages; here you count single pages.",
        "The check looks at what is mapped when the slot is made. Begin with private anonymous memory, make the slot, "
        "and change the memory afterwards with remap.",
        'In order: mmap r, vm v, mte v, vcpu v, slot v 0 0 r 0 PAGES, then f"remap r {page} 1 shared anon rw", then a '
        'touch: f"gload v {page}".',
    ),
)
def break_slot_only(answer: object, pages: int, page: int) -> str | None:
    """Run the learner's scenario on a 6.1 without the check at the fault, and complain unless memory is shared."""
    assert callable(answer)
    return complain_unless_shared(answer(pages, page), slot_check_only("linux-6.1"), pages, page)


def _guest(
    memory: str, *, before: tuple[str, ...] = (), after: tuple[str, ...] = (), pages: int = 4
) -> tuple[str, ...]:
    """Scenario of a VMM that maps memory, makes a slot of it, does something `after` and lets the guest touch it."""
    start = (*before, f"mmap r {pages} {memory} rw", "vm v", "mte v", "vcpu v", f"slot v 0 0 r 0 {pages}")
    return (*start, "gstore v 0 1", *after, "gstore v 1 1")


_SHARED_FILE = ("memfd f 4",)
_HUGE_FILE = ("hugefd h 512",)
USERS = {
    "guest memory is private and anonymous": _guest("private anon"),
    "guest memory is a shared memfd, so that device processes can map it too": _guest("shared f", before=_SHARED_FILE),
    "a saved guest in a memfd is mapped privately and resumed": _guest("private f", before=_SHARED_FILE),
    "private memory; later a shared memfd is mapped over a page of the slot": _guest(
        "private anon", before=_SHARED_FILE, after=("remap r 1 1 shared f rw",)
    ),
    "private memory; later shared anonymous memory is mapped over the slot": _guest(
        "private anon", after=("remap r 0 4 shared anon rw",)
    ),
    "guest memory is huge pages, mapped privately": _guest("private h", before=_HUGE_FILE, pages=512),
    "guest memory is huge pages, mapped shared": _guest("shared h", before=_HUGE_FILE, pages=512),
    "shared anonymous memory, and the slot is made before the capability is enabled": (
        *("mmap r 4 shared anon rw", "vm v", "slot v 0 0 r 0 4", "mte v", "vcpu v", "gstore v 0 1"),
    ),
    "shared memfd, and the VM has no MTE": (
        *("memfd f 4", "mmap r 4 shared f rw", "vm v", "vcpu v", "slot v 0 0 r 0 4", "gstore v 0 1"),
    ),
    "private memory, given back with MADV_DONTNEED and touched again": _guest(
        "private anon", after=("dontneed r 0 4",)
    ),
    "private memory with a hole that nobody touches": _guest("private anon", after=("munmap r 3 1",)),
}
"""What a VMM does, in words, and as a scenario."""


@dataclass(frozen=True, repr=False)
class Users:
    """VMMs, each on a kernel."""

    users: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        lines = ["where does the rule for MTE stop each VMM?"]
        lines += [f"  {number}  {kernel:10}  {words}" for number, (words, kernel) in enumerate(self.users)]
        return "\n".join([*lines, "answers: works, memslot, fault"])


def six_users(rng: Random) -> Users:
    """Draw six VMMs, so that each answer comes up."""
    while True:
        chosen = [
            (words, rng.choice(("linux-6.1", "linux-6.12", "linux-6.18"))) for words in rng.sample(list(USERS), 6)
        ]
        question = Users(tuple(chosen))
        if len(set(who_is_hurt(question))) == 3:
            return question


@prediction(
    lab=9,
    title="Who is hurt",
    points=2,
    draw=six_users,
    choices=("works", "memslot", "fault"),
    hints=(
        "Two rules: on linux-6.1 a VM with MTE may not use shared memory. On linux-6.12 and later it may use all that "
        "can hold tags. A VM without MTE may use anything.",
        "What is there when the slot is made with MTE on is stopped at the memslot. What comes later, and what was "
        "there before MTE was on, is stopped at the fault.",
        "Huge pages can hold tags from 6.13 on: on linux-6.12 they are refused, private or shared; on linux-6.18 they "
        "work; on linux-6.1 only sharing counts. Build the others in the figure.",
    ),
)
def who_is_hurt(question: Users) -> list[str]:
    """Answer: where each of them is stopped."""
    return [_stopped(words, kernel) for words, kernel in question.users]


@cache
def _stopped(words: str, kernel: str) -> str:
    return where_refused(USERS[words], kernel)


RIGHT_LINE = "clear the tags of all 512 frames before the flag of the huge page is set"
LINES = (
    RIGHT_LINE,
    "clear the flag when a huge page returns to the pool",
    "hold mmap_lock while the VMA is looked at",
    "put a barrier between clearing the tags and setting the flag",
)
"""What may be missing from a protocol."""


@dataclass(frozen=True, repr=False)
class StalePages:
    """Recorded scenarios on huge pages, exactly one of which shows an old owner's tag; and lines that may be missing.

    Attributes
    ----------
    kernel : str
        On which they were recorded.
    scenarios : tuple of Recorded
        The scenarios.
    lines : tuple of str
        What may be missing, for answers A, B, C and D.
    """

    kernel: str
    scenarios: tuple[Recorded, ...]
    lines: tuple[str, ...]

    def __repr__(self) -> str:
        text = [f"recorded on {self.kernel}; one of them shows a tag that an old owner of a huge page left:"]
        text += [f"  {scenario.id}  {len(scenario.operations)} operations" for scenario in self.scenarios]
        text += ["which line is missing from the protocol?"]
        return "\n".join(text + [f"  {letter}  {line}" for letter, line in zip("ABCD", self.lines, strict=True)])


@cache
def huge_page_recordings() -> tuple[Recorded, ...]:
    """Recorded scenarios on huge pages."""
    return tuple(read_recorded(recordings.folder("scenario") / "hugetlb.jsonl"))


@cache
def first_stale(number: int, kernel: str) -> int | None:
    """First operation of a recorded scenario, from 0, that shows a tag of the pool's earlier owner, if one does."""
    scenario = huge_page_recordings()[number]
    clean = replay(scenario.operations, kernel, old_tag=0)
    differ = (at for at, answer in enumerate(scenario.results[kernel]) if answer != clean[at])
    return next(differ, None)


def six_recordings(rng: Random) -> StalePages:
    """Draw five scenarios without and one with a stale tag, and the lines in any order."""
    kernel = rng.choice(("linux-6.18", "linux-7.2"))
    numbers = list(range(len(huge_page_recordings())))
    rng.shuffle(numbers)
    stale = next(number for number in numbers if first_stale(number, kernel) is not None)
    chosen = [stale]
    for number in numbers:
        if len(chosen) < 6 and first_stale(number, kernel) is None:
            chosen.append(number)
    rng.shuffle(chosen)
    scenarios = tuple(huge_page_recordings()[number] for number in chosen)
    return StalePages(kernel, scenarios, tuple(rng.sample(LINES, len(LINES))))


@prediction(
    lab=9,
    title="A huge page with an old owner's tags",
    points=3,
    draw=six_recordings,
    hints=(
        "A fresh pool carries tag 15 in every granule. But a 15 in a result may also have been set by the guest "
        "itself. Run the scenario on a pool that carries 0 instead: what does not come from the pool stays the same.",
        "replay(scenario.operations, question.kernel, old_tag=0) answers for a clean pool. Compare it with "
        "scenario.results[question.kernel]; the first position that differs is the operation.",
        "The flag is one for the whole huge page; the fault clears the tags of what it maps. Mapped 4 KiB at a time, "
        "that is one frame of 512, and the other 511 count as initialised. Which line would have prevented that?",
    ),
)
def stale_huge_page(question: StalePages) -> list[object]:
    """Answer: the scenario's id, the position of the first operation that shows the tag, and the letter of the line."""
    ids = [scenario.id for scenario in huge_page_recordings()]
    for scenario in question.scenarios:
        at = first_stale(ids.index(scenario.id), question.kernel)
        if at is not None:
            return [scenario.id, at, "ABCD"[question.lines.index(RIGHT_LINE)]]
    raise AssertionError("one of the scenarios shows a stale tag")
