"""Lab 10, moving a guest: the ioctl's partial results, what is refused while logging, the loop, its price."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from mtelab.kvm.copy_tags import FROM_GUEST, TO_GUEST, kvm_vm_ioctl_mte_copy_tags
from mtelab.kvm.memslot import kvm_get_dirty_log, kvm_set_memory_region
from mtelab.kvm.migration import SLOT, Host, Migration, WireError
from mtelab.kvm.releases import RELEASES
from mtelab.learn.exercise import function, judged, prediction
from mtelab.linux import Errno
from mtelab.tags import GRANULE_SIZE, PACKED_PAGE, PAGE_SIZE, TAGS_PER_PAGE

UNTOUCHED = 0xEE
"""What a buffer holds before the ioctl fills it: no tag."""


@judged(
    lab=10,
    title="All the tags that there are",
    points=2,
    draw=lambda rng: (rng.randint(1, 6), rng.randint(0, 2), rng.randint(0, 8), rng.randint(0, 12), rng.randrange(99)),
    size=lambda drawn: drawn[3],
    runs=60,
    hints=(
        "A result smaller than what you asked for is no error yet. What do you ask for next, and into which part of "
        "the buffer?",
        "16 bytes of guest memory have one tag, and each tag is a byte of the buffer: the rest of the buffer is "
        "buffer[done // 16:].",
        "while done < length: try done += ioctl(guest_ipa + done, length - done, buffer[done // 16:]); "
        "except Errno as error: return done, error.name. After the loop: return done, None.",
    ),
)
def copy_tags_all(answer: Callable[..., Any], first: int, hole: int, start: int, pages: int, seed: int) -> str | None:
    """Let the learner's function read a guest whose memory is two slots with a hole between them."""
    host = Host("linux-7.2", first, seed)
    base = host.vmm.mm.mmap(4, "rw", shared=False)
    kvm_set_memory_region(host.vm, SLOT + 1, first + hole, 4, base)
    rng = Random(seed)
    present = [*range(first), *range(first + hole, first + hole + 4)]
    for gfn in present:
        for granule in rng.sample(range(TAGS_PER_PAGE), 8):
            host.vcpu.stg(gfn, granule, rng.randrange(16))

    def ioctl(guest_ipa: int, length: int, buffer: Any) -> int:
        return kvm_vm_ioctl_mte_copy_tags(host.vm, guest_ipa, length, FROM_GUEST, buffer)

    expected = np.full(pages * TAGS_PER_PAGE, UNTOUCHED, np.uint8)
    readable = next((page for page in range(pages) if start + page not in present), pages)
    if readable:
        ioctl(start * PAGE_SIZE, readable * PAGE_SIZE, expected)
    right = (readable * PAGE_SIZE, None if readable == pages else "EFAULT")
    buffer = np.full(pages * TAGS_PER_PAGE, UNTOUCHED, np.uint8)
    given = answer(ioctl, start * PAGE_SIZE, pages * PAGE_SIZE, buffer)
    asked = f"{pages} pages from page {start}; slots: pages 0 to {first - 1}, {first + hole} to {first + hole + 3}"
    if given != right:
        return f"{asked}\nexpected  {right}\ngot       {given!r:.80}"
    wrong = np.flatnonzero(buffer != expected)
    if wrong.size:
        page, granule = divmod(int(wrong[0]), TAGS_PER_PAGE)
        return f"{asked}\nthe result is right, but not the buffer: first at page {page} of it, granule {granule}"
    return None


CALLS = ("guest STG", "guest LDG", "TO_GUEST", "FROM_GUEST", "TO_GUEST, length 0", "TO_GUEST, length 100")
LOGGING = ("no slot", "this slot", "the other slot")
ANSWERS = ("done, page dirty", "done, not dirty", "EBUSY", "EINVAL")


@dataclass(frozen=True, repr=False)
class Requests:
    """Some things done to a guest's tags, each on a kernel, while some slot logs dirty pages or none."""

    cases: tuple[tuple[str, str, str], ...]

    def __repr__(self) -> str:
        lines = [
            f"  {number}  {kernel:10}  {logging + ' logs,':21} {call}"
            for number, (kernel, logging, call) in enumerate(self.cases)
        ]
        return "\n".join(["how does each end?", *lines, f"answers: {'; '.join(ANSWERS)}"])


def six_requests(rng: Random) -> Requests:
    """Draw six cases, each answer among them."""
    every = [(kernel, logging, call) for kernel in RELEASES for logging in LOGGING for call in CALLS]
    cases = [rng.choice([case for case in every if request(*case) == answer]) for answer in ANSWERS]
    cases += rng.sample([case for case in every if case not in cases and case[1] != "no slot"], 2)
    rng.shuffle(cases)
    return Requests(tuple(cases))


def request(kernel: str, logging: str, call: str) -> str:
    """Do it on the model."""
    host = Host(kernel, 2, seed=0)
    kvm_set_memory_region(host.vm, SLOT + 1, 2, 1, host.vmm.mm.mmap(1, "rw", shared=False), log=logging == LOGGING[2])
    host.vcpu.stg(0, 0, 3)
    host.log_dirty_pages(logging == LOGGING[1])
    length = {"TO_GUEST, length 0": 0, "TO_GUEST, length 100": 100}.get(call, PAGE_SIZE)
    flags = FROM_GUEST if call == "FROM_GUEST" else TO_GUEST
    try:
        if call == "guest STG":
            host.vcpu.stg(0, 0, 5)
        elif call == "guest LDG":
            host.vcpu.ldg(0, 0)
        else:
            kvm_vm_ioctl_mte_copy_tags(host.vm, 0, length, flags, np.zeros(TAGS_PER_PAGE, np.uint8))
    except Errno as error:
        return error.name
    dirty = logging == LOGGING[1] and kvm_get_dirty_log(host.vm, SLOT).any()
    return ANSWERS[0] if dirty else ANSWERS[1]


@prediction(
    lab=10,
    title="What is refused while dirty pages are logged",
    points=1,
    draw=six_requests,
    choices=ANSWERS,
    hints=(
        "Three questions in this order: are the arguments good? Is it refused? If not, who writes, and does that go "
        "through stage 2?",
        "Only a guest's own store or STG to a slot that logs makes a page dirty. Only TO_GUEST can be EBUSY, if any "
        "slot of the VM logs, on kernels from 6.12 on.",
        "EINVAL: length 100 is no multiple of 4096, and that comes first. EBUSY: TO_GUEST, even of length 0, on 6.12, "
        "6.18 and 7.2, with this or the other slot logging. Dirty: STG with this slot logging. All else: not dirty.",
    ),
)
def why_ebusy(question: Requests) -> list[str]:
    """Answer: how each case ends."""
    return [request(*case) for case in question.cases]


def a_migration(rng: Random) -> tuple[int, float, int, int]:
    """Draw a guest: its pages, how often it writes, how many pages are hot, and a seed."""
    pages = rng.choice((16, 24, 32))
    return pages, rng.choice((0.25, 0.5, 1.0, 2.0)), rng.randint(1, pages // 4), rng.randrange(1 << 16)


@judged(
    lab=10,
    title="A migration that loses no tag",
    points=4,
    draw=a_migration,
    size=lambda drawn: drawn[0] * drawn[1],
    runs=40,
    seconds=20.0,
    hints=(
        "Pages that the guest wrote before logging began are in no log. So: start logging, then send all pages, then "
        "again and again what the log has.",
        "Each round: pages = migration.dirty_log(), then the data and the tags of these pages. A busy guest never gets "
        "down to no dirty page: stop it after some rounds in any case. What it wrote up to then is still to be sent.",
        "start_logging; pages = migration.pages; up to ten times: send_data(pages), send_tags(pages), pages = "
        "dirty_log(), and leave the loop if there are few. Then stop_guest(), pages = sorted({*pages, *dirty_log()}), "
        "and send data and tags of these.",
    ),
)
def migration_loop(answer: Callable[..., Any], pages: int, rate: float, hot: int, seed: int) -> str | None:
    """Let the learner's loop migrate a guest, and compare every tag."""
    migration = Migration(pages, rate=rate, hot=hot, seed=seed)
    guest = f"a guest of {pages} pages, {hot} of them hot, {rate:g} writes a page sent"
    try:
        answer(migration)
    except WireError as error:
        return f"{guest}\nthe loop does not end: {error}"
    if migration.running:
        return f"{guest}\nthe guest still runs on the source: migration.stop_guest() was not called"
    lost = migration.lost()
    if lost:
        page = min([*lost.tags, *lost.data])
        return f"{guest}\n{lost}; first on page {page}"
    most = pages * (PAGE_SIZE + TAGS_PER_PAGE) // 2
    if migration.paused_bytes > most:
        return (
            f"{guest}\nnothing is lost, but {migration.paused_bytes} bytes were sent while the guest was stopped, "
            f"expected at most {most}"
        )
    return None


def a_workload(rng: Random) -> tuple[list[list[int]], bool, str]:
    """Draw which pages went in each round, the last one paused, and how tags are sent."""
    pages = rng.choice((4, 16, 64))
    rounds = [list(range(pages))]
    for share in (0.5, 0.3, 0.2, 0.1)[: rng.randint(1, 4)]:
        rounds.append(sorted(rng.sample(range(pages), max(1, int(pages * share)))))
    return rounds, rng.random() < 0.5, rng.choice(("with the data", "at the end"))


@function(
    lab=10,
    title="The price of tags on the wire",
    points=2,
    draw=a_workload,
    hints=(
        "A page of 4096 bytes has 256 granules. How many bytes do their tags need, one a byte, and two a byte?",
        "With the data: each round costs pages of the round times bytes a page, and the last round is the paused one. "
        "At the end: nothing while the guest runs, and then every page of the guest; round 0 had them all.",
        "size = 128 if packed else 256; with the data: running = size * sum(len(r) for r in rounds[:-1]) and paused = "
        "size * len(rounds[-1]); at the end: running = 0 and paused = size * len(rounds[0]).",
    ),
)
def wire_price(rounds: list[list[int]], packed: bool, tags: str) -> tuple[int, int]:
    """Bytes of tags sent while the guest runs, and while it is paused."""
    size = PACKED_PAGE if packed else PAGE_SIZE // GRANULE_SIZE
    if tags == "at the end":
        return 0, size * len(rounds[0])
    return size * sum(map(len, rounds[:-1])), size * len(rounds[-1])
