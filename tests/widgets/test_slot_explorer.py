"""The slot explorer asks the models of four kernels, and shows what they answer and why."""

from __future__ import annotations

import pytest

from mtelab.kvm.releases import slot_check_only
from mtelab.learn.four_kernels import KERNELS, FourKernels
from mtelab.scenario import run
from mtelab.widgets import SlotExplorer


def results(explorer: SlotExplorer) -> list[tuple[str, str]]:
    return [tuple(answer) for answer in explorer.steps[-1].answers.values()]


def mmap_over(explorer: SlotExplorer) -> None:
    explorer.make_slot("a", 0, 0, count=4)
    explorer.map("shared memfd", 1)
    explorer.touch("a", 1, tag=7)


def test_the_hole_is_there_with_one_check_and_closed_by_the_other() -> None:
    explorer = SlotExplorer(check_at_fault=False)
    mmap_over(explorer)
    assert results(explorer) == [("ok", "hole"), ("ok", ""), ("ok", ""), ("ok", "")]
    assert explorer.picture["guests"]["a"][1]["tag"] == 7
    explorer.set_check_at_fault(True)
    assert results(explorer) == [("EFAULT", "fault"), ("ok", ""), ("ok", ""), ("ok", "")]
    assert explorer.picture["guests"]["a"][1]["tag"] is None
    assert "refused by the check at the fault" in explorer.status
    explorer.map("private anon", 1)
    explorer.touch("a", 1, tag=7)
    assert results(explorer)[0] == ("ok", "")


@pytest.mark.parametrize(
    ("kind", "answers"),
    [
        ("private anon", ["ok", "ok", "ok", "ok"]),
        ("shared anon", ["EINVAL", "ok", "ok", "ok"]),
        ("private memfd", ["ok", "ok", "ok", "ok"]),
        ("shared memfd", ["EINVAL", "ok", "ok", "ok"]),
        ("private hugetlb", ["ok", "EINVAL", "ok", "ok"]),
        ("shared hugetlb", ["EINVAL", "EINVAL", "ok", "ok"]),
        ("nothing", ["ok", "ok", "ok", "ok"]),
    ],
)
def test_what_each_kernel_accepts_at_the_memslot(kind: str, answers: list[str]) -> None:
    """As recorded: B01 to B04, B11 to B14, B22."""
    explorer = SlotExplorer()
    explorer.map(kind, 2, count=2)
    explorer.make_slot("a", 0, 2)
    assert results(explorer) == [(answer, "memslot" if answer == "EINVAL" else "") for answer in answers]
    shown = [vma["kind"] for vma in explorer.picture["vmas"] if vma["start"] <= 2 < vma["end"]]
    assert shown == ([] if kind == "nothing" else [kind])


def test_two_guests_on_one_private_block_are_nobodys_business() -> None:
    explorer = SlotExplorer()
    explorer.make_slot("a", 0, 0)
    explorer.make_slot("b", 3, 0)
    explorer.touch("a", 0, tag=9)
    explorer.touch("b", 3)
    assert results(explorer) == [("9", "")] * 4


def test_every_kernel_may_be_shown_and_has_its_own_state() -> None:
    explorer = SlotExplorer()
    explorer.map("shared anon", 0)
    explorer.make_slot("a", 0, 0)
    shown = {}
    for kernel in KERNELS:
        explorer.set_kernel(kernel)
        shown[kernel] = explorer.picture["guests"]["a"][0]["slot"], explorer.picture["vmas"][0]["permitted"]
    assert shown == {"linux-6.1": (None, False), **dict.fromkeys(KERNELS[1:], (0, True))}


def test_slots_are_numbered_and_removed() -> None:
    explorer = SlotExplorer()
    explorer.make_slot("a", 0, 0)
    explorer.make_slot("a", 1, 1)
    explorer.remove_slot("a", 0)
    assert [block["slot"] for block in explorer.picture["guests"]["a"][:3]] == [None, 1, None]
    explorer.make_slot("a", 5, 5)
    assert explorer.picture["guests"]["a"][5]["slot"] == 0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda explorer: explorer.map("disk", 0), "kind: 'disk'"),
        (lambda explorer: explorer.map("shared anon", 7, 2), "block: 2 from 7"),
        (lambda explorer: explorer.make_slot("c", 0, 0), "vm: 'c'"),
        (lambda explorer: explorer.make_slot("a", -1, 0), "guest block"),
        (lambda explorer: explorer.touch("a", 8), "guest block"),
        (lambda explorer: explorer.touch("a", 0, tag=16), "tag: 16"),
        (lambda explorer: explorer.set_kernel("linux-5.4"), "expected one of linux-6.1"),
    ],
)
def test_wrong_arguments_are_named_and_change_nothing(call, said: str) -> None:  # type: ignore[no-untyped-def]
    explorer = SlotExplorer()
    before = explorer.picture
    with pytest.raises(ValueError, match=said):
        call(explorer)
    assert explorer.picture == before
    assert explorer.steps == []


def test_events_of_the_browser_call_the_same_methods() -> None:
    explorer = SlotExplorer()
    explorer._dispatch(explorer, {"event": "make_slot", "vm": "a", "guest_block": 0, "block": 0, "count": 2}, [])
    explorer._dispatch(explorer, {"event": "map", "kind": "shared anon", "block": 0, "count": 1}, [])
    explorer._dispatch(explorer, {"event": "touch", "vm": "a", "guest_block": 0, "tag": None}, [])
    assert results(explorer)[0] == ("EFAULT", "fault")
    explorer._dispatch(explorer, {"event": "check_at_fault", "on": False}, [])
    assert results(explorer)[0] == ("0", "hole")
    explorer._dispatch(explorer, {"event": "kernel", "kernel": "linux-7.2"}, [])
    assert explorer.picture["kernel"] == "linux-7.2"
    explorer._dispatch(explorer, {"event": "map", "kind": "shared anon", "block": 7, "count": 2}, [])
    assert explorer.status.startswith("Refused: block")
    explorer._dispatch(explorer, {"event": "reset"}, [])
    assert (explorer.steps, explorer.picture["kernel"]) == ([], "linux-6.1")


def test_what_it_is_called_is_stable() -> None:
    explorer = SlotExplorer()
    assert explorer.describe() == "both checks, nothing done yet"
    mmap_over(explorer)
    assert (
        explorer.describe()
        == "both checks, 3 steps, guest a sets tag 7 in block 1: 6.1 EFAULT, 6.12 ok, 6.18 ok, 7.2 ok"
    )


def test_the_steps_are_operations_of_the_scenario_language() -> None:
    """With the figure's start before them they can be run as they stand."""
    model = FourKernels()
    model.make_slot("a", 0, 0, 4)
    model.map("shared memfd", 1)
    model.touch("a", 1, 7)
    start = ["memfd f 4096", "hugefd h 4096", "mmap r 4096 private anon rw", "vm a", "mte a", "vcpu a"]
    texts = [step.text for step in model.steps]
    for kernel in KERNELS:
        assert run(start + texts, kernel)[len(start) :] == [step.answers[kernel].result for step in model.steps]


def test_a_kernel_without_the_second_check_still_fails_where_nothing_is_mapped() -> None:
    model = FourKernels(check_at_fault=False)
    model.make_slot("a", 0, 0)
    model.map("nothing", 0)
    assert {answer.result for answer in model.touch("a", 0).answers.values()} == {"EFAULT"}
    assert "check_mte_allowed" not in slot_check_only("linux-7.2").fault_path
