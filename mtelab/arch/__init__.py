"""The processor: pointers, registers, the tag instructions and the check of every load and store.

Everything follows Arm's manual (DDI 0487); `mtelab.arch.vectors` compares it with what QEMU does.
"""

from mtelab.arch.access import Outcome, configured, try_access
from mtelab.arch.faults import DataAbort, ProcessorFault, UndefinedInstruction
from mtelab.arch.memory import Memory
from mtelab.arch.pointers import PointerField, logical_tag, pointer_fields, strip_tag, va_range, with_tag
from mtelab.arch.processor import Processor
from mtelab.arch.tag_check import TCF, Access, Step

__all__ = [
    "TCF",
    "Access",
    "DataAbort",
    "Memory",
    "Outcome",
    "PointerField",
    "Processor",
    "ProcessorFault",
    "Step",
    "UndefinedInstruction",
    "configured",
    "logical_tag",
    "pointer_fields",
    "strip_tag",
    "try_access",
    "va_range",
    "with_tag",
]
