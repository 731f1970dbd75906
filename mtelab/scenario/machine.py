"""The scenario language on the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mtelab.kvm.releases import Release, release
from mtelab.kvm.vcpu import GuestTagFault, GuestUndefined, MmioExit
from mtelab.linux.errors import Errno, Signal
from mtelab.linux.machine import Machine
from mtelab.linux.mm import AddressSpace
from mtelab.linux.page_table import LEAF
from mtelab.linux.process import Process
from mtelab.scenario.actor import Actor, BadOperation
from mtelab.scenario.grammar import PROCESS_OPERATIONS
from mtelab.scenario.guest import Guest
from mtelab.scenario.language import Operation, parse

FRAMES: Final = 1 << 18
"""1 GiB of memory beside the pool."""
HUGEPAGES: Final = 16
OLD_TAG: Final = 15
"""What a fresh pool of huge pages carries in the recordings."""


class ScenarioMachine:
    """A freshly started machine with one process, on which operations are done one after another.

    Parameters
    ----------
    kernel : str or Release
        Name of a release, such as ``"linux-6.1"``, or a release that never was.
    seed : int
        From which the tags come that unused memory holds.
    old_tag : int
        What earlier owners left in every granule of the pool of huge pages, 0 to 15.

    Attributes
    ----------
    reason : str
        Why the last operation was refused; empty if it was not.

    Raises
    ------
    UnknownKernel
        No such release.
    """

    def __init__(self, kernel: str | Release, seed: int = 0, old_tag: int = OLD_TAG) -> None:
        self.release = release(kernel) if isinstance(kernel, str) else kernel
        self.reason = ""
        self.machine = Machine(self.release.memory, FRAMES, HUGEPAGES, seed)
        first = min(self.machine.pool.free)
        self.machine.memory.leave_tag(slice(first, first + HUGEPAGES * LEAF), old_tag)
        self.vmm = Actor(Process(AddressSpace(self.machine)))
        self.child: Actor | None = None
        self.guests: dict[str, Guest] = {}

    def do(self, operation: Operation) -> str:
        """Do one operation and return its result."""
        self.reason = ""
        try:
            return self._do(operation)
        except (Errno, Signal) as error:
            self.reason = error.reason
            return error.name
        except BadOperation as error:
            return str(error)
        except MmioExit:
            return "mmio"
        except GuestTagFault:
            return "tagfault"
        except GuestUndefined:
            return "undef"

    def _do(self, operation: Operation) -> str:
        name, arguments = operation.name, operation.arguments
        if name == "fork":
            # There is at most one child; forking again leaves it as it is.
            self.child = self.child or self.vmm.make_child()
            return "ok"
        if name == "vm":
            self.guests[arguments[0]] = Guest(self.vmm, self.release)
            return "ok"
        if name in PROCESS_OPERATIONS:
            actor = self.child if operation.child else self.vmm
            if actor is None:
                raise BadOperation("badop")
            result: str = getattr(actor, name)(*arguments)
        else:
            result = getattr(self.guests[arguments[0]], name)(*arguments[1:])
        return result


def run(scenario: str | Sequence[str], kernel: str = "linux-6.1", seed: int = 0) -> list[str]:
    """Run a scenario on the model.

    Parameters
    ----------
    scenario : str or sequence of str
        Its text, or its operations one by one.
    kernel : str
        ``linux-6.1``, ``linux-6.12``, ``linux-6.18`` or ``linux-7.2``.
    seed : int
        From which the tags come that unused memory holds; no result should depend on it.

    Returns
    -------
    list of str
        One result an operation.

    Raises
    ------
    ScenarioError
        The text is not a scenario; nothing has been run.
    UnknownKernel
        No such release.
    """
    return replay(parse(scenario), kernel, seed)


def replay(operations: Sequence[Operation], kernel: str | Release, seed: int = 0, old_tag: int = OLD_TAG) -> list[str]:
    """Do operations that were read before on a fresh `ScenarioMachine`, and return their results."""
    machine = ScenarioMachine(kernel, seed, old_tag)
    return [machine.do(operation) for operation in operations]
