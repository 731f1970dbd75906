"""The scenario language: operations of a VMM and its guests, run on the model and compared with real kernels."""

from mtelab.scenario.language import Operation, parse, parse_file
from mtelab.scenario.machine import ScenarioMachine, run
from mtelab.scenario.words import ScenarioError

__all__ = ["Operation", "ScenarioError", "ScenarioMachine", "parse", "parse_file", "run"]
