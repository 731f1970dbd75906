"""For all tests and labs: each file is a learner of its own, with seed 0 and nothing solved yet.

Labs are also watched for the memory they take, in the same run that compares their outputs.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from nbval.plugin import IPyNbFile

MOST_MIB = 352
"""What a lab's kernel may take, in MiB: of the 512 of a student on a hub, JupyterLab's own server needs the rest."""

FIRST = ("tests/browser", "tests/test_grading.py", "tests/test_labs.py", "labs", "tests/learn", "tests/explorer")
"""What takes longest comes first, so that both processes end at about the same time."""

_progress = tempfile.TemporaryDirectory(prefix="mtelab-tests-")
os.environ["MTELAB_SEED"] = "0"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the files, which are handed to the processes one after the other."""

    def place(item: pytest.Item) -> int:
        path = item.path.relative_to(config.rootpath).as_posix()
        return next((number for number, start in enumerate(FIRST) if path.startswith(start)), len(FIRST))

    items.sort(key=place)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Name the progress file before nbval starts a notebook's kernel, which inherits the name."""
    place = item.path.relative_to(item.path.anchor).with_suffix(".json")
    os.environ["MTELAB_PROGRESS"] = str(Path(_progress.name) / place)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    """Fail the last cell of a notebook whose kernel took too much memory; measured before nbval stops the kernel."""
    notebook = item.parent
    peak = 0
    if isinstance(notebook, IPyNbFile) and (nextitem is None or nextitem.parent is not notebook):
        kernel = notebook.kernel
        peak = peak_mib(kernel.km.provisioner.pid) if kernel is not None and kernel.is_alive() else 0
    yield
    if peak > MOST_MIB:
        message = f"{item.path.name}: its kernel took up to {peak} MiB of memory, expected at most {MOST_MIB}"
        pytest.fail(message, pytrace=False)


def peak_mib(pid: int) -> int:
    """Most resident memory that a process has had, in MiB; 0 where the system does not tell, or it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    peak = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(peak[1]) >> 10 if peak else 0
