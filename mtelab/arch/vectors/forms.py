"""The load and store instructions of the vectors, by the name in their field ``op``: ``ldp_x_post``."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from mtelab.arch.loads_stores import ATOMIC
from mtelab.arch.tag_check import LOAD, PREFETCH, STORE, Access
from mtelab.arch.vectors.decode import SP_OR_ZR, base_register, index_register, signed_field
from mtelab.recordings import Record

_PLAIN_LOADS = ("ldrb", "ldrh", "ldr", "ldur", "ldp")
_PLAIN_STORES = ("strb", "strh", "str", "stur", "stp")

ACCESSES: Final[dict[str, Access]] = {
    **dict.fromkeys(_PLAIN_LOADS, LOAD),
    **dict.fromkeys(_PLAIN_STORES, STORE),
    "ld1": LOAD,
    "st1": STORE,
    "ldtr": replace(LOAD, unprivileged=True),
    "sttr": replace(STORE, unprivileged=True),
    "ldar": replace(LOAD, within_16=True),
    "ldxr": replace(LOAD, within_16=True),
    "stlr": replace(STORE, within_16=True),
    "ldadd": ATOMIC,
    "swp": ATOMIC,
    "cas": ATOMIC,
    "prfm": PREFETCH,
}
"""What each instruction does to memory, by the first part of its name."""


class Form(NamedTuple):
    """A load or store with its addressing form."""

    stem: str
    access: Access
    writeback: int | None
    """What is added to the base register in the end; None: it stays."""


def form(vector: Record) -> Form:
    """Read what kind of load or store a vector with the field ``op`` is."""
    name = vector.text("op")
    stem, *suffixes = name.split("_")
    if stem not in ACCESSES or set(suffixes) - {"w", "x", "q", "16b", "pre", "post", "reg"}:
        known = ", ".join(ACCESSES)
        raise vector.error("op", f"a load or store, one of {known} with _w, _x, _q, _16b and _pre, _post, _reg")
    word = vector.word("insn", 32)
    from_sp = base_register(word) == SP_OR_ZR
    moves_base = "pre" in suffixes or "post" in suffixes
    access = ACCESSES[stem]
    vector.choice("acc", (_kind(access),))
    if from_sp and not moves_base and "reg" not in suffixes:
        access = replace(access, checked=False)
    return Form(stem, access, _writeback(vector, stem, word) if moves_base else None)


def _kind(access: Access) -> str:
    """Name of the access in the field ``acc``."""
    if access.prefetch:
        return "prefetch"
    if access.read and access.write:
        return "atomic"
    return "store" if access.write else "load"


def _writeback(vector: Record, stem: str, word: int) -> int:
    if stem in ("ldp", "stp"):
        return signed_field(word, 15, 7) * (vector.integer("size", 1, 64) // 2)
    if stem in ("ld1", "st1"):
        register = index_register(word)
        return vector.integer("size", 1, 64) if register == SP_OR_ZR else vector.word("in.xm")
    return signed_field(word, 12, 9)
