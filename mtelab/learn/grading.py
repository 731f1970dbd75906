"""What nbgrader needs to know of this course; it is an extra: ``mtelab[grading]``.

``mtelab release --instructor`` writes an ``nbgrader_config.py`` that calls `configure`. Then nbgrader asks each student
the question that they answered, and comes to the end of every notebook.
"""

# nbformat has type hints for a few of its functions only.
# mypy: allow-untyped-calls

from __future__ import annotations

from typing import Any

from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbclient.util import ensure_async, run_sync
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.converters.autograde import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from nbgrader.utils import setenv
from traitlets import Enum
from traitlets.config import Config

from mtelab.learn import learner

_SEED = "mtelab_seed"
"""Key in a notebook's metadata, from `Learner` to `ExecuteAsLearner`."""


class Learner(NbGraderPreprocessor):  # type: ignore[misc]  # nbgrader has no types
    """Find out for whom a submitted notebook was run, before its outputs are cleared."""

    seed_from = Enum(
        ["notebook", "student"],
        "notebook",
        help="whose questions to ask: of the one whom the notebook names, or of the student as nbgrader names them",
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Write the learner's seed into the notebook's metadata."""
        student: str = resources["nbgrader"]["student"]
        if self.seed_from == "student":
            seed = student
        else:
            names = _said(nb)
            if len(set(names)) > 1:
                self.log.warning("%s: questions drawn for %s; asking those of the last", student, ", ".join(names))
            seed = names[-1] if names else learner.EVERYONE
        nb.metadata[_SEED] = seed
        return nb, resources


def _said(nb: NotebookNode) -> list[str]:
    """Names in a notebook's outputs for whom its questions were drawn."""
    names: list[str] = []
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                names += learner.said(output.text)
    return names


class ExecuteAsLearner(Execute):  # type: ignore[misc]  # nbgrader has no types
    """Run a notebook with the seed that `Learner` found, to its end."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, km: Any = None
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Run `nb` in a kernel that draws its learner's questions."""
        with setenv(MTELAB_SEED=nb.metadata.pop(_SEED, learner.EVERYONE)):
            done: tuple[NotebookNode, dict[str, Any]] = super().preprocess(nb, resources, km)
        return done

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Run `cell`. One that ends the kernel, or goes on after an interrupt, costs its points and not the rest."""
        try:
            cell, resources = super().preprocess_cell(cell, resources, index)
        except (CellTimeoutError, DeadKernelError) as error:
            self.log.error("%s: starting another kernel for the cells that are left", type(error).__name__)
            said = "The kernel ended, or went on when its time was over. Later cells ran in a new one."
            cell.outputs.append(new_output("error", ename=type(error).__name__, evalue=said, traceback=[said]))
            run_sync(self._another_kernel)()
        for output in cell.get("outputs", []):
            # nbgrader takes a result for partial credit, and complains of one that is no number.
            if output.output_type == "execute_result":
                output.output_type = "display_data"
                del output["execution_count"]
        return cell, resources

    async def _another_kernel(self) -> None:
        await ensure_async(self.km.restart_kernel(now=True))
        await ensure_async(self.kc.wait_for_ready(timeout=self.startup_timeout))


def configure(config: Config) -> None:
    """Set in nbgrader's `config` what this course needs.

    Stubs are ``...``, as in the student's edition. A prediction is judged by the question that was put. Progress
    files, and Python files that could stand in for a package, are left where they are.
    """
    plain = Autograde()
    config.ClearSolutions.code_stub = {"python": "..."}
    config.CourseDirectory.ignore = [*CourseDirectory().ignore, ".mtelab", "*.py"]
    config.Autograde.sanitize_preprocessors = [Learner, *plain.sanitize_preprocessors]
    config.Autograde.autograde_preprocessors = [
        ExecuteAsLearner if each is Execute else each for each in plain.autograde_preprocessors
    ]
