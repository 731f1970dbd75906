"""What of Linux's memory management differs between releases, as far as tags are concerned."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MemoryRules:
    """The differences; each release's values stand in `mtelab.kvm.releases`.

    Attributes
    ----------
    hugetlb_mte : bool
        hugetlb mappings are VM_MTE_ALLOWED, and a folio has one PG_mte_tagged, on its first page (6.13 on).
        Before, each 4 KiB page of a huge page had its own flag.
    hugetlb_free_clears_flags : bool
        A huge page that returns to the pool loses its flag (arch_clear_hugetlb_flags, 6.13 on). Before, it kept
        both flag and tags, and its next owner saw them.
    protocol : str
        Who initialises a page's tags, and when: a name in `mtelab.sync.PROTOCOLS`. ``"page-lock"`` from 6.2 on.
    set_pte_at_notify : bool
        A page that replaces another after copy-on-write is shown to KVM at once, by the change_pte notifier
        (until 6.9).
    mmap_split_errno : str
        What mmap over part of a huge page says.
    """

    hugetlb_mte: bool
    hugetlb_free_clears_flags: bool
    protocol: str
    set_pte_at_notify: bool
    mmap_split_errno: str

    @property
    def page_lock(self) -> bool:
        """Whether the tag flag has a lock bit, PG_mte_lock."""
        return self.protocol == "page-lock"
