"""The address space figure: what the browser is sent, and what it may send."""

from __future__ import annotations

from typing import Any

import pytest

from mtelab.widgets import AddressSpace


def figure() -> AddressSpace:
    return AddressSpace("mmap r 2 private anon rwm", "store r 0 7")


def parts(space: AddressSpace) -> dict[str, dict[str, Any]]:
    pages = [page for regions in space.picture["processes"].values() for row in regions.values() for page in row]
    return {part["key"]: part for part in pages + space.picture["held"]}


def test_a_step_is_drawn_and_marked() -> None:
    space = figure()
    assert (space.changed, space.status) == ([], "")
    assert space.do("stg r 1 0 5") == "ok"
    assert space.changed == ["parent:r:1", "frame:2"]
    assert parts(space)["frame:2"]["tags"][:2] == (5, 0)
    assert parts(space)["frame:2"]["users"] == ("parent:r:1",)
    assert space.log[-1] == ["stg r 1 0 5", "ok"]
    assert space.status == "stg r 1 0 5: ok"


def test_fork_draws_a_second_process() -> None:
    space = figure()
    space.do("fork")
    assert list(space.picture["processes"]) == ["parent", "child"]
    assert parts(space)["frame:1"]["users"] == ("parent:r:0", "child:r:0")
    assert parts(space)["child:r:0"]["cow"]


def test_undo_goes_back_to_the_start_and_no_further() -> None:
    space = figure()
    first = space.picture
    space.do("store r 1 9")
    space.undo()
    assert space.picture == first
    assert space.status == "Undone: store r 1 9"
    with pytest.raises(ValueError, match="nothing to undo"):
        space.undo()
    assert space.picture == first


def test_reset_forgets_all_steps() -> None:
    space = figure()
    first = (space.picture, space.log)
    space.do("munmap r 0 2")
    space.reset()
    assert (space.picture, space.log) == first


def test_another_kernel_is_used_for_the_same_lines() -> None:
    space = figure()
    space.use("linux-6.1")
    assert space.kernel == "linux-6.1"
    assert parts(space)["frame:1"]["flags"] == ("PG_mte_tagged",)
    assert "frame:1" in space.changed


def test_the_browser_does_the_same_as_a_cell() -> None:
    space = figure()
    for event in ({"event": "do", "line": "load r 1"}, {"event": "use", "kernel": "linux-7.2"}):
        space._dispatch(space, event, [])
    assert (space.log[-1], space.kernel) == (["load r 1", "0x00"], "linux-7.2")
    space._dispatch(space, {"event": "do", "line": "load r 4"}, [])
    assert space.status.startswith("Refused: load r 4: word 3, '4': expected a page of r")
    space._dispatch(space, {"event": "undo"}, [])
    assert space.log[-1] == ["store r 0 7", "ok"]
    space._dispatch(space, {"event": "undo"}, [])
    assert space.status == "Refused: nothing to undo: this is the start"


def test_the_repr_is_stable() -> None:
    assert repr(figure()) == repr(figure())
    assert "entries: 1, frames mapped: 1, operations: 2, the last store r 0 7: ok" in repr(figure())
    assert "nothing done yet" in repr(AddressSpace())
    space = figure()
    assert (str(space.page("r", 0)), space.behind("r", 1)) == ("frame 1, rw, tagged", "nothing")
    assert space.frame(1).data == 7
