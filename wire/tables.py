"""Tables as text: aligned for terminals, and CSV that is safe to open in a spreadsheet."""

import re
from collections.abc import Iterable, Iterator, Sequence

from wcwidth import wcswidth

# What spreadsheets take for the beginning of a formula (contract.md), the last four full width.
_FORMULA = r"=+\-@\uff1d\uff0b\uff0d\uff20"
_SPECIAL = re.compile(rf'^[{_FORMULA}]|[,;"\t\r\n]')
# What would end a line on a terminal, or move within it: a reason may have several lines.
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_DANGEROUS = re.compile(rf"[{_FORMULA}\t\r\n]")
# To a reader with `;` or tabs between cells ours are parts of one, and quotes within a cell quote
# nothing: what follows those characters begins a cell, or a line.
_BEGINNING_ELSEWHERE = re.compile(rf'(?<=[;\t\r\n])(?="*[{_FORMULA}])|(?<=;)(?="*\t)')


def aligned(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Columns padded to the same width, two spaces apart, a line each."""
    one_line_cells = ([_BREAKS.sub(" ", cell) for cell in row] for row in rows)
    lines = [[name.upper() for name in header], *one_line_cells]
    widths = [max(map(wcswidth, column)) for column in zip(*lines, strict=True)]
    return (_padded(line, widths) for line in lines)


def csv_line(row: Iterable[str]) -> str:
    """A line of CSV (RFC 4180), in which no reader finds a formula."""
    return ",".join(map(_csv_cell, row)) + "\r\n"


def _padded(line: Sequence[str], widths: Sequence[int]) -> str:
    # By the columns that a terminal takes: a Chinese name has two for a character.
    cells = [
        cell + " " * (width - wcswidth(cell)) for cell, width in zip(line, widths, strict=True)
    ]
    return "  ".join(cells).rstrip() + "\n"


def _csv_cell(text: str) -> str:
    if not _SPECIAL.search(text):
        return text
    text = _BEGINNING_ELSEWHERE.sub("'", text)
    if _DANGEROUS.match(text):
        text = "'" + text
    return '"' + text.replace('"', '""') + '"' if _SPECIAL.search(text) else text
