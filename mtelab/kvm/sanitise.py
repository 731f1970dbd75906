"""sanitise_mte_tags(): no guest may see a tag that an earlier owner of the memory left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mtelab.linux import mte
from mtelab.linux.page import ZERO_PFN

if TYPE_CHECKING:
    from mtelab.kvm.vm import VM


def sanitise_mte_tags(vm: VM, pfn: int, nr_pages: int) -> None:
    """Initialise the tags of frames that a guest is about to get, unless they are, by the release's protocol.

    Where a huge page has one flag (6.13 on), the first fault sets it for the whole page but clears only the frames
    that it maps. Mapped 4 KiB at a time, the rest keep what an earlier owner left, and the guest can read it.
    """
    if not vm.mte_enabled:
        return
    machine = vm.machine
    if pfn == ZERO_PFN and not vm.release.zero_page_flagged:
        return  # Its tags are 0, and nobody can change them.
    if nr_pages == 1 or mte.has_folio_flag(machine, pfn):
        mte.run_protocol(machine, pfn, "fault", nr_pages)
    else:
        sanitise_frames(vm, slice(pfn, pfn + nr_pages))


def sanitise_frames(vm: VM, pfns: slice | npt.NDArray[np.int64]) -> None:
    """Initialise the tags of many frames that each have their own flag."""
    if vm.mte_enabled:
        mte.initialise(vm.machine, pfns)
