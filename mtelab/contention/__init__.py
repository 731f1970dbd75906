"""What a protocol costs when many guests want it at once: `contend` runs one machine, `sweep` many."""

from mtelab.contention.case import Case
from mtelab.contention.costs import CostRow, Costs
from mtelab.contention.jobs import MEASURES
from mtelab.contention.lock_arrays import HASHES, LockArray, lock_array
from mtelab.contention.result import Contention, Interval, LockUse
from mtelab.contention.run import contend
from mtelab.contention.sweep import PARAMETERS, Estimate, Sweep, estimate, sweep
from mtelab.contention.workloads import WORKLOADS

__all__ = [
    "HASHES",
    "MEASURES",
    "PARAMETERS",
    "WORKLOADS",
    "Case",
    "Contention",
    "CostRow",
    "Costs",
    "Estimate",
    "Interval",
    "LockArray",
    "LockUse",
    "Sweep",
    "contend",
    "estimate",
    "lock_array",
    "sweep",
]
