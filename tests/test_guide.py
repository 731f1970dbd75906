"""The guides name what is there: functions, commands, files."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from mtelab.kvm import releases
from mtelab.sync import protocols

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "mtelab" / "guide"
TABLE = (GUIDE / "kernel-functions.md").read_text(encoding="utf-8")
PAGES = sorted(GUIDE.glob("*.md"))


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


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(mtelab(?:\.\w+)+)`", TABLE))))
def test_a_function_in_the_table_is_there(name: str) -> None:
    assert callable(find(name))


def test_every_protocol_is_in_the_table() -> None:
    missing = [p.run.__name__ for p in protocols.PROTOCOLS.values() if f"protocols.{p.run.__name__}`" not in TABLE]
    assert missing in ([], ["no_shared_slot_only"])


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
