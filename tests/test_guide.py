"""The guides name what is there: functions, commands, files."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from nbgrader.apps.nbgraderapp import NbGraderApp

import mtelab
from mtelab import bench, cli, recordings
from mtelab.explorer.litmus_tests import TESTS
from mtelab.kvm import releases
from mtelab.learn.grading import Learner
from mtelab.sync import protocols

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "mtelab" / "guide"
TABLE = (GUIDE / "kernel-functions.md").read_text(encoding="utf-8")
PAGES = sorted(GUIDE.glob("*.md"))
README = ROOT / "README.md"
ALL = [README, ROOT / "mtelab" / "deploy" / "README.md", *PAGES]


def words(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def commands(program: str) -> list[str]:
    """Each command line of `program` that a guide gives, in a block or between backquotes."""
    found = set()
    for text in map(words, ALL):
        lines = [line for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()]
        lines += re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        parts = [part.strip() for line in lines for part in re.split(r"&&|\||>", line)]
        found |= {part for part in parts if part.startswith(f"{program} ")}
    assert found, program
    return sorted(found)


def find(name: str) -> object:
    """Object by its dotted name."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            found = getattr(found, part)
        return found
    raise ModuleNotFoundError(name)


def rows(text: str) -> list[list[str]]:
    """Cells of each row of the tables of a text."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


OURS = [row[0].strip("`") for row in rows(TABLE) if row[0].startswith("`")]
"""The functions that the table sets beside the kernel's."""


@pytest.mark.parametrize("name", OURS)
def test_a_function_in_the_table_is_there_and_stands_there_once(name: str) -> None:
    assert callable(find(name))
    assert OURS.count(name) == 1


def test_no_cell_of_the_table_is_empty_and_every_commit_has_twelve_digits() -> None:
    assert [row for row in rows(TABLE) if len(row) not in (3, 6) or "" in row] == []
    assert {len(commit) for commit in re.findall(r"\b(?=[a-f]*\d)[0-9a-f]{8,}\b(?![.@-])", TABLE)} == {12}


def test_every_protocol_is_in_the_table() -> None:
    missing = [p.run.__name__ for p in protocols.PROTOCOLS.values() if f"protocols.{p.run.__name__}`" not in TABLE]
    assert missing == []


@pytest.mark.parametrize("page", ALL, ids=lambda page: str(page.relative_to(ROOT)))
def test_modules_and_files_that_a_page_names_are_there(page: Path) -> None:
    text = words(page)
    for name in set(re.findall(r"`(mtelab(?:\.\w+)+)[`(]", text)):
        assert find(name) is not None, name
    paths = set(re.findall(r"(?<![\w./-])((?:mtelab|tests|labs|assets)/[\w./-]*)", text))
    assert [path for path in paths if not (ROOT / path.rstrip(".")).exists()] == []


def test_every_release_has_its_column() -> None:
    for name in releases.RELEASES:
        assert f" {name.removeprefix('linux-')} |" in TABLE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^):#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_readme_of_the_guides_lists_them_all() -> None:
    listed = set(re.findall(r"\]\(([^)]+)\)", (GUIDE / "README.md").read_text(encoding="utf-8")))
    assert listed == {page.name for page in PAGES} - {"README.md"}


@pytest.mark.parametrize("command", commands("mtelab"))
def test_a_command_is_one_that_mtelab_takes(command: str) -> None:
    _, *arguments = shlex.split(command)
    if "--help" in arguments:
        with pytest.raises(SystemExit, match=r"^0$"):
            cli.parser().parse_args(arguments)
    else:
        assert callable(cli.parser().parse_args(arguments).run)


@pytest.mark.parametrize("command", [line for line in commands("python -m") if " mtelab." in line])
def test_a_module_that_is_run_is_there(command: str) -> None:
    module, *arguments = shlex.split(command)[2:]
    assert importlib.util.find_spec(module)
    if module == "mtelab.bench":
        assert Path(bench.__file__).with_name(f"{arguments[0]}.py").is_file()


@pytest.mark.parametrize("command", commands("nbgrader"))
def test_a_command_is_one_that_nbgrader_has(command: str) -> None:
    assert shlex.split(command)[1] in NbGraderApp.subcommands


def test_extras_and_settings_are_there() -> None:
    text = "".join(map(words, ALL))
    extras = tomllib.loads(words(ROOT / "pyproject.toml"))["project"]["optional-dependencies"]
    named = set(re.findall(r"mtelab\[(\w+)\]", text))
    assert named >= {"grading", "hub", "site"}
    assert named <= extras.keys()
    assert re.findall(r"c\.Learner\.(\w+)", text) == ["seed_from"]
    assert Learner.class_traits(config=True).keys() >= {"seed_from"}


def test_the_calls_of_the_guide_to_protocols_do_what_it_says() -> None:
    text = words(GUIDE / "protocols.md")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {"mtelab": mtelab}
    exec(example, names)
    explore, again, replay, *_ = re.findall(r"\| `([^`]*mtelab\.[^`]+)` \|", text)
    assert eval(explore, names).verdict == "safe"
    exec(again, names)
    assert names["report"].verdict == "leaks"
    assert eval(replay, names).verdicts == ["leaks"]
    assert all(hasattr(mtelab, name) for name in re.findall(r"`mtelab\.(\w+)\(", text))


def test_numbers_are_those_that_there_are() -> None:
    files = [path for path in recordings.folder("insn").glob("*.jsonl") if not path.name.startswith("quirk")]
    vectors = f"{sum(len(words(path).splitlines()) for path in files):,} instruction vectors"
    guide = words(GUIDE / "recordings.md")
    scenarios = [
        json.loads(line) for path in recordings.folder("scenario").glob("*.jsonl") for line in words(path).splitlines()
    ]
    for kernel in releases.RELEASES:
        operations = f"{sum(len(scenario[kernel]) for scenario in scenarios):,} operations"
        assert operations in words(README)
        assert operations in guide
    records = "".join(map(words, recordings.folder("kernel").glob("*.jsonl")))
    assert vectors in words(README)
    assert vectors in guide
    assert f"the {len(files)} kinds that are targets" in guide
    situations = set(re.findall(r'"id": ?"([^"]+)"', records))
    assert f"{len(situations)} situations" in guide
    assert f"{len(TESTS)} standard litmus tests" in words(README)


def test_the_readme_says_where_everything_is() -> None:
    text = words(README)
    places = {path.parent.name for path in (ROOT / "mtelab").glob("*/*.py")} | {"guide"}
    assert {name for name in places if f"| `mtelab/{name}` |" not in text} == set()
    links = set(re.findall(r"\]\(([^):#]+)\)", text))
    assert [link for link in links if not (ROOT / link).exists()] == []
    assert links >= {f"mtelab/guide/{page.name}" for page in PAGES if page.name != "README.md"}
