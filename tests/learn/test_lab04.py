"""Lab 04's exercises: the references agree with the model, the questions are fair, and usual mistakes fail."""

from __future__ import annotations

import pytest

from mtelab.kvm.releases import RELEASES
from mtelab.learn import check, problem
from mtelab.learn.exercises import lab04
from mtelab.learn.memory_view import MemoryView
from mtelab.linux import Machine, mte
from mtelab.recordings import folder, read
from mtelab.scenario import run

SEEDS = range(6)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_scenario_answers_the_same_on_every_kernel(seed: int) -> None:
    question = problem("predict_scenario", seed=seed)
    answers = lab04.predict_scenario(question)
    assert {"5", "0", "SEGV_MTESERR"} <= set(answers)
    for kernel in RELEASES:
        results = run(question.lines, kernel, seed=seed)
        assert [results[place] for place in question.asked] == answers
    asked = [line for line in repr(question).split("\n") if "<- result" in line]
    assert len(asked) == len(answers)
    assert check("predict_scenario", answers, seed=seed).passed
    assert not check("predict_scenario", ["ok"] * len(answers), seed=seed).passed


@pytest.mark.parametrize("seed", SEEDS)
def test_each_end_of_a_page_comes_up(seed: int) -> None:
    question = problem("zero_page", seed=seed)
    assert set(lab04.zero_page(question)) == set(lab04.ENDS)
    assert len(set(question.stories)) == len(question.stories) == 6


@pytest.mark.parametrize("tagged", [False, True])
def test_the_copy_is_the_models(tagged: bool) -> None:
    machine = Machine(RELEASES["linux-6.12"].memory, frames=8)
    source, target = machine.memory.alloc_page(), machine.memory.alloc_page()
    machine.memory.data[source] = 7
    machine.memory.write_tags(source, [3] * 256)
    stale = [int(tag) for tag in machine.memory.read_tags(target)]
    if tagged:
        mte.set_page_mte_tagged(machine, source)
    mte.copy_highpage(machine, source, target)
    found = [int(tag) for tag in machine.memory.read_tags(target)]
    flag = mte.page_mte_tagged(machine, target)
    assert lab04.copy_highpage(7, [3] * 256, tagged, stale) == (7, found, flag)


@pytest.mark.parametrize("mapping", ["private anon", "private file", "shared file"])
@pytest.mark.parametrize("written", [False, True])
def test_what_dontneed_leaves_is_what_the_model_leaves(mapping: str, written: bool) -> None:
    view = MemoryView()
    file = None if mapping == "private anon" else (9, 6)
    own = (8, 5) if written and mapping != "shared file" else None
    for line in ("memfd f 1", "mmap s 1 shared f rwm", "stg s 0 0 6", "store s 0 9 6"):
        view.do(line)
    view.do(f"mmap r 1 {mapping.replace('file', 'f')} rwm")
    if own:
        view.do("stg r 0 0 5")
        view.do("store r 0 8 5")
    view.do("dontneed r 0 1")
    tag = int(view.do("ldg r 0 0"))
    assert lab04.dontneed(mapping, file, own) == (int(view.do(f"load r 0 {tag}"), 16), tag)


def test_mistakes_that_learners_make_fail() -> None:
    def always_copies(data: int, tags: list[int], tagged: bool, stale: list[int]) -> tuple[int, list[int], bool]:
        return data, tags, tagged

    def always_flags(data: int, tags: list[int], tagged: bool, stale: list[int]) -> tuple[int, list[int], bool]:
        return (data, tags, True) if tagged else (data, stale, True)

    def keeps_the_own_page(mapping: str, file: lab04.Page | None, own: lab04.Page | None) -> lab04.Page:
        return own or file or (0, 0)

    def zeroes_private_files(mapping: str, file: lab04.Page | None, own: lab04.Page | None) -> lab04.Page | None:
        return file if mapping == "shared file" else (0, 0)

    for seed in range(3):
        for wrong in (always_copies, always_flags):
            assert not check("copy_highpage", wrong, seed=seed).passed
        for wrong_drop in (keeps_the_own_page, zeroes_private_files):
            assert not check("dontneed", wrong_drop, seed=seed).passed


def test_the_model_does_what_the_recorded_programs_saw() -> None:
    for record in read(folder("kernel") / "user_memory.jsonl"):
        view = MemoryView(record.text("release"))
        view.do("mmap r 1 private anon rwm")
        if record.text("id") == "A00-zero-page-flag":
            view.do("load r 0")
            flags = "".join("mte_tagged " for name in view.frame(0).flags if name == "PG_mte_tagged")
            assert record.text("data.2_after_PROT_MTE_read") == f"present {flags}zero_page"
        elif record.text("id") == "G30-remove-prot-mte":
            view.do("stg r 0 0 3")
            view.do("mprotect r 0 1 rw")
            assert view.do("ldg r 0 0") == record.text("data.tags_LDG_after")[0]
            assert view.do("load r 0 9") == record.get("data.signal_load with wrong tag after mprotect(RW)").split()[0]
        elif record.text("id") == "G34-user-tag-lifecycle":
            view.do("stg r 0 0 3")
            flags = " ".join(name.removeprefix("PG_") for name in view.frame(1).flags)
            assert record.text("data.flags_after_write") == f"present {flags}"
            view.do("swapout r 0")
            assert view.do("ldg r 0 0") == record.text("data.tags_after_swap_in")[0]
            view.do("dontneed r 0 1")
            assert view.do("ldg r 0 0") == record.text("data.tags_after_DONTNEED")[0]
