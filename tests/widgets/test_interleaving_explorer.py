"""The interleaving explorer makes the moves of the model, and shows what each of them did."""

from __future__ import annotations

from typing import Any

import pytest

import mtelab
from mtelab.sync import PROTOCOLS, SITUATIONS, PG_mte_tagged, mte_clear_page_tags, set_bit, spin_lock, test_bit
from mtelab.widgets import InterleavingExplorer


def event(figure: InterleavingExplorer, name: str, **fields: object) -> None:
    """What a browser would send."""
    figure._dispatch(figure, {"event": name, **fields}, [])


def lane(figure: InterleavingExplorer, cpu: int) -> dict[str, Any]:
    """What is drawn of a CPU."""
    found: dict[str, Any] = figure.picture["lanes"][cpu]
    return found


def learners_lock(cpu, page):
    """Test, then clear under a lock of one's own."""
    if (yield test_bit(PG_mte_tagged, page)):
        return
    yield spin_lock("mine")
    yield mte_clear_page_tags(page)
    yield set_bit(PG_mte_tagged, page)


def test_buttons_make_the_models_moves_and_take_them_back() -> None:
    explorer = InterleavingExplorer("flag-first", "two-vms")
    for cpu in (0, 1, 1, 0, 0, 0, 0):
        event(explorer, "step", cpu=cpu)
    assert explorer.schedule == "0110000"
    assert explorer.walk.verdicts == ["leaks"]
    assert explorer.picture["look"] == "bad"
    assert "CPU 0 reads tag F" in explorer.picture["verdict"]
    event(explorer, "undo")
    assert (explorer.schedule, explorer.picture["look"]) == ("011000", "")
    assert [row["move"] for row in explorer.line] == list("0110000")
    event(explorer, "seek", position=7)
    assert explorer.walk.shown == "leaks"
    event(explorer, "restart")
    assert explorer.schedule == ""
    event(explorer, "step", cpu=1)
    assert [row["move"] for row in explorer.line] == ["1"]


def test_another_move_forgets_those_that_were_taken_back() -> None:
    explorer = InterleavingExplorer("flag-first", "two-vms", schedule="0110000")
    explorer.seek(2)
    explorer.step(1)
    assert len(explorer.line) == 7
    explorer.undo()
    explorer.step(0)
    assert explorer.schedule == "010"
    assert len(explorer.line) == 3


def test_the_page_says_what_a_move_changed() -> None:
    explorer = InterleavingExplorer("flag-first", "two-vms", schedule="00")
    (page,) = explorer.picture["pages"]
    assert page["flags"] == [["PG_mte_tagged", True, True]]
    assert [tile["origin"] for tile in page["tags"]] == ["stale", "stale"]
    explorer.step(0)
    (page,) = explorer.picture["pages"]
    assert page["tags"][0] == {"granule": 0, "tag": 0, "origin": "initialised", "changed": True}
    assert page["flags"] == [["PG_mte_tagged", True, False]]
    assert "granule 0: F (stale) → 0" in explorer.status


def test_a_cpu_that_waits_says_for_whom() -> None:
    explorer = InterleavingExplorer("flag-first", "two-vcpus", schedule="0")
    assert lane(explorer, 1)["waits"] == "waits for mmu_lock of VM 0, and so for CPU 0, which holds it"
    assert ["mmu_lock of VM 0", 0, True] in explorer.picture["locks"]
    with pytest.raises(ValueError, match="CPU 1 cannot move: it waits for mmu_lock of VM 0"):
        explorer.step(1)
    event(explorer, "step", cpu=1)
    assert explorer.status.startswith("Refused: CPU 1 cannot move")
    assert explorer.schedule == "0"


def test_the_line_of_the_learners_own_function_is_marked() -> None:
    explorer = InterleavingExplorer(learners_lock, "two-vms")
    source = explorer.code["lanes"][0]["sources"][0]
    lines = dict(source["lines"])
    assert source["name"] == "learners_lock"
    assert '"""' not in "".join(lines.values())
    explorer.step(0)
    ((function, number),) = lane(explorer, 0)["marks"]
    assert (function, lines[number].strip()) == (0, 'yield spin_lock("mine")')
    explorer.go("000000")
    assert "CPU 0 ends" not in explorer.picture["verdict"]
    report = explorer.find_bug()
    assert report.verdict == "deadlocks"
    assert explorer.chosen["protocol"] == "learners_lock"
    explorer.set(protocol="big-lock")
    explorer.set(protocol="learners_lock")
    assert explorer.walk.model.protocol is learners_lock


def test_within_what_a_protocol_delegates_to_both_lines_are_marked() -> None:
    explorer = InterleavingExplorer("big-lock", "two-vms", schedule="0")
    sources = explorer.code["lanes"][0]["sources"]
    marks = lane(explorer, 0)["marks"]
    texts = [dict(sources[function]["lines"])[number].strip() for function, number in marks]
    assert texts[0].startswith("yield from under_lock(")
    assert texts[1].startswith("if (yield test_bit(PG_mte_tagged, page)):")


@pytest.mark.parametrize("memory", ["sc", "arm"])
@pytest.mark.parametrize(("number", "protocol"), list(enumerate(PROTOCOLS)))
def test_each_protocol_can_be_walked_to_an_end(number: int, protocol: str, memory: str) -> None:
    explorer = InterleavingExplorer(protocol, memory=memory)
    for at in (number, number + 4):
        explorer.set(situation=list(SITUATIONS)[at % len(SITUATIONS)])
        while moves := explorer.walk.moves():
            lanes = explorer.picture["lanes"]
            drawn = [(cpu, suffix) for cpu, now in enumerate(lanes) for suffix, _ in now["moves"]]
            assert drawn == [(move.cpu, move.suffix) for move in moves]
            assert all(now["ended"] or now["waits"] or now["moves"][0][0] == "" for now in lanes)
            explorer.step(moves[-1].cpu, moves[-1].suffix)
        assert all(now["ended"] for now in explorer.picture["lanes"])


def test_under_arm_waiting_stores_and_older_values_are_offered() -> None:
    explorer = InterleavingExplorer("clear-first", "two-vms", memory="arm", schedule="111111")
    assert lane(explorer, 1)["pending"][-1] == "PG_mte_tagged set in page 0"
    assert ["c", "becomes visible: PG_mte_tagged set in page 0"] in lane(explorer, 1)["moves"]
    explorer.step(0)
    explorer.step(1, "c")
    assert ["<", "test_bit(PG_mte_tagged): satisfied early, with the older value no flag"] in lane(explorer, 0)["moves"]
    assert explorer.step(0, "<") == ""
    assert explorer.schedule == "11111101c0<"
    assert explorer.line[-1]["text"] == "test_bit(PG_mte_tagged), an older value"


def test_find_me_the_bug_plays_the_shortest_and_can_be_paused() -> None:
    explorer = InterleavingExplorer("clear-first", "two-vms")
    event(explorer, "find")
    assert (explorer.playing, explorer.position, len(explorer.line)) == (True, 0, 13)
    event(explorer, "forward", position=0)
    event(explorer, "forward", position=0)
    assert explorer.position == 1
    event(explorer, "play", playing=False)
    event(explorer, "forward", position=1)
    assert explorer.position == 1
    event(explorer, "play", playing=True)
    for position in range(1, 13):
        event(explorer, "forward", position=position)
    assert (explorer.playing, explorer.walk.shown) == (False, "loses")
    shortest = mtelab.explore("clear-first", "two-vms").schedule
    assert explorer.schedule == shortest
    assert explorer.found["words"].endswith(f"has 13 moves: {shortest}")


def test_a_safe_protocol_is_said_to_be_safe_and_a_bound_never_is() -> None:
    explorer = InterleavingExplorer("page-lock", "two-vms")
    report = explorer.find_bug()
    assert explorer.found["look"] == "good"
    assert f"All {report.states} states were searched: safe" in explorer.found["words"]
    assert explorer.status == ""
    assert explorer.schedule == ""
    explorer.find_bug(max_states=5)
    assert explorer.found["look"] == "warn"
    assert "stopped after" in explorer.found["words"]
    assert "safe" not in explorer.found["words"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"protocol": "no-lock"}, "flag-first"),
        ({"situation": "nowhere"}, "two-vms"),
        ({"cpus": 99}, "expected 1 to 8"),
        ({"memory": "tso"}, "'sc' or 'arm'"),
        ({"speed": 1}, "protocol, situation, cpus"),
    ],
)
def test_a_refused_choice_changes_nothing(changes: dict[str, object], words: str) -> None:
    explorer = InterleavingExplorer(schedule="01")
    before = repr(explorer)
    with pytest.raises(ValueError, match=words):
        explorer.set(**changes)
    event(explorer, "set", **changes)
    assert explorer.status.startswith("Refused: ")
    assert repr(explorer) == before
    assert explorer.position == 2


@pytest.mark.parametrize("schedule", ["01x", "0000000000000000", "7", "0<"])
def test_a_schedule_that_cannot_be_followed_changes_nothing(schedule: str) -> None:
    explorer = InterleavingExplorer(schedule="01")
    event(explorer, "go", schedule=schedule)
    assert explorer.status.startswith("Refused: schedule:")
    assert explorer.schedule == "01"
    with pytest.raises(ValueError, match="expected 0 to 2"):
        explorer.seek(3)


def test_a_protocol_that_is_none_is_explained() -> None:
    def forgets_to_yield(cpu, page):
        return test_bit(PG_mte_tagged, page)

    explorer = InterleavingExplorer()
    explorer.set(protocol=forgets_to_yield)
    with pytest.raises(ValueError, match="a function that yields steps"):
        explorer.find_bug()

    def yields_nonsense(cpu, page):
        yield "clear"

    explorer.set(protocol=yields_nonsense)
    explorer.go("0" if lane(explorer, 0)["moves"] else "")
    event(explorer, "find")
    assert "expected a step of mtelab.sync" in explorer.status
    assert explorer.searching == ""


def test_reset_and_repr() -> None:
    explorer = InterleavingExplorer("flag-first", "two-vms", schedule="01")
    first = repr(explorer)
    assert first.startswith("InterleavingExplorer: flag-first in two-vms, 2 CPUs, memory sc: 01 [")
    explorer.set(protocol="big-lock", cpus=3, memory="arm")
    explorer.step(2)
    event(explorer, "reset")
    assert repr(explorer) == first
    explorer.go("0110000")
    assert "0110000, leaks" in repr(explorer)
