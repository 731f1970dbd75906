"""What is seen of memory at one moment: a page by its entry, a frame or slot of swap by what it holds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PageView:
    """A page of a process: what its page table entry says.

    Attributes
    ----------
    process, region, page
        Whose it is: ``"parent"`` or ``"child"``, the region, and the page's number in it.
    state : str
        ``"none"``, ``"zero page"``, ``"present"`` or ``"swapped"``.
    target : int or None
        The frame, or the swap slot.
    access : str
        What the entry permits now: letters of ``rw``.
    tagged : bool
        Whether the entry is Normal Tagged.
    cow : bool
        A write makes a copy first, or finds that it need not.
    """

    process: str
    region: str
    page: int
    state: str
    target: int | None
    access: str
    tagged: bool
    cow: bool

    @property
    def key(self) -> str:
        """A name for the page that no other page has."""
        return f"{self.process}:{self.region}:{self.page}"

    def __str__(self) -> str:
        if self.state in ("none", "swapped"):
            return "no entry" if self.state == "none" else f"in swap slot {self.target}"
        where = "zero page" if self.state == "zero page" else f"frame {self.target}"
        words = [where, self.access or "no access"]
        return ", ".join(words + ["tagged"] * self.tagged + ["copy on write"] * self.cow)


@dataclass(frozen=True)
class FrameView:
    """A frame, or a slot of swap.

    Attributes
    ----------
    number : int
        Its frame or slot number.
    kind : str
        ``"zero page"``, ``"page cache"``, ``"anonymous"``, ``"free"`` or ``"swap"``.
    file : str
        Which page of which file the page cache holds there: ``"f[0]"``.
    flags : tuple of str
        ``PG_mte_tagged``, ``PG_mte_lock``.
    refcount, data : int
        How many use it; its first byte.
    tags : tuple of int
        Tags of its first 16 granules; of swap those that were saved, empty if none were.
    stale : bool
        The tags are left from an owner before: nobody has initialised them.
    users : tuple of str
        Keys of the pages that map it.
    """

    number: int
    kind: str
    file: str
    flags: tuple[str, ...]
    refcount: int
    data: int
    tags: tuple[int, ...]
    stale: bool
    users: tuple[str, ...]

    @property
    def key(self) -> str:
        """A name that no other frame or slot has."""
        return f"{'slot' if self.kind == 'swap' else 'frame'}:{self.number}"

    def __str__(self) -> str:
        tags = " ".join(f"{tag:x}" for tag in self.tags[:4]) + " ..." if self.tags else "none saved"
        kind = f"{self.kind} {self.file}".strip()
        words = f"{kind}, refcount {self.refcount}, data {self.data:#04x}, {'stale ' * self.stale}tags {tags}"
        return ", ".join([words, *self.flags])
