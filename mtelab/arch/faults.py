"""Exceptions that the processor takes, with what it reports in ESR_EL1 and FAR_EL1 (Arm ARM, DDI 0487)."""

from __future__ import annotations

from typing import Final

from mtelab.arch.pointers import logical_tag, strip_tag
from mtelab.arch.registers import ESR_EL1

EXCEPTION_CLASSES: Final = {
    0x00: "undefined instruction",
    0x24: "data abort from EL0",
    0x25: "data abort from EL1",
}
"""Meaning of ESR_EL1.EC."""
TAG_CHECK_FAULT: Final = 0x11
ALIGNMENT_FAULT: Final = 0x21
TRANSLATION_FAULT: Final = 0x04
"""DFSC of level 0; the level is added."""
FAULT_STATUS: Final = {
    **{TRANSLATION_FAULT + level: f"translation fault, level {level}" for level in range(4)},
    TAG_CHECK_FAULT: "tag check fault",
    ALIGNMENT_FAULT: "alignment fault",
}
"""Meaning of ESR_EL1.DFSC."""


class ProcessorFault(Exception):
    """An exception that ended an instruction; ``ESR_EL1`` says why."""

    def __init__(self, ESR_EL1: ESR_EL1, message: str) -> None:
        super().__init__(message)
        self.ESR_EL1 = ESR_EL1


class UndefinedInstruction(ProcessorFault):
    """The instruction does not exist at this exception level."""

    def __init__(self, instruction: str, el: int) -> None:
        super().__init__(ESR_EL1(EC=0, IL=1), f"undefined instruction: {instruction} at EL{el}")


class DataAbort(ProcessorFault):
    """An access to memory failed.

    Parameters
    ----------
    DFSC : int
        Data fault status code, a key of `FAULT_STATUS`.
    address : int
        Pointer to the lowest byte that failed; becomes FAR_EL1, tag and all. After a tag check fault bits 63:60 of
        FAR_EL1 are UNKNOWN without FEAT_MTE4; here they are the pointer's.
    write : bool
        Whether a write failed, ESR_EL1.WnR.
    el : int
        Exception level of the instruction.
    memory_tag : int or None
        What the pointer's tag was compared with, for the message.
    """

    def __init__(self, DFSC: int, address: int, write: bool, el: int, memory_tag: int | None = None) -> None:
        tags = "" if memory_tag is None else f"pointer tag {logical_tag(address):X}, memory tag {memory_tag:X}, "
        message = f"{FAULT_STATUS[DFSC]}: {tags}at {strip_tag(address):#x}, {'write' if write else 'read'}"
        super().__init__(ESR_EL1(EC=0x25 if el else 0x24, IL=1, WnR=int(write), DFSC=DFSC), message)
        self.FAR_EL1 = address
