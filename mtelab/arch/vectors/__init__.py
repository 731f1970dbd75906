"""What a real machine model did: the recorded instruction vectors, and our processor doing the same.

A vector is one line of a recording of QEMU; the README beside the recordings explains its fields.
"""

from __future__ import annotations

from mtelab import recordings
from mtelab.arch.vectors.memory_kinds import replay_load_or_store, replay_tag_access
from mtelab.arch.vectors.outcome import Difference, Replay
from mtelab.arch.vectors.register_kinds import replay_all_seeds, replay_one, replay_sequence
from mtelab.recordings import Record

__all__ = ["Difference", "Replay", "describe", "is_target", "replay", "vectors"]


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
    kind = vector.text("k")
    if kind == "irg_seq":
        return replay_sequence(vector)
    if kind == "irg_allseeds":
        return replay_all_seeds(vector)
    if "op" in vector:
        return replay_load_or_store(vector)
    if "base" in vector:
        return replay_tag_access(vector)
    return replay_one(vector)
