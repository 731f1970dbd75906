"""Random small litmus tests, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from mtelab.explorer.litmus import Litmus, Op

TAGS, FLAGS = "tags", "flags"
"""What the words of a test are: tags of granules, or flags of pages."""

ACCESSES = {
    TAGS: ("load", "load", "store", "store"),
    FLAGS: ("load", "load", "acquire", "store", "store", "release", "tas", "wait"),
}
BARRIERS = ("", "", "", "wmb", "rmb", "mb")
LOADS = ("load", "acquire", "tas")


@st.composite
def cpus(draw: st.DrawFn, first: str, words: dict[str, str], steps: int) -> tuple[Op, ...]:
    """Steps of one CPU; its registers are the letters from `first` on."""
    ops: list[Op] = []
    registers: list[str] = []
    for _ in range(steps):
        barrier = draw(st.sampled_from(BARRIERS)) if ops else ""
        if barrier:
            ops.append(Op(barrier))
        word = draw(st.sampled_from(sorted(words)))
        kind = draw(st.sampled_from(ACCESSES[words[word]]))
        if words[word] == FLAGS and draw(st.booleans()):
            word = word.upper()
        dependency = draw(st.sampled_from(("", "", "addr", "data", "ctrl"))) if registers else ""
        if dependency == "data" and kind not in ("store", "release"):
            dependency = "addr"
        on = draw(st.sampled_from(registers)) if dependency else ""
        value = 0
        if kind in ("store", "release"):
            value = draw(st.integers(0, 1) if words[word.lower()] == FLAGS else st.integers(1, 2))
        register = ""
        if kind in LOADS:
            register = chr(ord(first) + len(registers))
            registers.append(register)
        ops.append(Op(kind, word, register, value, dependency, on))
    return tuple(ops)


@st.composite
def tests(draw: st.DrawFn) -> Litmus:
    """Two or three CPUs, two or three accesses each, two words, which may have locks."""
    words = {"x": draw(st.sampled_from((TAGS, FLAGS))), "y": draw(st.sampled_from((TAGS, FLAGS)))}
    count = draw(st.integers(2, 3))
    made = [draw(cpus("adg"[cpu], words, draw(st.integers(2, 3)))) for cpu in range(count)]
    if draw(st.integers(0, 4)) == 0:
        made = [_locked(draw, ops) for ops in made]
    return Litmus("random", tuple(made))


def _locked(draw: st.DrawFn, ops: tuple[Op, ...]) -> tuple[Op, ...]:
    start = draw(st.integers(0, len(ops)))
    stop = draw(st.integers(start, len(ops)))
    if start == stop:
        return ops
    return (*ops[:start], Op("lock", "l"), *ops[start:stop], Op("unlock", "l"), *ops[stop:])
