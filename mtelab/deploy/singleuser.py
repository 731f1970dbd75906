"""A student's server on a JupyterHub: their own copy of the labs, and a limit on memory.

The hub starts ``python -m mtelab.deploy.singleuser`` where it would start ``jupyterhub-singleuser``. It runs under
the student's account, so that any spawner can use it: nothing is copied, and no owner changed, from outside.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from mtelab import course


def prepare() -> list[str]:
    """Make ready for the server, by what the hub says in the environment; returns options to start it with.

    ``JUPYTERHUB_ROOT_DIR`` is where the labs go (the spawner's ``notebook_dir``) and ``MEM_LIMIT`` the bytes that a
    process may have (its ``mem_limit``). A spawner that starts plain processes enforces no limit on memory; here a
    kernel that asks for more gets a MemoryError, and neither it nor a neighbour is killed.

    Raises
    ------
    CourseError
        This installation has no labs.
    """
    folder = Path(os.environ.get("JUPYTERHUB_ROOT_DIR") or ".").expanduser()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # nobody else's to read
    course.supply(folder)
    if limit := int(os.environ.get("MEM_LIMIT") or 0):
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    return [f"--LabApp.app_settings_dir={course.SETTINGS}"]


def main() -> int:
    """Prepare, and run the server until the hub stops it."""
    try:
        options = prepare()
    except (course.CourseError, OSError) as error:
        print(f"mtelab: {error}", file=sys.stderr)
        return 1
    from jupyterhub.singleuser import main as serve

    sys.argv += options
    serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
