"""A wheel of mtelab as it is installed here, for a browser: no network, no build tools, and a checkout will do."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from mtelab import recordings
from mtelab.course import PACKAGE

_WHEEL = "Wheel-Version: 1.0\nGenerator: mtelab\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_NOT_IN_A_BROWSER = {"__pycache__", "deploy", "labs"}


def build_wheel(folder: Path) -> Path:
    """Write the wheel into `folder` and return its path.

    It has the models, figures, exercises and recordings. The labs are not in it: a site has them as its contents.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        If mtelab is not installed, only found on the path.
    """
    from wheel.wheelfile import WheelFile

    installed = metadata.distribution("mtelab")
    path = folder / f"mtelab-{installed.version}-py3-none-any.whl"
    with WheelFile(path, "w") as wheel:
        for file, name in _files():
            wheel.write(file, f"mtelab/{name}")
        wheel.writestr(f"{wheel.dist_info_path}/METADATA", installed.read_text("METADATA") or "")
        wheel.writestr(f"{wheel.dist_info_path}/WHEEL", _WHEEL)
    return path


def _files() -> Iterator[tuple[Path, str]]:
    """Yield each file and its name in the package."""
    for file in sorted(PACKAGE.rglob("*")):
        if file.is_file() and not _NOT_IN_A_BROWSER & set(file.relative_to(PACKAGE).parts):
            yield file, file.relative_to(PACKAGE).as_posix()
    inside = PACKAGE / "recordings"
    for kind in ("insn", "kernel", "scenario"):
        folder = recordings.folder(kind)
        if inside not in folder.parents:  # in a checkout they are with the tests
            for file in sorted(folder.iterdir()):
                yield file, f"recordings/{kind}/{file.name}"
