"""The figures: views of the models, for notebooks."""

from mtelab.widgets.tag_map import TagMap

__all__ = ["TagMap"]
