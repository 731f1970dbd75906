"""Run a protocol straight through, on a machine where nothing else runs meanwhile."""

from __future__ import annotations

from typing import Protocol as Interface

from mtelab.sync.flags import PageFlag
from mtelab.sync.steps import Page, Protocol


class Memory(Interface):
    """What a protocol needs of a model's memory."""

    def test(self, flag: PageFlag, page: Page) -> bool:
        """Read a page flag."""

    def change(self, flag: PageFlag, page: Page, value: bool) -> None:
        """Set or clear a page flag."""

    def clear_tags(self, page: Page) -> None:
        """Set every tag of a page to 0."""

    def restore_tags(self, page: Page) -> None:
        """Give a page the tags that were saved at swap-out."""


ALONE = ("spin_lock", "spin_unlock", "smp_wmb", "smp_rmb", "smp_mb")
"""Steps that keep CPUs apart; with one there is nothing to do."""


def run_straight(protocol: Protocol, memory: Memory) -> str | None:
    """Run a protocol to its end.

    Returns
    -------
    str or None
        The errno that it refuses with, if it does.

    Raises
    ------
    ValueError
        If it waits for a flag that nobody is there to set, or takes a step that models of KVM have no use for.
    """
    answer: bool | None = None
    while True:
        try:
            step = protocol.send(answer)
        except StopIteration:
            return None
        answer = None
        op, args = step.op, step.args
        if op in ("test_bit", "smp_load_acquire"):
            answer = memory.test(*args)
        elif op == "test_and_set_bit":
            answer = memory.test(*args)
            memory.change(args[0], args[1], True)
        elif op in ("set_bit", "clear_bit"):
            memory.change(args[0], args[1], op == "set_bit")
        elif op == "smp_store_release":
            memory.change(*args)
        elif op == "mte_clear_page_tags":
            memory.clear_tags(*args)
        elif op == "mte_restore_page_tags":
            memory.restore_tags(*args)
        elif op == "refuse":
            protocol.close()
            return str(args[0])
        elif op == "wait_for_bit" and not memory.test(*args):
            raise ValueError(f"{step!r}: nobody else runs who could set it")
        elif op not in (*ALONE, "wait_for_bit"):
            raise ValueError(f"{step!r}: expected a step that works on flags, on a whole page or on locks")
