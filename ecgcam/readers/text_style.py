"""Style of a text table: its separator, its decimal sign, and what its cells hold."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from .clock_times import parse_clock

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_MISSING = {
    *("", "nan", "na", "n/a", "#n/a", "null", "none", "nil", "-", "--", "---", "?", "."),
    *("missing", "invalid"),
}
# Separator and decimal sign; "" for a single column.
_STYLES = [(separator, sign) for separator in ("\t", ";", ",", "|", " ", "") for sign in ".,"]
_SAMPLE = 60  # rows that are looked at to find the style and the kind of each column
Item = TypeVar("Item")
NUMBER, CLOCK, TEXT, EMPTY = "number", "clock", "text", "empty"  # kinds of columns


@dataclass(frozen=True)
class Style:
    """How lines are split into cells, and numbers written."""

    separator: str
    sign: str

    def split(self, line: str) -> list[str]:
        """Split a line into cells."""
        if self.separator == "":
            return [line]
        if self.separator == " ":
            return line.split()
        if '"' in line:
            return next(csv.reader([line], delimiter=self.separator, skipinitialspace=True))
        return line.split(self.separator)

    def number(self, cell: str) -> float | None:
        """Return the number in a cell; NaN if it is missing, None for other text."""
        plain = clean(cell).replace("\N{MINUS SIGN}", "-")
        if self.sign == ",":
            plain = plain.replace(",", ".")
        if _NUMBER.fullmatch(plain):
            return float(plain)
        if plain.lower() in _MISSING:
            return float("nan")
        return float(plain) if plain.lower().strip("+-") in ("inf", "infinity") else None


def clean(cell: str) -> str:
    """Return a cell without spaces and quotation marks around it."""
    return cell.strip().strip("'\"").strip()


def sample(items: Sequence[Item]) -> list[Item]:
    """Return up to 60 items of the last two thirds, where a table has no header any more."""
    step = max(1, len(items) // _SAMPLE)
    return [items[k] for k in range(len(items) // 3, len(items), step)]


def usual_width(rows: Iterable[Sequence[str]]) -> int:
    """Return the most common number of cells."""
    return Counter(map(len, rows)).most_common(1)[0][0]


def find_style(lines: list[str]) -> Style:
    """Return the separator and the decimal sign by which most cells are values."""
    chosen = sample(lines)

    def quality(style: Style) -> tuple[float, float, int]:
        rows = list(map(style.split, chosen))
        width = usual_width(rows)
        cells = [cell for row in rows[:12] for cell in row[:200]]
        values = sum(cell_kind(cell, style) != TEXT for cell in cells)
        usual = sum(len(row) == width for row in rows) / len(rows)
        header = len(style.split(lines[0])) == width
        if width == 1 and cell_kind(lines[0], style) == TEXT:
            header = not re.search(r"[\t;,|]", lines[0])
        return round(values / len(cells), 1), usual + header / 4, width

    return max((Style(*style) for style in _STYLES), key=quality)


def cell_kind(cell: str, style: Style) -> str:
    """Return what a cell is."""
    number = style.number(cell)
    if number is not None:
        return NUMBER if number == number else EMPTY
    return CLOCK if parse_clock(clean(cell)) is not None else TEXT


def column_kind(cells: Iterable[str], style: Style) -> str:
    """Return what most cells of a column are; the missing ones do not count."""
    counts = Counter(cell_kind(cell, style) for cell in cells)
    del counts[EMPTY]
    if not counts:
        return EMPTY
    kind, count = counts.most_common(1)[0]
    return kind if count >= 0.6 * counts.total() else TEXT
