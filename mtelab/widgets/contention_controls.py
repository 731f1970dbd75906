"""The contention dashboard's controls: what to run, which protocols, and what came out in a sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

import traitlets

from mtelab.contention import HASHES, WORKLOADS
from mtelab.learn.contention_study import ARRAY, COUNTS, GROWS, LOCKS, ContentionStudy
from mtelab.widgets.contention_style import looks
from mtelab.widgets.figure import Figure

PAGES: Final = {"4K": (64, 128, 256, 512, 1024, 2048, 4096), "2M": tuple(512 * n for n in (2, 4, 8, 16, 32, 64))}
"""4 KiB pages of a guest that the slider offers."""
CLEAR: Final = (20, 50, 100, 200, 315, 500, 1000, 2000, 5000)
WORK: Final = (0, 250, 500, 1000, 2000, 5000, 10_000)
LOSSES: Final = (0.05, 0.1, 0.25, 0.5)
_RESTORE: Final = 400 / 315
"""Time to restore a page's tags, in times to clear them."""
_MMU_LOCK: Final = {
    "shared": "shared, as from 6.2 on",
    "exclusive": "exclusive, as to 6.1",
    None: "as its release had it",
}


def _named(values: Any, text: Callable[[Any], str] = str) -> list[list[Any]]:
    return [[value, text(value)] for value in values]


def _nanoseconds(value: float) -> str:
    return f"{value:g} ns" if value < 1000 else f"{value / 1000:g} µs"


def _pages(block: str) -> list[list[Any]]:
    if block == "4K":
        return _named(PAGES[block], lambda pages: f"{pages:,}")
    return _named(PAGES[block], lambda pages: f"{pages // 512} × 2 MiB")


FIELDS: Final[dict[str, tuple[str, str, str, list[list[Any]]]]] = {
    "grows": ("Axis", "menu", "Along the axis", [[name, text] for name, text in GROWS.items()]),
    "focus": ("Axis", "menu", "Bounds, timeline of", []),
    "loss": ("Axis", "menu", "Hurts: waits over", _named(LOSSES, lambda loss: f"{loss * 100:.0f} % of the time")),
    "guests": ("Machine", "slider", "Guests", _named(COUNTS)),
    "vcpus": ("Machine", "slider", "vCPUs of each", _named(COUNTS)),
    "pages": ("Machine", "slider", "Pages of each", []),
    "cores": ("Machine", "slider", "Cores", [*_named(COUNTS), [None, "one each"]]),
    "workload": ("Work", "menu", "Workload", _named(WORKLOADS)),
    "block": ("Work", "menu", "Blocks", [["4K", "4 KiB"], ["2M", "2 MiB"]]),
    "clear": ("Work", "slider", "Clear a page's tags", _named(CLEAR, _nanoseconds)),
    "guest_work": ("Work", "slider", "Work on a page", _named(WORK, _nanoseconds)),
    "mmu_lock": ("Locks", "menu", "mmu_lock", [[value, text] for value, text in _MMU_LOCK.items()]),
    "locks": ("Locks", "slider", "Locks of the array", _named(LOCKS)),
    "hash": ("Locks", "menu", "Hash of the array", _named(HASHES)),
    "frames": ("Locks", "menu", "Guests' frames", _named(("scattered", "contiguous"))),
}
"""Controls by name: group, kind, label, and what can be chosen."""


class ContentionControls(Figure):
    """Menus, sliders and boxes for a study.

    Parameters
    ----------
    study : ContentionStudy
        What they set.
    changed : function
        Called after a control has moved, with its name.
    stop : function
        Called by the button that stops a long run, or lets it go on.
    """

    script = "contention_controls.js"

    choices = traitlets.Dict({name: list(field[:3]) for name, field in FIELDS.items()}).tag(sync=True)
    picture = traitlets.Dict().tag(sync=True)
    """Values and series."""
    options = traitlets.Dict().tag(sync=True)
    """What each control offers: pairs of a value and its text."""
    answer = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """What came out, a sentence each."""
    progress = traitlets.List([0, 0, False]).tag(sync=True)
    """Runs done and wanted, and whether more are on their way."""
    handled = traitlets.Int(0).tag(sync=True)
    """Counts the browser's events, so that it sends the next when the last has been handled."""

    def __init__(self, study: ContentionStudy, changed: Callable[[str], None], stop: Callable[[], None]) -> None:
        self.study = study
        self.focus = study.chosen[0]
        self._changed, self._stop = changed, stop
        self._first = study.settings, study.grows, study.loss, list(study.chosen), self.focus
        super().__init__(title="Contention: many guests, one protocol")
        self.show()

    # ---- what a control, or a cell, may do

    def set(self, name: str, value: Any) -> None:
        """Move a control: any of `FIELDS`, and a value that `contend` would take."""
        if name not in FIELDS:
            raise ValueError(f"{name}: expected one of {', '.join(FIELDS)}")
        study = self.study
        if name == "focus":
            if value not in study.chosen:
                raise ValueError(f"focus: {value!r}, expected one of {', '.join(study.chosen)}")
            self.focus = value
        elif name in ("grows", "loss"):
            self._one_of(name, value)
            setattr(study, name, value)
        elif name == "clear":
            costs = study.settings.costs
            costs = dataclasses.replace(costs, mte_clear_page_tags=value, mte_restore_page_tags=value * _RESTORE)
            study.settings = dataclasses.replace(study.settings, costs=costs)
        elif name == "guest_work":
            costs = dataclasses.replace(study.settings.costs, guest_work=value)
            study.settings = dataclasses.replace(study.settings, costs=costs)
        else:
            self._set_argument(name, value)

    def _one_of(self, name: str, value: Any) -> None:
        options = [option for option, _ in FIELDS[name][3]]
        if options and value not in options:
            raise ValueError(f"{name}: {value!r}, expected one of {', '.join(map(str, options))}")

    def _set_argument(self, name: str, value: Any) -> None:
        settings = self.study.settings
        if name in ("guests", "vcpus", "pages", "cores", "locks"):
            if not (value is None and name == "cores") and (
                isinstance(value, bool) or value != int(value) or value < 1
            ):
                raise ValueError(f"{name}: {value!r}, expected a whole number, 1 or more")
        else:
            self._one_of(name, value)
        if name == "pages" and settings.block == "2M" and value % 512:
            raise ValueError(f"pages: {value}, expected a multiple of 512 with 2 MiB blocks")
        changes: dict[str, Any] = {name: value}
        if name == "block" and value != settings.block:
            changes["pages"] = 16 * 512 if value == "2M" else 512
        self.study.settings = dataclasses.replace(settings, **changes)

    def choose(self, names: list[str]) -> None:
        """Compare these protocols."""
        study = self.study
        unknown = [name for name in names if name not in study.series]
        if unknown or not names:
            raise ValueError(f"protocol: {(unknown or ['none'])[0]!r}, expected some of {', '.join(study.series)}")
        study.chosen = [name for name in study.series if name in names]
        if self.focus not in study.chosen:
            self.focus = study.chosen[0]

    def reset(self) -> None:
        """Return to the settings that the figure was made with."""
        study = self.study
        study.settings, study.grows, study.loss, chosen, self.focus = self._first
        study.chosen = list(chosen)
        self.status = ""
        self._changed("reset")
        self.show()

    # ---- events

    def on_set(self, name: str, value: Any) -> None:
        """Handle a menu or a slider."""
        self._handle(lambda: self.set(name, value), name)

    def on_choose(self, name: str, on: bool) -> None:
        """Handle a protocol's box."""
        chosen = [other for other in self.study.series if (on if other == name else other in self.study.chosen)]
        self._handle(lambda: self.choose(chosen), "chosen")

    def on_stop(self) -> None:
        """Handle the button."""
        self._stop()
        self.handled += 1

    def _handle(self, act: Callable[[], None], name: str) -> None:
        try:
            act()
            self.status = ""
            self._changed(name)
        except ValueError as refusal:
            self.status = f"Refused: {refusal}"
        finally:
            self.show()
            self.handled += 1

    # ---- what is shown

    def show(self) -> None:
        """Bring the controls to what the study has."""
        study, settings = self.study, self.study.settings
        values = {name: getattr(settings, name) for name in FIELDS if hasattr(settings, name)}
        values |= {"grows": study.grows, "loss": study.loss, "focus": self.focus}
        values |= {"clear": settings.costs.mte_clear_page_tags, "guest_work": settings.costs.guest_work}
        options = {name: field[3] for name, field in FIELDS.items()}
        options["focus"] = _named(study.chosen)
        options["pages"] = _pages(settings.block)
        for name, value in values.items():
            _offer(options, name, value)
        series = [
            {"name": name, "shown": name in study.chosen, **look._asdict()}
            for name, look in looks(study.series).items()
        ]
        with self.hold_sync():
            self.options = options
            self.picture = {"values": values, "unused": self._unused(), "series": series}

    def _unused(self) -> list[str]:
        """Name controls that move nothing in sight."""
        return [] if ARRAY in self.study.chosen else ["locks", "hash"]

    def describe(self) -> str:
        """Say what is compared."""
        study, settings = self.study, self.study.settings
        others = [name for name in ("vcpus", "guests") if name != study.grows]
        told = [f"{getattr(settings, name)} {'vCPUs each' if name == 'vcpus' else 'guests'}" for name in others]
        return f"{', '.join(study.chosen)} over {GROWS[study.grows]}: {settings.workload}, {', '.join(told)}"


def _offer(options: dict[str, list[list[Any]]], name: str, value: Any) -> None:
    """Make sure that a control offers the value it has: a cell may set any."""
    if any(option == value for option, _ in options[name]):
        return
    text = _nanoseconds(value) if name in ("clear", "guest_work") else f"{value:,}"
    added = [*options[name], [value, text]]
    options[name] = sorted(added, key=lambda option: float("inf") if option[0] is None else option[0])
