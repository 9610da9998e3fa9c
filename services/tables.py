"""Tables as text: aligned for terminals, and CSV that is safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence

from wcwidth import wcswidth


def aligned(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns padded to the same width, two spaces apart, a line each."""
    lines = [[name.upper() for name in header], *rows]
    widths = [max(map(wcswidth, column)) for column in zip(*lines, strict=True)]
    return "".join(_padded(line, widths) for line in lines)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """CSV (RFC 4180) with a header row."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(header)
    writer.writerows([_as_text(cell) for cell in row] for row in rows)
    return buffer.getvalue()


def _padded(line: Sequence[str], widths: Sequence[int]) -> str:
    # By the columns that a terminal takes: a Chinese name has two for a character.
    cells = [
        cell + " " * (width - wcswidth(cell)) for cell, width in zip(line, widths, strict=True)
    ]
    return "  ".join(cells).rstrip() + "\n"


def _as_text(cell: str) -> str:
    """A spreadsheet takes a cell that begins so for a formula (contract.md)."""
    return "'" + cell if cell.startswith(("=", "+", "-", "@")) else cell
