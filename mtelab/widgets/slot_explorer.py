"""The slot explorer: a VMM's mappings, the memslots of two guests on them, and what four kernels say to each call."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

import traitlets

from mtelab.kvm.releases import RELEASES
from mtelab.learn.four_kernels import BLOCKS, KERNELS, KINDS, VMS, FourKernels, Step
from mtelab.widgets.figure import Figure

SHOWN_STEPS: Final = 7
"""Steps that the figure lists, the newest last."""


class SlotExplorer(Figure):
    """A VMM with two VMs. Map memory, make slots, let a guest touch a block, by mouse, keyboard or code.

    Memory is counted in blocks of 2 MiB. Each VM has MTE and a vCPU; the VMM begins with eight blocks,
    private and anonymous.

    Parameters
    ----------
    kernel : str
        Whose state is drawn; all four answer each call.
    check_at_fault : bool
        False leaves only the check at the memslot.
    title : str
        What to write above the figure.

    Attributes
    ----------
    model : FourKernels
        The machines.

    Examples
    --------
    >>> explorer = SlotExplorer()
    >>> explorer.make_slot("a", 0, 0, count=4)
    >>> explorer.map("shared memfd", 1)
    >>> explorer.touch("a", 1, tag=7)
    >>> explorer.steps[-1].answers["linux-6.1"]
    Answer(result='EFAULT', where='fault')
    """

    script = "slot_explorer.js"

    picture = traitlets.Dict().tag(sync=True)
    """What to draw and to say."""
    choices = traitlets.Dict({"blocks": BLOCKS, "kernels": list(KERNELS), "kinds": list(KINDS), "vms": list(VMS)}).tag(
        sync=True
    )

    def __init__(
        self, *, kernel: str = "linux-6.1", check_at_fault: bool = True, title: str = "The slot explorer"
    ) -> None:
        self._first = kernel, check_at_fault
        super().__init__(title=title)
        self.reset()

    @property
    def steps(self) -> list[Step]:
        """What was done since the start, with each kernel's answer."""
        return self.model.steps

    def map(self, kind: str, block: int, count: int = 1) -> None:
        """Let the VMM map memory over its blocks: ``explorer.map("shared memfd", 1)``, or ``"nothing"`` to unmap."""
        self.model.map(kind, block, count)
        self._show()

    def make_slot(self, vm: str, guest_block: int, block: int, count: int = 1) -> None:
        """Put the VMM's blocks into a guest: ``explorer.make_slot("a", 0, 0, count=4)``."""
        self.model.make_slot(vm, guest_block, block, count)
        self._show()

    def remove_slot(self, vm: str, number: int) -> None:
        """Delete a slot."""
        self.model.remove_slot(vm, number)
        self._show()

    def touch(self, vm: str, guest_block: int, tag: int | None = None) -> None:
        """Let a guest set the tag of a block's first granule, or read it if `tag` is left out."""
        self.model.touch(vm, guest_block, tag)
        self._show()

    def set_kernel(self, kernel: str) -> None:
        """Draw the state of another kernel."""
        if kernel not in KERNELS:
            raise ValueError(f"kernel: {kernel!r}, expected one of {', '.join(KERNELS)}")
        self.kernel = kernel
        self._show()

    def set_check_at_fault(self, on: bool) -> None:
        """Add the check at the fault, or take it away; all steps are done again from the start."""
        self.model.set_check_at_fault(on)
        self._show()

    def reset(self) -> None:
        """Return to the start: no slots, private anonymous memory."""
        kernel, check_at_fault = self._first
        if kernel not in KERNELS:
            raise ValueError(f"kernel: {kernel!r}, expected one of {', '.join(KERNELS)}")
        self.kernel, self.model = kernel, FourKernels(check_at_fault)
        self._show()

    def on_map(self, kind: str, block: int, count: int) -> None:
        """Handle the button."""
        self.map(kind, block, count)

    def on_make_slot(self, vm: str, guest_block: int, block: int, count: int) -> None:
        """Handle the button."""
        self.make_slot(vm, guest_block, block, count)

    def on_remove_slot(self, vm: str, number: int) -> None:
        """Handle the button."""
        self.remove_slot(vm, number)

    def on_touch(self, vm: str, guest_block: int, tag: int | None) -> None:
        """Handle a button, or a click on a guest's block."""
        self.touch(vm, guest_block, tag)

    def on_kernel(self, kernel: str) -> None:
        """Handle the list of kernels."""
        self.set_kernel(kernel)

    def on_check_at_fault(self, on: bool) -> None:
        """Handle the switch."""
        self.set_check_at_fault(on)

    def _show(self) -> None:
        model, kernel = self.model, self.kernel
        last = max(0, len(model.steps) - SHOWN_STEPS)
        with self.hold_sync():
            self.picture = {
                "kernel": kernel,
                "rule": RELEASES[kernel].vma_rule,
                "check_at_fault": model.check_at_fault,
                "vmas": [
                    {"start": start, "end": end, "kind": kind, "permitted": model.permits(kernel, start)}
                    for start, end, kind in model.vmas(kernel)
                ],
                "guests": {vm: [asdict(block) for block in model.guest(kernel, vm)] for vm in VMS},
                "steps": [
                    {"number": number + 1, "words": step.words, "answers": [list(a) for a in step.answers.values()]}
                    for number, step in enumerate(model.steps)
                    if number >= last
                ],
            }
            self.status = self._sentence()

    def _sentence(self) -> str:
        if not self.steps:
            return "Nothing done yet."
        step = self.steps[-1]
        answer = step.answers[self.kernel]
        return f"{self.kernel}, {step.words}: {answer.result}{_WORDS[answer.where]}."

    def describe(self) -> str:
        """Say what was done last, and what each kernel answered."""
        checks = "both checks" if self.model.check_at_fault else "memslot check only"
        if not self.steps:
            return f"{checks}, nothing done yet"
        step = self.steps[-1]
        answers = ", ".join(f"{name.removeprefix('linux-')} {answer.result}" for name, answer in step.answers.items())
        return f"{checks}, {len(self.steps)} steps, {step.words}: {answers}"


_WORDS: Final = {
    "": "",
    "memslot": ", refused by the check at the memslot",
    "fault": ", refused by the check at the fault",
    "hole": ", and the guest has memory that the rule forbids",
}
