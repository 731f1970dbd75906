"""The machine as tables of numbers, so that numpy can move millions of states at once.

A state is one or more 64-bit words with a field for each CPU (the number of its place) and each location (the number
of its contents). A move of a CPU at a place reads one field; a table says, for each value of the field, whether the
move can be made and what it flips: the new state is the old one XOR an entry of the table. Tables are filled as values
turn up.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mtelab.explorer.machine import NOWHERE, Local, Machine, Move
from mtelab.explorer.memory import Contents
from mtelab.explorer.state import State

Words = list[npt.NDArray[np.uint64]]
"""States: one array a word, an element a state."""

POSSIBLE: Final = 1
KNOWN: Final = 2
SHOWS: Final = 2
"""Shift of what a move shows, within an entry's flags."""
NO_MOVE: Final = -1
NEW_PLACE: Final = -2
WORD: Final = 64


class LayoutError(Exception):
    """A field is too narrow for what it has to hold; `widths` of the tables has a wider one now."""


class Field:
    """A field of a state: which word, how far from its low end, how many bits."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.word = 0
        self.shift = np.uint64(0)
        self.mask = np.uint64((1 << width) - 1)

    def get(self, words: Words) -> npt.NDArray[np.uint64]:
        """Return the field's values."""
        return (words[self.word] >> self.shift) & self.mask


def initial_widths(machine: Machine) -> list[int]:
    """Bits to begin with: a field for each CPU, then for each location.

    In order, what a field can hold is known beforehand, and narrow fields make few words. Weakly ordered it is not: the
    fields are of a usual width, and grow.
    """
    if machine.memory == "arm":
        places = [max(len(program.nodes) * 4, 8).bit_length() for program in machine.programs]
        kinds = {"flags": 6, "tag": 4, "pte": 3, "lock": len(machine.programs).bit_length()}
        return places + [kinds[location.kind] for location in machine.locations]
    counts = [machine.most_places(cpu) for cpu in range(len(machine.programs))]
    counts += [machine.most_values(location) for location in machine.locations]
    return [max(count - 1, 1).bit_length() for count in counts]


class Tables:
    """All moves of a machine as tables.

    Parameters
    ----------
    machine : Machine
        Whose.
    widths : list of int
        Bits of each field; grown in place when one is too narrow.
    """

    def __init__(self, machine: Machine, widths: list[int]) -> None:
        self.machine = machine
        self.widths = widths
        cpus = len(machine.programs)
        self.fields = [Field(width) for width in widths]
        self.words = self._lay_out()
        self.cpus = self.fields[:cpus]
        self.locations = self.fields[cpus:]
        self._places: list[list[Local]] = [[] for _ in range(cpus)]
        self._place_numbers: list[dict[Local, int]] = [{} for _ in range(cpus)]
        self._contents: list[list[Contents]] = [[] for _ in machine.locations]
        self._contents_numbers: list[dict[Contents, int]] = [{} for _ in machine.locations]
        self._moves: list[list[list[Move]]] = [[] for _ in range(cpus)]
        # By CPU and move: for each place the base of its entries, and where the field is that it looks at.
        sizes = [1 << field.width for field in self.cpus]
        self.base = [[np.full(size, NEW_PLACE, np.int64)] for size in sizes]
        self.word = [[np.zeros(size, np.uint8)] for size in sizes]
        self.shift = [[np.zeros(size, np.uint64)] for size in sizes]
        self.mask = [[np.zeros(size, np.uint64)] for size in sizes]
        self.ended = [np.zeros(size, bool) for size in sizes]
        self._owner: list[tuple[int, int, int]] = []  # of each stretch of entries: CPU, place, move
        self._bases: list[int] = []
        self.flags = np.zeros(1024, np.uint16)
        self.after = np.zeros(1024, np.int32)
        self.delta = [np.zeros(1024, np.uint64) for _ in range(self.words)]
        self._used = 0
        self.afters: list[tuple[int, tuple[tuple[int, bool], ...]]] = [(0, ())]
        self._after_numbers: dict[tuple[int, tuple[tuple[int, bool], ...]], int] = {self.afters[0]: 0}
        self._caught: dict[tuple[int, int, bool], npt.NDArray[np.int64]] = {}

    def _lay_out(self) -> int:
        """Put the fields into words, and return how many words there are."""
        used = [0]
        for field in self.fields:
            word = next((at for at, bits in enumerate(used) if bits + field.width <= WORD), len(used))
            if word == len(used):
                used.append(0)
            field.word, field.shift = word, np.uint64(used[word])
            used[word] += field.width
        return len(used)

    # ---- numbers

    def place(self, cpu: int, local: Local) -> int:
        """Number of a CPU's place."""
        number = self._place_numbers[cpu].get(local)
        if number is None:
            number = len(self._places[cpu])
            self._fits(cpu, number)
            self._place_numbers[cpu][local] = number
            self._places[cpu].append(local)
            self._moves[cpu].append([])
        return number

    def value(self, where: int, contents: Contents) -> int:
        """Number of a location's contents."""
        number = self._contents_numbers[where].get(contents)
        if number is None:
            number = len(self._contents[where])
            self._fits(len(self.cpus) + where, number)
            self._contents_numbers[where][contents] = number
            self._contents[where].append(contents)
        return number

    def _fits(self, field: int, number: int) -> None:
        if number >> self.fields[field].width:
            self.widths[field] += 2
            raise LayoutError

    def encode(self, state: State) -> list[int]:
        """Words of a state."""
        words = [0] * self.words
        numbers = [self.place(cpu, local) for cpu, local in enumerate(state.locals)]
        numbers += [self.value(where, contents) for where, contents in enumerate(state.contents)]
        for field, number in zip(self.fields, numbers, strict=True):
            words[field.word] |= number << int(field.shift)
        return words

    def decode(self, words: list[int]) -> State:
        """State of some words."""
        numbers = [(words[field.word] >> int(field.shift)) & int(field.mask) for field in self.fields]
        cpus = len(self.cpus)
        places = tuple(self._places[cpu][number] for cpu, number in enumerate(numbers[:cpus]))
        return State(places, tuple(self._contents[at][number] for at, number in enumerate(numbers[cpus:])))

    def move(self, cpu: int, place: int, which: int) -> Move:
        """One of the moves of a place."""
        return self._moves[cpu][place][which]

    # ---- filling

    def open(self, cpu: int, places: npt.NDArray[np.int64]) -> None:
        """Make the moves of places that have just been reached for the first time."""
        for place in np.unique(places).tolist():
            local = self._places[cpu][place]
            moves = self.machine.moves(cpu, local)
            self._moves[cpu][place] = moves
            self.ended[cpu][place] = self.machine.ended(cpu, local)
            self._make_room_for(cpu, len(moves))
            for which in range(len(self.base[cpu])):
                self.base[cpu][which][place] = NO_MOVE
            for which, move in enumerate(moves):
                self._add_row(cpu, place, which, move)

    def _make_room_for(self, cpu: int, moves: int) -> None:
        size = 1 << self.cpus[cpu].width
        while len(self.base[cpu]) < moves:
            # Places that are known already have no such move; those that are not have -2 in the first row.
            self.base[cpu].append(np.full(size, NO_MOVE, np.int64))
            self.word[cpu].append(np.zeros(size, np.uint8))
            self.shift[cpu].append(np.zeros(size, np.uint64))
            self.mask[cpu].append(np.zeros(size, np.uint64))

    def _add_row(self, cpu: int, place: int, which: int, move: Move) -> None:
        entries = 1
        if move.where >= 0:
            field = self.locations[move.where]
            entries = 1 << field.width
            self.word[cpu][which][place] = field.word
            self.shift[cpu][which][place] = field.shift
            self.mask[cpu][which][place] = field.mask
        self.base[cpu][which][place] = self._used
        self._bases.append(self._used)
        self._owner.append((cpu, place, which))
        self._used += entries
        if self._used > len(self.flags):
            size = max(self._used, 2 * len(self.flags))
            self.flags = np.concatenate([self.flags, np.zeros(size - len(self.flags), np.uint16)])
            self.after = np.concatenate([self.after, np.zeros(size - len(self.after), np.int32)])
            self.delta = [np.concatenate([d, np.zeros(size - len(d), np.uint64)]) for d in self.delta]

    def fill(self, entries: npt.NDArray[np.int64]) -> None:
        """Work out entries that have just turned up for the first time."""
        rows = np.searchsorted(self._bases, entries, side="right") - 1
        for entry, row in zip(entries.tolist(), rows.tolist(), strict=True):
            cpu, place, which = self._owner[row]
            self._fill(entry, entry - self._bases[row], cpu, place, self._moves[cpu][place][which])

    def _fill(self, entry: int, number: int, cpu: int, place: int, move: Move) -> None:
        contents = self._contents[move.where][number] if move.where >= 0 else NOWHERE
        effect = move.effect(contents)
        self.flags[entry] = KNOWN
        if effect is None:
            return
        flip = [0] * self.words
        field = self.cpus[cpu]
        flip[field.word] ^= (place ^ self.place(cpu, effect.local)) << int(field.shift)
        if move.where >= 0:
            field = self.locations[move.where]
            flip[field.word] ^= (number ^ self.value(move.where, effect.contents)) << int(field.shift)
        for word, bits in enumerate(flip):
            self.delta[word][entry] = bits
        after = (cpu, self.machine.afterwards(cpu, self._places[cpu][place], effect.local, move.catches_up))
        if not after[1]:
            after = (0, ())
        if after not in self._after_numbers:
            self._after_numbers[after] = len(self.afters)
            self.afters.append(after)
        self.after[entry] = self._after_numbers[after]
        self.flags[entry] = KNOWN | POSSIBLE | (effect.shows << SHOWS)

    def catch_up(self, words: Words, number: int) -> None:
        """Let states forget older values, in place; `number` is that of an element of `afters`."""
        cpu, places = self.afters[number]
        for where, looks in places:
            field = self.locations[where]
            values = field.get(words).astype(np.int64)
            table = self._caught_up(cpu, where, looks)
            new = table[values]
            if (new < 0).any():
                location = self.machine.locations[where]
                for value in np.unique(values[new < 0]).tolist():
                    table[value] = self.value(where, location.catch_up(self._contents[where][value], cpu, looks))
                new = table[values]
            words[field.word] ^= (values ^ new).astype(np.uint64) << field.shift

    def _caught_up(self, cpu: int, where: int, looks: bool) -> npt.NDArray[np.int64]:
        key = (cpu, where, looks)
        if key not in self._caught:
            self._caught[key] = np.full(1 << self.locations[where].width, -1, np.int64)
        return self._caught[key]
