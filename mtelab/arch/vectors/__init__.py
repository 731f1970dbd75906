"""What a real machine model did: the recorded instruction vectors, and our processor doing the same.

A vector is one line of a recording of QEMU; the README beside the recordings explains its fields.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from mtelab import recordings
from mtelab.arch.vectors.memory_kinds import replay_load_or_store, replay_tag_access
from mtelab.arch.vectors.outcome import Difference, Replay
from mtelab.arch.vectors.register_kinds import replay_all_seeds, replay_one, replay_sequence
from mtelab.recordings import Record

__all__ = ["Difference", "Replay", "describe", "is_target", "replay", "vectors"]

_REGISTERS = ("access_regs", "addg", "gmi", "irg", "subg", "subp", "subps", "quirk_irg_rrnd1")
_TAG_ACCESSES = (
    *("access_el0_ata0", "access_el0_ata1", "access_el1_ata0", "tbi_tagaccess", "quirk_dc_zva_fault"),
    *("ldg", "ldgm", "st2g", "stg", "stgm", "stgp", "stz2g", "stzg", "stzgm", "dc_gva", "dc_gzva", "dc_zva"),
)
_LOADS_AND_STORES = (
    *("tagcheck_el0", "tagcheck_matrix", "tagcheck_random", "tagcheck_sp", "tagcheck_tbi", "tagcheck_tcma"),
    *("tagcheck_unpriv", "quirk_cas", "quirk_misaligned_ordered", "quirk_unmapped"),
)
_REPLAYS: Final[dict[str, Callable[[Record], Replay]]] = {
    "irg_seq": replay_sequence,
    "irg_allseeds": replay_all_seeds,
    **dict.fromkeys(_REGISTERS, replay_one),
    **dict.fromkeys(_TAG_ACCESSES, replay_tag_access),
    **dict.fromkeys(_LOADS_AND_STORES, replay_load_or_store),
}


def vectors(kind: str) -> list[Record]:
    """Read the shipped vectors of a kind, such as ``"irg"`` or ``"tagcheck_matrix"``.

    Raises
    ------
    ValueError
        If there is no such kind; the message lists them.
    """
    place = recordings.folder("insn")
    kinds = [file.stem for file in recordings.files(place)]
    if kind not in kinds:
        raise ValueError(f"kind: {kind!r}, expected one of {', '.join(kinds)}")
    return list(recordings.read(place / f"{kind}.jsonl"))


def is_target(kind: str) -> bool:
    """Say whether the model must agree: kinds ``quirk_*`` show where QEMU departs from Arm or Arm leaves a choice."""
    return not kind.startswith("quirk_")


def describe(vector: Record) -> str:
    """Write the instruction and what it starts from on one line: ``stg x0, [x1]  xn=0x10 xt=0x20``."""
    inputs = vector.get("in")
    operands = " ".join(f"{name}={value}" for name, value in inputs.items())
    return f"{vector.text('asm')}  {operands}"


def replay(vector: Record) -> Replay:
    """Do on the model what a vector records, and compare.

    Raises
    ------
    RecordingError
        If a field is missing or malformed; the text names file, line and field.
    """
    kind = vector.choice("k", tuple(_REPLAYS))
    return _REPLAYS[kind](vector)
