"""The figures: views of the models, for notebooks."""

from mtelab.widgets.pointer_inspector import PointerInspector
from mtelab.widgets.tag_map import TagMap
from mtelab.widgets.tags_and_pointers import TagsAndPointers

__all__ = ["PointerInspector", "TagMap", "TagsAndPointers"]
