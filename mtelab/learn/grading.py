"""What nbgrader needs to know of this course; it is an extra: ``mtelab[grading]``.

``mtelab release --instructor`` writes an ``nbgrader_config.py`` that calls `configure`. Then nbgrader asks each student
the question that they answered, and comes to the end of every notebook.
"""

from __future__ import annotations

import time
from queue import Empty
from typing import Any

from nbclient.util import ensure_async
from nbformat import NotebookNode
from nbgrader.converters.autograde import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from nbgrader.utils import setenv
from traitlets import Enum, Integer
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

    patience = Integer(5, help="seconds that a kernel has to stop what it was told to stop").tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, km: Any = None
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Run `nb` in a kernel that draws its learner's questions."""
        with setenv(MTELAB_SEED=nb.metadata.pop(_SEED, learner.EVERYONE)):
            done: tuple[NotebookNode, dict[str, Any]] = super().preprocess(nb, resources, km)
        return done

    async def on_cell_executed(self, **kwargs: Any) -> None:
        """See to it that a cell which ran out of time does not use up the time of all that follow."""
        super().on_cell_executed(**kwargs)
        for output in kwargs["cell"].outputs:
            # nbgrader takes a result for partial credit and complains of one that is no number.
            if output.output_type == "execute_result":
                output.output_type = "display_data"
                del output["execution_count"]
        reply = kwargs["execute_reply"]["content"]
        if reply.get("ename") == self.error_on_timeout["ename"] and not await self._idle():
            self.log.error("Kernel goes on after an interrupt: starting another one for the cells that are left")
            await ensure_async(self.km.restart_kernel(now=True))
            await ensure_async(self.kc.wait_for_ready(timeout=self.startup_timeout))

    async def _idle(self) -> bool:
        """Say whether the kernel answers within `patience`: a loop with a bare ``except`` swallows an interrupt."""
        asked = self.kc.kernel_info()
        limit = time.monotonic() + self.patience
        while (left := limit - time.monotonic()) > 0:
            try:
                message = await ensure_async(self.kc.shell_channel.get_msg(timeout=left))
            except Empty:
                break
            if message["parent_header"].get("msg_id") == asked:
                return True
        return False


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
