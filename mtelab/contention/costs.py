"""What each step costs, in nanoseconds, and where the figure comes from.

Nobody has published how long Arm's tag instructions take, and the list had no machine to measure on in 2021. So most
of these are assumptions, marked as such; the ones about the fault path are taken from a published table of parallel
faults (see `mtelab.contention.calibration`). All of them can be replaced: ``Costs(mte_clear_page_tags=600)``.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

QUANTUM: Final = 2.0**-10
"""Times are whole multiples of this many nanoseconds, so that sums of them are exact in a double up to 2**43 ns."""

PARALLEL_FAULTS = "<20221107215644.1895162-1-oliver.upton@linux.dev>"
AMPERE_ONE = "<20250926162034.1785899-1-yang@os.amperecomputing.com>"

STEPS: Final = (
    "test_bit", "set_bit", "clear_bit", "test_and_set_bit", "wait_for_bit", "smp_load_acquire", "smp_store_release",
    "smp_wmb", "smp_rmb", "smp_mb", "load_tag", "store_tag", "spin_lock", "spin_unlock",
    "mte_clear_page_tags", "mte_restore_page_tags", "mte_copy_tags_from_user",
)  # fmt: skip
"""Steps that have a cost of the same name."""

Variation = Literal["constant", "exponential"]


def quantised(time: float) -> float:
    """Round a time in nanoseconds to a multiple of `QUANTUM`."""
    return round(time / QUANTUM) * QUANTUM


def _cost(default: float, about: str, source: str = "") -> Any:
    """Declare a cost; without a source it is an assumption."""
    return dataclasses.field(default=default, metadata={"about": about, "source": source})


class CostRow(NamedTuple):
    """One cost, for a table: its name, its value, what it is, and its source or ``"assumption"``."""

    name: str
    value: float
    about: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Costs of steps and of the fault around them. Nanoseconds, unless said otherwise; `table` lists all with sources.

    Raises
    ------
    ValueError
        If a cost is negative or not finite, or a distribution is not known; the text names the field.
    """

    # ---- steps of a protocol
    test_bit: float = _cost(1, "read a page flag")
    set_bit: float = _cost(6, "set a page flag, atomically")
    clear_bit: float = _cost(6, "clear a page flag, atomically")
    test_and_set_bit: float = _cost(12, "set a page flag and read what it was, fully ordered")
    wait_for_bit: float = _cost(2, "find a page flag set")
    smp_load_acquire: float = _cost(2, "read a page flag, acquire")
    smp_store_release: float = _cost(2, "write a page flag, release")
    smp_wmb: float = _cost(2, "DMB ISHST")
    smp_rmb: float = _cost(2, "DMB ISHLD")
    smp_mb: float = _cost(6, "DMB ISH")
    load_tag: float = _cost(2, "LDG")
    store_tag: float = _cost(2, "STG")
    spin_lock: float = _cost(12, "take a lock that is free")
    spin_unlock: float = _cost(2, "give a lock back")
    handover: float = _cost(60, "until a lock's cache line has come from the CPU that gave it back")
    mte_clear_page_tags: float = _cost(
        315, "STGM over one 4 KiB page", f"at most 13 GB/s, the bound in {AMPERE_ONE}; nobody has measured it"
    )
    mte_zero_clear_page_tags: float = _cost(20, "DC GZVA instead of DC ZVA, at allocation: what the tags add")
    mte_restore_page_tags: float = _cost(400, "128 saved bytes to the tags of one page")
    mte_copy_tags_from_user: float = _cost(1000, "256 bytes of the VMM to tags, one granule at a time")

    # ---- the fault around them
    guest_work: float = _cost(1000, "mean time that a guest works on each 4 KiB page before it faults on the next")
    fault_path: float = _cost(200, "exit, lookups and return of a fault", f"time to dirty memory: {PARALLEL_FAULTS}")
    zero_page: float = _cost(122, "allocate and zero 4 KiB", f"4 GiB in 2 MiB blocks: {PARALLEL_FAULTS}")
    map_page: float = _cost(640, "write a stage-2 entry, under mmu_lock", f"time to dirty memory: {PARALLEL_FAULTS}")
    map_block: float = _cost(40_000, "write a 2 MiB entry, under mmu_lock", f"time to populate: {PARALLEL_FAULTS}")
    read_from_swap: float = _cost(2000, "bring 4 KiB of data back from (compressed) swap")
    ioctl_page: float = _cost(150, "KVM_ARM_MTE_COPY_TAGS beside the protocol, for each page")
    context_switch: float = _cost(1500, "change to another vCPU of the same core")
    time_slice: float = _cost(3_000_000, "that a vCPU has of a core which others want", "base slice of CFS and EEVDF")
    interference: float = _cost(0, "share (not ns) by which each other CPU lengthens a fault's work outside locks")

    # ---- what varies
    guest_variation: Variation = "exponential"
    """Distribution of guest_work."""
    hold_variation: Variation = "constant"
    """Distribution of a factor of mean 1 on a fault's work under locks."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_variation"):
                if value not in ("constant", "exponential"):
                    raise ValueError(f"costs: {field.name}={value!r}, expected 'constant' or 'exponential'")
            elif isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
                raise ValueError(f"costs: {field.name}={value!r}, expected a finite number of nanoseconds, 0 or more")
            elif field.name != "interference":
                object.__setattr__(self, field.name, quantised(float(value)))

    def of_role(self, role: str) -> dict[str, float]:
        """Return what each step costs that has not to wait.

        Parameters
        ----------
        role : str
            Why the protocol runs: at ``"allocate"`` a page's tags are cleared along with its data.

        Returns
        -------
        dict of str to float
            Nanoseconds, by the name of the step.
        """
        steps: dict[str, float] = {name: getattr(self, name) for name in STEPS}
        if role == "allocate":
            steps["mte_clear_page_tags"] = self.mte_zero_clear_page_tags
        return steps

    def table(self) -> list[CostRow]:
        """Return every cost with its meaning and source."""
        return [
            CostRow(
                field.name, getattr(self, field.name), field.metadata["about"], field.metadata["source"] or "assumption"
            )
            for field in dataclasses.fields(self)
            if field.metadata
        ]
