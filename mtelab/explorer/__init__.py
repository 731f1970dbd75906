"""Every interleaving of some CPUs that run a protocol: is a stale tag ever seen, a stored tag ever lost?"""

from __future__ import annotations

from mtelab.explorer.exploration import MAX_STATES, explore, replay
from mtelab.explorer.litmus_table import LitmusTable, litmus
from mtelab.explorer.matrix import Matrix, matrix
from mtelab.explorer.model import build, model
from mtelab.explorer.program import ProtocolError
from mtelab.explorer.report import Report
from mtelab.explorer.search import search
from mtelab.explorer.walk import Walk

__all__ = [
    "MAX_STATES",
    "LitmusTable",
    "Matrix",
    "ProtocolError",
    "Report",
    "Walk",
    "build",
    "explore",
    "litmus",
    "matrix",
    "model",
    "replay",
    "search",
]
