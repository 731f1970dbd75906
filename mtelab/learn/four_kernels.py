"""One VMM on four kernels at once: it maps memory, makes slots, lets guests touch it, and each kernel answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from mtelab.kvm.releases import RELEASES, slot_check_only
from mtelab.linux.page_table import LEAF, PRESENT, pfn_of
from mtelab.linux.vma import VM_HUGETLB, VM_SHARED, VMA
from mtelab.scenario import Operation, ScenarioMachine
from mtelab.scenario.grammar import Names
from mtelab.scenario.guest import FIRST_GFN
from mtelab.scenario.language import parse_line

BLOCKS: Final = 8
"""Blocks of 2 MiB that the VMM, and each guest, has."""
KERNELS: Final = tuple(RELEASES)
KINDS: Final = {
    "private anon": "private anon rw",
    "shared anon": "shared anon rw",
    "private memfd": "private f+{page} rw",
    "shared memfd": "shared f+{page} rw",
    "private hugetlb": "private h+{page} rw",
    "shared hugetlb": "shared h+{page} rw",
    "nothing": "",
}
"""What a block of the VMM can be, and how the scenario language says it."""
VMS: Final = ("a", "b")
_PAGES: Final = BLOCKS * LEAF
_START: Final = (
    f"memfd f {_PAGES}",
    f"hugefd h {_PAGES}",
    f"mmap r {_PAGES} private anon rw",
    *(f"{operation} {vm}" for vm in VMS for operation in ("vm", "mte", "vcpu")),
)
_REFUSED: Final = "a VM with MTE"


class Answer(NamedTuple):
    """What a kernel answered, and where the check fired.

    `where` is ``"memslot"`` or ``"fault"``; ``"hole"`` if the guest got memory that the kernel's rule forbids; and
    empty where the rule had nothing to say.
    """

    result: str
    where: str


class Step(NamedTuple):
    """Something that was done: in words, as the scenario language has it, and each kernel's answer."""

    words: str
    text: str
    answers: dict[str, Answer]


@dataclass(frozen=True)
class Block:
    """A block of a guest.

    Attributes
    ----------
    slot : int or None
        Slot that it is in.
    hva : int or None
        The VMM's block behind it.
    tag : int or None
        Tag of its first granule, if the guest has it mapped.
    """

    slot: int | None = None
    hva: int | None = None
    tag: int | None = None


class FourKernels:
    """The same calls on the models of four kernels.

    Each VM has MTE and a vCPU. Memory is counted in blocks of 2 MiB, from 0; the VMM begins with `BLOCKS` of them,
    private and anonymous.

    Parameters
    ----------
    check_at_fault : bool
        False takes the check at the fault away, and leaves the one at the memslot.

    Attributes
    ----------
    steps : list of Step
        What was done so far.
    """

    def __init__(self, check_at_fault: bool = True) -> None:
        self.steps: list[Step] = []
        self.check_at_fault = check_at_fault
        self._start()

    def _start(self) -> None:
        kernels = {name: name if self.check_at_fault else slot_check_only(name) for name in KERNELS}
        self._machines = {name: ScenarioMachine(kernel) for name, kernel in kernels.items()}
        self._names = Names()
        for text in _START:
            operation = parse_line(text, 1, self._names)
            for machine in self._machines.values():
                machine.do(operation)

    def set_check_at_fault(self, on: bool) -> None:
        """Add the check at the fault, or take it away, and do everything again from the start."""
        done, self.steps, self.check_at_fault = self.steps, [], on
        self._start()
        for step in done:
            self._do(step.words, step.text)

    def map(self, kind: str, block: int, count: int = 1) -> Step:
        """Let the VMM map memory of a kind over some of its blocks, or unmap them (``"nothing"``)."""
        if kind not in KINDS:
            raise ValueError(f"kind: {kind!r}, expected one of {', '.join(KINDS)}")
        _within("block", block, count)
        if kind == "nothing":
            return self._do(f"unmap {_blocks(block, count)}", f"munmap r {block * LEAF} {count * LEAF}")
        backing = KINDS[kind].format(page=block * LEAF)
        return self._do(f"map {kind} over {_blocks(block, count)}", f"remap r {block * LEAF} {count * LEAF} {backing}")

    def make_slot(self, vm: str, guest_block: int, block: int, count: int = 1) -> Step:
        """Put blocks of the VMM at a guest's block; the slot gets the lowest number that no kernel uses."""
        _known(vm)
        _within("guest block", guest_block, count)
        _within("block", block, count)
        used = {number for name in KERNELS for number in self._machines[name].guests[vm].vm.slots}
        number = next(number for number in range(2 * BLOCKS) if number not in used)
        words = f"VM {vm}: slot {number}, guest {_blocks(guest_block, count)} on {_blocks(block, count)}"
        return self._do(words, f"slot {vm} {number} {guest_block * LEAF} r {block * LEAF} {count * LEAF}")

    def remove_slot(self, vm: str, number: int) -> Step:
        """Delete a slot."""
        _known(vm)
        return self._do(f"VM {vm}: remove slot {number}", f"unslot {vm} {number}")

    def touch(self, vm: str, guest_block: int, tag: int | None = None) -> Step:
        """Let a guest set the tag of a block's first granule, or read it if `tag` is None."""
        _known(vm)
        _within("guest block", guest_block, 1)
        page = guest_block * LEAF
        if tag is None:
            return self._do(f"guest {vm} reads a tag of block {guest_block}", f"gldg {vm} {page} 0")
        if not 0 <= tag <= 15:
            raise ValueError(f"tag: {tag}, expected 0 to 15")
        return self._do(f"guest {vm} sets tag {tag} in block {guest_block}", f"gstg {vm} {page} 0 {tag}")

    def _do(self, words: str, text: str) -> Step:
        operation = parse_line(text, 1, self._names)
        answers = {name: self._answer(name, operation) for name in KERNELS}
        self.steps.append(Step(words, text, answers))
        return self.steps[-1]

    def _answer(self, kernel: str, operation: Operation) -> Answer:
        machine = self._machines[kernel]
        result = machine.do(operation)
        if machine.reason.startswith(_REFUSED):
            return Answer(result, "memslot" if operation.name == "slot" else "fault")
        if operation.name in ("gstg", "gldg") and not machine.reason:
            vm = machine.guests[operation.arguments[0]].vm
            gfn = FIRST_GFN + operation.arguments[1]
            slot = vm.find_slot(gfn)
            vma = slot and vm.mm.vmas.find(slot.hva_page(gfn))
            if vma and not machine.release.vma_may_back_mte(vma.flags):
                return Answer(result, "hole")
        return Answer(result, "")

    def vmas(self, kernel: str) -> list[tuple[int, int, str]]:
        """First block, block after the last, and kind of each VMA of the VMM's region, as `kernel` has them."""
        machine = self._machines[kernel]
        first = machine.vmm.regions["r"]
        found = machine.vmm.mm.vmas.intersecting(first, first + _PAGES)
        return [((vma.start - first) // LEAF, (vma.end - first) // LEAF, kind_of(vma)) for vma in found]

    def permits(self, kernel: str, block: int) -> bool:
        """Whether the rule of `kernel` lets a VM with MTE use what the VMM has at a block; True for a hole."""
        machine = self._machines[kernel]
        vma = machine.vmm.mm.vmas.find(machine.vmm.regions["r"] + block * LEAF)
        return vma is None or machine.release.vma_may_back_mte(vma.flags)

    def guest(self, kernel: str, vm: str) -> list[Block]:
        """Blocks of a guest, as `kernel` has them."""
        machine = self._machines[kernel]
        owner, first = machine.guests[vm].vm, machine.vmm.regions["r"]
        blocks = []
        for gfn in range(FIRST_GFN, FIRST_GFN + _PAGES, LEAF):
            slot, entry = owner.find_slot(gfn), owner.stage2.table[gfn]
            if slot is None:
                blocks.append(Block())
                continue
            tag = machine.machine.memory.load_tag(pfn_of(entry), 0) if entry & PRESENT else None
            blocks.append(Block(slot.id, (slot.hva_page(gfn) - first) // LEAF, tag))
        return blocks


def kind_of(vma: VMA) -> str:
    """Kind of a VMA, one of `KINDS`."""
    shared = bool(vma.flags & VM_SHARED)
    if vma.flags & VM_HUGETLB:
        behind = "hugetlb"
    else:
        # Shared anonymous memory has a file of its own too, which is not in any folder.
        behind = "memfd" if vma.file is not None and "deleted" not in vma.file.name else "anon"
    return f"{'shared' if shared else 'private'} {behind}"


def _blocks(first: int, count: int) -> str:
    return f"block {first}" if count == 1 else f"blocks {first}-{first + count - 1}"


def _known(vm: str) -> None:
    if vm not in VMS:
        raise ValueError(f"vm: {vm!r}, expected one of {', '.join(VMS)}")


def _within(what: str, first: int, count: int) -> None:
    if not (0 <= first and 1 <= count and first + count <= BLOCKS):
        raise ValueError(f"{what}: {count} from {first}, expected at least one, all of them in 0 to {BLOCKS - 1}")
