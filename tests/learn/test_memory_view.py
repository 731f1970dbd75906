"""The picture of a machine's memory: that it agrees with the machine, and that steps can be taken back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtelab.kvm.releases import UnknownKernel
from mtelab.learn.memory_view import MemoryView, changed

START = ("memfd f 2", "mmap r 2 private anon rwm", "mmap s 2 shared f rw", "mmap p 2 private f rwm")


def view_of(*lines: str) -> MemoryView:
    view = MemoryView()
    for line in lines:
        view.do(line)
    return view


@st.composite
def steps(draw: st.DrawFn) -> list[str]:
    found, forked = [], False
    for _ in range(draw(st.integers(1, 14))):
        at = f"{draw(st.sampled_from('rsp'))} {draw(st.integers(0, 1))}"
        name = draw(
            st.sampled_from(("load", "store", "stg", "ldg", "dontneed", "mprotect", "munmap", "swapout", "fork"))
        )
        rest = {"store": " 9", "stg": " 1 5", "ldg": " 1", "dontneed": " 1", "mprotect": " 1 rwm", "munmap": " 1"}
        if name == "fork":
            if forked:
                continue
            forked = True
            found.append(name)
        else:
            who = "child " if forked and name != "swapout" and draw(st.booleans()) else ""
            found.append(f"{who}{name} {at}{rest.get(name, '')}")
    return found


@settings(deadline=None, max_examples=60)
@given(steps())
def test_the_picture_adds_up_and_every_step_can_be_taken_back(lines: list[str]) -> None:
    view = view_of(*START)
    pictures = [view.picture()]
    for line in lines:
        view.do(line)
        pictures.append(view.picture())
        for frame in view.frames():
            if frame.kind != "zero page":
                cached = frame.kind == "page cache"
                assert frame.refcount == len(frame.users) + cached
                assert (frame.kind == "free") == (frame.refcount == 0)
        for slot in view.slots():
            assert slot.refcount == len(slot.users)
        for page in view.pages():
            if page.tagged and page.access and page.state == "present":
                assert page.target is not None
                assert not view.frame(page.target).stale, "a program can see stale tags"
    for picture in reversed(pictures[:-1]):
        view.undo()
        assert view.picture() == picture


def test_what_changed_is_named() -> None:
    view = view_of(*START)
    before = view.picture()
    view.do("store s 1 7")
    assert changed(before, view.picture()) == ["parent:s:1", "frame:1"]
    before = view.picture()
    view.do("load s 1")
    assert changed(before, view.picture()) == []


def test_pages_and_frames_in_words() -> None:
    view = view_of("mmap r 2 private anon rwm", "load r 0", "stg r 1 1 5", "fork")
    assert str(view.page("r", 0)) == "zero page, r, tagged"
    assert str(view.page("r", 1)) == "frame 1, r, tagged, copy on write"
    assert view.behind("r", 1, "child") == "anonymous"
    assert "refcount 2, data 0x00, tags 0 5 0 0 ..., PG_mte_tagged, PG_mte_lock" in str(view.frame(1))
    view.do("swapout r 1")
    assert str(view.page("r", 1)) == "in swap slot 0"
    assert view.behind("r", 1) == "swap"
    assert view.slots()[0].tags[:2] == (0, 5)
    view.do("munmap r 0 2")
    assert view.vma_words(view.page("r", 0)) == "unmapped"
    assert view.behind("r", 0) == "nothing"


def test_a_page_without_tags_saves_none() -> None:
    view = view_of("mmap r 1 private anon rw", "store r 0 7", "swapout r 0")
    assert view.slots()[0].tags == ()
    assert view.do("load r 0") == "0x07"


def test_what_cannot_be_swapped_stays() -> None:
    view = view_of(*START, "load r 0", "load s 0")
    assert [view.do(f"swapout {page}") for page in ("r 0", "s 0", "p 0")] == ["stays"] * 3
    view = view_of("mmap r 2 shared anon rwm", "load r 0")
    assert "page cache shared anon[0]" in str(view.frame(1))


def test_another_kernel_does_the_same_lines() -> None:
    view = view_of("mmap r 1 private anon rwm", "stg r 0 0 5")
    view.replay([line for line, _ in view.log], "linux-6.1")
    assert view.frame(1).flags == ("PG_mte_tagged",)
    picture = view.picture()
    with pytest.raises(UnknownKernel):
        view.replay([], "linux-2.6")
    assert (view.kernel, view.picture()) == ("linux-6.1", picture)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "nothing: expected an operation: memfd, mmap"),
        ("lod r 0", "lod: expected an operation: memfd, mmap"),
        ("vm v", "vm: expected an operation"),
        ("load r 7", "load r 7: word 3, '7': expected a page of r, 0 to 1"),
        ("load q 0", "expected a region of an earlier line: r, s, p"),
        ("swapout r", "missing after 'r'"),
        ("swapout r 0 1", "expected the end of the line"),
        ("mmap r 1 private anon rw", "r: there is such a region"),
        ("mmap q 99 private anon rw", "99 pages, expected at most 6"),
        ("memfd g 99", "99 pages, expected at most 6"),
        ("child load r 0", "there is no child yet"),
        ("child hugefd h 512", "huge pages are not drawn"),
    ],
)
def test_what_is_refused_changes_nothing(line: str, message: str) -> None:
    view = view_of(*START)
    before, log = view.picture(), list(view.log)
    with pytest.raises(ValueError, match=r"expected|there is|huge") as caught:
        view.do(line)
    assert message in str(caught.value)
    assert (view.picture(), view.log) == (before, log)
    assert view.do("mmap q 1 private anon rw") == "ok"


def test_a_page_or_frame_that_is_not_there_is_named() -> None:
    view = view_of(*START)
    with pytest.raises(ValueError, match="r 9: no such page of the parent"):
        view.page("r", 9)
    with pytest.raises(ValueError, match="process: 'child', expected one of parent"):
        view.page("r", 0, "child")
    with pytest.raises(ValueError, match="frame 5: not used so far, expected one of 0"):
        view.frame(5)
    view.do("fork")
    with pytest.raises(ValueError, match="there is a child already"):
        view.do("fork")
