"""A guest that moves to another host while it runs: pre-copy with dirty logging, and its tags.

Two hosts, each with a VM of the same size, and a wire between them. `Migration` has what a VMM needs; the loop that
uses it is in `mtelab.kvm.precopy`.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np
import numpy.typing as npt

from mtelab.kvm.copy_tags import FROM_GUEST, TO_GUEST, kvm_vm_ioctl_mte_copy_tags
from mtelab.kvm.memslot import kvm_get_dirty_log, kvm_set_memory_region
from mtelab.kvm.releases import release
from mtelab.kvm.vm import VM
from mtelab.linux import AddressSpace, Machine, Process
from mtelab.tags import PAGE_SIZE, TAGS_PER_PAGE

SLOT: Final = 0
FRAMES: Final = 1 << 12
MOST_SENT: Final = 48
"""The wire carries a guest's memory this many times and no more."""
PAGES_TO_STOP: Final = 4
"""How many pages could be sent while the vCPU is on its way out of the guest."""


class WireError(RuntimeError):
    """More was sent than any migration needs: the loop that sends does not end."""


class Host:
    """A machine, a VMM and its VM with MTE, whose memory is one slot from guest page 0 on.

    Parameters
    ----------
    kernel : str
        Its Linux, such as ``"linux-7.2"``.
    pages : int
        Size of the guest, in pages of 4 KiB.
    seed : int
        From which the tags come that memory held before.

    Attributes
    ----------
    vm : VM
        The VM, with one vCPU.
    vcpu : VCPU
        That vCPU.
    """

    def __init__(self, kernel: str, pages: int, seed: int) -> None:
        rules = release(kernel)
        self.pages = pages
        self.vmm = Process(AddressSpace(Machine(rules.memory, FRAMES, seed=seed)))
        self.memory = self.vmm.mm.mmap(pages, "rw", shared=False)
        self.vm = VM(self.vmm.mm, rules)
        self.vm.enable_mte()
        self.vcpu = self.vm.create_vcpu()
        self.log_dirty_pages(False)

    def __repr__(self) -> str:
        return f"Host({self.vm.release.name}, {self.pages} pages)"

    def log_dirty_pages(self, on: bool) -> None:
        """Give the slot KVM_MEM_LOG_DIRTY_PAGES, or take it away."""
        kvm_set_memory_region(self.vm, SLOT, 0, self.pages, self.memory, log=on)

    def read_data(self, gfn: int) -> int:
        """Read a page as the VMM does; the model keeps one byte of it."""
        return self.vmm.load(self.memory + gfn)

    def write_data(self, gfn: int, value: int) -> None:
        """Write a page as the VMM does. KVM does not see it."""
        self.vmm.store(self.memory + gfn, value)

    def read_tags(self, gfn: int) -> npt.NDArray[np.uint8]:
        """Read a page's tags with KVM_ARM_MTE_COPY_TAGS; uint8 ``(256,)``."""
        tags = np.zeros(TAGS_PER_PAGE, np.uint8)
        kvm_vm_ioctl_mte_copy_tags(self.vm, gfn * PAGE_SIZE, PAGE_SIZE, FROM_GUEST, tags)
        return tags

    def write_tags(self, gfn: int, tags: npt.NDArray[np.uint8]) -> int:
        """Write a page's tags with KVM_ARM_MTE_COPY_TAGS; returns what that does."""
        return kvm_vm_ioctl_mte_copy_tags(self.vm, gfn * PAGE_SIZE, PAGE_SIZE, TO_GUEST, tags)


class Guest:
    """A program in the guest that writes data and tags, most of them to a few hot pages.

    Parameters
    ----------
    host : Host
        Where it runs.
    hot : int
        How many pages get nine writes of ten.
    rng : random.Random
        Chooses the pages and what is written.
    """

    def __init__(self, host: Host, hot: int, rng: Random) -> None:
        self.host, self.rng = host, rng
        self.hot = rng.sample(range(host.pages), hot)

    def fill(self) -> None:
        """Write every page once: a byte, and four times a tag for four granules in a row."""
        for gfn in range(self.host.pages):
            self.host.vcpu.store(gfn, self.rng.randrange(256))
            for first in range(0, 64, 16):
                self.stg(gfn, first)

    def write(self) -> None:
        """Do one thing: store a byte, or tag four granules. STG is a store too, and dirties its page."""
        gfn = self.rng.choice(self.hot) if self.rng.random() < 0.9 else self.rng.randrange(self.host.pages)
        if self.rng.random() < 0.4:
            self.host.vcpu.store(gfn, self.rng.randrange(256))
        else:
            self.stg(gfn, self.rng.randrange(0, TAGS_PER_PAGE, 4))

    def stg(self, gfn: int, first: int) -> None:
        """Give four granules a tag."""
        tag = self.rng.randrange(1, 16)
        for granule in range(first, first + 4):
            self.host.vcpu.stg(gfn, granule, tag)


@dataclass(frozen=True)
class Lost:
    """What differs between source and destination: a guest that goes on there would miss it.

    Attributes
    ----------
    tags : dict
        Guest page to the number of its tags that differ, pages without difference left out.
    data : tuple of int
        Guest pages whose data differ.
    """

    tags: dict[int, int]
    data: tuple[int, ...]

    def __bool__(self) -> bool:
        return bool(self.tags or self.data)

    def __str__(self) -> str:
        tags = f"{sum(self.tags.values())} tags lost (pages hit: {len(self.tags)})" if self.tags else "no tag lost"
        return f"{tags}, " + (f"pages of data lost: {len(self.data)}" if self.data else "no byte lost")


class Migration:
    """Two hosts, a guest on the first, and what a VMM needs to bring it to the second.

    Time passes only on the wire: for every 4096 bytes sent the guest writes `rate` times, until it is stopped.

    Parameters
    ----------
    pages : int
        Size of the guest.
    kernel : str
        The Linux of both hosts.
    rate : float
        How often the guest writes while a page is on the wire.
    hot : int
        How many pages get most of its writes.
    seed : int
        Of all that is random.

    Attributes
    ----------
    data_bytes, tag_bytes : int
        Sent so far; a tag is one byte, as the ioctl gives it.
    paused_bytes : int
        How many of them with the guest stopped.
    """

    def __init__(
        self, pages: int = 32, *, kernel: str = "linux-7.2", rate: float = 0.5, hot: int = 5, seed: int = 0
    ) -> None:
        self.source = Host(kernel, pages, seed)
        self.destination = Host(kernel, pages, seed + 1)
        self.rate = rate
        self.running = True
        self.data_bytes = self.tag_bytes = self.paused_bytes = 0
        self._owed = 0.0
        self._most = MOST_SENT * pages * (PAGE_SIZE + TAGS_PER_PAGE)
        self.guest = Guest(self.source, hot, Random(seed))
        self.guest.fill()

    def __repr__(self) -> str:
        state = "running" if self.running else "stopped"
        return f"Migration({self.source.pages} pages, guest {state}, {self.data_bytes + self.tag_bytes} bytes sent)"

    @property
    def pages(self) -> range:
        """All guest pages."""
        return range(self.source.pages)

    def start_logging(self) -> None:
        """Log dirty pages on the source, from now on: pages written before are not in the log."""
        self.source.log_dirty_pages(True)

    def dirty_log(self) -> list[int]:
        """Pages that the guest wrote since the last call, and start afresh (KVM_GET_DIRTY_LOG)."""
        return [int(gfn) for gfn in np.flatnonzero(kvm_get_dirty_log(self.source.vm, SLOT))]

    def send_data(self, pages: list[int] | range) -> None:
        """Copy the data of pages to the destination, as it is when its turn comes."""
        for gfn in pages:
            self.destination.write_data(gfn, self.source.read_data(gfn))
            self.data_bytes += PAGE_SIZE
            self._wire(PAGE_SIZE)

    def send_tags(self, pages: list[int] | range) -> None:
        """Copy the tags of pages to the destination: FROM_GUEST here, TO_GUEST there."""
        for gfn in pages:
            self.destination.write_tags(gfn, self.source.read_tags(gfn))
            self.tag_bytes += TAGS_PER_PAGE
            self._wire(TAGS_PER_PAGE)

    def stop_guest(self) -> None:
        """Stop the guest on the source for good. Until its vCPU has left, it writes on for a moment."""
        if self.running:
            self._run_guest(PAGES_TO_STOP * PAGE_SIZE)
        self.running = False

    def lost(self) -> Lost:
        """Compare every tag, and the data of every page, of both VMs. After a migration nothing may differ."""
        tags = {gfn: int(np.count_nonzero(self.stale_tags(gfn))) for gfn in self.pages}
        return Lost({gfn: count for gfn, count in tags.items() if count}, tuple(filter(self.stale_data, self.pages)))

    def stale_tags(self, gfn: int) -> npt.NDArray[np.bool_]:
        """Which tags of a page differ, bool ``(256,)``. Tags that nobody initialised read as 0, as in the guest."""
        stale: npt.NDArray[np.bool_] = self.source.read_tags(gfn) != self.destination.read_tags(gfn)
        return stale

    def stale_data(self, gfn: int) -> bool:
        """Whether a page's data differ."""
        return self.source.read_data(gfn) != self.destination.read_data(gfn)

    def _wire(self, sent: int) -> None:
        """Let the guest run while bytes are on the wire."""
        if self.data_bytes + self.tag_bytes > self._most:
            raise WireError(f"{self.data_bytes + self.tag_bytes} bytes sent for a guest of {len(self.pages)} pages")
        if self.running:
            self._run_guest(sent)
        else:
            self.paused_bytes += sent

    def _run_guest(self, sent: int) -> None:
        """Let the guest write as often as it does while so many bytes are sent."""
        self._owed += self.rate * sent / PAGE_SIZE
        while self._owed >= 1:
            self._owed -= 1
            self.guest.write()
