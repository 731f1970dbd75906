"""Replay of the kinds that touch registers only: IRG and its sequences, ADDG, SUBG, GMI, SUBP and SUBPS."""

from __future__ import annotations

from mtelab.arch.pointers import logical_tag
from mtelab.arch.processor import Processor
from mtelab.arch.registers import GCR_EL1, RGSR_EL1
from mtelab.arch.vectors.decode import SP_OR_ZR, decode
from mtelab.arch.vectors.outcome import Outcome, Replay, modelled_fault, processor, recorded_fault, word
from mtelab.recordings import Record

LONGEST = 1 << 16
"""Most instructions of one vector."""


def replay_one(vector: Record) -> Replay:
    """Replay one instruction on registers."""
    decoded = decode(vector.word("insn", 32))
    if decoded is None or decoded.mnemonic not in ("IRG", "ADDG", "SUBG", "GMI", "SUBP", "SUBPS"):
        raise vector.error("insn", "IRG, ADDG, SUBG, GMI, SUBP or SUBPS")
    cpu = processor(vector)
    if decoded.mnemonic in ("IRG", "ADDG", "SUBG"):
        cpu.GCR_EL1 = GCR_EL1(vector.word("in.gcr"))
    if decoded.mnemonic == "IRG":
        cpu.RGSR_EL1 = RGSR_EL1(vector.word("in.rgsr"))
    if decoded.mnemonic in ("SUBP", "SUBPS"):
        cpu.PSTATE.NZCV = vector.integer("in.nzcv", 0, 15)
    # Register 31 is SP for the instructions that make pointers and XZR, which keeps nothing, for the others.
    discarded = decoded.rt == SP_OR_ZR and decoded.mnemonic in ("GMI", "SUBP", "SUBPS")
    result = word(_run(cpu, decoded.mnemonic, vector))
    recorded: Outcome = recorded_fault(vector)
    model: Outcome = modelled_fault(None)
    recorded["xd"] = None if vector.get("out.xd") is None else word(vector.word("out.xd"))
    model["xd"] = None if discarded else result
    if decoded.mnemonic == "IRG":
        recorded["rgsr"], model["rgsr"] = _defined(vector), word(cpu.RGSR_EL1.value)
    if decoded.mnemonic in ("SUBP", "SUBPS"):
        recorded["nzcv"], model["nzcv"] = str(vector.integer("out.nzcv", 0, 15)), str(cpu.PSTATE.NZCV)
    return Replay(vector, recorded, model)


def _run(cpu: Processor, mnemonic: str, vector: Record) -> int:
    xn = vector.word("in.xn")
    if mnemonic in ("ADDG", "SUBG"):
        move = cpu.ADDG if mnemonic == "ADDG" else cpu.SUBG
        return move(xn, vector.integer("in.off", 0, 1008, step=16), vector.integer("in.tagoff", 0, 15))
    binary = {"IRG": cpu.IRG, "GMI": cpu.GMI, "SUBP": cpu.SUBP, "SUBPS": cpu.SUBPS}
    return binary[mnemonic](xn, vector.word("in.xm"))


def _defined(vector: Record) -> str:
    """Recorded RGSR_EL1 without its RES0 bits, which QEMU keeps as they were written."""
    return word(vector.word("out.rgsr") & RGSR_EL1.defined)


def replay_sequence(vector: Record) -> Replay:
    """Replay ``irg_seq``: many IRGs in a row, each from the same two registers."""
    cpu = processor(vector)
    cpu.GCR_EL1, cpu.RGSR_EL1 = GCR_EL1(vector.word("in.gcr")), RGSR_EL1(vector.word("in.rgsr"))
    xn, xm, count = vector.word("in.xn"), vector.word("in.xm"), vector.integer("in.count", 1, LONGEST)
    drawn = "".join(f"{logical_tag(cpu.IRG(xn, xm)):x}" for _ in range(count))
    recorded: Outcome = {"tags": vector.digits("out.tags", count), "rgsr": _defined(vector)}
    return Replay(vector, recorded, {"tags": drawn, "rgsr": word(cpu.RGSR_EL1.value)})


def replay_all_seeds(vector: Record) -> Replay:
    """Replay ``irg_allseeds``: one IRG from each of many seeds."""
    cpu = processor(vector)
    cpu.GCR_EL1 = GCR_EL1(vector.word("in.gcr"))
    xn, xm, tag = vector.word("in.xn"), vector.word("in.xm"), vector.integer("in.tag", 0, 15)
    first = vector.integer("in.seed_first", 0, LONGEST - 1)
    count = vector.integer("in.count", 1, LONGEST - first)
    tags, seeds = [], []
    for seed in range(first, first + count):
        cpu.RGSR_EL1.value = seed << 8 | tag
        tags.append(f"{logical_tag(cpu.IRG(xn, xm)):x}")
        seeds.append(f"{cpu.RGSR_EL1.SEED:04x}")
    recorded: Outcome = {
        "tags": vector.digits("out.tags", count),
        "seeds_after": vector.digits("out.seeds_after", 4 * count),
    }
    return Replay(vector, recorded, {"tags": "".join(tags), "seeds_after": "".join(seeds)})
