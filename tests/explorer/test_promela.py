"""Promela twins: SPIN finds the same verdicts and, where it neither merges nor reduces, the same number of states."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import mtelab
from mtelab import sync
from mtelab.bench.spin import missing, spin
from mtelab.explorer import model
from mtelab.explorer.promela import promela

TWINS = {
    "clear-first-two-vms": ("clear-first", "two-vms", 2, 1),
    "page-lock-vm-and-mprotect": ("page-lock", "vm-and-mprotect", 3, 1),
    "merged-5.14-fork-and-mprotect": ("merged-5.14", "fork-and-mprotect", 2, 2),
}
"""Programs that are committed, to be read, each with its model: protocol, situation, CPUs, pages."""

FOLDER = Path(__file__).parent / "promela"

if missing() and os.environ.get("MTELAB_REQUIRE_SPIN"):
    pytest.fail(f"{', '.join(missing())} not installed, expected SPIN and a C compiler")
needs_spin = pytest.mark.skipif(bool(missing()), reason=f"{', '.join(missing())} not installed")


@pytest.mark.parametrize("name", TWINS)
def test_the_committed_twin_is_the_model_s(name):
    protocol, situation, cpus, pages = TWINS[name]
    assert (FOLDER / f"{name}.pml").read_text() == promela(model(protocol, situation, cpus=cpus, pages=pages))


def test_every_committed_twin_is_tested():
    assert {path.stem for path in FOLDER.glob("*.pml")} == set(TWINS)


def agree(protocol, situation, cpus=2, pages=1):
    ours = mtelab.explore(protocol, situation, cpus=cpus, pages=pages)
    theirs = spin(promela(model(protocol, situation, cpus=cpus, pages=pages)))
    assert theirs.complete
    assert theirs.states == ours.states
    assert theirs.violations == set(ours.violations)
    return ours


@needs_spin
@pytest.mark.parametrize("name", TWINS)
def test_spin_agrees_on_the_twins(name):
    agree(*TWINS[name])


@needs_spin
@pytest.mark.parametrize(
    ("protocol", "situation", "cpus", "pages"),
    [
        ("flag-first", "ioctl-and-fault", 3, 1),
        ("big-lock", "two-vms", 3, 1),
        ("two-bit-no-barriers", "swap-in", 3, 1),
        ("no-shared", "mmap-over", 2, 1),
    ],
)
def test_spin_agrees_on_others(protocol, situation, cpus, pages):
    agree(protocol, situation, cpus, pages)


@needs_spin
def test_spin_agrees_on_a_deadlock():
    def crossed(cpu, page):
        first, second = ("a", "b") if cpu.id == 0 else ("b", "a")
        yield sync.spin_lock(first)
        yield sync.mte_clear_page_tags(page)
        yield sync.spin_lock(second)
        yield sync.spin_unlock(second)
        yield sync.spin_unlock(first)

    assert "deadlocks" in agree(crossed, "two-vms").violations


@needs_spin
def test_spin_as_it_comes_finds_the_same_with_fewer_states():
    twin = promela(model("merged-5.14", "fork-and-mprotect", cpus=3))
    every, reduced = spin(twin), spin(twin, every_state=False)
    assert reduced.violations == every.violations
    assert reduced.states < every.states


def test_a_twin_is_readable():
    lines = promela(model("page-lock", "two-vms")).splitlines()
    assert lines[0] == "/* page-lock in two-vms: 2 CPUs, 1 page, mmu_lock shared */"
    asked = next(at for at, line in enumerate(lines) if "test_and_set_bit(PG_mte_lock, page 0)" in line)
    assert lines[asked + 1].strip().startswith(":: lock_0 -> goto L")
    assert lines[asked + 2].strip().startswith(":: d_step { !lock_0 -> lock_0 = 1 }; goto L")


def test_what_promela_cannot_say_is_refused():
    with pytest.raises(ValueError, match="memory: 'arm', expected 'sc': Promela has no weakly ordered memory"):
        promela(model("page-lock", "two-vms", memory="arm"))

    def unlocks(cpu, page):
        yield sync.spin_unlock("lock")

    with pytest.raises(ValueError, match=r"CPU 0: .*this CPU does not hold it, expected a protocol without mistakes"):
        promela(model(unlocks, "two-vms"))


def test_a_program_that_spin_does_not_read_is_refused():
    if missing():
        pytest.skip(f"{', '.join(missing())} not installed")
    with pytest.raises(ValueError, match="spin: "):
        spin("active proctype cpu() { nonsense }")
