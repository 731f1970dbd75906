"""Replay of the kinds that touch memory: tag accesses, DC instructions, and checked loads and stores."""

from __future__ import annotations

from mtelab.arch.faults import ProcessorFault
from mtelab.arch.pointers import MASK_64
from mtelab.arch.processor import Processor
from mtelab.arch.tag_instructions import Mode
from mtelab.arch.vectors.decode import SP_OR_ZR, Decoded, decode
from mtelab.arch.vectors.forms import Form, form
from mtelab.arch.vectors.outcome import (
    Outcome,
    Replay,
    modelled_fault,
    modelled_status,
    processor,
    recorded_fault,
    recorded_status,
    word,
)
from mtelab.arch.vectors.window import Window
from mtelab.recordings import Record

STORES_OF_TAGS = ("STG", "ST2G", "STZG", "STZ2G")
"""Instructions whose register 31 is SP for the tag too; for all others here it is XZR."""


def replay_tag_access(vector: Record) -> Replay:
    """Replay an instruction on tags, or DC ZVA."""
    decoded = decode(vector.word("insn", 32))
    if decoded is None:
        raise vector.error("insn", "a tag instruction or DC ZVA")
    window = Window(vector)
    cpu = processor(vector, window.memory)
    xn, xt = vector.word("in.xn"), vector.word("in.xt")
    fault: ProcessorFault | None = None
    try:
        xn, xt = _access_tags(cpu, decoded, vector, xn, xt)
    except ProcessorFault as raised:
        fault = raised
    recorded: Outcome = recorded_fault(vector) | {"xn": word(vector.word("out.xn"))}
    model: Outcome = modelled_fault(fault) | {"xn": word(xn)}
    if decoded.rt != SP_OR_ZR or decoded.mnemonic in STORES_OF_TAGS:
        recorded["xt"], model["xt"] = word(vector.word("out.xt")), word(xt)
    recorded |= recorded_status(vector)
    recorded["tags"] = vector.digits("out.tags", len(vector.text("tags")))
    model |= modelled_status(cpu) | {"tags": window.tags()}
    recorded["data"], model["data"] = window.recorded_data(), window.data()
    return Replay(vector, recorded, model)


def _access_tags(cpu: Processor, decoded: Decoded, vector: Record, xn: int, xt: int) -> tuple[int, int]:
    """Run the instruction; returns Xn and Xt afterwards, which may be one register."""
    name = decoded.mnemonic
    same = decoded.rt == decoded.rn and (decoded.rt != SP_OR_ZR or name in STORES_OF_TAGS)
    if name in STORES_OF_TAGS:
        store = {"STG": cpu.STG, "ST2G": cpu.ST2G, "STZG": cpu.STZG, "STZ2G": cpu.STZ2G}[name]
        base = store(xt, xn, vector.integer("in.imm", -4096, 4080, step=16), _mode(vector))
        return base, base if same else xt
    if name == "STGP":
        imm = vector.integer("in.imm", -1024, 1008, step=16)
        base = cpu.STGP(xt, vector.word("in.xt2"), xn, imm, _mode(vector))
        return base, base if same else xt
    if name == "LDG":
        xt = cpu.LDG(xt, xn, vector.integer("in.imm", -4096, 4080, step=16))
        return (xt if same else xn), xt
    if name == "LDGM":
        xt = cpu.LDGM(xn)
        return (xt if same else xn), xt
    if name in ("STGM", "STZGM"):
        (cpu.STGM if name == "STGM" else cpu.STZGM)(xt, xn)
    elif name in ("DC ZVA", "DC GVA", "DC GZVA"):
        {"DC ZVA": cpu.DC_ZVA, "DC GVA": cpu.DC_GVA, "DC GZVA": cpu.DC_GZVA}[name](xn)
    else:
        raise vector.error("insn", "an instruction that accesses memory")
    return xn, xt


def _mode(vector: Record) -> Mode:
    modes: dict[str, Mode] = {"off": "off", "pre": "pre", "post": "post"}
    return modes[vector.choice("mode", tuple(modes))]


def replay_load_or_store(vector: Record) -> Replay:
    """Replay a load, store, atomic operation or prefetch."""
    shape = form(vector)
    window = Window(vector)
    cpu = processor(vector, window.memory)
    xn, loaded = vector.word("in.xn"), None
    fault: ProcessorFault | None = None
    try:
        loaded = _access_data(cpu, shape, vector)
    except ProcessorFault as raised:
        fault = raised
    if fault is None and shape.writeback is not None:
        xn = (xn + shape.writeback) & MASK_64
    recorded: Outcome = recorded_fault(vector) | {"xn": word(vector.word("out.xn"))} | recorded_status(vector)
    model: Outcome = modelled_fault(fault) | {"xn": word(xn)} | modelled_status(cpu)
    if shape.access.read and not shape.access.prefetch:
        recorded["loaded"] = _recorded_loaded(vector)
        model["loaded"] = None if loaded is None else loaded.hex()
    # A store that failed after its first granule: QEMU writes nothing, Arm's pseudocode the bytes before.
    if not vector.values.get("partial_store"):
        recorded["data"], model["data"] = window.recorded_data(), window.data()
    recorded["tags"], model["tags"] = vector.text("tags"), window.tags()
    return Replay(vector, recorded, model)


def _recorded_loaded(vector: Record) -> str | None:
    if vector.get("out.loaded") is None:
        return None
    return vector.digits("out.loaded", 2 * vector.integer("size", 1, 64))


def _access_data(cpu: Processor, shape: Form, vector: Record) -> bytes | None:
    """Run the instruction; returns what it loaded, in memory order."""
    pointer, size = vector.word("in.ea"), vector.integer("size", 1, 64)
    if shape.access.prefetch:
        return None
    if shape.access.read and shape.access.write:
        operand = vector.word("in.operand")
        if shape.stem == "cas":
            before = cpu.CAS(operand, vector.word("in.newval"), pointer, shape.access)
        else:
            before = (cpu.LDADD if shape.stem == "ldadd" else cpu.SWP)(operand, pointer, shape.access)
        return before.to_bytes(8, "little")
    if shape.access.write:
        data = bytes.fromhex(vector.digits("in.data", 2 * size))
        cpu.store(pointer, data, shape.access)
        return None
    return cpu.load(pointer, size, shape.access)
