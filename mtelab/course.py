"""Open the course: find the labs, copy them where they may be changed, start JupyterLab there."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import webbrowser
from pathlib import Path

PACKAGE = Path(__file__).parent
SETTINGS = PACKAGE / "jupyter"
"""JupyterLab's settings for the course."""
FIRST_LAB = "00-start-here.ipynb"


class CourseError(Exception):
    """Something stands in the way of opening the course; the text says what, and what to do."""


def shipped() -> Path:
    """Folder of the student edition as this installation has it.

    A wheel carries it inside the package; in a source checkout it is ``labs/`` beside the package.
    """
    for folder in (PACKAGE / "labs", PACKAGE.parent / "labs"):
        if (folder / FIRST_LAB).is_file():
            return folder
    raise CourseError(f"no labs found: expected {FIRST_LAB} in {PACKAGE.parent / 'labs'}; install mtelab again")


def place(folder: Path | None) -> Path:
    """Folder in which the learner works, made on first use and never written over.

    Parameters
    ----------
    folder : Path or None
        Where the course should be. None means ``labs/`` itself in a source checkout, and ``mtelab-labs`` in the
        working directory for an installed wheel.

    Raises
    ------
    CourseError
        If `folder` holds something else than the course, or cannot be written.
    """
    source = shipped()
    if folder is None:
        if source.parent != PACKAGE:
            return source
        folder = Path("mtelab-labs")
    if folder.suffix == ".ipynb" or (not folder.exists() and (source / f"{folder.name}.ipynb").is_file()):
        raise CourseError(f"{folder}: expected a folder, not one lab; choose the lab in JupyterLab, on the left")
    if first_lab(folder):
        return folder.resolve()
    made = not folder.exists()
    if not made and (not folder.is_dir() or any(folder.iterdir())):
        raise CourseError(f"{folder}: expected an empty folder or one with labs of this course; nothing was copied")
    try:
        supply(folder)
    except OSError as error:
        if made:
            shutil.rmtree(folder, ignore_errors=True)
        raise CourseError(f"{folder}: the course cannot be copied there: {error}; choose another folder") from None
    return folder.resolve()


def supply(folder: Path) -> None:
    """Give `folder` the labs that it lacks; what is there stays, whatever was done to it."""
    source = shipped()
    folder.mkdir(parents=True, exist_ok=True)
    for lab in sorted(source.glob("*.ipynb")):
        target = folder / lab.name
        if not os.path.lexists(target):
            # A copy that is broken off is not taken for a lab the next time.
            partial = target.with_suffix(".partial")
            shutil.copyfile(lab, partial)
            partial.replace(target)


def first_lab(folder: Path) -> str | None:
    """Name of the first notebook in `folder` that is one of the course's, if there is any."""
    return next(iter(present(folder)), None)


def present(folder: Path) -> list[str]:
    """Names of the notebooks in `folder` that are the course's, in their order."""
    return [lab.name for lab in sorted(shipped().glob("*.ipynb")) if (folder / lab.name).is_file()]


def spoilt(folder: Path) -> dict[str, str]:
    """Labs in `folder` that JupyterLab cannot open, each with a sentence that says where, why and what to do."""
    found: dict[str, str] = {}
    for name in present(folder):
        try:
            json.loads((folder / name).read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            found[name] = f"{folder / name}:{error.lineno}: not JSON: {error.msg}, at column {error.colno}"
        except (OSError, UnicodeDecodeError) as error:
            found[name] = f"{folder / name}: cannot be read: {error}"
    again = "git checkout labs" if folder == shipped() else "mtelab release NEW {}"
    return {
        name: f"{text}. Mend it in a text editor, or take a fresh copy: {again.format(name.partition('-')[0])}"
        for name, text in found.items()
    }


def free(port: int) -> bool:
    """Say whether a server can listen on `port` of this machine.

    Raises
    ------
    CourseError
        If no server could, whether or not another one does.
    """
    if not 0 < port < 1 << 16:
        raise CourseError(f"--port {port}: expected a number from 1 to {(1 << 16) - 1}")
    try:
        # As servers do, so that a port that one has just left is free for the next.
        socket.create_server(("127.0.0.1", port)).close()
    except PermissionError:
        raise CourseError(f"--port {port}: this account may not listen there; choose one from 1024 on") from None
    except OSError:
        return False
    return True


def has_browser() -> bool:
    """Say whether there is a browser that Python can open."""
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def lab(args: argparse.Namespace) -> int:
    """Run ``mtelab lab``: JupyterLab, open at the first lab, until the learner stops it."""
    folder = place(Path(args.folder) if args.folder else None)
    bad = spoilt(folder)
    for sentence in bad.values():
        print(sentence)
    first = next((name for name in present(folder) if name not in bad), first_lab(folder))
    options = [f"--ServerApp.root_dir={folder}", f"--LabApp.default_url=/lab/tree/{first}"]
    options.append(f"--LabApp.app_settings_dir={SETTINGS}")
    if args.port is not None:
        if not free(args.port):
            raise CourseError(f"--port {args.port}: something else listens there; choose another or leave it out")
        options.append(f"--ServerApp.port={args.port}")
    if args.seed is not None:
        os.environ["MTELAB_SEED"] = args.seed
    if args.no_browser:
        options.append("--no-browser")
    elif not has_browser():
        print("No browser was found here. Open the address that follows in one.")
        options.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # In a container there is often nobody but root; Jupyter wants to be told that this is meant.
        options.append("--allow-root")
    print(f"Opening the course in {folder}. Stop it here with Ctrl-C.", flush=True)
    _start(options)
    return 0


def _start(options: list[str]) -> None:
    """Run JupyterLab in this process, so that whoever stops us stops it."""
    from jupyterlab.labapp import LabApp

    LabApp.launch_instance(options)
