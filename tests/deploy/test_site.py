"""The site's parts: what is refused before anything is written, the labs, the wheel, and an archive of Pyodide."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import nbformat
import pytest
from packaging.metadata import parse_email
from packaging.requirements import Requirement

from mtelab import course
from mtelab.cli import main
from mtelab.deploy import pyodide, site
from mtelab.deploy.wheel import build_wheel


def archive(path: Path, **files: str) -> Path:
    """Write an archive of Pyodide with these files (``__`` is a dot) in its folder."""
    with tarfile.open(path, "w:bz2") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(f"pyodide/{name.replace('__', '.')}")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


def lock(python: str = "3.14.2", packages: tuple[str, ...] = ("micropip", "numpy")) -> str:
    return json.dumps({"info": {"python": python}, "packages": {name: {} for name in packages}})


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.tex").write_text("chapter one")
    assert main(["site", str(tmp_path)]) == 2
    assert "expected a new or an empty folder; nothing was written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_place_that_cannot_be_written_is_said_before_the_long_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(site, "build_wheel", lambda folder: pytest.fail("the work has begun"))
    (tmp_path / "file").write_text("mine")
    assert main(["site", str(tmp_path / "file" / "out")]) == 2
    error = capsys.readouterr().err
    assert f"{tmp_path / 'file' / 'out'}: the site cannot be written: [Errno 20] Not a directory" in error
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("there", [False, True], ids=["new", "empty"])
def test_a_site_that_is_broken_off_leaves_nothing_behind(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "out"
    if there:
        out.mkdir(parents=True)

    def until_the_disk_is_full(*_: object) -> None:
        (out / "lab").mkdir()
        (out / "lab" / "index.html").write_text("<")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(site, "_run_jupyterlite", until_the_disk_is_full)
    assert main(["site", str(out)]) == 2
    assert "No space left on device; nothing was left there" in capsys.readouterr().err
    assert list(tmp_path.rglob("*")) == ([out.parent, out] if there else [])


def test_a_lab_that_is_not_json_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    labs = tmp_path / "labs"
    labs.mkdir()
    (labs / course.FIRST_LAB).write_text("{\n,")
    monkeypatch.setattr(course, "shipped", lambda: labs)
    assert main(["site", str(tmp_path / "out")]) == 2
    assert f"{labs / course.FIRST_LAB}:2: not JSON" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_extra_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(site.importlib.util, "find_spec", lambda name: None)
    assert main(["site", str(tmp_path / "out")]) == 2
    assert 'python -m pip install "mtelab[site]"' in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (None, "no such file"),
        ({}, f"pyodide/{pyodide.LOCK}: no such file"),
        ({"pyodide-lock__json": "{"}, "not a distribution of Pyodide"),
        ({"pyodide-lock__json": "[]"}, "not a distribution of Pyodide"),
        ({"pyodide-lock__json": lock(python="3.12.7")}, "Pyodide with 2 packages and Python 3.12.7"),
        ({"pyodide-lock__json": lock(packages=())}, "Pyodide with 0 packages"),
    ],
    ids=["none", "empty", "not JSON", "no object", "other Python", "no packages"],
)
def test_an_archive_that_is_no_pyodide_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str] | None, message: str
) -> None:
    path = tmp_path / "pyodide.tar.bz2"
    if files is not None:
        archive(path, **files)
    assert main(["site", str(tmp_path / "out"), "--pyodide", str(path)]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert "expected an archive such as pyodide-3" in captured.err
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pyodide.tar.bz2"
    path.write_text("an error page")
    assert main(["site", str(tmp_path / "out"), "--pyodide", str(path)]) == 2
    assert f"{path}: not a distribution of Pyodide" in capsys.readouterr().err


def test_nothing_is_written_beside_the_folder(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tar.bz2", **{"pyodide-lock__json": lock(), "../../outside": "x", "numpy__whl": "y"})
    assert pyodide.extract(path, tmp_path / "static")["packages"].keys() == {"micropip", "numpy"}
    assert {file.name for file in tmp_path.rglob("*") if file.is_file()} == {
        "a.tar.bz2",
        "numpy.whl",
        pyodide.LOCK,
    }


def test_what_an_archive_lacks_is_found_with_all_that_it_needs_in_a_browser() -> None:
    has = {"packages": ["numpy", "bokeh", "contourpy", "ipython", "traitlets"]}
    missing = pyodide.missing(["mtelab"], has)
    assert {"anywidget", "ipywidgets", "jupyter-bokeh", "psygnal", "comm"} <= missing.keys()
    assert not {"numpy", "bokeh", "ipython", "jupyterlab", "tornado", "widgetsnbextension"} & missing.keys()


def test_what_pip_cannot_find_is_named_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(pyodide.PyodideError, match="lacks contourpy, numpy, and pip found no wheel"):
        pyodide.download({"numpy": "2.0.0", "contourpy": "1.3.0"}, "3.14", tmp_path)


def test_the_labs_are_the_students_with_one_cell_in_front(tmp_path: Path) -> None:
    site.write_contents(course.shipped(), tmp_path / "files")
    made = {path.name: nbformat.read(path, 4) for path in (tmp_path / "files").iterdir()}
    originals = {path.name: nbformat.read(path, 4) for path in course.shipped().glob("*.ipynb")}
    assert made.keys() == originals.keys()
    for name, nb in made.items():
        assert nb.cells[1:] == originals[name].cells
        assert nb.cells[0].source.startswith("# In the browser: run this first")
        assert nb.metadata.kernelspec.name == "python"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_has_models_figures_and_recordings_and_no_labs(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"mtelab/widgets/tag_map.js", "mtelab/recordings/insn/irg.jsonl", "mtelab/learn/checking.py"} <= names
    assert not [name for name in names if name.endswith((".ipynb", ".pyc"))]


def test_the_wheel_runs_with_nothing_else_of_mtelab(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    program = (
        "import mtelab, mtelab.recordings as r; print(mtelab.__file__); print(r.folder('scenario'), r.folder('kernel'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.count(str(tmp_path / "mtelab")) == 3


def test_the_wheel_needs_no_server_in_a_browser(wheel: Path) -> None:
    (name,) = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith("/METADATA")]
    metadata, _ = parse_email(zipfile.ZipFile(wheel).read(name))
    requirements = map(Requirement, metadata["requires_dist"])
    browser = {"sys_platform": "emscripten", "extra": ""}
    needed = {need.name for need in requirements if need.marker is None or need.marker.evaluate(browser)}
    assert needed == {"anywidget", "bokeh", "ipywidgets", "jupyter-bokeh", "numpy"}
