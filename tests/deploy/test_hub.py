"""What a hub is told, and what is made ready for each student's server."""

from __future__ import annotations

import re
import resource
from pathlib import Path
from typing import Any

import pytest
from jupyter_server.serverapp import ServerApp
from jupyter_server.services.kernels.kernelmanager import MappingKernelManager
from jupyterhub.spawner import LocalProcessSpawner, Spawner
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from mtelab import course
from mtelab.cli import main
from mtelab.deploy import RECIPE, singleuser


@pytest.fixture(scope="module")
def config() -> Config:
    return PyFileConfigLoader(RECIPE.name, str(RECIPE.parent)).load_config()


def test_the_guide_names_files_and_headings_that_are_there() -> None:
    guide = RECIPE.with_name("README.md")
    text = guide.read_text()
    headings = {line.lstrip("# ").lower() for line in text.splitlines() if line.startswith("#")}
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert target[1:] in headings if target.startswith("#") else (guide.parent / target).is_file()


def test_the_command_prints_the_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hub"]) == 0
    assert capsys.readouterr().out == RECIPE.read_text()


def test_a_server_opens_the_first_lab_within_half_a_gibibyte_and_one_core(config: Config) -> None:
    spawner = LocalProcessSpawner(config=config)
    assert spawner.mem_limit == 512 << 20
    assert spawner.cpu_limit == 1
    assert spawner.default_url == f"/lab/tree/{course.FIRST_LAB}"
    assert spawner.cmd[1:] == ["-m", "mtelab.deploy.singleuser"]


def test_every_option_is_one_that_is_known(config: Config) -> None:
    unknown = {name for name in config.Spawner if name not in Spawner.class_traits()}
    for option in config.Spawner["args"]:
        owner, name = option.removeprefix("--").partition("=")[0].split(".")
        known: dict[str, Any] = {"MappingKernelManager": MappingKernelManager, "ServerApp": ServerApp}
        unknown |= set() if name in known[owner].class_traits() else {option}
    assert not unknown


def test_the_proxy_waits_longer_than_the_hub(config: Config) -> None:
    milliseconds = int(config.ConfigurableHTTPProxy.command[-1].removeprefix("--proxy-timeout="))
    assert milliseconds > 1000 * config.Spawner.start_timeout


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, tuple[int, int]]]:
    """Limits that would have been set for this process."""
    asked: list[tuple[int, tuple[int, int]]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda which, limit: asked.append((which, limit)))
    return asked


def test_labs_and_limit_come_from_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: list[tuple[int, tuple[int, int]]]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("JUPYTERHUB_ROOT_DIR", "~/mtelab-labs")
    monkeypatch.setenv("MEM_LIMIT", "1000")
    assert singleuser.prepare() == [f"--LabApp.app_settings_dir={course.SETTINGS}"]
    folder = tmp_path / "mtelab-labs"
    assert (folder / course.FIRST_LAB).is_file()
    assert folder.stat().st_mode & 0o077 == 0, "others can read a student's answers"
    assert limits == [(resource.RLIMIT_DATA, (1000, 1000))]


def test_a_server_that_starts_again_leaves_answers_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: list[tuple[int, tuple[int, int]]]
) -> None:
    monkeypatch.setenv("JUPYTERHUB_ROOT_DIR", str(tmp_path))
    monkeypatch.delenv("MEM_LIMIT", raising=False)
    (tmp_path / course.FIRST_LAB).write_text("my answers")
    singleuser.prepare()
    assert (tmp_path / course.FIRST_LAB).read_text() == "my answers"
    assert limits == []


def test_a_folder_that_cannot_be_made_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("JUPYTERHUB_ROOT_DIR", str(tmp_path / "file" / "labs"))
    assert singleuser.main() == 1
    assert str(tmp_path / "file") in capsys.readouterr().err
