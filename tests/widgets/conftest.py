"""A contention dashboard whose runs are done, for the tests of its parts."""

from __future__ import annotations

import pytest

from mtelab.widgets import ContentionDashboard
from mtelab.widgets.bokeh_chart import BokehChart

NAMES = ("big-lock", "lock-array", "page-lock")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a kernel there is nobody to send to."""
    monkeypatch.setattr(BokehChart, "send", lambda self, content, buffers=None: None)


@pytest.fixture
def dashboard(alone: None) -> ContentionDashboard:
    made = ContentionDashboard(NAMES, guests=2, pages=64, seeds=3)
    made.run()
    return made
