"""``python -m mtelab.bench NAME`` runs one benchmark."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mtelab.bench import contend, tags


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run the benchmark that it names."""
    parser = argparse.ArgumentParser(prog="python -m mtelab.bench", description=__doc__)
    benchmarks = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    store = benchmarks.add_parser("tags", help="the tag store against numpy's fill and copy")
    store.add_argument("--pages", type=int, default=1 << 18, help="pages in the store (default: a gigabyte of memory)")
    store.set_defaults(run=lambda given: tags.run(given.pages))
    engine = benchmarks.add_parser("contend", help="the contention engine against SimPy")
    engine.add_argument("--pages", type=int, default=4096, help="pages of all guests together (default: 4096)")
    engine.add_argument("--vcpus", type=int, default=contend.VCPUS, help="counts of vCPUs in a sweep (default: 64)")
    engine.add_argument("--seeds", type=int, default=10, help="runs of each (default: 10)")
    engine.set_defaults(run=lambda given: contend.run(given.pages, given.vcpus, given.seeds))
    given = parser.parse_args(arguments)
    for name, least in {"pages": 2, "vcpus": 1, "seeds": 1}.items():
        if getattr(given, name, least) < least:
            parser.error(f"--{name}: {getattr(given, name)}, expected {least} or more")
    status: int = given.run(given)
    return status


if __name__ == "__main__":
    sys.exit(main())
