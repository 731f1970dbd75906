"""The two lists of what the labs need agree, and neither names a place to fetch it from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def environment() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def bounds(lines: list[str]) -> dict[str, str]:
    requirements = [Requirement(line) for line in lines]
    return {requirement.name: str(requirement.specifier) for requirement in requirements}


def test_conda_and_pip_ask_for_the_same() -> None:
    python, *plain = [line for line in environment()["dependencies"] if isinstance(line, str)]
    conda = bounds(plain)
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python="))
    assert conda.pop("pip") == ""
    assert conda == bounds(PROJECT["dependencies"])
    assert all(bound.startswith(">=") for bound in conda.values()), "each package needs a lower bound"


def test_binder_finds_the_environment_and_its_python() -> None:
    """What repo2docker looks for: these places before the root, and in the file ``python=`` and a minor version.

    It takes its own default where it finds none, such as behind ``>=``; that may be older than the labs need.
    """
    earlier = ("binder", ".binder", "Dockerfile", "postBuild", "start", "apt.txt", "runtime.txt")
    assert not [name for name in earlier if (ROOT / name).exists()]
    assert environment().keys() == {"name", "channels", "dependencies"}
    assert re.fullmatch(r"python=\d+\.\d+", environment()["dependencies"][0])


def test_pip_installs_this_folder_only() -> None:
    assert environment()["dependencies"][-1] == {"pip": ["-e ."]}
    assert "pip" in environment()["dependencies"][:-1], "pip itself comes before what it installs"


def test_no_address_of_a_registry() -> None:
    for name in ("environment.yml", "pyproject.toml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"https?://|index.url|find.links|prefix:", text), name
