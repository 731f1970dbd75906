"""Allocation tags: the store that keeps them and the two formats they travel in."""

from mtelab.tags.formats import GRANULE_SIZE, PACKED_PAGE, PAGE_SIZE, TAGS_PER_PAGE, pack, unpack
from mtelab.tags.store import TagStore

__all__ = ["GRANULE_SIZE", "PACKED_PAGE", "PAGE_SIZE", "TAGS_PER_PAGE", "TagStore", "pack", "unpack"]
