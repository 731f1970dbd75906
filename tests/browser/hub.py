"""A real JupyterHub for the browser tests: the configuration that is handed out, with two users made up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from mtelab import deploy

from .server import ROOT, START_LIMIT, free_port

PASSWORD = "hub-tests"

# What a test may not leave to the recipe: accounts of this machine, ports, and a Lab that tests can drive.
CHANGES = """
load_subconfig({recipe!r})
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = {password!r}
c.DummyAuthenticator.allow_all = True
c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r}
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub_port}
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{proxy_port}"
c.Spawner.args += ["--LabApp.expose_app_in_browser=True", "--ServerApp.allow_root=True"]
"""


class Hub:
    """``jupyterhub`` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.homes = folder / "homes"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = CHANGES.format(
            recipe=str(deploy.RECIPE),
            password=PASSWORD,
            homes=str(self.homes / "{username}"),
            port=self.port,
            hub_port=free_port(),
            proxy_port=free_port(),
        )
        (folder / "jupyterhub_config.py").write_text(config)
        # Nobody has named a seed or a progress file on a hub. The proxy is the environment's own command.
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("MTELAB_", "JUPYTER"))}
        environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), environment.get("PYTHONPATH", "")])
        self.log = folder / "hub.log"
        with self.log.open("w") as log:
            command = [sys.executable, "-m", "jupyterhub"]
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        limit = time.monotonic() + START_LIMIT
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > limit:
                raise RuntimeError(f"JupyterHub did not start:\n{self.log.read_text()}")
            time.sleep(0.2)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/hub/api/", timeout=20):
                return True
        except (urllib.error.URLError, ConnectionError):
            return False

    def labs(self, user: str) -> Path:
        """The folder in which a user's labs are."""
        return self.homes / user / "mtelab-labs"

    def stop(self) -> None:
        """Stop the hub, which stops its proxy and its users' servers."""
        self.process.terminate()
        self.process.wait(timeout=60)

    def left_over(self) -> list[str]:
        """Commands of processes that still run for one of its users (Linux tells)."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if str(self.homes).encode() in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found
