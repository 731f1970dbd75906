"""Text in columns, and the same as HTML for a notebook, which would break long lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay rows out in columns under a header, whose lines are divided by newlines."""
    heads = [head.split("\n") for head in header]
    height = max(len(head) for head in heads)
    above = [[([""] * (height - len(head)) + head)[line] for head in heads] for line in range(height)]
    widths = [max(len(row[column]) for row in [*above, *rows]) for column in range(len(header))]
    lines = [*above, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in lines
    )


def html(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """Return the same as a table."""
    head = "".join(f"<th>{escape(cell).replace(chr(10), '<br>')}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
