"""A real JupyterLab for the browser tests, started as a learner starts it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
TOKEN = "browser-tests"
START_LIMIT = 120
"""Seconds for a server to start."""
LIMIT = 60_000
"""Milliseconds for anything that happens at once on an idle machine; a loaded one may take its time."""


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """``mtelab lab`` in a copy of the course, with settings of its own."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "course"
        shutil.copytree(ROOT / "labs", self.folder, ignore=shutil.ignore_patterns(".*"))
        config = home / "config"
        config.mkdir()
        # The tests drive the notebook through JupyterLab's own commands.
        (config / "jupyter_lab_config.json").write_text(json.dumps({"LabApp": {"expose_app_in_browser": True}}))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        environment = os.environ | {
            "JUPYTER_CONFIG_DIR": str(config),
            "JUPYTER_DATA_DIR": str(home / "data"),
            "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
            "JUPYTER_TOKEN": TOKEN,
            "MTELAB_PROGRESS": str(home / "progress.json"),
        }
        self.log = home / "server.log"
        command = [sys.executable, "-m", "mtelab", "lab", str(self.folder), "--no-browser", "--port", str(self.port)]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        limit = time.monotonic() + START_LIMIT
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"JupyterLab did not start:\n{self.log.read_text()}")
            time.sleep(0.2)

    def answers(self) -> bool:
        try:
            self.ask("GET", "status")
        except (urllib.error.URLError, ConnectionError):
            return False
        return True

    def ask(self, method: str, path: str) -> Any:
        """Call the server's REST interface."""
        request = urllib.request.Request(f"{self.url}/api/{path}", method=method)
        request.add_header("Authorization", f"token {TOKEN}")
        with urllib.request.urlopen(request, timeout=LIMIT / 1000) as reply:
            body = reply.read()
        return json.loads(body) if body else None

    def stop_kernels(self) -> None:
        """End every session, so that the next notebook starts a fresh kernel."""
        for session in self.ask("GET", "sessions"):
            self.ask("DELETE", f"sessions/{session['id']}")

    def stop(self) -> None:
        """Stop the kernels and then the server, which has little to do by then."""
        self.stop_kernels()
        self.process.terminate()
        try:
            self.process.wait(timeout=LIMIT / 1000)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
