"""For all tests and labs: each file is a learner of its own, with seed 0 and nothing solved yet."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

_progress = tempfile.TemporaryDirectory(prefix="mtelab-tests-")
os.environ["MTELAB_SEED"] = "0"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Name the progress file before nbval starts a notebook's kernel, which inherits the name."""
    place = item.path.relative_to(item.path.anchor).with_suffix(".json")
    os.environ["MTELAB_PROGRESS"] = str(Path(_progress.name) / place)
