"""The tools that read the code find nothing, and ``import mtelab`` stays light."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = ["mtelab", "tests", "conftest.py"]


@pytest.mark.parametrize(
    "command",
    [
        ["ruff", "check", "--no-cache", *CODE, "labs/solutions"],
        ["ruff", "format", "--no-cache", "--check", *CODE],
        ["mypy"],
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_nothing_to_complain_about(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_needs_numpy_alone() -> None:
    program = (
        "import sys; before = set(sys.modules); import mtelab; "
        "names = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(*sorted(names - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["mtelab", "numpy"]
