"""When two runs of a protocol count as being at the same place."""

from __future__ import annotations

import pytest

from mtelab.explorer.freeze import OpaqueError, freeze_generator
from mtelab.explorer.program import Program
from mtelab.sync import PG_mte_tagged, set_bit, smp_mb
from mtelab.sync import test_bit as test_flag
from mtelab.sync.steps import Page

PAGE = Page(0)


def nodes(function) -> int:
    """Steps of a program, ends left out."""
    program = Program(function, "CPU 0", lambda step: ())
    assert not any(node.error or node.cut for node in program.nodes)
    return sum(node.step is not None for node in program.nodes)


def at(function, steps: int):
    """A run that has come to its step of this number, from 1."""
    run = function()
    for _ in range(steps):
        next(run)
    return run


def test_a_loop_comes_back_to_where_it_was():
    def spin():
        while not (yield test_flag(PG_mte_tagged, PAGE)):
            pass

    assert nodes(spin) == 2  # CPython compiles the condition twice: before the first round, and after each
    assert Program(spin, "CPU 0", lambda step: ()).loops
    assert freeze_generator(at(spin, 2)) == freeze_generator(at(spin, 3))


def test_a_loop_that_remembers_what_it_saw_is_as_long_as_what_it_remembers():
    def twice():
        seen = False
        while True:
            before, seen = seen, (yield test_flag(PG_mte_tagged, PAGE))
            if before and seen:
                return

    assert Program(twice, "CPU 0", lambda step: ()).loops
    assert 3 <= nodes(twice) <= 6


@pytest.mark.parametrize("things", [(1, 1, 1), [1, 1, 1], "111", {1: 0, 2: 0, 3: 0}, range(3), b"111"])
def test_a_for_loop_over_equal_values_has_all_its_rounds(things):
    def rounds():
        for _ in things:
            yield smp_mb()

    assert nodes(rounds) == 3
    assert len({freeze_generator(at(rounds, count)) for count in (1, 2, 3)}) == 3


@pytest.mark.parametrize(
    "wrapped", [enumerate, reversed, lambda things: zip(things, things, strict=True), lambda t: map(str, t)]
)
def test_so_it_has_through_what_python_wraps_it_in(wrapped):
    def rounds():
        for _ in wrapped((1, 1, 1)):
            yield smp_mb()

    assert nodes(rounds) == 3


def test_branches_that_meet_are_one():
    def meet():
        if (yield test_flag(PG_mte_tagged, PAGE)):
            yield smp_mb()
        yield set_bit(PG_mte_tagged, PAGE)

    assert nodes(meet) == 3


def test_a_variable_that_differs_keeps_branches_apart():
    def apart():
        tagged = yield test_flag(PG_mte_tagged, PAGE)
        yield smp_mb()
        if tagged:
            yield set_bit(PG_mte_tagged, PAGE)

    assert nodes(apart) == 4


def test_nested_generators_are_part_of_the_place():
    def inner(rounds):
        for _ in range(rounds):
            yield smp_mb()

    def outer():
        yield from inner(2)
        yield from inner(2)

    assert nodes(outer) == 4

    def spin_inside():
        yield from spin()

    def spin():
        while not (yield test_flag(PG_mte_tagged, PAGE)):
            pass

    assert nodes(spin_inside) == 2


def test_a_generator_in_a_variable_is_part_of_the_place():
    def parts():
        yield smp_mb()
        yield smp_mb()

    def driven():
        part = parts()
        while (step := next(part, None)) is not None:
            yield step

    assert nodes(driven) == 2


def test_what_a_closure_holds_is_part_of_the_place():
    def counted():
        count = 0

        def more():
            nonlocal count
            count += 1
            return count

        while more() < 4:
            yield smp_mb()

    assert nodes(counted) == 3


def test_an_object_with_attributes_is_compared_by_them():
    class Box:
        def __init__(self):
            self.rounds = 0

    def boxed():
        box = Box()
        while not (yield test_flag(PG_mte_tagged, PAGE)):
            box.rounds = 1

    assert nodes(boxed) == 2


def test_an_opaque_object_merges_nothing():
    class Opaque:
        __slots__ = ("count",)

    def opaque():
        thing = Opaque()
        thing.count = 0
        while thing.count < 3:
            thing.count += 1
            yield smp_mb()

    assert nodes(opaque) == 3
    with pytest.raises(OpaqueError):
        freeze_generator(at(opaque, 1))
