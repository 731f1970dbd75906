"""The processor: every tag instruction and every checked access in one object."""

from __future__ import annotations

import random
from typing import Any

from mtelab.arch import instructions
from mtelab.arch.loads_stores import LoadsAndStores
from mtelab.arch.memory import Memory
from mtelab.arch.pointers import MASK_64, with_tag
from mtelab.arch.tag_instructions import TagInstructions
from mtelab.tags.checks import whole


class Processor(LoadsAndStores, TagInstructions):
    """One processor with FEAT_MTE3, ready for a user program: see `State` for its registers at the start.

    Parameters
    ----------
    memory : Memory or None
        What it is connected to; None makes one tagged page.
    seed : int
        RGSR_EL1.SEED, and the seed of the generator that stands in for RRND = 1.
    **registers : int
        Registers by name, as whole values: ``Processor(GCR_EL1=0x1)``.

    Examples
    --------
    >>> cpu = Processor()
    >>> pointer = cpu.IRG(0x1000)
    >>> _ = cpu.STG(pointer, pointer)
    >>> cpu.store(pointer, b"hello")
    >>> cpu.load(pointer, 5)
    b'hello'
    """

    def __init__(self, memory: Memory | None = None, seed: int = 0xACE1, **registers: Any) -> None:
        super().__init__(memory, seed)
        self._random = random.Random(seed)
        for name, value in registers.items():
            if name not in self.__dict__:
                raise ValueError(f"{name}: no register of the model")
            setattr(self, name, value)

    def IRG(self, xn: int, xm: int = 0) -> int:
        """Pointer `xn` with a random tag that neither GCR_EL1.Exclude nor `xm` excludes; 0 if all are excluded.

        Moves RGSR_EL1 on. With RRND = 1 Arm leaves the choice to the implementation; here it is Python's generator.
        """
        if not self.tag_access:
            return with_tag(xn, 0)
        state = self.RGSR_EL1
        exclude = self.GCR_EL1.Exclude | whole("xm", xm, 0, MASK_64) & instructions.ALL_EXCLUDED
        if self.GCR_EL1.RRND:
            allowed = [tag for tag in range(16) if not exclude >> tag & 1]
            return with_tag(xn, self._random.choice(allowed or [0]))
        state.TAG, state.SEED = instructions.draw_tag(state.TAG, state.SEED, exclude)
        return with_tag(xn, state.TAG)

    def ADDG(self, xn: int, offset: int, tag_offset: int) -> int:
        """Pointer `xn` moved up by `offset` bytes, its tag stepped on by `tag_offset`; tag 0 without tag access."""
        moved = instructions.addg(xn, offset, tag_offset, self.GCR_EL1.Exclude)
        return moved if self.tag_access else with_tag(moved, 0)

    def SUBG(self, xn: int, offset: int, tag_offset: int) -> int:
        """Pointer `xn` moved down by `offset` bytes, its tag stepped on by `tag_offset`; tag 0 without tag access."""
        moved = instructions.subg(xn, offset, tag_offset, self.GCR_EL1.Exclude)
        return moved if self.tag_access else with_tag(moved, 0)

    def GMI(self, xn: int, xm: int = 0) -> int:
        """Exclude mask `xm` with the tag of the pointer `xn` added."""
        return instructions.gmi(xn, xm)

    def SUBP(self, xn: int, xm: int) -> int:
        """Distance from pointer `xm` to pointer `xn` in bytes, tags and all else in the top byte left out."""
        return instructions.subp(xn, xm)

    def SUBPS(self, xn: int, xm: int) -> int:
        """As `SUBP`, and set PSTATE.NZCV."""
        value, self.PSTATE.NZCV = instructions.subps(xn, xm)
        return value
