"""``python -m mtelab.bench NAME`` runs one benchmark."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mtelab.bench import explore, tags
from mtelab.explorer.model import MOST_PAGES
from mtelab.sync.situations import MOST_CPUS


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run the benchmark that it names."""
    parser = argparse.ArgumentParser(prog="python -m mtelab.bench", description=__doc__)
    benchmarks = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    store = benchmarks.add_parser("tags", help="the tag store against numpy's fill and copy")
    store.add_argument("--pages", type=int, default=1 << 18, help="pages in the store (default: a gigabyte of memory)")
    store.set_defaults(run=lambda given: tags.run(given.pages))
    explorer = benchmarks.add_parser("explore", help="the explorer against SPIN")
    explorer.add_argument("--cpus", type=int, default=explore.BIG.cpus, help="CPUs of the big model (default: 4)")
    explorer.add_argument("--pages", type=int, default=explore.BIG.pages, help="its pages (default: 2)")
    explorer.set_defaults(run=lambda given: explore.run(explore.BIG._replace(cpus=given.cpus, pages=given.pages)))
    given = parser.parse_args(arguments)
    if given.name == "tags" and given.pages < 2:
        parser.error(f"--pages: {given.pages}, expected 2 or more")
    if given.name == "explore" and not (1 <= given.cpus <= MOST_CPUS and 1 <= given.pages <= MOST_PAGES):
        parser.error(f"--cpus {given.cpus} --pages {given.pages}, expected 1 to {MOST_CPUS} and 1 to {MOST_PAGES}")
    status: int = given.run(given)
    return status


if __name__ == "__main__":
    sys.exit(main())
