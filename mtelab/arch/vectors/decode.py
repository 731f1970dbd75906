"""Instruction words: which instruction of ours it is, and which registers it names (Arm ARM, C4.1)."""

from __future__ import annotations

from typing import Final, NamedTuple

SP_OR_ZR: Final = 31
"""Register number that means SP or XZR, whichever the operand allows."""


class Decoded(NamedTuple):
    """An instruction of the tag extension. `rt` is the destination Rd where there is one."""

    mnemonic: str
    rt: int
    rn: int


class _Encoding(NamedTuple):
    mnemonic: str
    value: int
    mask: int


_STORE_TAG = {"STG": 0xD9200000, "STZG": 0xD9600000, "ST2G": 0xD9A00000, "STZ2G": 0xD9E00000}
_ADDRESSING = (0x400, 0x800, 0xC00)  # post-index, offset, pre-index
_ENCODINGS: Final = (
    _Encoding("IRG", 0x9AC01000, 0xFFE0FC00),
    _Encoding("GMI", 0x9AC01400, 0xFFE0FC00),
    _Encoding("SUBP", 0x9AC00000, 0xFFE0FC00),
    _Encoding("SUBPS", 0xBAC00000, 0xFFE0FC00),
    _Encoding("ADDG", 0x91800000, 0xFFC0C000),
    _Encoding("SUBG", 0xD1800000, 0xFFC0C000),
    *(_Encoding(name, value | bits, 0xFFE00C00) for name, value in _STORE_TAG.items() for bits in _ADDRESSING),
    _Encoding("STGP", 0x68800000, 0xFFC00000),
    _Encoding("STGP", 0x69000000, 0xFFC00000),
    _Encoding("STGP", 0x69800000, 0xFFC00000),
    _Encoding("LDG", 0xD9600000, 0xFFE00C00),
    _Encoding("STZGM", 0xD9200000, 0xFFFFFC00),
    _Encoding("STGM", 0xD9A00000, 0xFFFFFC00),
    _Encoding("LDGM", 0xD9E00000, 0xFFFFFC00),
    _Encoding("DC ZVA", 0xD50B7420, 0xFFFFFFE0),
    _Encoding("DC GVA", 0xD50B7460, 0xFFFFFFE0),
    _Encoding("DC GZVA", 0xD50B7480, 0xFFFFFFE0),
)


def decode(word: int) -> Decoded | None:
    """Find the tag instruction that a 32-bit word encodes; None if it is another instruction."""
    for encoding in _ENCODINGS:
        if word & encoding.mask == encoding.value:
            return Decoded(encoding.mnemonic, word & 31, base_register(word))
    return None


def base_register(word: int) -> int:
    """Number of the base register Rn of a load or store; 31 is SP."""
    return word >> 5 & 31


def index_register(word: int) -> int:
    """Number of the index register Rm, for the forms that have one."""
    return word >> 16 & 31


def signed_field(word: int, low: int, bits: int) -> int:
    """Immediate of `bits` bits from bit `low` on, as a signed number."""
    value = word >> low & (1 << bits) - 1
    return value - (1 << bits) if value >> (bits - 1) else value
