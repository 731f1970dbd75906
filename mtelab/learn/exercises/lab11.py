"""Lab 11, design your own: read scorecards, see which line matters, and write a protocol."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final

from mtelab.explorer.model import model
from mtelab.explorer.verdict import verdict_alone
from mtelab.learn.capstone import complain
from mtelab.learn.exercise import judged, prediction
from mtelab.learn.scorecard import MEMORIES, STANDARD, card, time_of
from mtelab.learn.variants import BASE, VARIANTS
from mtelab.sync.protocols import PROTOCOLS

TELLING: Final = ("two-vms", "two-vms-one-process", "ioctl-and-fault", "fork-and-mprotect", "mmap-over")
"""Situations in which the eleven, together with their time, differ."""


@cache
def rows_of(protocol: str) -> tuple[str, ...]:
    """Verdicts of a protocol in the telling situations, and its time, as a card shows them."""
    known = card(protocol)
    verdicts = ["/".join(known.look(situation, memory) for memory in MEMORIES) for situation in TELLING]
    return (*verdicts, f"{time_of(protocol, 'start-up', None) / time_of(STANDARD, 'start-up'):.1f}")


@dataclass(frozen=True, repr=False)
class Cards:
    """Scorecards whose names are covered: a column each, of what `rows_of` says."""

    columns: tuple[tuple[str, ...], ...]

    def __repr__(self) -> str:
        letters = "ABCD"[: len(self.columns)]
        lines = ["which protocol is which? in order/Arm, and time to start against the page lock's"]
        lines.append(f"  {'':21}" + "".join(f"{letter:18}" for letter in letters).rstrip())
        for name, row in zip((*TELLING, "time to start"), zip(*self.columns, strict=True), strict=True):
            lines.append(f"  {name:21}" + "".join(f"{cell:18}" for cell in row).rstrip())
        names = list(PROTOCOLS)
        return "\n".join([*lines, f"answers: four of {', '.join(names[:6])},", f"  {', '.join(names[6:])}"])


def four_cards(rng: Random) -> Cards:
    """Draw four protocols."""
    return Cards(tuple(rows_of(protocol) for protocol in rng.sample(list(PROTOCOLS), 4)))


@prediction(
    lab=11,
    title="Whose card is this",
    points=2,
    draw=four_cards,
    hints=(
        "Ask in this order: does it refuse anything? Does it hold in order, and on Arm? What does it cost?",
        "refused: one of the three that ban sharing; mmap-over and fork-and-mprotect tell them apart. Safe in order, "
        "not on Arm: locks or a second bit, but no barriers. Many times the page lock's time: one lock for all.",
        "Leaks in order: the flag is set first. Loses in two VMs of one process: no lock at all. Loses in two-vms, "
        "not in two-vms-one-process: a lock that an address space has. Lay the figure's columns beside the question.",
    ),
)
def whose_card(question: Cards) -> list[str]:
    """Answer: the four names."""
    known = {rows_of(protocol): protocol for protocol in PROTOCOLS}
    return [known[column] for column in question.columns]


@dataclass(frozen=True, repr=False)
class Changes:
    """Changes to the page lock, one at a time."""

    changes: tuple[str, ...]
    situation: str

    def __repr__(self) -> str:
        lines = [*BASE.split("\n"), "", f"in {self.situation}, memory='arm', two CPUs, if ..."]
        lines += [f"  {number}  {change}" for number, change in enumerate(self.changes)]
        return "\n".join([*lines, "answers: safe, leaks, loses, deadlocks"])


@cache
def changed(change: str, situation: str) -> str:
    """Verdict of a variant."""
    return verdict_alone(model(VARIANTS[change], situation, memory="arm"))


def five_changes(rng: Random) -> Changes:
    """Draw five changes, at least one of which does no harm."""
    while True:
        question = Changes(tuple(rng.sample(list(VARIANTS), 5)), rng.choice(("two-vms", "two-vms-one-process")))
        if "safe" in which_line_matters(question):
            return question


@prediction(
    lab=11,
    title="Which line matters",
    points=2,
    draw=five_changes,
    choices=("safe", "leaks", "loses", "deadlocks"),
    hints=(
        "For each line ask whom it holds back, and what that one would see if it were not held back.",
        "Who comes first must not be seen before it is done (leaks). Who comes second must not do it again (loses). "
        "Who waits must be woken (deadlocks).",
        "A line may go if another does the same: test_and_set_bit sends every CPU but one to wait_for_bit, which is an "
        "acquire; smp_mb and a store-release order at least as much as smp_wmb. Try the rest by hand in the figure.",
    ),
)
def which_line_matters(question: Changes) -> list[str]:
    """Answer: a verdict for each."""
    return [changed(change, question.situation) for change in question.changes]


@judged(
    lab=11,
    title="The capstone: a protocol of your own",
    points=10,
    draw=lambda rng: rng.randrange(1 << 16),
    runs=1,
    seconds=240.0,
    hints=(
        "Write four lines: how a CPU finds that the work is done; how one is chosen to do it; how it says that it is "
        "done; how the others wait. Then ask of each pair of CPUs which line keeps them apart.",
        "What is chosen by page costs nobody who wants another page: a bit of the page, or a lock with the page in its "
        "name. In the role swap_in the work is mte_restore_page_tags. Whoever passes must have an acquire or smp_rmb "
        "behind it, and the flag a release or smp_wmb before it.",
        "if (yield smp_load_acquire(PG_mte_tagged, page)): return. Then spin_lock(('page', page.pfn)), test again, "
        "restore or clear, smp_store_release(PG_mte_tagged, page, True), spin_unlock. Or do without the lock: "
        "test_and_set_bit(PG_mte_lock, page), and whoever is too late does wait_for_bit(PG_mte_tagged, page).",
    ),
)
def capstone(answer: object, seed: int) -> str | None:
    """Judge a learner's protocol; see `mtelab.learn.capstone`."""
    return complain(answer, seed)
