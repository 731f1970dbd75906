"""Loads, stores, atomics and DC ZVA: the accesses whose tags are checked."""

from __future__ import annotations

from collections.abc import Callable

from mtelab.arch.faults import ALIGNMENT_FAULT, TAG_CHECK_FAULT
from mtelab.arch.memory import Memory, granules
from mtelab.arch.pointers import MASK_64, va_range
from mtelab.arch.pointers import pointer as checked_pointer
from mtelab.arch.state import State
from mtelab.arch.tag_check import LOAD, STORE, Access, Verdict, check_tag
from mtelab.tags import GRANULE_SIZE
from mtelab.tags.checks import whole

ATOMIC = Access(read=True, write=True, within_16=True)


class LoadsAndStores(State):
    """The checked accesses.

    Attributes
    ----------
    checks : list of (int, Verdict)
        What the last access was asked, granule by granule: pointer to its first byte there, and the verdict.
    """

    def __init__(self, memory: Memory | None = None, seed: int = 0xACE1) -> None:
        super().__init__(memory, seed)
        self.checks: list[tuple[int, Verdict]] = []

    def load(self, pointer: int, size: int, access: Access = LOAD) -> bytes:
        """Load `size` bytes, in memory order.

        Raises
        ------
        DataAbort
            If a tag check fails synchronously, the page is absent or an ordered access is not aligned.
        ValueError
            If `size` is less than 1.
        """
        address = self._reach(pointer, size, access)
        return self.memory.read(address, size)

    def store(self, pointer: int, data: bytes, access: Access = STORE) -> None:
        """Store `data`. Raises as `load` does, and then nothing was stored.

        Arm's pseudocode, taken literally, stores the bytes before the one that failed. Here, as in QEMU, none is.
        """
        address = self._reach(pointer, len(data), access)
        self.memory.write(address, data)

    def LDADD(self, xs: int, xn: int, access: Access = ATOMIC) -> int:
        """Add `xs` to the 64-bit word at `xn`; returns what was there."""
        return self._atomic(xn, lambda word: word + xs, access)

    def SWP(self, xs: int, xn: int, access: Access = ATOMIC) -> int:
        """Store `xs` at `xn`; returns the 64-bit word that was there."""
        return self._atomic(xn, lambda word: xs, access)

    def CAS(self, xs: int, xt: int, xn: int, access: Access = ATOMIC) -> int:
        """Store `xt` at `xn` if the 64-bit word there is `xs`; returns what was there."""
        return self._atomic(xn, lambda word: xt if word == xs else word, access)

    def DC_ZVA(self, xt: int) -> None:
        """Zero the block around `xt`. Its tag check covers every granule and counts as a write.

        If it fails, FAR_EL1 names the first byte of the block, as in QEMU. QEMU reports a read, Arm's manual a
        write: the manual is followed.
        """
        size = 4 << self.DCZID_EL0.BS
        if self.DCZID_EL0.DZP:
            self.undefined("DC ZVA")
        start = checked_pointer(xt) & ~(size - 1)
        address = self._reach(start, size, STORE, far=start)
        self.memory.write(address, bytes(size))

    def _atomic(self, xn: int, change: Callable[[int], int], access: Access) -> int:
        address = self._reach(xn, 8, access)
        word = int.from_bytes(self.memory.read(address, 8), "little")
        self.memory.write(address, (change(word) & MASK_64).to_bytes(8, "little"))
        return word

    def _reach(self, pointer: int, size: int, access: Access, far: int | None = None) -> int:
        """Check and translate an access from its lowest byte up; returns the address of that byte in memory."""
        pointer = checked_pointer(pointer)
        if whole("size", size, 0, MASK_64) < 1:
            raise ValueError(f"size: {size}, expected at least 1 byte")
        self.checks = []
        write = access.reports_write
        if access.within_16 and pointer % GRANULE_SIZE + size > GRANULE_SIZE:
            self.abort(ALIGNMENT_FAULT, pointer, write)
        addresses = []
        for start, _ in granules(pointer, size):
            place = start & MASK_64
            address = self.translate(place, write)
            addresses.append(address)
            memory_tag = self.memory.load_tag(address)
            tagged = self.memory.is_tagged(address)
            verdict = check_tag(place, memory_tag, access, self.SCTLR_EL1, self.TCR_EL1, self.PSTATE, tagged)
            self.checks.append((place, verdict))
            if verdict.result == "synchronous":
                self.abort(TAG_CHECK_FAULT, place if far is None else far, write, memory_tag)
            if verdict.result == "asynchronous":
                self._record(place, access)
        return addresses[0]

    def _record(self, pointer: int, access: Access) -> None:
        el0 = access.unprivileged or self.PSTATE.EL == 0
        register = self.TFSRE0_EL1 if el0 else self.TFSR_EL1
        if va_range(pointer):
            register.TF1 = 1
        else:
            register.TF0 = 1
