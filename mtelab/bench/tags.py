"""The tag store against numpy's own fill and copy of 256 bytes a page, and against loops."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mtelab.bench.timing import best_of
from mtelab.tags import TAGS_PER_PAGE, TagStore

Tags = npt.NDArray[np.uint8]

SCATTERED = 10_000
LOOP_PAGES = 64  # a loop over granules is measured on this few pages, and scaled

# A process of its own, so that its peak memory is the store's and nobody else's.
TERABYTE = """
import sys, time
import numpy as np
from mtelab import TagStore
PAGES, RUN = 1 << 28, 512
start = time.perf_counter()
store = TagStore(PAGES)
runs = np.random.default_rng(7).choice(PAGES // RUN, -(-PAGES // 100 // RUN), replace=False) * RUN
for first in runs.tolist():
    store.fill(first * 4096, (first + RUN) * 4096, 1 + first // RUN % 15)
tagged = time.perf_counter()
store.clear(slice(None))
cleared = time.perf_counter()
try:
    import resource
    unit = 1 if sys.platform == "darwin" else 1024
    peak = f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30:.2f} GiB resident at most"
except ImportError:
    peak = "peak memory not measured on this system"
print(f"{len(runs):,} runs tagged in {tagged - start:.2f} s, all cleared in {(cleared - tagged) * 1e3:.1f} ms, {peak}")
"""


class Row(NamedTuple):
    """One line of the table: seconds of ours and of what it is held against."""

    operation: str
    ours: float
    against: str
    theirs: float
    target: float | None

    @property
    def ratio(self) -> float:
        """Ours over theirs: below 1 is faster."""
        return self.ours / self.theirs


def compare(
    operation: str, against: str, target: float, ours: Callable[[], object], theirs: Callable[[], object]
) -> Row:
    """Time ours and theirs in turns."""
    best = best_of({"ours": ours, "theirs": theirs}, turns=15)
    return Row(operation, best["ours"], against, best["theirs"], target)


def granule_loop(tags: Tags) -> None:
    """Clear in pure Python, one tag at a time."""
    flat = tags.reshape(-1)
    for granule in range(flat.size):
        flat[granule] = 0


def page_loop(tags: Tags) -> None:
    """Clear with numpy, one page at a time."""
    for page in tags:
        page[:] = 0


def rows(pages: int) -> Iterator[Row]:
    """Measure each operation on a store of `pages` pages, one row after another."""
    every, half = slice(None), pages // 2
    rng = np.random.default_rng(1)
    plain = rng.integers(0, 16, (pages, TAGS_PER_PAGE), np.uint8)
    other = np.empty_like(plain)
    store = TagStore(pages)
    store.write(every, plain)
    packed = store.save(every)

    copy, fresh = "copy of as many bytes", "fresh copy of as many bytes"

    def copied() -> None:
        np.copyto(other, plain)

    yield compare("read", fresh, 2.5, lambda: store.read(every), plain.copy)
    yield compare("read, out=", copy, 2.5, lambda: store.read(every, out=other), copied)
    yield compare("write", copy, 2.5, lambda: store.write(every, plain), copied)
    yield compare("save", fresh, 2.5, lambda: store.save(every), plain.copy)
    yield compare("save, out=", copy, 2.5, lambda: store.save(every, out=packed), copied)
    yield compare("restore", copy, 2.5, lambda: store.restore(every, packed), copied)

    def half_copied() -> None:
        np.copyto(plain[half : 2 * half], plain[:half])

    source, target = slice(0, half), slice(half, 2 * half)
    yield compare("copy", copy, 1.15, lambda: store.copy(source, target), half_copied)

    chosen = rng.permutation(pages)[:SCATTERED]
    elements, nothing = plain.view(f"V{TAGS_PER_PAGE}").reshape(-1), np.zeros(1, f"V{TAGS_PER_PAGE}")

    def scattered() -> None:
        elements[chosen] = nothing

    name = f"clear {chosen.size:,} scattered pages"
    yield compare(name, "scattered void elements", 1.1, lambda: store.clear(chosen), scattered)

    yield compare("clear", "fill of as many bytes", 1.15, lambda: store.clear(every), lambda: plain.fill(0))

    few = plain[: min(LOOP_PAGES, pages)]
    loops = best_of({"granule": lambda: granule_loop(few), "page": lambda: page_loop(plain)}, turns=3)
    fill = best_of({"fill": lambda: plain.fill(0)}, turns=15)["fill"]
    yield Row("a Python loop over granules clears", loops["granule"] / len(few) * pages, "fill", fill, None)
    yield Row("a numpy loop over pages clears", loops["page"], "fill", fill, None)


def run(pages: int) -> int:
    """Print the table."""
    # First of all: on Linux a process inherits its parent's peak, and ours is still small.
    terabyte = subprocess.run([sys.executable, "-c", TERABYTE], stdout=subprocess.PIPE, text=True, check=True).stdout
    print(f"Tags of {pages:,} pages ({pages * 4096 / 2**30:g} GiB of memory); best of 15 turns each.")
    print(f"The granule loop is measured on {min(LOOP_PAGES, pages)} pages and scaled.\n")
    print(f"{'operation':36} {'ms':>10}  {'against':28} {'ms':>10} {'ratio':>9} {'target':>7}")
    for row in rows(pages):
        target = "" if row.target is None else f"{row.target:7.2f}"
        print(
            f"{row.operation:36} {row.ours * 1e3:10.3f}  {row.against:28} {row.theirs * 1e3:10.3f} "
            f"{row.ratio:9.2f} {target}",
            flush=True,
        )
    print("\nA terabyte of memory, one percent tagged in runs of 512 pages, then cleared, in a process of its own:")
    print(f"{terabyte.strip()} (target 2.00 GiB)")
    return 0
