"""The tag check: what the processor asks about a load or a store before it compares two tags, and after.

The questions are those of the Arm ARM (DDI 0487, chapter D10; pseudocode AArch64.AccessTagIsChecked and
AArch64.TagCheckFault); the order is ours where it makes no difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from mtelab.arch.pointers import logical_tag, va_range
from mtelab.arch.registers import PSTATE, SCTLR_EL1, TCR_EL1


class TCF(IntEnum):
    """What a failed check does: the values of SCTLR_EL1.TCF and TCF0."""

    NONE = 0
    """Nothing."""
    SYNC = 1
    """A data abort; the access is not done."""
    ASYNC = 2
    """A bit in TFSR_EL1 or TFSRE0_EL1; the access is done."""
    ASYMM = 3
    """SYNC for what reads, ASYNC for what only writes."""


@dataclass(frozen=True)
class Access:
    """What an instruction does to memory, as far as the check cares.

    Attributes
    ----------
    read, write : bool
        An atomic operation does both. DC ZVA writes.
    checked : bool
        False for prefetches, and for SP with an immediate offset and no writeback.
    unprivileged : bool
        LDTR and STTR: EL0's rules at EL1.
    within_16 : bool
        Ordered, exclusive and atomic accesses: they may not cross a 16-byte bound (FEAT_LSE2).
    prefetch : bool
        A hint: it reports no fault of any kind.
    """

    read: bool
    write: bool
    checked: bool = True
    unprivileged: bool = False
    within_16: bool = False
    prefetch: bool = False

    @property
    def reports_write(self) -> bool:
        """ESR_EL1.WnR of a failure: 0 if the access also reads, since the read fails first."""
        return self.write and not self.read


LOAD = Access(read=True, write=False)
STORE = Access(read=False, write=True)
PREFETCH = Access(read=True, write=False, checked=False, prefetch=True)


class Step(NamedTuple):
    """A question that the check asked, its answer, and whether that settled the matter."""

    question: str
    answer: str
    decisive: bool


class Verdict(NamedTuple):
    """End of a check: ``"unchecked"``, ``"match"``, ``"ignored"``, ``"synchronous"`` or ``"asynchronous"``."""

    result: str
    steps: list[Step]


def why_unchecked(
    pointer: int, access: Access, sctlr: SCTLR_EL1, tcr: TCR_EL1, pstate: PSTATE, tagged: bool
) -> list[Step]:
    """Ask what can spare an access the check; the last step is decisive if it does."""
    el = 0 if access.unprivileged else pstate.EL
    side = va_range(pointer)
    tbi, tcma = (tcr.TBI1, tcr.TCMA1) if side else (tcr.TBI0, tcr.TCMA0)
    match_all = 15 if side else 0
    enabled = sctlr.ATA if el else sctlr.ATA0
    questions = (
        ("Does this kind of access check tags?", access.checked, "yes", "no: a prefetch, or SP with an immediate"),
        ("Is PSTATE.TCO 1?", not pstate.TCO, "no", "yes: checks are off"),
        (f"Is TCR_EL1.TBI{side} 1?", tbi, "yes", "no: the top byte is address, not tag"),
        (
            f"Does TCR_EL1.TCMA{side} let tag {match_all:X} pass?",
            not (tcma and logical_tag(pointer) == match_all),
            "no" if not tcma else f"only that tag; the pointer's is {logical_tag(pointer):X}",
            "yes: the pointer's tag matches all",
        ),
        (f"Is SCTLR_EL1.{'ATA' if el else 'ATA0'} 1?", enabled, "yes", f"no: EL{el} has no access to tags"),
        ("Is the memory Normal Tagged?", tagged, "yes", "no: it has no tags"),
    )
    steps = []
    for question, goes_on, answer, answer_if_not in questions:
        steps.append(Step(question, answer if goes_on else answer_if_not, not goes_on))
        if not goes_on:
            break
    return steps


def check_tag(
    pointer: int, memory_tag: int, access: Access, sctlr: SCTLR_EL1, tcr: TCR_EL1, pstate: PSTATE, tagged: bool
) -> Verdict:
    """Check one granule's worth of an access.

    Parameters
    ----------
    pointer : int
        Pointer to the first byte of the access in this granule.
    memory_tag : int
        Allocation tag of the granule.
    access : Access
        What is done there.
    sctlr, tcr, pstate
        The state of the processor.
    tagged : bool
        Whether the granule is in tagged memory.
    """
    steps = why_unchecked(pointer, access, sctlr, tcr, pstate, tagged)
    if steps[-1].decisive:
        return Verdict("unchecked", steps)
    tag = logical_tag(pointer)
    equal = tag == memory_tag
    comparison = f"{'yes' if equal else 'no'}: pointer {tag:X}, memory {memory_tag:X}"
    steps.append(Step("Are the two tags equal?", comparison, equal))
    if equal:
        return Verdict("match", steps)
    el0 = access.unprivileged or pstate.EL == 0
    name, mode = ("TCF0", sctlr.TCF0) if el0 else ("TCF", sctlr.TCF)
    if mode == TCF.NONE:
        result, answer = "ignored", "0, NONE: nothing happens"
    elif mode == TCF.SYNC or (mode == TCF.ASYMM and access.read):
        result, answer = "synchronous", f"{mode}, {TCF(mode).name}: a data abort"
    else:
        result, answer = "asynchronous", f"{mode}, {TCF(mode).name}: a bit in {'TFSRE0_EL1' if el0 else 'TFSR_EL1'}"
    steps.append(Step(f"What does SCTLR_EL1.{name} say of a failed check?", answer, True))
    return Verdict(result, steps)
