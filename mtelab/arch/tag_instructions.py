"""The instructions that read and write tags in memory. None of them checks a tag.

Each stands by the Arm ARM's name (DDI 0487, C6.2), takes register values and returns what its result register
gets: the data register for loads, the base register for stores.
"""

from __future__ import annotations

from typing import Literal

from mtelab.arch.faults import ALIGNMENT_FAULT
from mtelab.arch.memory import granules
from mtelab.arch.pointers import MASK_64, logical_tag, with_tag
from mtelab.arch.pointers import pointer as checked_pointer
from mtelab.arch.state import State
from mtelab.tags import GRANULE_SIZE
from mtelab.tags.checks import whole

Mode = Literal["off", "pre", "post"]
"""How the immediate is used: as an offset, or added to the base register before or after the access."""


class TagInstructions(State):
    """STG and its kin, LDG, the block forms, and DC GVA and GZVA."""

    def STG(self, xt: int, xn: int, imm: int = 0, mode: Mode = "off") -> int:
        """Give the granule at `xn` the tag of the pointer `xt`; returns the base register.

        Raises
        ------
        DataAbort
            If the address is no multiple of 16 (alignment fault) or its page is absent.
        """
        return self._store_tags(xt, xn, imm, mode, count=1, zero=False)

    def ST2G(self, xt: int, xn: int, imm: int = 0, mode: Mode = "off") -> int:
        """As `STG`, for two granules."""
        return self._store_tags(xt, xn, imm, mode, count=2, zero=False)

    def STZG(self, xt: int, xn: int, imm: int = 0, mode: Mode = "off") -> int:
        """As `STG`, and zero the granule. Without tag access it still zeroes."""
        return self._store_tags(xt, xn, imm, mode, count=1, zero=True)

    def STZ2G(self, xt: int, xn: int, imm: int = 0, mode: Mode = "off") -> int:
        """As `STZG`, for two granules."""
        return self._store_tags(xt, xn, imm, mode, count=2, zero=True)

    def STGP(self, xt: int, xt2: int, xn: int, imm: int = 0, mode: Mode = "off") -> int:
        """Store the pair `xt`, `xt2` at `xn` and give that granule the tag of the pointer `xn`."""
        pointer, base = _address(xn, imm, mode, 1024)
        pair = (("xt", xt), ("xt2", xt2))
        data = b"".join(whole(name, value, 0, MASK_64).to_bytes(8, "little") for name, value in pair)
        (address,) = self._granules(pointer, 1)
        self.memory.write(address, data)
        self._set_tags([address], logical_tag(pointer))
        return base

    def LDG(self, xt: int, xn: int, imm: int = 0) -> int:
        """Pointer `xt` with the tag of the granule at `xn`, or with tag 0 if there is no tag to be read."""
        pointer, _ = _address(xn, imm, "off", 4096)
        address = self.translate(pointer & -GRANULE_SIZE, write=False)
        return with_tag(xt, self.memory.load_tag(address) if self.tag_access else 0)

    def LDGM(self, xn: int) -> int:
        """Tags of the block around `xn`, four bits each, the lowest granule lowest. Undefined at EL0."""
        self._only_el1("LDGM")
        tags = 0
        for start, place in self._multiple(xn):
            address = self.translate(start, write=False)
            tags |= (self.memory.load_tag(address) if self.tag_access else 0) << place
        return tags

    def STGM(self, xt: int, xn: int) -> None:
        """Set the tags of the block around `xn` from `xt`, laid out as by `LDGM`. Undefined at EL0."""
        self._only_el1("STGM")
        xt = whole("xt", xt, 0, MASK_64)
        block = [(self.translate(start, write=True), xt >> place & 0xF) for start, place in self._multiple(xn)]
        for address, tag in block:
            self._set_tags([address], tag)

    def STZGM(self, xt: int, xn: int) -> None:
        """Zero the block of DC ZVA around `xn` and give it the tag in the low four bits of `xt`. Undefined at EL0."""
        self._only_el1("STZGM")
        size = 4 << self.DCZID_EL0.BS
        start = checked_pointer(xn) & -size
        self._block(start, start, size, whole("xt", xt, 0, MASK_64) & 0xF, zero=True)

    def DC_GVA(self, xt: int) -> None:
        """Give the block around the pointer `xt` its tag."""
        self._dc(xt, "DC GVA", zero=False)

    def DC_GZVA(self, xt: int) -> None:
        """Give the block around the pointer `xt` its tag and zero it."""
        self._dc(xt, "DC GZVA", zero=True)

    def _dc(self, xt: int, name: str, zero: bool) -> None:
        if self.DCZID_EL0.DZP:
            self.undefined(name)
        size = 4 << self.DCZID_EL0.BS
        far = checked_pointer(xt)
        self._block(far & -size, far, size, logical_tag(far), zero)

    def _block(self, start: int, far: int, size: int, tag: int, zero: bool) -> None:
        """Tag a block. It lies in one page, so that one translation, reported at `far`, serves it all."""
        offset = far - start
        first = self.translate(far, write=True) - offset
        addresses = [address for address, _ in granules(first, size)]
        if zero:
            self.memory.write(first, bytes(size))
        self._set_tags(addresses, tag)

    def _store_tags(self, xt: int, xn: int, imm: int, mode: Mode, count: int, zero: bool) -> int:
        pointer, base = _address(xn, imm, mode, 4096)
        addresses = self._granules(pointer, count)
        if zero:
            for address in addresses:
                self.memory.write(address, bytes(GRANULE_SIZE))
        self._set_tags(addresses, logical_tag(xt))
        return base

    def _granules(self, pointer: int, count: int) -> list[int]:
        """Translate `count` granules from `pointer` on, all before any is written."""
        if pointer % GRANULE_SIZE:
            self.abort(ALIGNMENT_FAULT, pointer, write=True)
        return [self.translate((pointer + GRANULE_SIZE * i) & MASK_64, write=True) for i in range(count)]

    def _set_tags(self, addresses: list[int], tag: int) -> None:
        if self.tag_access:
            for address in addresses:
                self.memory.store_tag(address, tag)

    def _multiple(self, xn: int) -> list[tuple[int, int]]:
        """Granules of the block of LDGM and STGM around `xn`: (pointer, place of its tag in the register)."""
        size = 4 << self.GMID_EL1.BS
        return [(start, (start >> 4 & 0xF) * 4) for start, _ in granules(checked_pointer(xn) & -size, size)]

    def _only_el1(self, name: str) -> None:
        if self.PSTATE.EL == 0:
            self.undefined(name)


def _address(xn: int, imm: int, mode: Mode, reach: int) -> tuple[int, int]:
    """Pointer that an instruction accesses and the base register it leaves, for an immediate below `reach`."""
    xn = checked_pointer(xn)
    if whole("imm", imm, -reach, reach - GRANULE_SIZE) % GRANULE_SIZE:
        raise ValueError(f"imm: {imm}, expected a multiple of {GRANULE_SIZE} from {-reach} to {reach - GRANULE_SIZE}")
    if mode not in ("off", "pre", "post"):
        raise ValueError(f"mode: {mode!r}, expected 'off', 'pre' or 'post'")
    moved = (xn + imm) & MASK_64
    return (xn if mode == "post" else moved), (xn if mode == "off" else moved)
