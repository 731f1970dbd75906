"""The scenario language: operations of a VMM and its guests, run on the model and compared with real kernels."""

from mtelab.scenario.language import Operation, parse, parse_file
from mtelab.scenario.machine import ScenarioMachine, replay, run
from mtelab.scenario.recorded import Recorded, read_recorded
from mtelab.scenario.shrink import shrink, shrink_disagreement
from mtelab.scenario.words import ScenarioError

__all__ = [
    "Operation",
    "Recorded",
    "ScenarioError",
    "ScenarioMachine",
    "parse",
    "parse_file",
    "read_recorded",
    "replay",
    "run",
    "shrink",
    "shrink_disagreement",
]
