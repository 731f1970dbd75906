"""Arrays of locks, of any size and with any hash: the idea that was named three times and never posted as code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from mtelab.contention.checks import count
from mtelab.sync.protocols import PROTOCOLS, Function, under_lock
from mtelab.sync.steps import Cpu, Page, Protocol

SIZE: Final = 64
"""Locks of the protocol ``"lock-array"``."""
STRUCT_PAGE: Final = 64
"""Bytes of a struct page: the distance of the pointers of two pages that follow each other."""
GOLDEN_RATIO_64: Final = 0x61C8864680B583EB
"""Linux's multiplier for hashes of 64 bits (include/linux/hash.h)."""
VMEMMAP: Final = 0xFFFF_FC00_0000_0000
"""Where the array of struct page may begin, on arm64 with 48-bit addresses."""


def by_pfn(page: Page, size: int) -> int:
    """Number of a page's lock: its page frame number, modulo the size (<20210609174117.GA18459@arm.com>)."""
    return page.pfn % size


def by_pointer(page: Page, size: int) -> int:
    """Number of a page's lock: a hash of the struct page pointer (<3e0757db-d93d-8554-4167-1c6853f3ae87@arm.com>).

    The product is hash_ptr()'s, of which the top bits count; they are scaled, so that any size will do.
    """
    product = (VMEMMAP + page.pfn * STRUCT_PAGE) * GOLDEN_RATIO_64 % 2**64
    return product * size >> 64


HASHES: Final[dict[str, Callable[[Page, int], int]]] = {"pfn": by_pfn, "pointer": by_pointer}
"""The two that were named."""


@dataclass(frozen=True)
class LockArray:
    """A protocol that takes one lock of an array for each page, and otherwise does what the big lock did.

    Attributes
    ----------
    size : int
        Locks in the array. 1 is the big lock.
    hash : str or function
        A name in `HASHES`, or a function of the page and the size that gives the number of the lock.
    """

    size: int
    hash: str | Callable[[Page, int], int]

    @property
    def __name__(self) -> str:
        hash = self.hash if isinstance(self.hash, str) else getattr(self.hash, "__name__", "hash")
        return f"{self.size} {'lock' if self.size == 1 else 'locks'} by {hash}"

    def __call__(self, cpu: Cpu, page: Page) -> Protocol:
        """Begin a run."""
        yield from under_lock(cpu, page, ("tag_locks", self.number(page)))

    def number(self, page: Page) -> int:
        """Return the number of a page's lock."""
        return (HASHES[self.hash] if isinstance(self.hash, str) else self.hash)(page, self.size)


def lock_array(size: int, hash: str | Callable[[Page, int], int] = "pfn") -> LockArray:
    """Make a protocol with an array of locks.

    Parameters
    ----------
    size : int
        Locks in the array. 1 is the big lock.
    hash : str or function
        ``"pfn"``, ``"pointer"``, or a function of the page and the size that gives the number of the lock.

    Returns
    -------
    LockArray
        For `contend`, `sweep` and the explorer. It is a plain protocol: mmu_lock is shared unless told otherwise.

    Raises
    ------
    ValueError
        If the size is not a whole number of at least 1, or the hash is not known.
    """
    if (isinstance(hash, str) and hash not in HASHES) or not (isinstance(hash, str) or callable(hash)):
        raise ValueError(f"hash: {hash!r}, expected one of {', '.join(HASHES)}, or a function of page and size")
    return LockArray(count("size", size), hash)


def lock_of(function: Function) -> Callable[[Page], int] | None:
    """Return what gives the number of a page's lock, if a protocol is known to tell pages apart by that alone."""
    if function is PROTOCOLS["lock-array"]:
        return partial(by_pfn, size=SIZE)
    return function.number if isinstance(function, LockArray) and isinstance(function.hash, str) else None
