"""What every instruction of the model works on: registers, memory, translation and the way faults are taken."""

from __future__ import annotations

from typing import Any, NoReturn

from mtelab.arch.faults import TRANSLATION_FAULT, DataAbort, ProcessorFault, UndefinedInstruction
from mtelab.arch.memory import Memory
from mtelab.arch.pointers import pointer as checked_pointer
from mtelab.arch.pointers import strip_tag, va_range
from mtelab.arch.registers import (
    DCZID_EL0,
    ESR_EL1,
    GCR_EL1,
    GMID_EL1,
    PSTATE,
    RGSR_EL1,
    SCTLR_EL1,
    TCR_EL1,
    TFSR_EL1,
    TFSRE0_EL1,
    Register,
)


class State:
    """Registers and memory of one processor with FEAT_MTE3, as a Linux user program finds them.

    That is EL0 with tag access (ATA0), TBI0, synchronous checks (TCF0), TCO clear, no tag excluded; EL1 alike.
    A register takes a whole value, ``cpu.GCR_EL1 = 0xFFFE``, or a field, ``cpu.SCTLR_EL1.TCF0 = 2``.

    Parameters
    ----------
    memory : Memory or None
        What it is connected to; None makes one page.
    seed : int
        RGSR_EL1.SEED, 16 bits, from which IRG draws. 0 is allowed and draws without a random step.
    """

    def __init__(self, memory: Memory | None = None, seed: int = 0xACE1) -> None:
        self.memory = Memory() if memory is None else memory
        self.PSTATE = PSTATE()
        self.GCR_EL1 = GCR_EL1()
        self.RGSR_EL1 = RGSR_EL1(SEED=seed)
        self.SCTLR_EL1 = SCTLR_EL1(ATA=1, ATA0=1, TCF=1, TCF0=1)
        self.TCR_EL1 = TCR_EL1(TBI0=1, TBI1=1, T0SZ=16, T1SZ=16)
        self.TFSR_EL1 = TFSR_EL1()
        self.TFSRE0_EL1 = TFSRE0_EL1()
        self.GMID_EL1 = GMID_EL1(BS=6)
        self.DCZID_EL0 = DCZID_EL0(BS=4)
        self.ESR_EL1 = ESR_EL1()
        self.FAR_EL1 = 0

    def __setattr__(self, name: str, value: Any) -> None:
        """Let a register be set by its whole value, as MSR does."""
        now = self.__dict__.get(name)
        if isinstance(now, Register) and not isinstance(value, Register):
            value = type(now)(value)
        super().__setattr__(name, value)

    @property
    def tag_access(self) -> bool:
        """Whether the current exception level may read and write tags: SCTLR_EL1.ATA or ATA0."""
        return bool(self.SCTLR_EL1.ATA if self.PSTATE.EL else self.SCTLR_EL1.ATA0)

    def translate(self, pointer: int, write: bool) -> int:
        """Address in `memory` that `pointer` leads to.

        Raises
        ------
        DataAbort
            Translation fault: of level 0 if the pointer is outside both VA ranges, as one with a tag is without TBI;
            of the memory's `walk_level` if the page is absent.
        """
        side = va_range(checked_pointer(pointer))
        tcr = self.TCR_EL1
        ignored, bits = (tcr.TBI1, 64 - tcr.T1SZ) if side else (tcr.TBI0, 64 - tcr.T0SZ)
        address = strip_tag(pointer) if ignored else pointer
        if address >> bits != ((1 << (64 - bits)) - 1 if side else 0):
            self.abort(TRANSLATION_FAULT, pointer, write)
        low = address & ((1 << bits) - 1)
        if not self.memory.is_mapped(low):
            self.abort(TRANSLATION_FAULT + self.memory.walk_level, pointer, write)
        return low

    def abort(self, dfsc: int, pointer: int, write: bool, memory_tag: int | None = None) -> NoReturn:
        """Take a data abort: set ESR_EL1 and FAR_EL1, and raise `DataAbort`."""
        fault = DataAbort(dfsc, pointer, write, self.PSTATE.EL, memory_tag)
        self.FAR_EL1 = fault.FAR_EL1
        self._take(fault)

    def undefined(self, instruction: str) -> NoReturn:
        """Take an undefined instruction exception: set ESR_EL1 and raise `UndefinedInstruction`."""
        self._take(UndefinedInstruction(instruction, self.PSTATE.EL))

    def _take(self, fault: ProcessorFault) -> NoReturn:
        self.ESR_EL1 = fault.ESR_EL1
        raise fault
