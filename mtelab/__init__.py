"""mtelab: how a hypervisor shares Arm's Memory Tagging Extension with its guests.

The models need numpy alone; figures and exercises are imported by name where a notebook wants them
(``from mtelab.widgets import TagMap``), so that ``import mtelab`` stays quick.
"""

from mtelab.tags import GRANULE_SIZE, PACKED_PAGE, PAGE_SIZE, TAGS_PER_PAGE, TagStore

__version__ = "0.1.0"

__all__ = ["GRANULE_SIZE", "PACKED_PAGE", "PAGE_SIZE", "TAGS_PER_PAGE", "TagStore", "__version__"]
