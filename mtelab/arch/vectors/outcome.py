"""A vector's configuration, and the shape that recorded and modelled outcomes share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from mtelab.arch.faults import TAG_CHECK_FAULT, DataAbort, ProcessorFault
from mtelab.arch.memory import Memory
from mtelab.arch.pointers import MASK_64
from mtelab.arch.processor import Processor
from mtelab.arch.registers import SCTLR_EL1, TCR_EL1, TFSR_EL1
from mtelab.arch.vectors.window import VA_BITS
from mtelab.recordings import Record

Outcome = dict[str, str | None]
"""Results by the recording's names, spelled alike on both sides so that equal means equal."""

_DATA_ABORTS: Final = ("36", "37")
"""ESR_EL1.EC of the faults that say where, from EL0 and from EL1."""
_FAR_KNOWN: Final = (1 << 60) - 1
"""Bits of FAR_EL1 that Arm defines after a tag check fault without FEAT_MTE4."""


class Difference(NamedTuple):
    """A result in which recording and model differ; None where one of them has no such result."""

    field: str
    recorded: str | None
    model: str | None


@dataclass(frozen=True)
class Replay:
    """A vector, what was recorded as its outcome, and what the model makes of it."""

    vector: Record
    recorded: Outcome
    model: Outcome

    @property
    def differences(self) -> list[Difference]:
        """Results that differ, in the order of the recording."""
        names = dict.fromkeys((*self.recorded, *self.model))
        pairs = ((name, self.recorded.get(name), self.model.get(name)) for name in names)
        return [Difference(*pair) for pair in pairs if pair[1] != pair[2]]

    @property
    def agrees(self) -> bool:
        """Whether recording and model are the same in everything."""
        return self.recorded == self.model

    def row(self) -> tuple[str, str, str]:
        """Instruction, recorded outcome and model's outcome for a table; what stayed as it was is left out."""
        return self.vector.text("asm"), self._changed(self.recorded), self._changed(self.model)

    def _changed(self, outcome: Outcome) -> str:
        unchanged = {"fault": None, "data": "unchanged", "tags": self.vector.values.get("tags")}
        unchanged |= {name: str(self.vector.get("in").get(name, 0)) for name in ("xn", "xt", "tfsr", "tfsre0", "nzcv")}
        told = [f"{name}={value}" for name, value in outcome.items() if value != unchanged.get(name)]
        return ", ".join(told) or "nothing changes"


def processor(vector: Record, memory: Memory | None = None) -> Processor:
    """Make a processor in the configuration of a vector; without ``cfg``, EL1 with tag access and TCO set."""
    cpu = Processor(memory)
    tbi, tcma, cpu.PSTATE.EL, cpu.PSTATE.TCO = 3, 0, 1, 1
    if "cfg" in vector:
        cpu.SCTLR_EL1 = SCTLR_EL1(
            ATA=vector.integer("cfg.ata", 0, 1),
            ATA0=vector.integer("cfg.ata0", 0, 1),
            TCF=vector.integer("cfg.tcf", 0, 3),
            TCF0=vector.integer("cfg.tcf0", 0, 3),
        )
        tbi, tcma = vector.integer("cfg.tbi", 0, 3), vector.integer("cfg.tcma", 0, 3)
        cpu.PSTATE.EL, cpu.PSTATE.TCO = vector.integer("cfg.el", 0, 1), vector.integer("cfg.tco", 0, 1)
    size = 64 - VA_BITS
    cpu.TCR_EL1 = TCR_EL1(TBI0=tbi & 1, TBI1=tbi >> 1, TCMA0=tcma & 1, TCMA1=tcma >> 1, T0SZ=size, T1SZ=size)
    for register, field in (("TFSR_EL1", "in.tfsr"), ("TFSRE0_EL1", "in.tfsre0")):
        if field in vector:
            setattr(cpu, register, vector.integer(field, 0, MASK_64))
    return cpu


def word(value: int) -> str:
    """Spell a register or an address."""
    return f"{value:#x}"


def recorded_fault(vector: Record) -> Outcome:
    """Outcome part of the field ``fault``; the fields decoded there must fit the ESR beside them."""
    if vector.get("fault") is None:
        return {"fault": None}
    parts = {"esr": word(vector.word("fault.esr", 32)), "ec": str(vector.integer("fault.ec", 0, 63))}
    if "fault.far" in vector or parts["ec"] in _DATA_ABORTS:
        code = vector.integer("fault.dfsc", 0, 63)
        parts["dfsc"], parts["wnr"] = str(code), str(vector.integer("fault.wnr", 0, 1))
        parts["far"] = _far(code, vector.word("fault.far"))
    return {"fault": _spelled(parts)}


def modelled_fault(fault: ProcessorFault | None) -> Outcome:
    """Outcome part of what the model raised."""
    if fault is None:
        return {"fault": None}
    esr = fault.ESR_EL1
    parts = {"esr": word(esr.value), "ec": str(esr.EC)}
    if isinstance(fault, DataAbort):
        parts |= {"dfsc": str(esr.DFSC), "wnr": str(esr.WnR), "far": _far(esr.DFSC, fault.FAR_EL1)}
    return {"fault": _spelled(parts)}


def _far(code: int, address: int) -> str:
    return word(address & _FAR_KNOWN if code == TAG_CHECK_FAULT else address)


def _spelled(parts: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in parts.items())


def recorded_status(vector: Record) -> Outcome:
    """Outcome part of TFSR_EL1 and TFSRE0_EL1: their two defined bits."""
    fields = {name: vector.integer(f"out.{name}", 0, MASK_64) for name in ("tfsr", "tfsre0")}
    return {name: str(value & TFSR_EL1.defined) for name, value in fields.items()}


def modelled_status(cpu: Processor) -> Outcome:
    """Outcome part of TFSR_EL1 and TFSRE0_EL1 as the model has them."""
    return {"tfsr": str(cpu.TFSR_EL1.value), "tfsre0": str(cpu.TFSRE0_EL1.value)}
