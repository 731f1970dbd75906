"""Judge scenarios by the rule for memory behind memslots: where a check fires, and what gets past it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mtelab.kvm.releases import Release
from mtelab.linux.page_table import PRESENT
from mtelab.linux.vma import VM_SHARED
from mtelab.scenario import ScenarioError, ScenarioMachine, parse
from mtelab.scenario.guest import FIRST_GFN

REFUSED: Final = "a VM with MTE"
"""How a model's reason begins if the rule for MTE refused something, and not another one."""
NOTHING_DONE: Final = {
    "badop": "a file, a region or a vCPU that it needs is not there",
    "noregion": "the region is not there",
    "mmio": "no slot of the VM has this guest page",
}
"""Results of operations that found nothing to work on, and why."""


def where_refused(operations: Sequence[str], kernel: str | Release) -> str:
    """Run a scenario and say where the rule stops it first: ``"memslot"``, ``"fault"``, or ``"works"``: nowhere."""
    machine = ScenarioMachine(kernel)
    for operation in parse(operations):
        machine.do(operation)
        if machine.reason.startswith(REFUSED):
            return "memslot" if operation.name == "slot" else "fault"
    return "works"


def complain_unless_shared(scenario: object, kernel: Release, pages: int, page: int) -> str | None:
    """Run a learner's scenario, in which a guest with MTE should get shared memory; return what is wrong, or None.

    Parameters
    ----------
    scenario : object
        What the learner returned: a list of operations, or their text.
    kernel : Release
        What it runs on.
    pages : int
        Length of the slot, which begins at guest page 0.
    page : int
        Guest page that must end up on shared memory.
    """
    if not isinstance(scenario, str | list | tuple) or not all(isinstance(line, str) for line in scenario):
        return f"expected a list of operations, each a string, got {type(scenario).__name__}"
    try:
        operations = parse(scenario)
    except ScenarioError as error:
        return f"operation {error.line}: {error.problem}"
    machine = ScenarioMachine(kernel)
    for number, operation in enumerate(operations, start=1):
        result = machine.do(operation)
        if machine.reason or result in NOTHING_DONE:
            why = machine.reason or NOTHING_DONE[result]
            return f"operation {number}, {operation.text!r}: {result}\n{why}"
    return _missing(machine, pages, page)


def _missing(machine: ScenarioMachine, pages: int, page: int) -> str | None:
    """Say what a scenario that ran without an error has not reached."""
    vms = [guest.vm for guest in machine.guests.values() if guest.vm.mte_enabled]
    if not vms:
        return "no VM has MTE: the rule is for VMs with MTE only"
    slots = [(vm, slot) for vm in vms for slot in vm.slots.values() if slot.base_gfn == FIRST_GFN]
    slots = [(vm, slot) for vm, slot in slots if slot.npages == pages]
    if not slots:
        return f"no VM with MTE has a slot of {pages} pages at guest page 0"
    vm, slot = slots[0]
    if not vm.stage2.table[FIRST_GFN + page] & PRESENT:
        return f"the guest has not mapped guest page {page}: nothing is shared with it yet"
    vma = vm.mm.vmas.find(slot.hva_page(FIRST_GFN + page))
    if vma is None or not vma.flags & VM_SHARED:
        return f"guest page {page} is private memory"
    return None
