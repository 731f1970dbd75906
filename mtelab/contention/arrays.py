"""Types of arrays, and times in them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mtelab.contention.costs import QUANTUM

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def quantise(times: Floats) -> Floats:
    """Round times in nanoseconds to multiples of `QUANTUM`."""
    return np.rint(times / QUANTUM) * QUANTUM
