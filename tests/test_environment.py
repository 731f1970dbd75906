"""The two lists of what the labs need agree, and neither names a place to fetch it from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def environment() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def bounds(lines: list[str]) -> dict[str, str]:
    requirements = [Requirement(line) for line in lines]
    return {requirement.name: str(requirement.specifier) for requirement in requirements}


def test_conda_and_pip_ask_for_the_same() -> None:
    plain = [line for line in environment()["dependencies"] if isinstance(line, str)]
    conda = bounds(plain)
    assert conda.pop("python") == PROJECT["requires-python"]
    assert conda.pop("pip") == ""
    assert conda == bounds(PROJECT["dependencies"])
    assert all(bound.startswith(">=") for bound in conda.values()), "each package needs a lower bound"


def test_pip_installs_this_folder_only() -> None:
    assert environment()["dependencies"][-1] == {"pip": ["-e ."]}
    assert "pip" in environment()["dependencies"][:-1], "pip itself comes before what it installs"


def test_no_address_of_a_registry() -> None:
    for name in ("environment.yml", "pyproject.toml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"https?://|index-url|find-links|prefix:", text), name
