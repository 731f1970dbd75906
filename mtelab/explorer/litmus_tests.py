"""The standard litmus tests, what Arm says to each, and which allowed outcomes the explorer's machine does not show.

Names follow the literature: the shape, then what orders each CPU's accesses, ``po`` for nothing.

[Arm]       Arm Architecture Reference Manual, DDI 0487, B2.3; as herd7's ``aarch64.cat`` has it.
[POPL18]    Pulte, Flur, Deacon, French, Sarkar, Sewell: Simplifying ARM Concurrency, POPL 2018.
[Tutorial]  Maranget, Sarkar, Sewell: A Tutorial Introduction to the ARM and POWER Relaxed Memory Models, 2012. It is
            about Armv7, which was not multi-copy atomic: what Armv8 forbids beyond it cites one of the other two.
"""

from __future__ import annotations

from collections.abc import Iterator

from mtelab.explorer.litmus import Litmus, Outcome, parse

SOURCES = {
    "MP": "Tutorial; POPL18; Arm",
    "SB": "Tutorial; Arm",
    "LB": "Tutorial; Arm",
    "S": "Tutorial; Arm",
    "R": "Tutorial; Arm",
    "2+2W": "Tutorial; Arm",
    "WRC": "POPL18; Arm",
    "ISA2": "POPL18; Arm",
    "RWC": "POPL18; Arm",
    "IRIW": "POPL18; Arm",
    "PPOCA": "Tutorial; POPL18; Arm",
    "PPOAA": "Tutorial; POPL18; Arm",
    "CoRR": "Tutorial; Arm",
    "CoWW": "Tutorial; Arm",
    "CoRW": "Tutorial; Arm",
    "CoWR": "Tutorial; Arm",
}
"""By shape; what orders it is what these say of the barrier, the acquire, the release or the dependency."""

TEXT = """
MP                 allowed    x=1; y=1 | a=y; b=x                                            : a=1 b=0
MP+wmb+po          allowed    x=1; wmb; y=1 | a=y; b=x                                       : a=1 b=0
MP+mb+po           allowed    x=1; mb; y=1 | a=y; b=x                                        : a=1 b=0
MP+po+rmb          allowed    x=1; y=1 | a=y; rmb; b=x                                       : a=1 b=0
MP+rmb+rmb         allowed    x=1; rmb; y=1 | a=y; rmb; b=x                                  : a=1 b=0
MP+wmb+wmb         allowed    x=1; wmb; y=1 | a=y; wmb; b=x                                  : a=1 b=0
MP+wmb+ctrl        allowed    x=1; wmb; y=1 | a=y; b=x ctrl a                                : a=1 b=0
MP+po+addr         allowed    x=1; y=1 | a=y; b=x addr a                                     : a=1 b=0
MP+po+acq          allowed    x=1; y=1 | acq a=y; b=x                                        : a=1 b=0
MP+rel+po          allowed    x=1; rel y=1 | a=y; b=x                                        : a=1 b=0
MP+rel-late+acq    allowed    rel x=1; y=1 | acq a=y; b=x                                    : a=1 b=0
MP+rel+acq-late    allowed    x=1; rel y=1 | a=y; acq b=x                                    : a=1 b=0
MP+wmb+rmb         forbidden  x=1; wmb; y=1 | a=y; rmb; b=x                                  : a=1 b=0
MP+mbs             forbidden  x=1; mb; y=1 | a=y; mb; b=x                                    : a=1 b=0
MP+wmb+addr        forbidden  x=1; wmb; y=1 | a=y; b=x addr a                                : a=1 b=0
MP+wmb+acq         forbidden  x=1; wmb; y=1 | acq a=y; b=x                                   : a=1 b=0
MP+rel+acq         forbidden  x=1; rel y=1 | acq a=y; b=x                                    : a=1 b=0
MP+rel+rmb         forbidden  x=1; rel y=1 | a=y; rmb; b=x                                   : a=1 b=0
MP+rel+addr        forbidden  x=1; rel y=1 | a=y; b=x addr a                                 : a=1 b=0
MP+tas+acq         forbidden  x=1; tas c=y | acq a=y; b=x                                    : a=1 b=0
MP+wmb+wait        forbidden  x=1; wmb; y=1 | wait y; b=x                                    : b=0
MP+po+wait         allowed    x=1; y=1 | wait y; b=x                                         : b=0
MP+locks           forbidden  lock l; x=1; y=1; unlock l | lock l; a=y; b=x; unlock l        : a=1 b=0
MP+lock+po         allowed    lock l; x=1; y=1; unlock l | a=y; b=x                          : a=1 b=0
SB                 allowed    x=1; a=y | y=1; b=x                                            : a=0 b=0
SB+mb+po           allowed    x=1; mb; a=y | y=1; b=x                                        : a=0 b=0
SB+wmbs            allowed    x=1; wmb; a=y | y=1; wmb; b=x                                  : a=0 b=0
SB+rmbs            allowed    x=1; rmb; a=y | y=1; rmb; b=x                                  : a=0 b=0
SB+rels            allowed    rel x=1; a=y | rel y=1; b=x                                    : a=0 b=0
SB+acqs            allowed    x=1; acq a=y | y=1; acq b=x                                    : a=0 b=0
SB+rel-acq+mb      forbidden  rel x=1; acq a=y | y=1; mb; b=x                                : a=0 b=0
SB+rel-acqs        forbidden  rel x=1; acq a=y | rel y=1; acq b=x                            : a=0 b=0
SB+mbs             forbidden  x=1; mb; a=y | y=1; mb; b=x                                    : a=0 b=0
SB+tas             forbidden  tas c=x; a=y | tas d=y; b=x                                    : a=0 b=0
LB                 allowed    a=x; y=1 | b=y; x=1                                            : a=1 b=1
LB+wmbs            allowed    a=x; wmb; y=1 | b=y; wmb; x=1                                  : a=1 b=1
LB+data+po         allowed    a=x; y=1 data a | b=y; x=1                                     : a=1 b=1
LB+acq+po          allowed    acq a=x; y=1 | b=y; x=1                                        : a=1 b=1
LB+datas           forbidden  a=x; y=1 data a | b=y; x=1 data b                              : a=1 b=1
LB+addrs           forbidden  a=x; y=1 addr a | b=y; x=1 addr b                              : a=1 b=1
LB+ctrls           forbidden  a=x; y=1 ctrl a | b=y; x=1 ctrl b                              : a=1 b=1
LB+rmbs            forbidden  a=x; rmb; y=1 | b=y; rmb; x=1                                  : a=1 b=1
LB+mbs             forbidden  a=x; mb; y=1 | b=y; mb; x=1                                    : a=1 b=1
LB+acqs            forbidden  acq a=x; y=1 | acq b=y; x=1                                    : a=1 b=1
LB+rels            forbidden  a=x; rel y=1 | b=y; rel x=1                                    : a=1 b=1
S                  allowed    x=2; y=1 | a=y; x=1                                            : a=1 x=2
S+wmb+po           allowed    x=2; wmb; y=1 | a=y; x=1                                       : a=1 x=2
S+po+data          allowed    x=2; y=1 | a=y; x=1 data a                                     : a=1 x=2
S+wmb+data         forbidden  x=2; wmb; y=1 | a=y; x=1 data a                                : a=1 x=2
S+wmb+addr         forbidden  x=2; wmb; y=1 | a=y; x=1 addr a                                : a=1 x=2
S+wmb+ctrl         forbidden  x=2; wmb; y=1 | a=y; x=1 ctrl a                                : a=1 x=2
S+wmb+rmb          forbidden  x=2; wmb; y=1 | a=y; rmb; x=1                                  : a=1 x=2
S+mbs              forbidden  x=2; mb; y=1 | a=y; mb; x=1                                    : a=1 x=2
S+rel+acq          forbidden  x=2; rel y=1 | acq a=y; x=1                                    : a=1 x=2
R                  allowed    x=1; y=1 | y=2; a=x                                            : a=0 y=2
R+po+mb            allowed    x=1; y=1 | y=2; mb; a=x                                        : a=0 y=2
R+wmb+po           allowed    x=1; wmb; y=1 | y=2; a=x                                       : a=0 y=2
R+wmb+wmb          allowed    x=1; wmb; y=1 | y=2; wmb; a=x                                  : a=0 y=2
R+wmb+mb           forbidden  x=1; wmb; y=1 | y=2; mb; a=x                                   : a=0 y=2
R+mbs              forbidden  x=1; mb; y=1 | y=2; mb; a=x                                    : a=0 y=2
R+rel+rel-acq      forbidden  x=1; rel y=1 | rel y=0; acq a=x                                : a=0 y=0
2+2W               allowed    x=1; y=2 | y=1; x=2                                            : x=1 y=1
2+2W+wmb+po        allowed    x=1; wmb; y=2 | y=1; x=2                                       : x=1 y=1
2+2W+rmbs          allowed    x=1; rmb; y=2 | y=1; rmb; x=2                                  : x=1 y=1
2+2W+wmbs          forbidden  x=1; wmb; y=2 | y=1; wmb; x=2                                  : x=1 y=1
2+2W+mbs           forbidden  x=1; mb; y=2 | y=1; mb; x=2                                    : x=1 y=1
2+2W+rels          forbidden  x=1; rel y=0 | y=1; rel x=0                                    : x=1 y=1
WRC                allowed    x=1 | a=x; y=1 | b=y; c=x                                      : a=1 b=1 c=0
WRC+po+addr        allowed    x=1 | a=x; y=1 | b=y; c=x addr b                               : a=1 b=1 c=0
WRC+data+po        allowed    x=1 | a=x; y=1 data a | b=y; c=x                               : a=1 b=1 c=0
WRC+wmb+rmb        allowed    x=1 | a=x; wmb; y=1 | b=y; rmb; c=x                            : a=1 b=1 c=0
WRC+data+addr      forbidden  x=1 | a=x; y=1 data a | b=y; c=x addr b                        : a=1 b=1 c=0
WRC+addrs          forbidden  x=1 | a=x; y=1 addr a | b=y; c=x addr b                        : a=1 b=1 c=0
WRC+ctrl+rmb       forbidden  x=1 | a=x; y=1 ctrl a | b=y; rmb; c=x                          : a=1 b=1 c=0
WRC+rmbs           forbidden  x=1 | a=x; rmb; y=1 | b=y; rmb; c=x                            : a=1 b=1 c=0
WRC+mbs            forbidden  x=1 | a=x; mb; y=1 | b=y; mb; c=x                              : a=1 b=1 c=0
WRC+rel+acq        forbidden  x=1 | a=x; rel y=1 | acq b=y; c=x                              : a=1 b=1 c=0
ISA2               allowed    x=1; y=1 | a=y; z=1 | b=z; c=x                                 : a=1 b=1 c=0
ISA2+wmb+po+addr   allowed    x=1; wmb; y=1 | a=y; z=1 | b=z; c=x addr b                     : a=1 b=1 c=0
ISA2+po+data+addr  allowed    x=1; y=1 | a=y; z=1 data a | b=z; c=x addr b                   : a=1 b=1 c=0
ISA2+wmb+data+po   allowed    x=1; wmb; y=1 | a=y; z=1 data a | b=z; c=x                     : a=1 b=1 c=0
ISA2+wmb+data+addr forbidden  x=1; wmb; y=1 | a=y; z=1 data a | b=z; c=x addr b              : a=1 b=1 c=0
ISA2+wmb+ctrl+rmb  forbidden  x=1; wmb; y=1 | a=y; z=1 ctrl a | b=z; rmb; c=x                : a=1 b=1 c=0
ISA2+mbs           forbidden  x=1; mb; y=1 | a=y; mb; z=1 | b=z; mb; c=x                     : a=1 b=1 c=0
ISA2+rel-acqs      forbidden  x=1; rel y=1 | acq a=y; rel z=1 | acq b=z; c=x                 : a=1 b=1 c=0
RWC                allowed    x=1 | a=x; b=y | y=1; c=x                                      : a=1 b=0 c=0
RWC+addr+mb        forbidden  x=1 | a=x; b=y addr a | y=1; mb; c=x                           : a=1 b=0 c=0
RWC+mbs            forbidden  x=1 | a=x; mb; b=y | y=1; mb; c=x                              : a=1 b=0 c=0
RWC+addr+po        allowed    x=1 | a=x; b=y addr a | y=1; c=x                               : a=1 b=0 c=0
IRIW               allowed    x=1 | y=1 | a=x; b=y | c=y; d=x                                : a=1 b=0 c=1 d=0
IRIW+addr+po       allowed    x=1 | y=1 | a=x; b=y addr a | c=y; d=x                         : a=1 b=0 c=1 d=0
IRIW+wmbs          allowed    x=1 | y=1 | a=x; wmb; b=y | c=y; wmb; d=x                      : a=1 b=0 c=1 d=0
IRIW+ctrls         allowed    x=1 | y=1 | a=x; b=y ctrl a | c=y; d=x ctrl c                  : a=1 b=0 c=1 d=0
IRIW+addrs         forbidden  x=1 | y=1 | a=x; b=y addr a | c=y; d=x addr c                  : a=1 b=0 c=1 d=0
IRIW+rmbs          forbidden  x=1 | y=1 | a=x; rmb; b=y | c=y; rmb; d=x                      : a=1 b=0 c=1 d=0
IRIW+mbs           forbidden  x=1 | y=1 | a=x; mb; b=y | c=y; mb; d=x                        : a=1 b=0 c=1 d=0
IRIW+acqs          forbidden  x=1 | y=1 | acq a=x; b=y | acq c=y; d=x                        : a=1 b=0 c=1 d=0
PPOCA              allowed    x=1; mb; y=1 | a=y; z=1 ctrl a; b=z; c=x addr b                : a=1 b=1 c=0
PPOAA              forbidden  x=1; mb; y=1 | a=y; z=1 data a; b=z; c=x addr b                : a=1 b=1 c=0
CoRR               forbidden  x=1 | a=x; b=x                                                 : a=1 b=0
CoRR+two           forbidden  x=1 | x=2 | a=x; b=x | c=x; d=x                                : a=1 b=2 c=2 d=1
CoWW               forbidden  x=1; x=2                                                       : x=1
CoRW1              forbidden  a=x; x=1                                                       : a=1
CoRW2              forbidden  a=x; x=1 | x=2                                                 : a=2 x=2
CoWR0              forbidden  x=1; a=x                                                       : a=0
CoWR               forbidden  x=1; a=x | x=2                                                 : a=2 x=1
"""

NOT_SHOWN: dict[str, str] = {
    "LB": "a=1 b=1",
    "LB+wmbs": "a=1 b=1",
    "LB+data+po": "a=1 b=1",
    "LB+acq+po": "a=1 b=1",
    "S+wmb+po": "a=1 x=2",
    "WRC+po+addr": "a=1 b=1 c=0",
    "WRC+wmb+rmb": "a=1 b=1 c=0",
    "ISA2+wmb+po+addr": "a=1 b=1 c=0",
    "PPOCA": "a=1 b=1 c=0",
}
"""Outcomes that Arm allows and the machine does not show: in all but one a store overtakes a load before it (LB). In
PPOCA a load is satisfied by a store that waits for a branch, before the load that the branch depends on."""


def _outcome(text: str) -> Outcome:
    return tuple(sorted((name, int(value)) for name, value in (word.split("=") for word in text.split())))


def _read(text: str) -> Iterator[Litmus]:
    for line in text.strip().splitlines():
        name, says, rest = line.split(maxsplit=2)
        program, asked = rest.rsplit(":", 1)
        missing = frozenset(_outcome(outcome) for outcome in NOT_SHOWN.get(name, "").split(",") if outcome)
        source = next(SOURCES[shape] for shape in sorted(SOURCES, key=len, reverse=True) if name.startswith(shape))
        yield Litmus(name, parse(program), _outcome(asked), says == "allowed", missing, source)


TESTS: dict[str, Litmus] = {test.name: test for test in _read(TEXT)}
"""By name."""
