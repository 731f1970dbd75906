"""``python -m mtelab.bench NAME`` runs one benchmark."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mtelab.bench import tags


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and run the benchmark that it names."""
    parser = argparse.ArgumentParser(prog="python -m mtelab.bench", description=__doc__)
    benchmarks = parser.add_subparsers(dest="name", required=True, metavar="NAME")
    store = benchmarks.add_parser("tags", help="the tag store against numpy's fill and copy")
    store.add_argument("--pages", type=int, default=1 << 18, help="pages in the store (default: a gigabyte of memory)")
    store.set_defaults(run=lambda given: tags.run(given.pages))
    given = parser.parse_args(arguments)
    if given.pages < 2:
        parser.error(f"--pages: {given.pages}, expected 2 or more")
    status: int = given.run(given)
    return status


if __name__ == "__main__":
    sys.exit(main())
