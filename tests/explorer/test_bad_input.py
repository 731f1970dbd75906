"""What no protocol may do: the message names the CPU, the step and the learner's line."""

from __future__ import annotations

import pytest

import mtelab
from mtelab import sync
from mtelab.explorer import ProtocolError
from mtelab.sync import PG_mte_tagged


def message(protocol, situation="two-vms", **options) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (its text is what is tested)
        mtelab.explore(protocol, situation, **options)
    return str(caught.value)


def line_of(function, text: str) -> int:
    """Number of the line of a function's source that has a text."""
    import inspect

    lines, first = inspect.getsourcelines(function)
    return first + next(at for at, line in enumerate(lines) if text in line)


def test_a_function_that_is_no_generator():
    def plain(cpu, page):
        return None

    said = message(plain)
    assert "CPU 0" in said
    assert "the protocol returned None, expected a generator: a function that yields steps" in said


def test_a_generator_and_not_a_function():
    assert "expected a name or a generator function of cpu and page" in message(step for step in ())


def test_a_function_of_other_arguments():
    def three(cpu, page, more):
        yield sync.smp_mb()

    assert "three() missing 1 required positional argument: 'more'" in message(three)


@pytest.mark.parametrize(
    ("yielded", "hint"),
    [
        (None, "yielded None, expected a step of mtelab.sync"),
        ("set_bit", "yielded 'set_bit', expected a step"),
        (sync.smp_mb, "was it meant to be called?"),
        (sync.steps.Step("frobnicate"), "expected a step of mtelab.sync"),
    ],
)
def test_what_is_no_step(yielded, hint):
    def nonsense(cpu, page):
        yield sync.smp_mb()
        yield yielded  # nonsense

    said = message(nonsense)
    assert said.startswith("CPU 0, ")
    assert hint in said
    assert f"line {line_of(nonsense, '# nonsense')}" in said
    assert "smp_mb()" in said


def test_a_part_without_yield_from():
    def part(page):
        yield sync.smp_mb()

    def forgets(cpu, page):
        yield part(page)

    assert "a part of a protocol is run with yield from" in message(forgets)


def test_a_step_with_bad_arguments():
    def wrong(cpu, page):
        yield sync.test_bit("tagged", page)

    said = message(wrong)
    assert "flag: 'tagged', expected PG_mte_tagged or PG_mte_lock" in said
    assert f"line {line_of(wrong, 'yield')}" in said


@pytest.mark.parametrize("memory", ["sc", "arm"])
def test_an_unlock_of_what_is_not_held(memory):
    def unlocks(cpu, page):
        if cpu.id == 1:
            yield sync.smp_mb()
            yield sync.spin_unlock("lock")

    said = message(unlocks, memory=memory)
    assert said.startswith("CPU 1, after its step ")
    assert "spin_unlock('lock'): this CPU does not hold it" in said
    assert f"line {line_of(unlocks, 'spin_unlock')} (unlocks)" in said


def test_an_unlock_of_another_cpu_s_lock():
    def steals(cpu, page):
        if cpu.id == 0:
            yield sync.spin_lock("lock")
        else:
            yield sync.spin_unlock("lock")

    assert "CPU 1" in message(steals)


def test_one_that_runs_on_without_a_step():
    def endless(cpu, page):
        yield sync.smp_mb()
        while True:
            pass

    said = message(endless)
    assert "CPU 0, after its step" in said
    assert "runs on and on without a step: does the loop end?" in said
    assert "(endless)" in said


def test_one_that_never_comes_to_a_first_step():
    def endless(cpu, page):
        while True:
            cpu = cpu
        yield

    said = message(endless, "two-vcpus")
    assert "CPU 0, at its first step: " in said or "CPU 0, after its step" in said


def test_one_that_raises():
    def raises(cpu, page):
        if (yield sync.test_bit(PG_mte_tagged, page)):
            return
        yield sync.set_bit(PG_mte_tagged, pages)  # noqa: F821

    said = message(raises)
    assert "CPU 0, after its step" in said
    assert "test_bit(PG_mte_tagged, page 0)" in said
    assert f"line {line_of(raises, 'set_bit')} (raises): NameError: name 'pages' is not defined" in said


def test_a_mistake_on_a_path_that_needs_another_cpu():
    """Found although each CPU alone never makes it."""

    def needs_two(cpu, page):
        if (yield sync.test_and_set_bit(PG_mte_tagged, page)):
            yield sync.spin_unlock("never taken")
        yield sync.mte_clear_page_tags(page)

    assert "never taken" in message(needs_two)
    assert "never taken" not in repr(mtelab.explore(needs_two, "two-vms", cpus=1))


def test_one_that_is_not_the_same_twice():
    runs = []

    def fickle(cpu, page):
        runs.append(cpu)
        yield sync.smp_mb() if len(runs) % 2 else sync.smp_wmb()
        yield sync.smp_mb()

    assert "after the same answers" in message(fickle)


def test_a_mistake_is_a_value_error_of_its_own_class():
    def unlocks(cpu, page):
        yield sync.spin_unlock("lock")

    with pytest.raises(ProtocolError):
        mtelab.explore(unlocks, "two-vms")
    # Nothing is left behind: the next exploration is as ever.
    assert mtelab.explore("page-lock", "two-vms").verdict == "safe"


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("0?", r"schedule: '\?' at position 2, expected the number of a CPU"),
        ("9", "schedule: move 1, 9, cannot be made, expected one of 0, 1"),
        ("0" * 60, "cannot be made, expected one of 1"),
        ("0<", "schedule: move 1, 0<, cannot be made"),
    ],
)
def test_a_bad_schedule(schedule, said):
    with pytest.raises(ValueError, match=said):
        mtelab.replay("page-lock", "two-vms", schedule)


@pytest.mark.parametrize("bound", [0, -1, True, 1.5, "many"])
def test_a_bad_bound(bound):
    assert "max_states: " in message("page-lock", max_states=bound)


def test_a_report_that_found_nothing_bad_has_no_schedule_to_replay():
    with pytest.raises(ValueError, match="schedule: None, expected a text such as '0011'; a safe report has none"):
        mtelab.replay("page-lock", "two-vms", mtelab.explore("page-lock", "two-vms").schedule)
