"""A table of numbers to read here and to copy elsewhere: as tab-separated values or as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import traitlets

from mtelab.widgets.figure import Figure

Rows = Sequence[Sequence[str]]


def tsv(head: Sequence[str], rows: Rows) -> str:
    """Write a table as tab-separated values, as spreadsheets take them."""
    return "".join("\t".join(row) + "\n" for row in (head, *rows))


def markdown(head: Sequence[str], rows: Rows) -> str:
    """Write a table in Markdown, its columns aligned."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def line(cells: Iterable[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |\n"

    return line(head) + line("-" * width for width in widths) + "".join(map(line, rows))


FORMATS: dict[str, Callable[[Sequence[str], Rows], str]] = {"TSV": tsv, "Markdown": markdown}


class NumbersTable(Figure):
    """A table that shows some rows and copies all.

    Parameters
    ----------
    head : sequence of str
        Names of the columns; the first one's cells head their rows.
    everything : function
        Returns all rows, when they are to be copied.
    hidden : sequence of str
        Columns that only the copies have.
    title : str
        What the table shows.
    """

    script = "numbers_table.js"

    table = traitlets.Dict().tag(sync=True)
    """Names of columns, and the rows in sight."""
    formats = traitlets.List(list(FORMATS)).tag(sync=True)

    def __init__(
        self, head: Sequence[str], everything: Callable[[], Rows], *, hidden: Sequence[str] = (), title: str
    ) -> None:
        self.head = list(head)
        self.everything = everything
        self._columns = [column for column, name in enumerate(head) if name not in hidden]
        super().__init__(title=title)
        self.show([])

    def show(self, rows: Rows) -> None:
        """Put these rows in sight."""
        head, *body = ([row[column] for column in self._columns] for row in (self.head, *rows))
        self.table = {"head": head, "rows": body}

    def copied(self, form: str) -> str:
        """Return all rows as ``"TSV"`` or ``"Markdown"``."""
        if form not in FORMATS:
            raise ValueError(f"form: {form!r}, expected one of {', '.join(FORMATS)}")
        return FORMATS[form](self.head, self.everything())

    def reset(self) -> None:
        """Put away the text that was copied last; the numbers are the dashboard's."""
        self.send({"answer": "reset"})

    def on_copy(self, form: str) -> None:
        """Handle a button: send the text, which only the browser can put on the clipboard."""
        text = self.copied(form)
        self.send({"answer": "copy", "form": form, "text": text, "rows": text.count("\n") - 1 - (form == "Markdown")})

    def describe(self) -> str:
        """Say what it shows."""
        return self.title
