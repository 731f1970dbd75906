"""The course as a site that runs in the browser alone: JupyterLite, the labs, and a wheel of mtelab."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from mtelab import course
from mtelab.deploy import pyodide
from mtelab.deploy.wheel import build_wheel
from mtelab.learn import editions

FIRST: Final = f"lab/index.html?path={course.FIRST_LAB}"
"""Address of the first lab in the site."""
EXTENSIONS: Final = (
    "@bokeh/jupyter_bokeh",
    "@jupyter-widgets/jupyterlab-manager",
    "@jupyterlite/pyodide-kernel-extension",
    "anywidget",
)
"""Extensions of JupyterLab that the site takes over from here; others may want a server."""
KERNEL: Final = "@jupyterlite/pyodide-kernel-extension:kernel"
SETUP: Final = """# In the browser: run this first. It fetches the course's package.
%pip install -q mtelab {pins}
import os

os.environ["MTELAB_SEED"] = "0"  # put your name here: it draws your own questions"""


class SiteError(Exception):
    """A site cannot be built; the text says why, and what to do."""


def build(out: Path, archive: Path | None = None, roots: Iterable[str] = ("mtelab",)) -> None:
    """Build the site.

    Parameters
    ----------
    out : Path
        A folder that is empty or not there yet.
    archive : Path, optional
        A full distribution of Pyodide, for a site that needs no network. Without it the browser fetches Pyodide,
        and what else the labs need, from where JupyterLite's kernel has them.
    roots : iterable of str
        With an archive: the packages that must run; what they need and the archive lacks is added by pip.

    Raises
    ------
    SiteError
        `out` holds something or cannot be written, the extra is not installed, the archive will not do, or
        JupyterLite fails. Nothing is left in `out`.
    mtelab.learn.editions.EditionError
        A lab of this installation cannot be read.
    CourseError
        This installation has no labs.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SiteError(f"{out}: expected a new or an empty folder; nothing was written")
    for package in ("jupyterlite_core", "jupyterlite_pyodide_kernel", "wheel"):
        if importlib.util.find_spec(package) is None:
            raise SiteError(f'{package} is not installed; python -m pip install "mtelab[site]" brings it')
    labs = course.shipped()
    with _made(out), tempfile.TemporaryDirectory(prefix="mtelab-site-") as temporary:
        lite = Path(temporary)
        settings: dict[str, Any] = {}
        wheels = lite / "pypi"
        wheels.mkdir()
        try:
            build_wheel(wheels)
            if archive is not None:
                lock = pyodide.extract(archive, lite / "static")
                pins = pyodide.missing(roots, lock)
                pins.pop("mtelab", None)
                pyodide.download(pins, ".".join(lock["info"]["python"].split(".")[:2]), wheels)
                settings["disablePyPIFallback"] = True
        except pyodide.PyodideError as error:
            raise SiteError(str(error)) from None
        except metadata.PackageNotFoundError as error:
            raise SiteError(f"{error.name} is not installed; python -m pip install mtelab brings it") from None
        write_contents(labs, lite / "files")
        _configure(lite, settings)
        _run_jupyterlite(lite)
        shutil.copytree(lite / "site", out, dirs_exist_ok=True)


@contextlib.contextmanager
def _made(out: Path) -> Iterator[None]:
    """Make the folder `out` before the long work begins; if that fails, take back it and what it holds."""
    new = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        out.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException as error:
        with contextlib.suppress(OSError):
            for path in out.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for folder in new:
            with contextlib.suppress(OSError):
                folder.rmdir()
        if isinstance(error, OSError):
            raise SiteError(f"{out}: the site cannot be written: {error}; nothing was left there") from None
        raise


def write_contents(labs: Path, folder: Path) -> None:
    """Copy the student's labs into `folder`, each with a cell in front that makes the browser's kernel ready."""
    import nbformat

    pins = [f"{name}=={metadata.version(name)}" for name in pyodide.FRONT_ENDS]
    setup = SETUP.format(pins=" ".join([*pins, *pyodide.UNNAMED]))
    folder.mkdir(parents=True)
    for lab in sorted(labs.glob("*.ipynb")):
        nb = editions.read(lab)
        cell = nbformat.v4.new_code_cell(setup, id="in-the-browser")  # type: ignore[no-untyped-call]
        nb.cells.insert(0, cell)
        nb.metadata.kernelspec = {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}
        nbformat.write(nb, folder / lab.name)  # type: ignore[no-untyped-call]


def _configure(lite: Path, settings: dict[str, Any]) -> None:
    from jupyter_core.paths import jupyter_path

    places = [Path(place) / name for name in EXTENSIONS for place in jupyter_path("labextensions")]
    config = {
        "LiteBuildConfig": {
            "apps": ["lab"],
            "contents": ["files"],
            "federated_extensions": [str(place) for place in places if (place / "package.json").is_file()],
            "ignore_sys_prefix": ["federated_extensions"],
            "no_sourcemaps": True,
            "output_dir": "site",
        }
    }
    (lite / "jupyter_lite_config.json").write_text(json.dumps(config), encoding="utf-8")
    page = {
        "jupyter-lite-schema-version": 0,
        "jupyter-config-data": {"appName": "mtelab", "litePluginSettings": {KERNEL: settings}},
    }
    (lite / "jupyter-lite.json").write_text(json.dumps(page), encoding="utf-8")


def _run_jupyterlite(lite: Path) -> None:
    command = [sys.executable, "-m", "jupyterlite_core", "build"]
    done = subprocess.run(command, cwd=lite, capture_output=True, text=True, check=False)
    if done.returncode or not (lite / "site" / "index.html").is_file():
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-5:])
        raise SiteError(f"JupyterLite could not build the site; its last words:\n{last}")
