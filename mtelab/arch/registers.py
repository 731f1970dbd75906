"""The registers that steer tagging, by Arm's names, each with the fields that matter here.

Positions are from the Arm ARM (DDI 0487), chapter "AArch64 System Register Descriptions". Other fields of these
registers do not exist in the model: they read as 0 and what is written there is dropped, as for RES0 bits.
"""

from __future__ import annotations

import operator
from typing import ClassVar

from mtelab.arch.pointers import MASK_64


class Field:
    """Bits `high` to `low` of a `Register`, read and set as an attribute."""

    def __init__(self, high: int, low: int, meaning: str) -> None:
        self.high, self.low, self.meaning = high, low, meaning
        self.mask = (1 << (high - low + 1)) - 1

    def __set_name__(self, owner: type[Register], name: str) -> None:
        self.name = name

    def __get__(self, register: Register, owner: type[Register]) -> int:
        """Value of the field."""
        return register.value >> self.low & self.mask

    def __set__(self, register: Register, value: int) -> None:
        """Set the field and leave the others."""
        number = _bits(f"{type(register).__name__}.{self.name}", value, self.mask)
        register.value = register.value & ~(self.mask << self.low) | number << self.low


def _bits(name: str, value: int, most: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name}: {value!r}, expected a whole number") from None
    if not 0 <= number <= most:
        raise ValueError(f"{name}: {number}, expected 0 to {most}")
    return number


class Register:
    """A register made of named fields: ``register.FIELD``, or the whole of it as ``register.value``.

    Parameters
    ----------
    value : int
        All 64 bits; those outside the fields are dropped.
    **fields : int
        Fields by name, set after `value`.
    """

    fields: ClassVar[tuple[Field, ...]]
    defined: ClassVar[int]
    """Mask of the bits that belong to a field."""

    def __init_subclass__(cls) -> None:
        cls.fields = tuple(item for item in vars(cls).values() if isinstance(item, Field))
        cls.defined = sum(field.mask << field.low for field in cls.fields)

    def __init__(self, value: int = 0, **fields: int) -> None:
        self.value = _bits(type(self).__name__, value, MASK_64) & self.defined
        for name, number in fields.items():
            setattr(self, name, number)

    def __setattr__(self, name: str, value: int) -> None:
        """Refuse a misspelt field, which would otherwise be set and steer nothing."""
        if name != "value" and name not in vars(type(self)):
            known = ", ".join(field.name for field in self.fields)
            raise ValueError(f"{type(self).__name__} has no field {name}; it has {known}")
        super().__setattr__(name, value)

    def __index__(self) -> int:
        """Whole value, for ``int(register)`` and ``hex(register)``."""
        return self.value

    def __repr__(self) -> str:
        parts = ", ".join(f"{field.name}={getattr(self, field.name):#x}" for field in self.fields)
        return f"{type(self).__name__}({parts})"


class GCR_EL1(Register):
    """Tag Control Register: how IRG, ADDG and SUBG choose."""

    RRND = Field(16, 16, "1: IRG draws as the implementation likes; 0: from RGSR_EL1")
    Exclude = Field(15, 0, "tags that are not chosen, one bit each")


class RGSR_EL1(Register):
    """Random Allocation Tag Seed Register: the state of IRG."""

    SEED = Field(23, 8, "linear feedback shift register")
    TAG = Field(3, 0, "tag that IRG drew last")


class SCTLR_EL1(Register):
    """System Control Register: may tags be used, and what does a failed check do. A 0 at the end: for EL0."""

    ATA = Field(43, 43, "1: EL1 may read and write allocation tags")
    ATA0 = Field(42, 42, "1: EL0 may read and write allocation tags")
    TCF = Field(41, 40, "failed checks of EL1: 0 none, 1 synchronous, 2 asynchronous, 3 asymmetric")
    TCF0 = Field(39, 38, "failed checks of EL0: 0 none, 1 synchronous, 2 asynchronous, 3 asymmetric")


class TCR_EL1(Register):
    """Translation Control Register: how pointers are read. Names end in the VA range, bit 55 of a pointer."""

    TCMA1 = Field(58, 58, "1: tag 15 in range 1 is not checked")
    TCMA0 = Field(57, 57, "1: tag 0 in range 0 is not checked")
    TBI1 = Field(38, 38, "1: the top byte of pointers in range 1 is ignored")
    TBI0 = Field(37, 37, "1: the top byte of pointers in range 0 is ignored")
    T1SZ = Field(21, 16, "range 1 has 64 - T1SZ address bits")
    T0SZ = Field(5, 0, "range 0 has 64 - T0SZ address bits")


class TFSR_EL1(Register):
    """Tag Fault Status Register: asynchronous failures of EL1. Bits stay set until software clears them."""

    TF1 = Field(1, 1, "a check failed in VA range 1")
    TF0 = Field(0, 0, "a check failed in VA range 0")


class TFSRE0_EL1(Register):
    """Tag Fault Status Register: asynchronous failures of EL0."""

    TF1 = Field(1, 1, "a check failed in VA range 1")
    TF0 = Field(0, 0, "a check failed in VA range 0")


class GMID_EL1(Register):
    """Says how much LDGM and STGM move."""

    BS = Field(3, 0, "they move the tags of 4 << BS bytes")


class DCZID_EL0(Register):
    """Says how much DC ZVA, DC GVA, DC GZVA and STZGM cover."""

    DZP = Field(4, 4, "1: the DC instructions are not permitted")
    BS = Field(3, 0, "the block is 4 << BS bytes")


class ESR_EL1(Register):
    """Exception Syndrome Register: what happened, with the fields of a data abort."""

    EC = Field(31, 26, "exception class")
    IL = Field(25, 25, "1: the instruction has 32 bits")
    WnR = Field(6, 6, "1: a write, 0: a read")
    DFSC = Field(5, 0, "data fault status code")


class PSTATE(Register):
    """Process state, placed as in SPSR_EL1. EL2 and EL3 are not modelled."""

    NZCV = Field(31, 28, "the flags N, Z, C and V, N highest")
    TCO = Field(25, 25, "Tag Check Override; 1: no check is made")
    EL = Field(2, 2, "exception level, 0 or 1")
