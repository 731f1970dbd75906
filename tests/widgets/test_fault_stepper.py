"""The fault stepper walks the model's fault path, and shows what each step sees."""

from __future__ import annotations

import pytest

from mtelab.kvm.releases import RELEASES, release
from mtelab.widgets import FaultStepper


def event(figure: FaultStepper, name: str, **fields: object) -> None:
    """What a browser would send."""
    figure._dispatch(figure, {"event": name, **fields}, [])


def test_the_buttons_step_to_the_end_and_back() -> None:
    stepper = FaultStepper("fresh page", "gstore", "linux-6.1")
    assert stepper.stop is None
    for number, name in enumerate(release("linux-6.1").fault_path, start=1):
        event(stepper, "step")
        assert (stepper.position, stepper.stop.name) == (number, name)
    assert stepper.stop.outcome.kind == "mapped"
    event(stepper, "step")
    assert stepper.position == number
    for _ in range(number + 1):
        event(stepper, "back")
    assert stepper.position == 0
    event(stepper, "run")
    assert stepper.position == number
    event(stepper, "go", position=3)
    assert stepper.stop.name == "find_vma"
    event(stepper, "reset")
    assert stepper.position == 0


def test_a_kernel_that_ends_elsewhere_is_shown_at_its_own_end() -> None:
    stepper = FaultStepper("shared memory mapped over", "gload", "linux-6.1")
    stepper.run()
    assert (stepper.stop.name, stepper.stop.outcome.errno) == ("check_mte_allowed", "EFAULT")
    stepper.set(kernel="linux-6.12")
    assert stepper.stop.outcome.kind == "mapped"
    assert stepper.differing["check_mte_allowed"] == "answer"
    assert stepper.differing["read_mmu_seq"] == "place"
    assert "Not as on linux-6.1" in stepper.status
    stepper.back()
    stepper.set(kernel="linux-6.18")
    assert stepper.stop.name == "stage2_map"
    stepper.set(access="gstg")
    assert stepper.position == 0
    assert stepper.before is None


def test_every_kernel_has_its_line_in_the_table() -> None:
    stepper = FaultStepper("huge page mapped over", "gload", "linux-6.1")
    ends = {row["name"]: row["word"] for row in stepper.picture["kernels"]}
    assert list(ends) == list(RELEASES)
    assert ends["linux-6.12"] == "EFAULT"
    assert ends["linux-6.1"] == ends["linux-6.18"] == "mapped"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kernel": "linux-5.14"}, "linux-7.2"),
        ({"access": "jump"}, "gldg"),
        ({"situation": "nowhere"}, "fresh page"),
        ({"speed": "1"}, "situation, access, kernel"),
    ],
)
def test_a_refused_choice_says_what_there_is_and_changes_nothing(changes: dict[str, str], words: str) -> None:
    stepper = FaultStepper()
    stepper.step()
    before = repr(stepper)
    with pytest.raises(ValueError, match=words):
        stepper.set(**changes)
    event(stepper, "set", **changes)
    assert stepper.status.startswith("Refused: ")
    assert repr(stepper) == before


def test_a_position_outside_the_path_is_refused() -> None:
    stepper = FaultStepper("no slot", "gstg")
    with pytest.raises(ValueError, match="expected 0 to 1"):
        stepper.go(2)
    assert stepper.position == 0


def test_the_repr_is_stable_and_says_where_it_is() -> None:
    stepper = FaultStepper("no slot", "gstg", "linux-7.2")
    assert repr(stepper).startswith("FaultStepper: no slot, gstg, linux-7.2: before the fault")
    stepper.run()
    assert "step 1, find_memslot, ENOSYS" in repr(stepper)


def test_an_access_that_does_not_fault() -> None:
    stepper = FaultStepper("zero page first", "gload")
    stepper.run()
    assert stepper.position == 0
    assert "no fault" in stepper.picture["nothing"]
