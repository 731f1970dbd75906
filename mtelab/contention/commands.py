"""``mtelab contend``."""

from __future__ import annotations

import json
from typing import Any

from mtelab.contention.result import Contention
from mtelab.contention.run import contend


def report(as_json: bool, **asked: Any) -> int:
    """Run `contend` and print what it cost.

    Parameters
    ----------
    as_json : bool
        Print JSON: every number of the result, but not the timeline.
    **asked
        Arguments of `contend`.

    Returns
    -------
    int
        0.

    Raises
    ------
    ValueError
        As `contend` does.
    """
    result = contend(**asked)
    print(json.dumps(result.as_dict(), indent=2) if as_json else table(result))
    return 0


def table(result: Contention) -> str:
    """Return a result as text, for people."""
    head = (
        f"{result.protocol}, {result.workload}: {result.guests} guests of {result.vcpus} vCPUs and {result.pages:,} "
        f"pages in {result.block} blocks, on {result.cores} cores; mmu_lock {result.mmu_lock}, "
        f"locks {'fair' if result.fair else 'unfair'}, seed {result.seed}"
    )
    rows = [
        ("time to start", duration(result.time_to_start)),
        ("throughput", f"{result.throughput:,.0f} pages/s"),
        ("wait a fault: mean", duration(result.wait_mean)),
        ("median", duration(result.wait_p50)),
        ("99th percentile", duration(result.wait_p99)),
        ("longest", duration(result.wait_max)),
        ("interrupts off, longest", duration(result.interrupts_off)),
    ]
    for use in result.locks.values():
        several = f" ({use.size} locks; busiest {use.busiest:.1%})" if use.size > 1 else ""
        rows.append((f"{use.name} held", f"{use.utilisation:.1%}{several}"))
        rows.append(("found held", f"{use.contended:,} of {use.acquisitions:,} times"))
    return "\n".join([head, "", *(f"{name:>28}  {value}" for name, value in rows)])


def duration(time: float) -> str:
    """Write nanoseconds in the unit that suits them."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if time >= size:
            return f"{time / size:,.2f} {unit}"
    return f"{time:.0f} ns"
