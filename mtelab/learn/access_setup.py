"""One load or store with all that decides whether its tag check fires: what the access bench and lab 02 share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mtelab.arch import Memory, Outcome, Processor, configured, try_access, with_tag
from mtelab.arch.pointers import MASK_64
from mtelab.tags import GRANULE_SIZE
from mtelab.tags.checks import whole

BASE: Final = 0x1000
"""Address of the first granule."""
GRANULES: Final = 3
WINDOW: Final = GRANULES * GRANULE_SIZE
"""Bytes of memory on the bench."""
SIZES: Final = (1, 2, 4, 8, 16, 32)
"""Bytes that one load or store moves; 32 is a pair of 128-bit registers (LDP, STP)."""
MODES: Final = ("none", "sync", "async", "asymmetric")
"""Short names of the values 0 to 3 of SCTLR_EL1.TCF and TCF0."""
FIRST_BYTE: Final = 0x40
"""The bytes of memory count up from here, so that one sees which were loaded."""
STORED: Final = 0xEE
"""What every byte of a store is."""


@dataclass(frozen=True)
class AccessSetup:
    """One access, and the state of the processor and of the memory that it meets.

    Attributes
    ----------
    tag : int
        The pointer's logical tag.
    tags : tuple of int
        Allocation tags of the three granules from `BASE`.
    offset, size : int
        First byte of the access, 0 to 15 from `BASE`, and how many bytes: one of `SIZES`.
    write : bool
        A store, not a load.
    el : int
        Exception level, 0 or 1.
    mode : str
        What a failed check does, one of `MODES`: SCTLR_EL1.TCF0 at EL0, TCF at EL1.
    va_range : int
        Bit 55 of the pointer. The memory is mapped in both ranges.
    tco, tcma, ata, tbi : bool
        PSTATE.TCO; TCR_EL1.TCMA0 or TCMA1 and TBI0 or TBI1, by `va_range`; SCTLR_EL1.ATA0 or ATA, by `el`.
    tagged : bool
        Whether the memory is Normal Tagged.
    """

    tag: int = 3
    tags: tuple[int, ...] = (3, 5, 5)
    offset: int = 4
    size: int = 8
    write: bool = False
    el: int = 0
    mode: str = "sync"
    va_range: int = 0
    tco: bool = False
    tcma: bool = False
    ata: bool = True
    tbi: bool = True
    tagged: bool = True

    def __post_init__(self) -> None:
        for name, low, high in (("tag", 0, 15), ("offset", 0, GRANULE_SIZE - 1), ("el", 0, 1), ("va_range", 0, 1)):
            whole(name, getattr(self, name), low, high)
        if len(self.tags) != GRANULES:
            raise ValueError(f"tags: {len(self.tags)} of them, expected {GRANULES}, one a granule")
        for at, tag in enumerate(self.tags):
            whole(f"tags[{at}]", tag, 0, 15)
        if self.size not in SIZES:
            raise ValueError(f"size: {self.size!r}, expected one of {', '.join(map(str, SIZES))}")
        if self.mode not in MODES:
            raise ValueError(f"mode: {self.mode!r}, expected one of {', '.join(MODES)}")
        for name in ("write", "tco", "tcma", "ata", "tbi", "tagged"):
            if getattr(self, name) not in (False, True):
                raise ValueError(f"{name}: {getattr(self, name)!r}, expected True or False")

    @property
    def pointer(self) -> int:
        """The pointer of the access. In range 1 all other bits above the address are 1."""
        upper = MASK_64 ^ (1 << 48) - 1 if self.va_range else 0
        return with_tag(upper | BASE + self.offset, self.tag)

    @property
    def register(self) -> str:
        """Where a failed check is recorded: TFSRE0_EL1 for EL0, TFSR_EL1 for EL1."""
        return "TFSR_EL1" if self.el else "TFSRE0_EL1"

    def processor(self) -> Processor:
        """A processor in this state with the memory of the bench; TFSR is clear."""
        memory = Memory(BASE, tagged=self.tagged)
        memory.data[:WINDOW] = range(FIRST_BYTE, FIRST_BYTE + WINDOW)
        for at, tag in enumerate(self.tags):
            memory.tags.store(at * GRANULE_SIZE, tag)
        both = 0b11  # both VA ranges: the access has only one of them
        return configured(
            memory,
            el=self.el,
            ata=int(self.ata),
            tcf=MODES.index(self.mode),
            tbi=both if self.tbi else 0,
            tcma=both if self.tcma else 0,
            tco=int(self.tco),
        )

    def run(self, cpu: Processor | None = None) -> Outcome:
        """Do the access on `cpu`, or on a fresh `processor`, and tell how it ended."""
        cpu = self.processor() if cpu is None else cpu
        data = bytes([STORED]) * self.size
        return try_access(cpu, pointer=self.pointer, size=self.size, kind="store" if self.write else "load", data=data)
