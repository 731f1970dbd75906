"""What can be chosen in the interleaving explorer, and what runs then; a learner's functions join the list."""

from __future__ import annotations

from typing import Any, Final

from mtelab.explorer import Walk, model
from mtelab.explorer.listing import Listing, listing
from mtelab.sync import PROTOCOLS, SITUATIONS
from mtelab.sync.protocols import Function
from mtelab.sync.situations import find_protocol

CHOICES: Final = {
    "protocol": tuple(PROTOCOLS),
    "situation": tuple(SITUATIONS),
    "cpus": (2, 3, 4),
    "pages": (1, 2),
    "memory": ("sc", "arm"),
    "mmu_lock": ("by release", "exclusive", "shared"),
}
"""What can be chosen in the figure; code may choose more CPUs and pages."""


class Choices:
    """The list of protocols with a learner's own, and the way from what is chosen to a walk."""

    def __init__(self) -> None:
        self._own: dict[str, Function] = {}

    def named(self, protocol: str | Function) -> str:
        """Name of a protocol in the list; a learner's function is entered under its own."""
        if isinstance(protocol, str) and protocol in self._own:
            return protocol
        find_protocol(protocol)
        if isinstance(protocol, str):
            return protocol
        name = str(getattr(protocol, "name", None) or getattr(protocol, "__name__", "protocol"))
        if name not in PROTOCOLS:
            self._own[name] = protocol
        return name

    def arguments(self, chosen: dict[str, Any]) -> dict[str, Any]:
        """Arguments of `mtelab.explore` for what is chosen."""
        mmu_lock = None if chosen["mmu_lock"] == "by release" else chosen["mmu_lock"]
        return {**chosen, "protocol": self._own.get(chosen["protocol"], chosen["protocol"]), "mmu_lock": mmu_lock}

    def begin(self, chosen: dict[str, Any]) -> tuple[Walk, list[Listing]]:
        """Begin a walk, and list what each CPU runs."""
        walk = Walk(model(**self.arguments(chosen)))
        return walk, [listing(walk.model, program, cpu) for cpu, program in enumerate(walk.machine.programs)]

    def changed(self, chosen: dict[str, Any], changes: dict[str, Any]) -> tuple[dict[str, Any], Walk, list[Listing]]:
        """Choose other things, and begin.

        Raises
        ------
        ValueError
            If there is no such choice; a function that was given with it has not joined the list then.
        """
        for name in changes:
            if name not in CHOICES:
                raise ValueError(f"{name}: nothing in the figure is called so, expected one of {', '.join(CHOICES)}")
        known = dict(self._own)
        try:
            if "protocol" in changes:
                changes = {**changes, "protocol": self.named(changes["protocol"])}
            chosen = {**chosen, **changes}
            return chosen, *self.begin(chosen)
        except ValueError:
            self._own = known
            raise

    def about(self, chosen: dict[str, Any]) -> dict[str, str]:
        """Say in a sentence each what the situation and the protocol are."""
        function = find_protocol(self.arguments(chosen)["protocol"])
        return {
            "situation": (SITUATIONS[chosen["situation"]].__doc__ or "").strip(),
            "protocol": (getattr(function, "run", function).__doc__ or "").strip().split("\n")[0],
        }


def lists(chosen: dict[str, Any]) -> dict[str, list[Any]]:
    """Entries of every list, with what is chosen among them."""
    entries = {name: list(values) for name, values in CHOICES.items()}
    for name, value in chosen.items():
        if value not in entries[name]:
            entries[name].append(value)
    return entries
