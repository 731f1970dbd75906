"""The fault stepper: a guest's access on its way through KVM's fault path, one check at a time."""

from __future__ import annotations

from typing import Any, Final

import traitlets

from mtelab.kvm.fault import STEPS
from mtelab.kvm.releases import RELEASES
from mtelab.learn.fault_situations import SITUATIONS
from mtelab.learn.fault_walk import ACCESSES, LOOKS_AT, FaultWalk, Stop, fault_walk
from mtelab.widgets.figure import Figure

CHOICES: Final = {"situation": tuple(SITUATIONS), "access": tuple(ACCESSES), "kernel": tuple(RELEASES)}
"""What can be chosen, and the values."""
_LOOK: Final = {"mapped": "good", "none": "good", "error": "bad", "mmio": "warn", "retry": "warn"}


class FaultStepper(Figure):
    """One guest access, stepped through the fault path of a kernel with `step`, `back` and `run`, or the buttons.

    Parameters
    ----------
    situation, access, kernel : str
        Where to begin; see `CHOICES`.
    title : str
        What to write above the figure.

    Attributes
    ----------
    walk : FaultWalk
        The whole path, with the state after each step.
    position : int
        How many of its steps are shown.
    before : FaultWalk or None
        The same access on the kernel that was shown before this one.

    Examples
    --------
    >>> stepper = FaultStepper("shared memory mapped over", "gload", "linux-6.1")
    >>> stepper.run()
    >>> stepper.stop.name, stepper.stop.outcome.errno
    ('check_mte_allowed', 'EFAULT')
    >>> stepper.set(kernel="linux-6.12")
    """

    script = "fault_stepper.js"

    choices = traitlets.Dict({name: list(values) for name, values in CHOICES.items()}).tag(sync=True)
    chosen = traitlets.Dict().tag(sync=True)
    picture = traitlets.Dict().tag(sync=True)
    """The walk, as it is drawn."""
    position = traitlets.Int(0).tag(sync=True)

    def __init__(
        self,
        situation: str = "fresh page",
        access: str = "gstore",
        kernel: str = "linux-6.1",
        title: str = "The fault stepper",
    ) -> None:
        self._first = {"situation": situation, "access": access, "kernel": kernel}
        self.before: FaultWalk | None = None
        self.walk = fault_walk(kernel, situation, access)
        super().__init__(title=title)
        self._show(self._first)

    @property
    def stop(self) -> Stop | None:
        """The step that was made last, with its answer, way out and state; None before the first."""
        return self.walk.stops[self.position - 1] if self.position else None

    @property
    def differing(self) -> dict[str, str]:
        """Steps that are not as on the kernel that was shown before; see `FaultWalk.differing`."""
        return {} if self.before is None else self.walk.differing(self.before)

    def set(self, **changes: str) -> None:
        """Choose another situation, access or kernel: ``stepper.set(kernel="linux-6.12")``.

        A new situation or access starts at the beginning. Another kernel goes on at the same step, or at the end if
        the fault had come to its end.

        Raises
        ------
        ValueError
            If there is no such choice. Nothing has changed then.
        """
        for name in changes:
            if name not in CHOICES:
                raise ValueError(f"{name}: nothing in the figure is called so, expected one of {', '.join(CHOICES)}")
        chosen = {**self.chosen, **changes}
        new = fault_walk(chosen["kernel"], chosen["situation"], chosen["access"])
        if new is self.walk:
            return
        same_access = all(chosen[name] == self.chosen[name] for name in ("situation", "access"))
        self.before = self.walk if same_access else None
        position = self.position if self.position < len(self.walk.stops) else len(new.stops)
        self.walk = new
        with self.hold_sync():
            self.position = min(position, len(new.stops)) if same_access else 0
            self._show(chosen)

    def step(self) -> None:
        """Make the next step, if there is one."""
        self.go(min(self.position + 1, len(self.walk.stops)))

    def back(self) -> None:
        """Undo the last step, if there is one."""
        self.go(max(self.position - 1, 0))

    def run(self) -> None:
        """Make all steps that are left."""
        self.go(len(self.walk.stops))

    def go(self, position: int) -> None:
        """Show the state after so many steps."""
        if not 0 <= position <= len(self.walk.stops):
            raise ValueError(f"position: {position}, expected 0 to {len(self.walk.stops)}, the steps of this fault")
        self.position = position

    def reset(self) -> None:
        """Return to the access that the figure was made with, before its first step."""
        self.walk, self.before = fault_walk(**self._first), None
        with self.hold_sync():
            self.position = 0
            self._show(self._first)

    def on_set(self, **changes: str) -> None:
        """Handle a list."""
        self.set(**changes)

    def on_go(self, position: int) -> None:
        """Handle a step that was chosen in the list."""
        self.go(position)

    def on_step(self) -> None:
        """Handle the button."""
        self.step()

    def on_back(self) -> None:
        """Handle the button."""
        self.back()

    def on_run(self) -> None:
        """Handle the button."""
        self.run()

    def _show(self, chosen: dict[str, str]) -> None:
        self.chosen = dict(chosen)
        walk, outcome = self.walk, self.walk.outcome
        self.picture = {
            "words": walk.situation.words,
            "path": [[name, STEPS[name].reason] for name in walk.path],
            "start": walk.start,
            "stops": [_stop(stop) for stop in walk.stops],
            "differing": self.differing,
            "nothing": "" if walk.stops else outcome.reason,
            "kernels": [_kernel(walk, name) for name in RELEASES],
        }
        self.status = ""
        if self.before is not None:
            steps = ", ".join(f"{name} ({what})" for name, what in self.differing.items())
            self.status = f"Not as on {self.before.kernel}: {steps or 'nothing'}."

    def describe(self) -> str:
        """Say which access is shown, on which kernel, and how far it has come."""
        chosen, stop = self.chosen, self.stop
        text = f"{chosen['situation']}, {chosen['access']}, {chosen['kernel']}: "
        if stop is None:
            return f"{text}before the fault"
        end = f", {stop.outcome.errno or stop.outcome.kind}" if stop.outcome else ""
        return f"{text}step {self.position}, {stop.name}{end}"


def _stop(stop: Stop) -> dict[str, Any]:
    """Make what the browser needs of a step."""
    outcome = stop.outcome
    end = (
        None
        if outcome is None
        else {
            "look": _LOOK[outcome.kind],
            "word": outcome.errno or outcome.kind,
            "reason": outcome.reason,
        }
    )
    return {**stop._asdict(), "outcome": end, "looks": list(LOOKS_AT[stop.name])}


def _kernel(chosen: FaultWalk, name: str) -> dict[str, Any]:
    """Make one line of the table of kernels: how the same access ends there."""
    walk = fault_walk(name, chosen.situation.name, chosen.access)
    return {
        "name": name,
        "word": walk.ending,
        "look": _LOOK[walk.outcome.kind],
        "at": walk.stops[-1].name if walk.stops else "",
        "differing": walk.differing(chosen),
    }
