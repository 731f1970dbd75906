"""A model as a Promela program, for SPIN: each CPU a process, each step one statement.

Both count the same states if SPIN neither merges statements (``spin -o3``) nor reduces partial orders
(``-DNOREDUCE``). A process that has come to its end stays there, for SPIN would count its disappearance. Only
``memory="sc"`` can be written: Promela's memory is sequentially consistent.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Final

from mtelab.explorer.machine import Machine
from mtelab.explorer.memory import Location, Tag
from mtelab.explorer.model import Model
from mtelab.explorer.program import Node
from mtelab.sync.flags import PageFlag
from mtelab.sync.situations import SAVED_TAG, STALE_TAG, VMM_TAG
from mtelab.sync.steps import Step

PAGE_TAG: Final = {"mte_clear_page_tags": 0, "mte_restore_page_tags": SAVED_TAG, "mte_copy_tags_from_user": VMM_TAG}
"""Tag that a loop over a page writes."""


def promela(model: Model) -> str:
    """Write a model as a Promela program.

    Raises
    ------
    ValueError
        For a weakly ordered model, and for a protocol with a mistake, or with more steps than can be followed.
    """
    if model.memory != "sc":
        raise ValueError(f"memory: {model.memory!r}, expected 'sc': Promela has no weakly ordered memory")
    machine = model.build({*range(16)})
    return "\n".join(_Twin(model, machine).lines()) + "\n"


class _Twin:
    def __init__(self, model: Model, machine: Machine) -> None:
        self.model = model
        self.machine = machine
        self.locks = [location.name for location in machine.locations if location.kind == "lock"]
        self.granules: dict[int, list[int]] = {}
        for pfn, granule in self._tag_names():
            self.granules.setdefault(pfn, []).append(granule)

    def _tag_names(self) -> list[tuple[int, int]]:
        return [location.name for location in self.machine.locations if location.kind == "tag"]  # type: ignore[misc]

    def lines(self) -> Iterator[str]:
        model = self.model
        pages = f"{model.pages} page{'s' * (model.pages > 1)}"
        yield f"/* {model.name} in {model.situation}: {model.cpus} CPUs, {pages}, mmu_lock {model.mmu_lock} */"
        yield ""
        for location in self.machine.locations:
            if location.kind == "flags":
                yield f"bit tagged_{location.name}, lock_{location.name};"
            elif location.kind == "tag":
                yield "byte tag_{}_{} = {};".format(*location.name, _start(location).tag)  # type: ignore[misc]
            elif location.kind == "pte":
                yield f"bit pte_{location.name};"
        for number, name in enumerate(self.locks):
            yield f"byte spin_{number}; /* {name!r}: 0, or its holder's number and 1 */"
        for cpu in range(model.cpus):
            yield ""
            yield f"active proctype cpu_{cpu}()"
            yield "{"
            yield from self._process(cpu)
            yield "}"

    def _process(self, cpu: int) -> Iterator[str]:
        steps, ends = [], []
        for number, node in enumerate(self.machine.programs[cpu].nodes):
            if node.error or node.cut:
                raise ValueError(f"CPU {cpu}: {node.error or 'too many steps'}, expected a protocol without mistakes")
            if node.step is None:
                ends.append(f"end_{number}")
            else:
                steps += list(self._step(cpu, number, node, node.step))
        yield from steps
        # A tag that no interleaving shows has an end that nothing leads to.
        yield from (f"{end}: false;" for end in ends if any(line.split("; /*")[0].endswith(end) for line in steps))

    def _step(self, cpu: int, number: int, node: Node, step: Step) -> Iterator[str]:
        op, args, said = step.op, step.args, f"/* {step!r}{', ' * bool(step.why)}{step.why} */"
        if op in ("test_bit", "smp_load_acquire"):
            yield from self._ask(cpu, number, node, _flag(*args), said)
        elif op == "pte_present":
            yield from self._ask(cpu, number, node, f"pte_{args[0].pfn}", said)
        elif op == "test_and_set_bit":
            bit = _flag(*args)
            yield f"L{number}: if {said}"
            yield f"    :: {bit} -> goto {self._label(node, cpu, 1)}"
            yield f"    :: d_step {{ !{bit} -> {bit} = 1 }}; goto {self._label(node, cpu, 0)}"
            yield "    fi;"
        elif op == "load_tag":
            yield from self._load(cpu, number, node, step, said)
        elif op in PAGE_TAG:
            yield from self._page(cpu, number, node, step, said)
        elif op == "refuse":
            yield from self._refuse(number, node, said)
        else:
            yield f"L{number}: {self._does(cpu, step)}; goto {self._label(node, cpu, None)}; {said}"

    def _does(self, cpu: int, step: Step) -> str:
        op, args = step.op, step.args
        if op in ("set_bit", "clear_bit"):
            return f"{_flag(*args)} = {int(op == 'set_bit')}"
        if op == "smp_store_release":
            return f"{_flag(*args[:2])} = {int(args[2])}"
        if op == "wait_for_bit":
            return _flag(*args)
        if op == "set_pte":
            return f"pte_{args[0].pfn} = 1"
        if op == "spin_lock":
            lock = self._lock(args[0])
            return f"if :: d_step {{ {lock} == 0 -> {lock} = {cpu + 1} }} fi"
        if op == "spin_unlock":
            return f"{self._lock(args[0])} = 0"
        if op == "store_tag" and args[1] in self.granules.get(args[0].pfn, []):
            return f"tag_{args[0].pfn}_{args[1]} = {args[2]}"
        return "true"

    def _label(self, node: Node, cpu: int, answer: object) -> str:
        number = node.next[answer]
        return f"L{number}" if self.machine.programs[cpu].nodes[number].step is not None else f"end_{number}"

    def _ask(self, cpu: int, number: int, node: Node, bit: str, said: str) -> Iterator[str]:
        yield f"L{number}: if {said}"
        yield f"    :: {bit} -> goto {self._label(node, cpu, 1)}"
        yield f"    :: !{bit} -> goto {self._label(node, cpu, 0)}"
        yield "    fi;"

    def _load(self, cpu: int, number: int, node: Node, step: Step, said: str) -> Iterator[str]:
        pfn, granule = step.args[0].pfn, int(step.args[1])
        where = f"tag_{pfn}_{granule}"
        asserted = {
            "first look": f"assert({where} != {STALE_TAG})",
            "look again": f"assert({where} != {STALE_TAG} && {where} != 0 && {where} != {SAVED_TAG})",
        }.get(step.why, "true")
        labels = {tag: self._label(node, cpu, tag) for tag in self._tags(pfn, granule)}
        if len(set(labels.values())) == 1:
            yield f"L{number}: {asserted}; goto {labels.popitem()[1]}; {said}"
            return
        yield f"L{number}: if {said}"
        for tag, label in labels.items():
            yield f"    :: d_step {{ {where} == {tag} -> {asserted} }}; goto {label}"
        yield "    fi;"

    def _tags(self, pfn: int, granule: int) -> list[int]:
        """Tags that a granule may have."""
        start = next(location for location in self.machine.locations if location.name == (pfn, granule))
        found = {_start(start).tag}
        for program in self.machine.programs:
            for step in program.steps():
                if step.op in PAGE_TAG and step.args[0].pfn == pfn:
                    found.add(PAGE_TAG[step.op])
                elif step.op == "store_tag" and (step.args[0].pfn, step.args[1]) == (pfn, granule):
                    found.add(int(step.args[2]))
        return sorted(found)

    def _page(self, cpu: int, number: int, node: Node, step: Step, said: str) -> Iterator[str]:
        pfn = step.args[0].pfn
        parts = [f"tag_{pfn}_{granule} = {PAGE_TAG[step.op]}" for granule in sorted(self.granules.get(pfn, []))]
        parts += ["true"] * (2 - len(parts))
        yield f"L{number}: {'; '.join(parts)}; goto {self._label(node, cpu, None)}; {said}"

    def _refuse(self, number: int, node: Node, said: str) -> Iterator[str]:
        locks = self.machine.to_release(node)
        given_back = "".join(f" {self._lock(lock)} = 0;" for lock in locks)
        yield f"L{number}: true;{given_back} {said}"
        yield f"end_{number}: false;"

    def _lock(self, name: Hashable) -> str:
        return f"spin_{self.locks.index(name)}"


def _start(location: Location) -> Tag:
    assert isinstance(location.start.value, Tag)
    return location.start.value


def _flag(flag: PageFlag, page: object) -> str:
    name = "tagged" if flag is PageFlag.mte_tagged else "lock"
    return f"{name}_{page.pfn}"  # type: ignore[attr-defined]
