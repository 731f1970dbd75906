"""Lab 00, start here: one prediction."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from mtelab.learn.exercise import prediction
from mtelab.tags import GRANULE_SIZE

START = 0x1000
"""Address of the first granule."""


@dataclass(frozen=True, repr=False)
class Access:
    """A few granules of memory, their tags, and as many pointers."""

    tags: tuple[int, ...]
    pointers: tuple[int, ...]

    def __repr__(self) -> str:
        lines = ["granules in memory:"]
        for number, tag in enumerate(self.tags):
            lines.append(f"  {START + number * GRANULE_SIZE:#06x}  tag {tag:x}")
        lines.append("pointers (each loads one byte):")
        lines += [f"  p{number} = {pointer:#018x}" for number, pointer in enumerate(self.pointers)]
        return "\n".join(lines)


def four_pointers(rng: Random) -> Access:
    """Draw four granules and four pointers; at least one pointer may touch its granule, and one may not."""
    tags = rng.sample(range(16), 4)
    allowed = [True, False, *rng.choices((True, False), k=2)]
    rng.shuffle(allowed)
    pointers = []
    for fits in allowed:
        granule = rng.randrange(4)
        # A wrong tag is one of another granule, so that it takes a look at the address to find out.
        tag = tags[granule] if fits else rng.choice([other for other in tags if other != tags[granule]])
        pointers.append(tag << 56 | START + granule * GRANULE_SIZE + rng.randrange(GRANULE_SIZE))
    return Access(tuple(tags), tuple(pointers))


@prediction(
    lab=0,
    title="Which pointer may touch its granule?",
    points=1,
    draw=four_pointers,
    hints=(
        "Split each pointer in two: bits 59 to 56 are its tag, the low bits are the address.",
        "The last hex digit of the address counts bytes inside a granule; the other digits name the granule.",
        "Find the granule's row in the table: the load is allowed where the pointer's second hex digit is that row's "
        "tag. The answer is a list such as [True, False, False, True], one for each of p0 to p3.",
    ),
)
def which_pointer(question: Access) -> list[bool]:
    """Answer: the pointer's tag is the tag of the granule that it points into."""
    return [question.tags[(pointer & 0xFFFF) - START >> 4] == pointer >> 56 & 0xF for pointer in question.pointers]
