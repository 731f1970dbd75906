"""Release the course: a folder for students, or one for an instructor in which nbgrader's own commands work.

The student's folder holds the notebooks, side by side, byte for byte as they are in ``labs/``. The instructor's is a
course folder of nbgrader, an assignment for each lab::

    nbgrader_config.py
    source/01-tags-and-pointers/01-tags-and-pointers.ipynb     the worked edition

In it ``nbgrader generate_assignment``, ``release_assignment``, ``collect``, ``autograde``, ``generate_feedback`` and
``export`` work as they are, and make what they need beside ``source``: ``release``, ``submitted``, ``autograded``,
``feedback`` and ``gradebook.db``. ``submitted/STUDENT/LAB/LAB.ipynb`` may as well come from elsewhere, and students
may as well have the student's folder: its cells are those that nbgrader releases.
"""

# nbformat has type hints for a few of its functions only.
# mypy: allow-untyped-calls

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path

from mtelab.course import PACKAGE, shipped
from mtelab.learn import editions, labs

CONFIG = "nbgrader_config.py"
_IMPORT = "from mtelab.learn import check"
_LINK = re.compile(r"\]\(([\w.-]+)\.ipynb\b")


class ReleaseError(Exception):
    """The course cannot be released; the text says why, and what to do."""


def release(out: Path, chosen: Sequence[str] = (), *, instructor: bool = False) -> list[str]:
    """Make the folder `out` of the student's edition, or of the worked one for an instructor.

    Everything is read and looked through before the first byte is written.

    Parameters
    ----------
    out : Path
        A folder that is empty or not there yet.
    chosen : sequence of str
        Labs by name or number; all where it is empty.
    instructor : bool
        Whether to release the worked edition.

    Returns
    -------
    list of str
        Names of the labs that `out` holds.

    Raises
    ------
    ReleaseError
        If `out` holds something or cannot be written, or a student's notebook is not what the worked one gives.
    mtelab.learn.labs.UnknownLabError
        If there is no such lab.
    mtelab.learn.editions.EditionError
        If a notebook cannot be read.
    mtelab.course.CourseError
        If this installation has no labs.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ReleaseError(f"{out}: expected a new or an empty folder; nothing was written")
    folder = shipped()
    known = labs.names(folder / "solutions" if instructor else folder)
    found = sorted({labs.find(name, known) for name in chosen}) or known
    files: dict[str, bytes] = {}
    for name in found:
        if instructor:
            files[f"source/{name}/{name}.ipynb"] = _worked(folder / "solutions" / f"{name}.ipynb", known)
        else:
            files[f"{name}.ipynb"] = _student(folder, f"{name}.ipynb")
    if instructor:
        files[CONFIG] = (PACKAGE / "jupyter" / CONFIG).read_bytes()
    _write(out, files)
    return found


def _student(folder: Path, file: str) -> bytes:
    """Return the student's notebook, if nothing but the worked edition has gone into it."""
    student = editions.read(folder / file)
    worked = editions.read(folder / "solutions" / file)
    if editions.sources(student) != editions.sources(editions.canonical(editions.student_edition(worked))):
        raise ReleaseError(
            f"{folder / file}: not the student's edition of {folder / 'solutions' / file}. "
            f"Make it anew: python -m mtelab.learn.editions {Path(file).stem}"
        )
    return (folder / file).read_bytes()


def _worked(path: Path, known: list[str]) -> bytes:
    """Return the worked notebook as nbgrader needs it.

    Links to other labs hold where each lab has a folder of its own. A hidden test imports what it calls, as a student
    may have lost that or given its name to something else.
    """
    nb = editions.read(path)
    editions.student_edition(nb)  # complains about marks from which nbgrader would make something else

    def elsewhere(link: re.Match[str]) -> str:
        return f"](../{link[1]}/{link[1]}.ipynb" if link[1] in known else link[0]

    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source = _LINK.sub(elsewhere, cell.source)
        elif cell.metadata.get("nbgrader", {}).get("grade", False):
            cell.source = cell.source.replace(editions.HIDDEN[0], f"{editions.HIDDEN[0]}\n{_IMPORT}")
    return editions.text(nb).encode()


def _write(out: Path, files: dict[str, bytes]) -> None:
    """Write all `files`, or leave nothing behind."""
    made: list[Path] = []
    try:
        for name, content in files.items():
            target = out / name
            for folder in reversed([parent for parent in target.parents if not parent.exists()]):
                folder.mkdir()
                made.append(folder)
            made.append(target)
            target.write_bytes(content)
    except OSError as error:
        for path in reversed(made):
            with contextlib.suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        raise ReleaseError(f"{out}: cannot be written: {error.strerror}; nothing was left there") from None
