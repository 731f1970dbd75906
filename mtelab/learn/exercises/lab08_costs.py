"""Lab 08, many locks, one bit: how many locks an array needs, by chance and by simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from mtelab.contention import Costs, estimate, lock_array, sweep
from mtelab.learn.exercise import function, prediction

SIZES = tuple(1 << power for power in range(1, 9))
"""Locks that an array may have."""
BETWEEN = (0.35, 0.65)
"""Where a target lies between the waits with two neighbouring sizes, on a logarithmic scale; 0.5 is halfway."""
MEASURABLE = 5.0
"""Mean waits shorter than this, ns, come from too few collisions to tell two sizes apart for certain."""


def cpus_and_chance(rng: Random) -> tuple[int, float]:
    """Draw CPUs at work at once, and the chance of a collision that one would bear."""
    return rng.randrange(2, 65), rng.choice((0.5, 0.25, 0.1, 0.05, 0.01))


@function(
    lab=8,
    title="Locks for a chance",
    points=1,
    draw=cpus_and_chance,
    hints=(
        "There are cpus * (cpus - 1) / 2 pairs, and each pair collides with chance 1 / locks. Added up, that is what "
        "the chance of some collision cannot exceed.",
        "Set pairs / locks <= chance, and solve it for locks.",
        "Multiply locks by 2, from 1 on, until cpus * (cpus - 1) / (2 * locks) <= chance.",
    ),
)
def locks_for_chance(cpus: int, chance: float) -> int:
    """Return the smallest power of two of locks for which cpus (cpus - 1) / (2 locks) is no more than `chance`."""
    locks = 1
    while cpus * (cpus - 1) / (2 * locks) > chance:
        locks *= 2
    return locks


@dataclass(frozen=True, repr=False)
class Target:
    """A machine, and the wait that its owner would bear.

    Attributes
    ----------
    vcpus : int
        One guest's.
    clear : int
        Nanoseconds to clear a page's tags.
    wait : float
        Mean wait of a fault that is still good enough, ns.
    """

    vcpus: int
    clear: int
    wait: float

    def __repr__(self) -> str:
        return (
            f"one guest of {self.vcpus} vCPUs; clearing a page's tags takes {self.clear} ns\n"
            f"faults should wait {self.wait:g} ns on average, or less\n"
            f"answer the smallest array that does it: one of {', '.join(map(str, SIZES))} locks"
        )


@cache
def mean_waits(vcpus: int, clear: int, sizes: Sequence[int] = SIZES) -> tuple[float, ...]:
    """Return the mean wait of a fault, ns, with an array of each size; over six seeds."""
    arrays = {f"{size}": lock_array(size) for size in sizes}
    runs = sweep(arrays, guests=1, vcpus=vcpus, pages=512, costs=Costs(mte_clear_page_tags=clear), seed=range(6))
    return tuple(estimate(runs.where(protocol=name)["wait_mean"].tolist()).mean for name in arrays)


def a_target(rng: Random) -> Target:
    """Draw a machine, and a wait between those with two neighbouring sizes, far enough from both to be certain."""
    vcpus, clear = rng.choice((8, 16, 32, 48)), rng.choice((315, 600, 1200))
    waits = mean_waits(vcpus, clear)
    told_apart = [at for at in range(1, len(SIZES) - 2) if waits[at - 1] > 2 * waits[at] > 2 * MEASURABLE]
    place = rng.choice(told_apart)
    share = rng.uniform(*BETWEEN)
    wait = waits[place] ** share * waits[place - 1] ** (1 - share)
    return Target(vcpus, clear, float(f"{wait:.3g}"))


@prediction(
    lab=8,
    title="Choose the number of locks",
    points=3,
    draw=a_target,
    hints=(
        "Set the dashboard to what the question says, with the locks along the axis, and read the wait off; or sweep "
        "over lock_array(size).",
        "A sweep: sweep({size: lock_array(size) for size in ...}, guests=1, vcpus=..., costs=Costs(mte_clear_page_tags="
        '...), seed=range(6)). Its estimates("wait_mean") have error bars.',
        "Past saturation every doubling halves the wait or better; below it, the wait is about the hold times the "
        "chance to find one's lock held. Take the first size whose error bar is below the target.",
    ),
)
def choose_locks(question: Target) -> int:
    """Answer: the smallest size whose mean wait is below the target."""
    waits = mean_waits(question.vcpus, question.clear)
    return next(size for size, wait in zip(SIZES, waits, strict=True) if wait <= question.wait)
