"""``python -m mtelab`` is the command ``mtelab``."""

import sys

from mtelab.cli import main

if __name__ == "__main__":
    sys.exit(main())
