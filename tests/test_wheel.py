"""The wheel, in an environment of its own: ``mtelab lab`` in an empty folder gives the course."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mtelab.learn import labs

ROOT = Path(__file__).parents[1]
NAMES = labs.names(ROOT / "labs")
TOKEN = "wheel"
START_LIMIT = 90


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


class Installed:
    """A virtual environment with the wheel in it, in which the packages that it needs are those that run the tests.

    They are lent by a path file, which is read after the environment's own packages and whose editable installations
    are not followed: the mtelab that runs is the wheel's.
    """

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder / "venv"
        venv.create(self.folder)
        pip = [sys.executable, "-m", "pip", "--python", str(self.folder), "install", "--no-index", "--no-deps"]
        subprocess.run([*pip, "--quiet", str(wheel)], check=True, capture_output=True)
        (packages,) = self.folder.glob("lib/*/site-packages")
        lent = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
        (packages / "lent.pth").write_text("\n".join(sorted(lent)))
        self.environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        for name in ("CONFIG", "DATA", "RUNTIME"):
            self.environment[f"JUPYTER_{name}_DIR"] = str(folder / name.lower())
        # JupyterLab's own files are not among the packages but beside them.
        share = Path(sysconfig.get_path("data")) / "share" / "jupyter"
        self.environment |= {"JUPYTER_PATH": str(share), "JUPYTERLAB_DIR": str(share / "lab"), "JUPYTER_TOKEN": TOKEN}

    def command(self, *arguments: str) -> list[str]:
        return [str(self.folder / "bin" / "mtelab"), *arguments]

    def run(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        command = self.command(*arguments)
        return subprocess.run(command, cwd=cwd, env=self.environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("installed"), wheel)


def test_it_holds_both_editions_and_nothing_that_a_server_leaves_behind(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    inside = [name.removeprefix("mtelab/labs/") for name in names if name.startswith("mtelab/labs/")]
    assert sorted(inside) == sorted([f"{name}.ipynb" for name in NAMES] + [f"solutions/{name}.ipynb" for name in NAMES])
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"mtelab"}
    assert not any("__pycache__" in name or "test_" in name for name in names)


def test_it_holds_all_of_the_package(wheel: Path) -> None:
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "mtelab").rglob("*") if path.is_file()}
    needed = {name for name in files if "__pycache__" not in name and "/." not in name}
    assert needed >= {"mtelab/guide/teaching.md", "mtelab/deploy/README.md", "mtelab/contention/engine.py"}
    assert needed - set(zipfile.ZipFile(wheel).namelist()) == set()


def test_the_mtelab_that_runs_is_the_wheels(installed: Installed, tmp_path: Path) -> None:
    program = "import mtelab; print(mtelab.__file__)"
    command = [str(installed.folder / "bin" / "python"), "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=installed.environment, capture_output=True, text=True, check=True)
    assert installed.folder in Path(done.stdout.strip()).parents


@pytest.fixture
def server(installed: Installed, tmp_path: Path) -> Iterator[str]:
    """The address at which ``mtelab lab`` answers, started in an empty folder."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    log = tmp_path.with_suffix(".log")
    with log.open("w") as file:
        command = installed.command("lab", "--no-browser", "--port", port)
        process = subprocess.Popen(command, cwd=tmp_path, env=installed.environment, stdout=file, stderr=file)
    try:
        limit = time.monotonic() + START_LIMIT
        while True:
            try:
                ask(f"http://127.0.0.1:{port}/api/status")
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < limit, log.read_text()
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=20)


def ask(url: str) -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"token {TOKEN}"})
    with urllib.request.urlopen(request, timeout=20) as reply:
        body = reply.read()
    return json.loads(body) if url.rpartition("/api/")[1] else body.decode()


def test_mtelab_lab_in_an_empty_folder_gives_the_course(server: str, tmp_path: Path) -> None:
    listed = ask(f"{server}/api/contents/")["content"]
    assert sorted(item["name"] for item in listed) == [f"{name}.ipynb" for name in NAMES]
    assert labs.names(tmp_path / "mtelab-labs") == NAMES
    first = ask(f"{server}/api/contents/{NAMES[0]}.ipynb")["content"]
    assert first["cells"][0]["source"].startswith("# 00")
    assert "JupyterLab" in ask(f"{server}/lab/tree/{NAMES[0]}.ipynb")


def test_both_editions_are_released(installed: Installed, tmp_path: Path) -> None:
    assert installed.run("release", "theirs", cwd=tmp_path).returncode == 0
    assert installed.run("release", "--instructor", "mine", cwd=tmp_path).returncode == 0
    assert labs.names(tmp_path / "theirs") == NAMES
    assert sorted(path.stem for path in (tmp_path / "mine" / "source").glob("*/*.ipynb")) == NAMES
    assert (tmp_path / "mine" / "nbgrader_config.py").is_file()


def test_the_recordings_are_there(installed: Installed, tmp_path: Path) -> None:
    done = installed.run("conformance", "insn", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^irg (\d+)/\1$", done.stdout, re.MULTILINE), done.stdout
