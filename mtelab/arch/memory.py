"""Memory as the processor sees it: bytes, a tag for every 16 of them, and what kind of memory each page is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mtelab.arch.pointers import MASK_64
from mtelab.tags import GRANULE_SIZE, PAGE_SIZE, TagStore
from mtelab.tags.checks import whole


class Memory:
    """A stretch of pages, in both VA ranges at the same low address bits.

    Parameters
    ----------
    base : int
        Address of the first byte, a multiple of 4096.
    size : int
        Bytes, a multiple of 4096.
    tagged : bool
        Whether the pages are Normal Tagged memory (MAIR attribute 0xF0). Tags can be neither read nor written
        in other memory, and accesses to it are never checked.
    walk_level : int
        Level of the table walk at which an absent page is noticed, 0 to 3.

    Attributes
    ----------
    data : ndarray of uint8, shape (size,)
        The bytes.
    tags : TagStore
        The tags; address 0 of the store is `base`.
    tagged, mapped : ndarray of bool, shape (pages,)
        May be changed page by page: ``memory.tagged[1] = False``.
    """

    def __init__(self, base: int = 0x1000, size: int = PAGE_SIZE, tagged: bool = True, walk_level: int = 3) -> None:
        if whole("base", base, 0, MASK_64) % PAGE_SIZE:
            raise ValueError(f"base: {base:#x}, expected a multiple of {PAGE_SIZE}")
        if whole("size", size, 0, MASK_64) % PAGE_SIZE or size == 0:
            raise ValueError(f"size: {size}, expected a positive multiple of {PAGE_SIZE}")
        if not 0 <= walk_level <= 3:
            raise ValueError(f"walk_level: {walk_level}, expected 0 to 3")
        pages = size // PAGE_SIZE
        self.base, self.size, self.walk_level = base, size, walk_level
        self.data: npt.NDArray[np.uint8] = np.zeros(size, np.uint8)
        self.tags = TagStore(pages)
        self.tagged: npt.NDArray[np.bool_] = np.full(pages, tagged)
        self.mapped: npt.NDArray[np.bool_] = np.full(pages, True)

    def __repr__(self) -> str:
        return f"Memory({self.base:#x} to {self.base + self.size:#x})"

    def is_mapped(self, address: int) -> bool:
        """Say whether the byte at `address` is there."""
        offset = address - self.base
        return 0 <= offset < self.size and bool(self.mapped[offset // PAGE_SIZE])

    def is_tagged(self, address: int) -> bool:
        """Say whether the byte at `address`, which is mapped, is in tagged memory."""
        return bool(self.tagged[(address - self.base) // PAGE_SIZE])

    def read(self, address: int, size: int) -> bytes:
        """Bytes at `address`, which are mapped."""
        offset = address - self.base
        return self.data[offset : offset + size].tobytes()

    def write(self, address: int, data: bytes) -> None:
        """Put `data` at `address`, which is mapped."""
        offset = address - self.base
        self.data[offset : offset + len(data)] = np.frombuffer(data, np.uint8)

    def load_tag(self, address: int) -> int:
        """Tag of the granule at `address`; 0 in untagged memory."""
        return self.tags.load(address - self.base) if self.is_tagged(address) else 0

    def store_tag(self, address: int, tag: int) -> None:
        """Set the tag of the granule at `address`; does nothing in untagged memory."""
        if self.is_tagged(address):
            self.tags.store(address - self.base, tag)


def granules(address: int, size: int) -> Iterator[tuple[int, int]]:
    """Split `size` bytes at `address` at the granules' bounds: (address, bytes) pairs, lowest first."""
    end = address + size
    while address < end:
        stop = min(end, (address // GRANULE_SIZE + 1) * GRANULE_SIZE)
        yield address, stop - address
        address = stop
