"""One access, told in full: what the check asked, how it ended and what the registers say afterwards."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple

from mtelab.arch.faults import EXCEPTION_CLASSES, FAULT_STATUS, DataAbort
from mtelab.arch.loads_stores import ATOMIC
from mtelab.arch.memory import Memory
from mtelab.arch.pointers import logical_tag, strip_tag
from mtelab.arch.processor import Processor
from mtelab.arch.registers import ESR_EL1
from mtelab.arch.tag_check import LOAD, PREFETCH, STORE, Access, Step, Verdict, why_unchecked

Kind = Literal["load", "store", "atomic", "prefetch"]
ACCESSES: Final[dict[Kind, Access]] = {"load": LOAD, "store": STORE, "atomic": ATOMIC, "prefetch": PREFETCH}

_WORDS: Final = {
    "unchecked": "unchecked",
    "match": "allowed",
    "ignored": "mismatch ignored",
    "asynchronous": "recorded in TFSR",
    "synchronous": "tag check fault",
}
"""Outcome of a verdict. Of several granules the last in this order decides."""


class SyndromeField(NamedTuple):
    """A field of ESR_EL1 with what its value means."""

    name: str
    value: int
    meaning: str


class Change(NamedTuple):
    """A register before and after."""

    before: int
    after: int


@dataclass(frozen=True)
class Outcome:
    """How an access ended.

    Attributes
    ----------
    outcome : str
        ``"allowed"`` (tags compared and equal), ``"unchecked"``, ``"mismatch ignored"``, ``"recorded in TFSR"``,
        ``"tag check fault"``, ``"alignment fault"`` or ``"translation fault, level N"``.
    reason : tuple of Step
        The questions asked of the granule that decided, in order, with their answers; the last is decisive.
    granules : tuple of (int, Verdict)
        Every granule that was asked: pointer to the first byte there, and its verdict.
    ESR_EL1 : ESR_EL1 or None
        The syndrome, if a fault was taken.
    FAR_EL1 : int or None
        The pointer that failed, if a fault was taken.
    TFSR_EL1, TFSRE0_EL1 : Change
        The status registers.
    loaded : bytes or None
        What was loaded, in memory order.
    message : str
        One line for people.
    """

    outcome: str
    reason: tuple[Step, ...]
    granules: tuple[tuple[int, Verdict], ...]
    ESR_EL1: ESR_EL1 | None
    FAR_EL1: int | None
    TFSR_EL1: Change
    TFSRE0_EL1: Change
    loaded: bytes | None
    message: str

    @property
    def syndrome(self) -> tuple[SyndromeField, ...]:
        """ESR_EL1 field by field; empty without a fault."""
        esr = self.ESR_EL1
        if esr is None:
            return ()
        return (
            SyndromeField("EC", esr.EC, EXCEPTION_CLASSES[esr.EC]),
            SyndromeField("WnR", esr.WnR, "write" if esr.WnR else "read"),
            SyndromeField("DFSC", esr.DFSC, FAULT_STATUS[esr.DFSC]),
        )

    def __str__(self) -> str:
        return self.message


def configured(
    memory: Memory | None = None, *, el: int = 0, ata: int = 1, tcf: int = 1, tbi: int = 3, tcma: int = 0, tco: int = 0
) -> Processor:
    """Make a processor in one configuration of its tag checks.

    Parameters
    ----------
    memory : Memory or None
        What it is connected to; None makes one page.
    el : int
        Exception level, 0 or 1.
    ata, tcf : int
        SCTLR_EL1.ATA and TCF (0 to 3, see `TCF`), for both exception levels.
    tbi, tcma : int
        TCR_EL1.TBI and TCMA, bit 0 for VA range 0 and bit 1 for VA range 1.
    tco : int
        PSTATE.TCO.
    """
    bits = {"el": (el, 1), "ata": (ata, 1), "tcf": (tcf, 3), "tbi": (tbi, 3), "tcma": (tcma, 3), "tco": (tco, 1)}
    for name, (value, most) in bits.items():
        if not 0 <= value <= most:
            raise ValueError(f"{name}: {value}, expected 0 to {most}")
    cpu = Processor(memory)
    cpu.PSTATE.EL, cpu.PSTATE.TCO = el, tco
    cpu.SCTLR_EL1.ATA = cpu.SCTLR_EL1.ATA0 = ata
    cpu.SCTLR_EL1.TCF = cpu.SCTLR_EL1.TCF0 = tcf
    tcr = cpu.TCR_EL1
    tcr.TBI0, tcr.TBI1, tcr.TCMA0, tcr.TCMA1 = tbi & 1, tbi >> 1, tcma & 1, tcma >> 1
    return cpu


def try_access(
    cpu: Processor | None = None,
    *,
    pointer: int,
    size: int = 8,
    kind: Kind = "load",
    data: bytes | None = None,
    sp: bool = False,
    unprivileged: bool = False,
    memory: Memory | None = None,
    **configuration: int,
) -> Outcome:
    """Do one access and tell how it ended, faults included.

    Parameters
    ----------
    cpu : Processor or None
        The processor that does it, and that it changes. None makes one: ``configured(memory, **configuration)``.
    pointer : int
        Pointer to the lowest byte.
    size : int
        Bytes; an atomic operation always has 8.
    kind : {"load", "store", "atomic", "prefetch"}
        The atomic operation is SWP.
    data : bytes or None
        What is stored, `size` bytes; None stores zeros.
    sp : bool
        Whether the base register is SP with an immediate offset and no writeback. No such access is checked.
    unprivileged : bool
        Whether it is LDTR or STTR.
    memory, **configuration
        See `configured`.

    Examples
    --------
    >>> print(try_access(pointer=0x0300_0000_0000_1010, kind="store", size=1))
    tag check fault: pointer tag 3, memory tag 0, at 0x1010, write
    """
    if kind not in ACCESSES:
        raise ValueError(f"kind: {kind!r}, expected one of {', '.join(ACCESSES)}")
    size = 8 if kind == "atomic" else size
    data = bytes(size) if data is None else data
    if size < 1 or len(data) != size:
        raise ValueError(f"data: {len(data)} bytes, expected size, which is {size} and must be at least 1")
    if cpu is None:
        cpu = configured(memory, **configuration)
    elif configuration or memory is not None:
        raise ValueError("cpu: give a processor or a configuration, not both")
    access = ACCESSES[kind]
    access = replace(access, checked=access.checked and not sp, unprivileged=unprivileged)
    before = cpu.TFSR_EL1.value, cpu.TFSRE0_EL1.value
    loaded, fault = None, None
    try:
        loaded = _do(cpu, kind, pointer, size, data, access)
    except DataAbort as raised:
        fault = raised
    word, reason = _told(cpu, pointer, access, fault)
    message = f"{word}: pointer tag {logical_tag(pointer):X}, at {strip_tag(pointer):#x}, {kind} of {size} bytes"
    return Outcome(
        outcome=word,
        reason=reason,
        granules=tuple(cpu.checks),
        ESR_EL1=fault.ESR_EL1 if fault else None,
        FAR_EL1=fault.FAR_EL1 if fault else None,
        TFSR_EL1=Change(before[0], cpu.TFSR_EL1.value),
        TFSRE0_EL1=Change(before[1], cpu.TFSRE0_EL1.value),
        loaded=loaded,
        message=str(fault) if fault else message,
    )


def _do(cpu: Processor, kind: Kind, pointer: int, size: int, data: bytes, access: Access) -> bytes | None:
    cpu.checks = []
    if kind == "load":
        return cpu.load(pointer, size, access)
    if kind == "store":
        cpu.store(pointer, data, access)
    if kind == "atomic":
        return cpu.SWP(int.from_bytes(data, "little"), pointer, access).to_bytes(8, "little")
    return None


def _told(cpu: Processor, pointer: int, access: Access, fault: DataAbort | None) -> tuple[str, tuple[Step, ...]]:
    """Outcome in a word or two, and the questions that led to it."""
    if access.prefetch:
        return "unchecked", tuple(why_unchecked(pointer, access, cpu.SCTLR_EL1, cpu.TCR_EL1, cpu.PSTATE, tagged=True))
    if fault is not None and (word := FAULT_STATUS[fault.ESR_EL1.DFSC]) != "tag check fault":
        question = "Is it aligned?" if word == "alignment fault" else "Does the address lead to memory?"
        return word, (Step(question, f"no: {word}", True),)
    order = list(_WORDS)
    worst = max((verdict for _, verdict in cpu.checks), key=lambda verdict: order.index(verdict.result))
    return _WORDS[worst.result], (Step("Does the address lead to memory?", "yes", False), *worst.steps)
