"""The access bench: one load or store, all that decides whether its tag check fires, and what is reported."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, Final

import traitlets

from mtelab.arch import Outcome, Processor
from mtelab.arch.access import Change
from mtelab.arch.registers import ESR_EL1, Field
from mtelab.learn.access_setup import BASE, GRANULES, SIZES, WINDOW, AccessSetup
from mtelab.tags import GRANULE_SIZE, PAGE_SIZE
from mtelab.widgets.figure import Figure


class AccessBench(Figure):
    """One access on the bench: change anything with `set` or the controls, and see what the processor does.

    Parameters
    ----------
    title : str
        What to write above the figure.
    **changes
        Where to begin: attributes of `AccessSetup`, such as ``size=16, mode="async"``.

    Attributes
    ----------
    setup : AccessSetup
        The access and all that it meets.
    outcome : mtelab.arch.Outcome
        What the processor did.

    Examples
    --------
    >>> bench = AccessBench(tag=3, tags=(3, 5, 5), offset=12, size=8)
    >>> bench.outcome.outcome
    'tag check fault'
    >>> bench.set(mode="async")
    >>> bench.outcome.outcome
    'recorded in TFSR'
    """

    script = "access_bench.js"

    config = traitlets.Dict().tag(sync=True)
    """The setup, field by field."""
    result = traitlets.Dict().tag(sync=True)
    """What to draw and to say of the outcome."""
    sizes = traitlets.List(list(SIZES)).tag(sync=True)

    def __init__(self, *, title: str = "The access bench", **changes: Any) -> None:
        self._first = self.setup = AccessSetup(**changes)
        self._sticky = {"TFSRE0_EL1": 0, "TFSR_EL1": 0}
        super().__init__(title=title)
        self._run(self.setup)

    def set(self, **changes: Any) -> None:
        """Change the access or what it meets: ``bench.set(size=8, mode="async")``.

        Raises
        ------
        ValueError
            If there is no such thing to change or the value is not allowed. Nothing has changed then.
        """
        known = asdict(self.setup)
        for name in changes:
            if name not in known:
                raise ValueError(f"{name}: nothing on the bench is called so, expected one of {', '.join(known)}")
        if "tags" in changes:
            changes["tags"] = tuple(changes["tags"])
        self._run(replace(self.setup, **changes))

    def keep(self) -> None:
        """Let the next access find TFSR as this one leaves it: its bits are sticky."""
        self._sticky[self.setup.register] = getattr(self.outcome, self.setup.register).after
        self._run(self.setup)

    def clear(self) -> None:
        """Write 0 to both TFSR registers, as the kernel does once it has looked."""
        self._sticky = dict.fromkeys(self._sticky, 0)
        self._run(self.setup)

    def reset(self) -> None:
        """Return to the access that the bench was made with, TFSR clear."""
        self.setup = self._first
        self.clear()

    def on_set(self, **changes: Any) -> None:
        """Handle a control."""
        self.set(**changes)

    def on_keep(self) -> None:
        """Handle the button."""
        self.keep()

    def on_clear(self) -> None:
        """Handle the button."""
        self.clear()

    def _run(self, setup: AccessSetup) -> None:
        """Do the access on a fresh processor and show it."""
        cpu = setup.processor()
        for name, value in self._sticky.items():
            setattr(cpu, name, value)
        outcome = setup.run(cpu)
        self.setup, self.outcome = setup, outcome
        with self.hold_sync():
            self.config = asdict(setup)
            self.result = _picture(setup, cpu, outcome)
            self.status = ""

    def describe(self) -> str:
        """Say what access is on the bench and how it ends."""
        setup = self.setup
        access = f"{'store' if setup.write else 'load'} of {setup.size} bytes at offset {setup.offset}"
        tags = f"pointer tag {setup.tag:x}, memory tags {' '.join(f'{tag:x}' for tag in setup.tags)}"
        return f"{access}, {tags}, {setup.mode}: {self.outcome.outcome}"


# How an outcome and a granule's verdict look: words that the browser turns into colour and sign.
_LOOK: Final = {"allowed": "good", "unchecked": "none", "mismatch ignored": "warn", "recorded in TFSR": "warn"}
_CHECK: Final = {"match": "match", "unchecked": "unchecked"}


def _picture(setup: AccessSetup, cpu: Processor, outcome: Outcome) -> dict[str, Any]:
    """Everything that the browser draws and says of one outcome."""
    data = cpu.memory.data[:WINDOW].tolist()
    covered = range(setup.offset, setup.offset + setup.size)
    done = outcome.ESR_EL1 is None
    status: Change = getattr(outcome, setup.register)
    return {
        "outcome": outcome.outcome,
        "look": _LOOK.get(outcome.outcome, "bad"),
        "words": _words(setup, outcome),
        "granules": [_granule(setup, outcome, at) for at in range(GRANULES)],
        "bytes": data,
        "stored": list(covered) if done and setup.write else [],
        "steps": [list(step) for step in outcome.reason],
        "esr": None if outcome.ESR_EL1 is None else f"{outcome.ESR_EL1.value:#010x}",
        "syndrome": _syndrome(outcome),
        "far": None if outcome.FAR_EL1 is None else f"{outcome.FAR_EL1:#018x}",
        "far_byte": None if outcome.FAR_EL1 is None else outcome.FAR_EL1 % PAGE_SIZE,
        "tfsr": {"name": setup.register, "before": _bits(status.before), "after": _bits(status.after)},
        "moved": ["Stored" if setup.write else "Loaded", _hex(data, covered) if done else "nothing"],
    }


def _granule(setup: AccessSetup, outcome: Outcome, at: int) -> dict[str, Any]:
    """One granule: which of its bytes the access covers, and how its check ended."""
    first = max(setup.offset, at * GRANULE_SIZE)
    count = min(setup.offset + setup.size, (at + 1) * GRANULE_SIZE) - first
    check = "unreached"  # a fault before it ended the access
    if at < len(outcome.granules):
        check = _CHECK.get(outcome.granules[at][1].result, "differ")
    return {
        "address": BASE + at * GRANULE_SIZE,
        "tag": setup.tags[at] if setup.tagged else 0,
        "tagged": setup.tagged,
        "covers": [first, count] if count > 0 else None,
        "check": check,
    }


def _syndrome(outcome: Outcome) -> list[tuple[str, str]]:
    """The fields of ESR_EL1 with their places, each with its value and meaning, or a dash without a fault."""
    told = {item.name: f"{item.value:#x}  {item.meaning}" for item in outcome.syndrome}
    shown = [field for field in ESR_EL1.fields if field.name != "IL"]
    return [(f"{field.name} {_places(field)}", told.get(field.name, "–")) for field in shown]


def _places(field: Field) -> str:
    return f"[{field.high}:{field.low}]" if field.high > field.low else f"[{field.high}]"


def _hex(data: list[int], covered: range) -> str:
    return " ".join(f"{data[byte]:02x}" for byte in covered)


def _bits(tfsr: int) -> list[int]:
    """TF1 and TF0."""
    return [tfsr >> 1 & 1, tfsr & 1]


def _words(setup: AccessSetup, outcome: Outcome) -> str:
    """One sentence: what the access did, and what is known of it afterwards."""
    access = "store" if setup.write else "load"
    place = f"bit TF{setup.va_range} of {setup.register}"
    return {
        "allowed": f"The {access} is done: every tag that it met equals the pointer's.",
        "unchecked": f"The {access} is done, and no tag was compared.",
        "mismatch ignored": f"Tags differ, the {access} is done all the same, and nothing is reported.",
        "recorded in TFSR": f"Tags differ, the {access} is done all the same, and {place} is 1 from now on.",
        "tag check fault": f"Tags differ: the {access} is not done, and FAR_EL1 names the first byte that failed.",
    }.get(outcome.outcome, f"The pointer is no address: the {access} is not done, and no tag was looked at.")
