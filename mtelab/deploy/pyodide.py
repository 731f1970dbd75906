"""Python for the browser: an archive of Pyodide, and the wheels that the labs need besides."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCK: Final = "pyodide-lock.json"
"""The list of packages, in the folder ``pyodide`` of every archive."""
FRONT_ENDS: Final = ("anywidget", "ipywidgets", "jupyter_bokeh")
"""Packages whose Python half must be as old as the half that JupyterLab has of them."""
UNNAMED: Final = ("narwhals",)
"""What Pyodide's list forgets to name: bokeh imports it."""
_KERNEL_HAS: Final = {"widgetsnbextension"}
"""What the kernel's own extension brings, made for the browser."""


class PyodideError(Exception):
    """An archive that no site can be built with; the text says what is wrong and which is wanted."""


def extract(archive: Path, folder: Path) -> dict[str, Any]:
    """Put the files of `archive` into ``folder/pyodide`` and return its list of packages.

    Raises
    ------
    PyodideError
        It cannot be read, is no distribution of Pyodide, or one for another Python than JupyterLite's kernel.
    """
    from jupyterlite_pyodide_kernel.constants import PYODIDE_PYTHON_VERSION, PYODIDE_VERSION

    wanted = f"expected an archive such as pyodide-{PYODIDE_VERSION}.tar.bz2"
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                parts = PurePosixPath(member.name).parts
                content = tar.extractfile(member) if member.isfile() else None
                if content is not None and parts[0] == "pyodide" and ".." not in parts:
                    target = folder.joinpath(*parts)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with target.open("wb") as file:
                        shutil.copyfileobj(content, file)
        lock: dict[str, Any] = json.loads((folder / "pyodide" / LOCK).read_text(encoding="utf-8"))
        python, packages = lock["info"]["python"], lock["packages"]
    except FileNotFoundError as error:
        missing = archive if Path(error.filename) == archive else f"{archive}: pyodide/{Path(error.filename).name}"
        raise PyodideError(f"{missing}: no such file; {wanted}") from None
    except (OSError, tarfile.TarError, EOFError, ValueError, LookupError, TypeError) as error:
        raise PyodideError(f"{archive}: not a distribution of Pyodide ({error}); {wanted}") from None
    if not python.startswith(f"{PYODIDE_PYTHON_VERSION}.") or "micropip" not in packages:
        raise PyodideError(f"{archive}: Pyodide with {len(packages)} packages and Python {python}; {wanted}")
    return lock


def missing(roots: Iterable[str], lock: dict[str, Any]) -> dict[str, str]:
    """Return what `roots` need in a browser and `lock` lacks: names, and the versions that are installed here."""
    there = {canonicalize_name(name) for name in lock["packages"]} | _KERNEL_HAS
    browser = {"sys_platform": "emscripten", "extra": ""}  # the rest is as here
    found: dict[str, str] = {}
    todo = [canonicalize_name(name) for name in roots]
    while todo:
        name = todo.pop()
        if name in there or name in found:
            continue
        distribution = metadata.distribution(name)
        found[name] = distribution.version
        for requirement in map(Requirement, distribution.requires or ()):
            if requirement.marker is None or requirement.marker.evaluate(browser):
                todo.append(canonicalize_name(requirement.name))
    return found


def download(pins: dict[str, str], python: str, folder: Path) -> None:
    """Let pip put a wheel that runs anywhere into `folder` for each name and version.

    Raises
    ------
    PyodideError
        There are names without such a wheel, or pip reaches no place to ask; the text names them all.
    """
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--implementation=py", "--abi=none", "--platform=any", f"--python-version={python}", f"--dest={folder}"]

    def found(names: Iterable[str]) -> str | None:
        """Return nothing if pip has all, else the last that it says."""
        wanted = [f"{name}=={pins[name]}" for name in names]
        done = subprocess.run([*command, *wanted], capture_output=True, text=True, check=False)
        return (done.stderr.strip().splitlines() or ["nothing"])[-1] if done.returncode else None

    if pins and found(pins) is not None:
        said = {name: word for name in sorted(pins) if (word := found([name])) is not None}
        raise PyodideError(
            f"Pyodide's archive lacks {', '.join(said)}, and pip found no wheel for a browser; "
            f"expected the full archive, not the core one. pip's last word: {list(said.values())[-1]}"
        )
