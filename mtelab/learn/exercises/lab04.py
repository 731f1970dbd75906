"""Lab 04, pages that carry tags: predict a scenario, the zero page, copies of pages, what MADV_DONTNEED leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Final

from mtelab.learn.exercise import function, prediction
from mtelab.learn.memory_view import MemoryView
from mtelab.scenario import run

KERNEL: Final = "linux-6.12"
ASKED: Final = ("load", "ldg", "store")
"""Operations whose results are worth asking for; the others succeed."""
STEPS: Final = 11


@dataclass(frozen=True, repr=False)
class Scenario:
    """A scenario, and which of its results are asked for.

    Attributes
    ----------
    lines : tuple of str
        The operations.
    asked : tuple of int
        Places of those whose results make up the answer.
    """

    lines: tuple[str, ...]
    asked: tuple[int, ...]

    def __repr__(self) -> str:
        marks = {place: f"  <- result {number}?" for number, place in enumerate(self.asked)}
        lines = [f"  {line:28}{marks.get(place, '')}".rstrip() for place, line in enumerate(self.lines)]
        answers = "answers: a byte such as 0x00, a tag such as 0, ok, or SEGV_MTESERR"
        return "\n".join(["which results, as strings?", *lines, answers])


def some_step(rng: Random, forked: bool) -> str:
    """Draw an operation on the page of region r, which is private, or of s, which is shared."""
    who = "child " if forked and rng.random() < 0.4 else ""
    region, tag = rng.choice("rs"), rng.choice((0, 5))
    line = rng.choice(
        (
            f"stg {region} 0 0 5",
            f"store {region} 0 {rng.randrange(1, 256)} {tag}",
            f"load {region} 0 {tag}",
            f"ldg {region} 0 0",
            f"ldg {region} 0 0",
            f"dontneed {region} 0 1",
        )
    )
    return who + line


def some_scenario(rng: Random) -> Scenario:
    """Draw steps with a fork in their midst, of any interest."""
    lines = ["memfd f 1", "mmap r 1 private anon rwm", "mmap s 1 shared f rwm"]
    fork = rng.randrange(2, 5)
    for step in range(STEPS):
        lines.append("fork" if step == fork else some_step(rng, step > fork))
    return Scenario(tuple(lines), asked_of(lines))


def asked_of(lines: Sequence[str]) -> tuple[int, ...]:
    """Return the places of operations whose results are worth asking for."""
    return tuple(place for place, line in enumerate(lines) if line.removeprefix("child ").split()[0] in ASKED)


def worth_asking(scenario: Scenario) -> bool:
    """Whether a check fails, the child reads, no step is done twice on end, and what is dropped makes a difference."""
    lines = scenario.lines
    child = any(lines[place].startswith("child l") for place in scenario.asked)
    kept = [line for line in lines if "dontneed" not in line]
    twice = any(one == other for one, other in pairwise(lines))
    if twice or not child or len(kept) == len(lines) or not 5 <= len(scenario.asked) <= 7:
        return False
    results = answers(scenario)
    return {"5", "0", "SEGV_MTESERR"} <= set(results) and answers(Scenario(tuple(kept), asked_of(kept))) != results


def a_scenario(rng: Random) -> Scenario:
    """Draw a scenario that is worth asking."""
    scenario = some_scenario(rng)
    while not worth_asking(scenario):
        scenario = some_scenario(rng)
    return scenario


def answers(scenario: Scenario) -> list[str]:
    """Return what the model answers to the operations that are asked for."""
    results = run(scenario.lines, KERNEL)
    return [results[place] for place in scenario.asked]


@prediction(
    lab=4,
    title="What does each operation answer?",
    points=3,
    draw=a_scenario,
    hints=(
        "Draw three boxes: the parent's page r, the child's page r, and the one page of the file that both see as s. "
        "Each holds a byte and a tag. Before fork there is one r.",
        "fork gives the child a copy of r, byte and tag. Afterwards a store or STG to r changes one copy only; one to "
        "s changes the page of both. dontneed makes an own r zero, byte and tag, and leaves s as it is.",
        "A load or store passes if its last number, the pointer's tag (0 if left out), equals the tag of granule 0; "
        "else it is SEGV_MTESERR and changes nothing. LDG is never checked. Do the lines one by one in the figure.",
    ),
)
def predict_scenario(question: Scenario) -> list[str]:
    """Answer: the results, in order."""
    return answers(question)


@dataclass(frozen=True, repr=False)
class FirstTouches:
    """Some short stories, each about page 0 of a region r.

    Attributes
    ----------
    stories : tuple of tuple of str
        Operations.
    """

    stories: tuple[tuple[str, ...], ...]

    def __repr__(self) -> str:
        lines = ["what does the entry of page r 0 map at the end?"]
        lines += [f"  {number}  {'; '.join(story)}" for number, story in enumerate(self.stories)]
        return "\n".join([*lines, f"answers: {', '.join(ENDS)}"])


ENDS: Final = ("nothing", "zero page", "anonymous", "page cache")
MAPPINGS: Final = ("private anon rw", "private anon rwm", "shared anon rwm", "private f rwm", "shared f rwm")
TOUCHES: Final = ("load r 0", "ldg r 0 0", "store r 0 1", "stg r 0 0 3", "mprotect r 0 1 r")
AFTER: Final = ("", "", "load r 0", "store r 0 2", "dontneed r 0 1", "mprotect r 0 1 rwm")


def end_of(story: tuple[str, ...]) -> str:
    """Say what the parent's page maps after a story: one of `ENDS`."""
    view = MemoryView(KERNEL)
    for line in story:
        view.do(line)
    return view.behind("r", 0)


def some_story(rng: Random) -> tuple[str, ...]:
    """Draw a mapping, a touch, and perhaps one more step."""
    mapping = rng.choice((*MAPPINGS, *MAPPINGS[:2]))
    made = ("memfd f 1",) if " f " in mapping else ()
    after = rng.choice(AFTER)
    return (*made, f"mmap r 1 {mapping}", rng.choice(TOUCHES), *([after] if after else []))


def six_stories(rng: Random) -> FirstTouches:
    """Draw two stories that end with the zero page, one for each other end, and one more, all different."""
    wanted = [*ENDS, "zero page", rng.choice(ENDS)]
    rng.shuffle(wanted)
    found: list[tuple[str, ...]] = []
    for end in wanted:
        story = some_story(rng)
        while end_of(story) != end or story in found:
            story = some_story(rng)
        found.append(story)
    return FirstTouches(tuple(found))


@prediction(
    lab=4,
    title="Who gets the zero page?",
    points=2,
    draw=six_stories,
    choices=ENDS,
    hints=(
        "mmap and mprotect bring no page in: an entry appears when the page is touched. dontneed takes it away again.",
        "The zero page stands in for private anonymous memory that was read and never written. LDG reads, STG writes. "
        "Shared anonymous memory is a file without a name.",
        "Never touched, or dropped: 'nothing'. A file's page, read, or written through a shared mapping: 'page cache'. "
        "A private page that was written: 'anonymous'. A private anonymous page that was only read: 'zero page'. A "
        "store to a read-only mapping is refused and brings nothing in.",
    ),
)
def zero_page(question: FirstTouches) -> list[str]:
    """Answer: what each page's entry maps."""
    return [end_of(story) for story in question.stories]


def a_copy(rng: Random) -> tuple[int, list[int], bool, list[int]]:
    """Draw the data, tags and flag of a source, and the tags that the target holds from its owner before."""
    granules = rng.randint(1, 6)
    tags = [rng.randrange(16) for _ in range(granules)]
    return rng.randrange(256), tags, rng.random() < 0.5, [rng.randrange(16) for _ in range(granules)]


@function(
    lab=4,
    title="Copy a page that may carry tags",
    points=2,
    draw=a_copy,
    size=lambda drawn: len(drawn[1]),
    hints=(
        "The data is copied in any case. The question is whether the source's tags mean anything.",
        "If the flag of the source is not set, its tags are somebody else's leftovers. Copying them, or setting the "
        "flag, would make leftovers look like tags.",
        "Source tagged: return (data, tags, True). Not tagged: return (data, stale, False), so that whoever first "
        "wants tags of the copy knows that they must be cleared.",
    ),
)
def copy_highpage(data: int, tags: list[int], tagged: bool, stale: list[int]) -> tuple[int, list[int], bool]:
    """Return data, tags and PG_mte_tagged of the target."""
    return (data, tags, True) if tagged else (data, stale, False)


Page = tuple[int, int]
"""First byte, and tag of granule 0."""


def a_drop(rng: Random) -> tuple[str, Page | None, Page | None]:
    """Draw a mapping, what its file holds, and what the process's own copy holds, where there are such."""
    mapping = rng.choice(("private anon", "private file", "shared file"))
    file = (rng.randrange(256), rng.randrange(16)) if mapping != "private anon" else None
    own = (rng.randrange(1, 256), rng.randrange(16)) if mapping != "shared file" and rng.random() < 0.7 else None
    return mapping, file, own


@function(
    lab=4,
    title="What MADV_DONTNEED leaves",
    points=1,
    draw=a_drop,
    size=lambda drawn: sum(part is not None for part in drawn),
    hints=(
        "MADV_DONTNEED empties page table entries. A frame lives on if somebody else counts on it.",
        "The page cache counts its pages: a file's page keeps data and tags. An own copy has nobody else and is freed.",
        "Whatever the process's own copy held is gone. A file mapping, private or shared, shows the file's page again: "
        "return file. Private anonymous memory starts anew: return (0, 0).",
    ),
)
def dontneed(mapping: str, file: Page | None, own: Page | None) -> Page:
    """Return the byte that a load and the tag that LDG find after MADV_DONTNEED."""
    return (0, 0) if file is None else file
