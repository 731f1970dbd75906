"""Lab 07, one big lock: a double check to repair, where the lock fills up, and what a published table says of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from mtelab.contention import closed_forms
from mtelab.contention.closed_forms import machine_repairman
from mtelab.explorer import explore
from mtelab.explorer.report import MEANS
from mtelab.learn.exercise import function, judged, prediction
from mtelab.sync import SITUATIONS
from mtelab.sync.situations import PRIVATE
from mtelab.sync.steps import Cpu, Page

_MOST_STEPS = 50


def a_meeting(rng: Random) -> tuple[str, int]:
    """Draw a situation, and how many CPUs meet in it."""
    return rng.choice(sorted(SITUATIONS)), rng.choice((2, 2, 3))


@judged(
    lab=7,
    title="Repair a double check",
    points=3,
    draw=a_meeting,
    size=lambda drawn: drawn[1],
    runs=14,
    seconds=20,
    hints=(
        "Follow the schedule that was found: both CPUs test the flag before either has the lock. What does the second "
        "one know when it gets the lock at last, and how old is that knowledge?",
        "Ask again once you hold the lock: only then does nobody else change the flag. The first test stays, so that "
        "pages which have their tags cost no lock.",
        "After spin_lock: if not (yield test_bit(PG_mte_tagged, page)): clear, then set the flag. spin_unlock follows "
        "in either case; a return under the lock would keep it for ever.",
    ),
)
def double_check(answer: object, situation: str, cpus: int) -> str | None:
    """Explore the learner's protocol in a situation, and complain of what it finds; a page with tags costs no lock."""
    assert callable(answer)
    report = explore(answer, situation, cpus=cpus, max_states=200_000)
    if report.verdict not in ("safe", "refused"):
        schedule = f"\nschedule  {report.schedule}" if report.schedule else ""
        return f"{report.verdict}: {MEANS[report.verdict]}{schedule}"
    if report.verdict == "refused":
        return "refused: the guest is turned away; a lock was to help it in"
    return _lock_for_nothing(answer)


def _lock_for_nothing(answer: Callable[[Cpu, Page], Any]) -> str | None:
    """Complain if a page that has its tags still costs a lock."""
    steps, reply = answer(Cpu(0, 0, 0, "fault", PRIVATE), Page(0)), None
    for _ in range(_MOST_STEPS):
        try:
            step = steps.send(reply)
        except StopIteration:
            return None
        if step.op == "spin_lock":
            return "safe, but a page that has its tags already still takes the lock: keep the test before it"
        reply = step.op in ("test_bit", "test_and_set_bit", "smp_load_acquire")
    return None


def a_lock_to_wait_for(rng: Random) -> tuple[int, int, int]:
    """Draw vCPUs, a fault's cycle and its hold, ns; about half of them are past saturation."""
    hold = rng.randrange(50, 1000)
    cycle = hold + rng.randrange(100, 8000)
    return max(1, round(rng.uniform(0.3, 2.5) * cycle / hold)), cycle, hold


@function(
    lab=7,
    title="Two bounds that no schedule beats",
    points=2,
    draw=a_lock_to_wait_for,
    size=lambda drawn: drawn[0],
    hints=(
        "Few vCPUs: nobody waits, so each takes a fault every cycle ns. Many: the lock is never free. Which of the two "
        "is lower?",
        "Without waiting, vcpus faults happen in cycle ns. With a lock that is always held, one fault in hold ns. Both "
        "a second: times 1e9.",
        "return min(vcpus * 1e9 / cycle, 1e9 / hold)",
    ),
)
def most_faults(vcpus: int, cycle: int, hold: int) -> float:
    """Return the most faults a second; `cycle` is from one fault to the next of a vCPU alone, `hold` part of it; ns."""
    return closed_forms.most_throughput(vcpus, cycle, hold)


def a_queue(rng: Random) -> tuple[int, int, int]:
    """Draw vCPUs, think time and hold, ns."""
    return rng.randrange(1, 40), rng.randrange(0, 8000), rng.randrange(50, 1000)


@function(
    lab=7,
    title="A closed queue, exactly",
    points=3,
    draw=a_queue,
    size=lambda drawn: drawn[0],
    hints=(
        "Let the vCPUs in one after another. Who comes to the lock finds the queue that there was with one vCPU less: "
        "begin with a queue of 0, and repeat for 1, 2, ..., vcpus.",
        "With n vCPUs: at_lock = hold * (1 + queue), where queue is that of n - 1. A round takes think + at_lock, and "
        "n vCPUs make n rounds in that time.",
        "rate = n / (think + at_lock), then queue = rate * at_lock (Little's law) for the next n. At the end return "
        "rate * 1e9.",
    ),
)
def faults_of_queue(vcpus: int, think: int, hold: int) -> float:
    """Return faults a second behind one lock whose holds vary at random (exponentially) around `hold` ns."""
    return machine_repairman(vcpus, think, hold)


@dataclass(frozen=True, repr=False)
class StartUp:
    """Guests that start at once.

    Attributes
    ----------
    cycle, hold : int
        Nanoseconds of a fault alone, and of them under the lock.
    vcpus, guests, pages : int
        vCPUs of a guest, guests, and pages of each.
    """

    cycle: int
    hold: int
    vcpus: int
    guests: int
    pages: int

    def __repr__(self) -> str:
        return (
            f"a fault of a vCPU alone: every {self.cycle:,} ns, of which {self.hold} ns under the big lock\n"
            f"guests of {self.vcpus} vCPUs and {self.pages:,} pages each; {self.guests} of them start at once\n"
            "answer a list of three whole numbers, from the two bounds:\n"
            "  0  with how many guests at least is the lock never free?\n"
            "  1  how many thousand pages a second can there be then?\n"
            f"  2  how many milliseconds do the {self.guests} guests need at least?"
        )


def some_guests(rng: Random) -> StartUp:
    """Draw a machine whose bounds are whole numbers."""
    hold = rng.choice((200, 250, 400, 500, 625, 800, 1000))
    vcpus = rng.choice((2, 3, 4))
    most = rng.randrange(3, 9)  # guests at which the lock is never free
    cycle = hold * vcpus * most - rng.randrange(10, hold * vcpus - 10, 10)
    return StartUp(cycle, hold, vcpus, rng.choice((40, 80)), 1000 * rng.choice((1, 2, 5)))


@prediction(
    lab=7,
    title="When is the lock never free?",
    points=2,
    draw=some_guests,
    hints=(
        "Draw the two bounds over the number of vCPUs: one rises, one is flat. They meet at cycle / hold vCPUs.",
        "A guest has several vCPUs, and there is no fraction of a guest: divide by them and round up. There, 1e9 / "
        "hold faults happen in a second.",
        "With more guests than that the lock is the bottleneck: all pages of all guests pass it one after another, "
        "hold ns each. A millisecond is a million ns.",
    ),
)
def never_free(question: StartUp) -> list[int]:
    """Answer: guests at saturation, thousand pages a second there, milliseconds for all."""
    guests = math.ceil(closed_forms.saturation(question.cycle, question.hold) / question.vcpus)
    return [guests, 1_000_000 // question.hold, question.guests * question.pages * question.hold // 1_000_000]


def a_column(rng: Random) -> tuple[float, int, float, list[int]]:
    """Draw the time with one vCPU, and that with many, as a column of the table has them."""
    alone = rng.randrange(10, 200) / 100
    many = rng.choice((16, 32, 48, 64))
    together = round(alone * rng.uniform(1.5, many), 2)
    return alone, many, together, sorted(rng.sample(range(2, 65), 4))


@function(
    lab=7,
    title="Two points of a table give the others",
    points=2,
    draw=a_column,
    size=lambda drawn: drawn[1],
    hints=(
        "Each vCPU has as much memory as any other. So with n vCPUs there is n times the work, and either nobody "
        "waits, or all of it passes one lock.",
        "If nobody waits it takes as long as with one vCPU. If all passes the lock, the time is in proportion to n, "
        "and the point with many vCPUs says how much it is for each of them.",
        "return [max(alone, n * together / many) for n in counts]",
    ),
)
def times_behind_lock(alone: float, many: int, together: float, counts: list[int]) -> list[float]:
    """Return times for some numbers of vCPUs: `alone` with one, `together` with `many`, which the lock slows down."""
    return [max(alone, count * together / many) for count in counts]
