"""Lab 09's exercises: right answers pass, the usual wrong ones fail, and the questions can be answered."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mtelab.learn import check, problem
from mtelab.learn.exercises import lab09
from mtelab.learn.exercises.lab09 import Mapping
from mtelab.learn.slot_judge import where_refused
from mtelab.scenario import parse, replay

SEEDS = range(12)
Way = Callable[[int, int], list[str]]


def allowed(vma: Mapping, kernel: str) -> bool:
    """The rule, written once more."""
    return not vma.shared if kernel == "linux-6.1" else vma.mte_allowed


def test_checks_written_as_loops_agree_with_the_model() -> None:
    def slot_check(vmas: list[Mapping], start: int, npages: int, kernel: str) -> str:
        met = (vma for vma in vmas if vma.start < start + npages and start < vma.end)
        return "ok" if all(allowed(vma, kernel) for vma in met) else "EINVAL"

    def fault_check(vmas: list[Mapping], page: int, kernel: str) -> str:
        found = [vma for vma in vmas if vma.start <= page < vma.end]
        return "ok" if found and allowed(found[0], kernel) else "EFAULT"

    for seed in SEEDS:
        assert check("slot_check", slot_check, seed=seed).passed
        assert check("fault_check", fault_check, seed=seed).passed


def test_mistakes_that_learners_make_fail() -> None:
    def first_vma_only(vmas: list[Mapping], start: int, npages: int, kernel: str) -> str:
        met = [vma for vma in vmas if vma.start <= start < vma.end]
        return "EINVAL" if met and not allowed(met[0], kernel) else "ok"

    def refuses_holes(vmas: list[Mapping], start: int, npages: int, kernel: str) -> str:
        covered = {page for vma in vmas if allowed(vma, kernel) for page in range(vma.start, vma.end)}
        return "ok" if covered >= set(range(start, start + npages)) else "EINVAL"

    def one_rule(vmas: list[Mapping], start: int, npages: int, kernel: str) -> str:
        return lab09.slot_check(vmas, start, npages, "linux-6.1")

    def accepts_holes(vmas: list[Mapping], page: int, kernel: str) -> str:
        return lab09.fault_check(vmas, page, kernel) if any(v.start <= page < v.end for v in vmas) else "ok"

    for seed in SEEDS:
        for wrong in (first_vma_only, refuses_holes, one_rule):
            assert not check("slot_check", wrong, seed=seed).passed
        assert not check("fault_check", accepts_holes, seed=seed).passed


def over(pages: int, page: int) -> list[str]:
    start = [f"mmap r {pages} private anon rw", "vm v", "mte v", "vcpu v", f"slot v 0 0 r 0 {pages}"]
    return [*start, f"remap r {page} 1 shared anon rw", f"gload v {page}"]


def into_a_hole(pages: int, page: int) -> list[str]:
    return [f"mmap r {pages} private anon rw", f"munmap r {page} 1", *over(pages, page)[1:]]


def early(pages: int, page: int) -> list[str]:
    return [f"mmap r {pages} shared anon rw", "vm v", f"slot v 0 0 r 0 {pages}", "mte v", "vcpu v", f"gldg v {page} 0"]


@pytest.mark.parametrize("way", [over, into_a_hole, early])
def test_each_way_around_passes_and_the_real_kernel_stops_it_at_the_fault(way: Way) -> None:
    assert check("break_slot_only", way, seed=1).passed
    assert where_refused(way(3, 1), "linux-6.1") == "fault"
    assert where_refused(way(3, 1), "linux-6.12") == "works"


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (lambda pages, page: over(pages, page)[:-1], "has not mapped guest page"),
        (lambda pages, page: [*over(pages, page)[:5], f"gload v {page}"], "is private memory"),
        (lambda pages, page: [op for op in early(pages, page) if op != "mte v"], "no VM has MTE"),
        (lambda pages, page: [op.replace("slot v 0 0", "slot v 0 1") for op in over(pages, page)[:-1]], "guest page 0"),
        (lambda pages, page: over(pages, page)[:4], "no VM with MTE has a slot"),
        (lambda pages, page: [*over(pages, page)[:4], f"gload v {page}"], "no slot of the VM"),
        (lambda pages, page: ["mmap r"], "operation 1"),
        (lambda pages, page: 5, "expected a list of operations"),
    ],
)
def test_what_is_missing_is_said(way: Way, said: str) -> None:
    result = check("break_slot_only", way, seed=2)
    assert not result.passed
    assert said in repr(result)


def test_a_shared_slot_is_refused_with_the_reason() -> None:
    def direct(pages: int, page: int) -> list[str]:
        return [f"mmap r {pages} shared anon rw", "vm v", "mte v", "vcpu v", f"slot v 0 0 r 0 {pages}"]

    said = repr(check("break_slot_only", direct, seed=2))
    assert "EINVAL" in said
    assert "not VM_SHARED" in said


@pytest.mark.parametrize("seed", SEEDS)
def test_every_question_on_users_has_each_answer(seed: int) -> None:
    question = problem("who_is_hurt", seed=seed)
    assert set(lab09.who_is_hurt(question)) == {"works", "memslot", "fault"}


@pytest.mark.parametrize("kernel", ["linux-6.1", "linux-6.12", "linux-6.18", "linux-7.2"])
def test_no_vmm_of_the_question_fails_for_another_reason(kernel: str) -> None:
    for words, operations in lab09.USERS.items():
        if where_refused(operations, kernel) == "works":
            assert set(replay(parse(operations), kernel)) == {"ok"}, words


@pytest.mark.parametrize("seed", SEEDS)
def test_one_recording_of_each_question_shows_the_pools_old_tag(seed: int) -> None:
    question = problem("stale_huge_page", seed=seed)
    name, at, letter = lab09.stale_huge_page(question)
    assert question.lines["ABCD".index(letter)] == lab09.RIGHT_LINE
    for scenario in question.scenarios:
        recorded = scenario.results[question.kernel]
        assert replay(scenario.operations, question.kernel) == recorded
        clean = replay(scenario.operations, question.kernel, old_tag=0)
        assert (clean == recorded) == (scenario.id != name)
        if scenario.id == name:
            assert clean[:at] == recorded[:at]
            assert "15" in recorded[at]
