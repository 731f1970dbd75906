"""mtelab: how a hypervisor shares Arm's Memory Tagging Extension with its guests.

The models need numpy alone; figures and exercises are imported by name where a notebook wants them
(``from mtelab.widgets import TagMap``), so that ``import mtelab`` stays quick.
"""

from importlib import import_module
from typing import Any

from mtelab.tags import GRANULE_SIZE, PACKED_PAGE, PAGE_SIZE, TAGS_PER_PAGE, TagStore

__version__ = "0.1.0"

__all__ = ["GRANULE_SIZE", "PACKED_PAGE", "PAGE_SIZE", "TAGS_PER_PAGE", "TagStore", "__version__"]


_MODELS = ("arch", "contention", "explorer", "kvm", "linux", "scenario", "sync")
_FUNCTIONS = {"contend": "contention", "explore": "explorer", "replay": "explorer"}


def __getattr__(name: str) -> Any:
    """Import a model when it is first named: ``mtelab.scenario.run(...)`` needs no import of its own."""
    if name in _MODELS:
        return import_module(f"mtelab.{name}")
    if name in _FUNCTIONS:
        return getattr(import_module(f"mtelab.{_FUNCTIONS[name]}"), name)
    raise AttributeError(f"module mtelab has no attribute {name!r}")
