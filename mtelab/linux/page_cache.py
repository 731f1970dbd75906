"""Files in memory (memfd, shared anonymous memory, hugetlbfs) and the page cache that holds their pages."""

from __future__ import annotations

from collections.abc import Iterator


class File:
    """A file whose pages live in memory only.

    Parameters
    ----------
    name : str
        For people.
    pages : int
        Its size; an access beyond is a SIGBUS.
    hugetlb : bool
        Whether its pages are huge; `cache` then holds the first frame of each, by its index in huge pages.
    """

    def __init__(self, name: str, pages: int, hugetlb: bool = False) -> None:
        self.name, self.pages, self.hugetlb = name, pages, hugetlb
        self.cache: dict[int, int] = {}
        self.reserved: set[int] = set()
        """Huge pages that shared mappings have reserved in the pool but nobody has touched."""

    def __repr__(self) -> str:
        return f"File({self.name}, {self.pages} pages, {len(self.cache)} in the cache)"

    def frames(self) -> Iterator[int]:
        """Frames that the page cache holds, the first of each huge page."""
        return iter(self.cache.values())
