"""Whose questions are asked: the learner's seed, and how a notebook says for whom it was run."""

from __future__ import annotations

import json
import os
import re
from typing import Final

EVERYONE: Final = "0"
"""Seed of a learner who has no name."""

_SENTENCE: Final = "This question is drawn for {}."
_SAID: Final = re.compile(re.escape(_SENTENCE).replace(re.escape("{}"), '(".*")'))


def seed() -> str:
    """Return the learner's seed: ``MTELAB_SEED``, else the user's name on a hub, else `EVERYONE`."""
    return os.environ.get("MTELAB_SEED") or os.environ.get("JUPYTERHUB_USER") or EVERYONE


def sentence(name: str) -> str:
    """Say in a line that a question is drawn for the learner with the seed `name`."""
    return _SENTENCE.format(json.dumps(name, ensure_ascii=False))


def said(text: str) -> list[str]:
    """Return the seeds of all such lines in `text`, in their order."""
    found: list[str] = []
    for line in text.splitlines():
        if match := _SAID.fullmatch(line.strip()):
            try:
                name = json.loads(match[1])
            except ValueError:
                continue
            # A learner may write what they like into a notebook. An environment variable holds no NUL.
            if isinstance(name, str) and name.isprintable() and name:
                found.append(name)
    return found
