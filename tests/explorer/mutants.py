"""Mutants of a protocol: one of its steps left out, asked in vain, or changed with the step that follows."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from mtelab.explorer.program import BITS, delegates
from mtelab.sync.flags import VM_MTE_ALLOWED, VM_SHARED, Vm
from mtelab.sync.protocols import Historical
from mtelab.sync.situations import PRIVATE
from mtelab.sync.steps import ROLES, Cpu, Page, Step

Site = tuple[str, int, str]
"""Function, line within it, and the step's name."""


@dataclass(frozen=True)
class Mutant:
    """A protocol with one change.

    Attributes
    ----------
    protocol : Historical
        The original.
    change : str
        ``"drop"``, ``"no"`` and ``"yes"`` (a question that is not asked, with the answer taken for granted) or
        ``"swap"`` (the step is done after the one that follows it).
    site : Site
        Where.
    """

    protocol: Historical
    change: str
    site: Site

    @property
    def name(self) -> str:
        function, line, op = self.site
        return f"{self.change} {op} in {function}, line {line}"

    def __call__(self, cpu: Cpu, page: Page) -> Generator[Step, Any, Any]:
        run = self.protocol.run(cpu, page)
        answer: Any = None
        while True:
            try:
                step = run.send(answer)
                if site_of(run, step) != self.site:
                    answer = yield step
                elif self.change == "swap":
                    answer = yield from _swapped(run, step)
                else:
                    answer = {"drop": None, "no": False, "yes": True}[self.change]
            except StopIteration:
                return

    def historical(self) -> Historical:
        """The mutant in the history's clothes, so that it acts in every role."""
        return replace(self.protocol, name=self.name, run=self)


def _swapped(run: Any, step: Step) -> Generator[Step, Any, Any]:
    """Do the step that follows, then this one; the value is the answer of the one that follows."""
    try:
        following = run.send(None)
    except StopIteration:
        return (yield step)  # in this role nothing follows
    answer = yield following
    yield step
    return answer


def site_of(run: Any, step: Step) -> Site:
    code, line = delegates(run)[-1]
    return code.co_name, line - code.co_firstlineno, step.op


def sites(protocol: Historical) -> dict[Site, bool]:
    """Every place of a protocol at which a step is yielded, refusals left out, and whether another step may follow."""
    found: dict[Site, bool] = {}
    for role in ROLES:
        for vma in (PRIVATE, PRIVATE | VM_SHARED, Vm(PRIVATE & ~VM_MTE_ALLOWED)):
            _walk(protocol, Cpu(0, 0, 0, role, vma), (), found)
    return found


def _walk(protocol: Historical, cpu: Cpu, answers: tuple[Any, ...], found: dict[Site, bool]) -> bool:
    """Note the sites from here on; False at the protocol's end."""
    if len(answers) > 12:
        return False
    run = protocol.run(cpu, Page(0))
    try:
        step = run.send(None)
        for answer in answers:
            step = run.send(answer)
    except StopIteration:
        return False
    if step.op == "refuse":
        return True
    site = site_of(run, step)
    for answer in (False, True) if step.op in BITS else (None,):
        follows = _walk(protocol, cpu, (*answers, answer), found)
        found[site] = found.get(site, False) or follows
    return True


def mutants(protocol: Historical) -> Iterator[Mutant]:
    """Every mutant of a protocol."""
    for site, followed in sites(protocol).items():
        asks = site[2] in BITS
        for change in ("no", "yes") if asks else ("drop", "swap") if followed else ("drop",):
            yield Mutant(protocol, change, site)
