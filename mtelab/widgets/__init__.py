"""The figures: views of the models, for notebooks.

Each is imported when it is first asked for, so that a lab without charts does not wait for Bokeh.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mtelab.widgets.access_bench import AccessBench
    from mtelab.widgets.address_space import AddressSpace
    from mtelab.widgets.contention_dashboard import ContentionDashboard
    from mtelab.widgets.fault_stepper import FaultStepper
    from mtelab.widgets.interleaving_explorer import InterleavingExplorer
    from mtelab.widgets.migration_view import MigrationView
    from mtelab.widgets.pointer_inspector import PointerInspector
    from mtelab.widgets.progress_board import ProgressBoard
    from mtelab.widgets.roofline import Roofline
    from mtelab.widgets.scorecard import Scorecard
    from mtelab.widgets.slot_explorer import SlotExplorer
    from mtelab.widgets.tag_map import TagMap
    from mtelab.widgets.tags_and_pointers import TagsAndPointers

_MODULES = {
    "AccessBench": "access_bench",
    "AddressSpace": "address_space",
    "ContentionDashboard": "contention_dashboard",
    "FaultStepper": "fault_stepper",
    "InterleavingExplorer": "interleaving_explorer",
    "MigrationView": "migration_view",
    "PointerInspector": "pointer_inspector",
    "ProgressBoard": "progress_board",
    "Roofline": "roofline",
    "Scorecard": "scorecard",
    "SlotExplorer": "slot_explorer",
    "TagMap": "tag_map",
    "TagsAndPointers": "tags_and_pointers",
}

__all__ = [
    "AccessBench",
    "AddressSpace",
    "ContentionDashboard",
    "FaultStepper",
    "InterleavingExplorer",
    "MigrationView",
    "PointerInspector",
    "ProgressBoard",
    "Roofline",
    "Scorecard",
    "SlotExplorer",
    "TagMap",
    "TagsAndPointers",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"mtelab.widgets has no figure {name!r}, only {', '.join(__all__)}")
    return getattr(import_module(f"mtelab.widgets.{_MODULES[name]}"), name)
