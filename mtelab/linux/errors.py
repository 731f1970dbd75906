"""How Linux says no: an errno for a system call, a signal for an access of a program."""

from __future__ import annotations


class Errno(Exception):
    """A system call that failed.

    Parameters
    ----------
    name : str
        The errno, such as ``"EINVAL"``.
    reason : str
        Why, for people.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.reason = name, reason


class Signal(Exception):
    """A signal that an access raised: ``SEGV_MAPERR``, ``SEGV_ACCERR``, ``SEGV_MTESERR`` or ``SIGBUS``."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name, self.reason = name, reason
