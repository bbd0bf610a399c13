"""Delimited text: the header and the columns of a table, whatever wrote it."""

import csv
import re
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.leads import LEADS, lead_name
from .clock_times import parse_clock, unwrap_midnight
from .table_channels import Column
from .text_style import (
    CLOCK,
    EMPTY,
    NUMBER,
    TEXT,
    Style,
    cell_kind,
    clean,
    column_kind,
    find_style,
    sample,
    usual_width,
)

_MOST_ROWS_ACROSS = 64  # a table of fewer rows and many more columns has one row per lead
_MOST_FOOTER_ROWS = 20
_UNIT = re.compile(
    r"(?:[mµμun]?v(?:olts?)?|[mµμu]?s(?:ec(?:onds?)?)?|seconds|hh:mm:ss\S*|mmhg|bpm|%|#|-|)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class TextTable:
    """The columns of a table, the text above it, and warnings."""

    columns: tuple[Column, ...]
    preamble: str
    warnings: tuple[str, ...]


def parse_table(text: str) -> TextTable:
    """Parse a table of any separator and decimal sign, with one column or one row per lead.

    Raises RecordError if the text is no table of numbers. No message quotes a cell.
    """
    lines = re.split(r"\r\n|\r|\n", text)
    numbers = [k for k, line in enumerate(lines, start=1) if line.strip(" \t,;|'\"")]
    lines = [lines[number - 1] for number in numbers]
    if not lines:
        raise RecordError("not a table of numbers: it is empty.")
    try:
        style = find_style(lines)
        width = usual_width(map(style.split, sample(lines)))
        if len(lines) <= _MOST_ROWS_ACROSS and width > 3 * len(lines):
            table = [style.split(line) for line in lines]
            above = [line for line, row in zip(lines, table, strict=True) if len(row) != width]
            rows = list(zip(*(row for row in table if len(row) == width), strict=True))
            return _parse_rows(rows, list(range(1, width + 1)), style, "\n".join(above))
        return _parse_rows(_Lines(lines, style.split), numbers, style, "")
    except csv.Error:
        raise RecordError("not a table of numbers: a cell is too long.") from None


class _Lines(Sequence[Sequence[str]]):
    """Lines that are split when they are looked at, so that long tables fit in memory."""

    def __init__(self, lines: list[str], split: Callable[[str], list[str]]) -> None:
        self._lines, self._split = lines, split

    def __len__(self) -> int:
        return len(self._lines)

    def __getitem__(self, index: int) -> Sequence[str]:  # type: ignore[override]
        return self._split(self._lines[index])


def _parse_rows(
    rows: Sequence[Sequence[str]], numbers: Sequence[int], style: Style, above: str
) -> TextTable:
    """Parse the header and the columns of a table with one row per sample.

    numbers: the number of each row in the file. above: text that stands before the rows.
    """
    chosen = sample(rows)
    width = usual_width(chosen)
    complete = [row for row in chosen if len(row) == width]
    kinds = [column_kind(cells, style) for cells in zip(*complete, strict=True)]
    if NUMBER not in kinds:
        raise RecordError("not a table of numbers: no column holds numbers.")
    first = next((k for k, row in enumerate(rows) if _fits(row, kinds, style)), len(rows))
    names, units, header = _find_header([list(rows[k]) for k in range(first)], width)
    values, footer = _parse_values(rows, first, numbers, kinds, style)
    read = iter(values)
    columns = [
        Column(
            name=name,
            unit=unit,
            values=None if kind == TEXT else next(read),
            clock=kind == CLOCK,
        )
        for name, unit, kind in zip(names, units, kinds, strict=True)
    ]
    columns = [
        column for column, kind in zip(columns, kinds, strict=True) if kind != EMPTY or column.name
    ]
    preamble = "\n".join([above, *(" ".join(rows[k]) for k in range(header))])
    return TextTable(columns=tuple(columns), preamble=preamble, warnings=tuple(footer))


def _fits(row: Sequence[str], kinds: Sequence[str], style: Style) -> bool:
    """Return whether a row holds values as the columns do."""
    if len(row) != len(kinds):
        return False
    cells = [cell_kind(cell, style) for cell in row]
    pairs = list(zip(cells, kinds, strict=True))
    known = [cell in (kind, EMPTY) for cell, kind in pairs if kind in (NUMBER, CLOCK)]
    return all(known) and any(cell == kind == NUMBER for cell, kind in pairs)


def _find_header(rows: list[list[str]], width: int) -> tuple[list[str], list[str], int]:
    """Return the names and the units of the columns, and how many rows stand before them.

    rows: those above the first row of values. The last one holds the names, or the units.
    """
    rows = [_header_cells(row, width) for row in rows]
    units = [""] * width
    if rows and len(rows[-1]) == width and any(rows[-1]) and all(map(_UNIT.fullmatch, rows[-1])):
        units = ["" if unit in "#-" else unit for unit in rows.pop()]
    if rows and len(rows[-1]) == width:
        return rows[-1], units, len(rows) - 1
    if rows and {lead_name(cell) for cell in rows[-1]} & set(LEADS):
        raise RecordError(
            f"not a table of numbers: {width} cells in its rows and {len(rows[-1])} in its header; "
            "expected as many."
        )
    return [""] * width, units, len(rows)


def _header_cells(row: list[str], width: int) -> list[str]:
    """Return the cells of a row above the values, with an empty one for an unnamed index."""
    cells = [clean(cell) for cell in row]
    if cells and cells[0][:1] in ("#", "%"):
        cells[0] = clean(cells[0][1:])
        if not cells[0] and len(cells) == width + 1:
            cells = cells[1:]
    while len(cells) > width and not cells[-1]:
        cells.pop()
    return ["", *cells] if len(cells) == width - 1 > 1 else cells


def _parse_values(
    rows: Sequence[Sequence[str]],
    first: int,
    numbers: Sequence[int],
    kinds: Sequence[str],
    style: Style,
) -> tuple[list[NDArray[np.float64]], list[str]]:
    """Return the values of each column of numbers or of a clock, and warnings.

    Rows at the end that hold something else are left out; RecordError for such a row elsewhere.
    """
    picked = [k for k, kind in enumerate(kinds) if kind != TEXT]
    plain = style.sign == "." and CLOCK not in kinds and len(picked) == len(kinds)
    values, odd = array("d"), list[tuple[int, str]]()
    for k in range(first, len(rows)):
        row = rows[k]
        try:
            if not plain or len(row) != len(kinds):
                raise ValueError  # to the slower, more patient way
            numbers_of_row = list(map(float, row))
        except ValueError:
            parsed, problem = _parse_row(row, kinds, picked, style)
            if problem:
                odd.append((k, problem))
                continue
            numbers_of_row = parsed
        values.extend(numbers_of_row)
    if odd and (odd[0][0] != len(rows) - len(odd) or len(odd) > _MOST_FOOTER_ROWS):
        where, problem = odd[0]
        raise RecordError(f"not a table of numbers: row {numbers[where]} {problem}.")
    table = np.frombuffer(values, np.float64).reshape(-1, len(picked)) if values else None
    if table is None or len(table) < 2:
        raise RecordError(
            f"not a table of numbers: {0 if table is None else len(table)} rows of numbers; "
            "expected 2 or more."
        )
    columns = [
        unwrap_midnight(table[:, k]) if kinds[column] == CLOCK else table[:, k].copy()
        for k, column in enumerate(picked)
    ]
    footer = f"the last {len(odd)} rows of the table hold no complete sample and were left out"
    return columns, [footer] if odd else []


def _parse_row(
    row: Sequence[str], kinds: Sequence[str], picked: Sequence[int], style: Style
) -> tuple[list[float], str]:
    """Return the values of a row in the picked columns, or what is wrong with it."""
    while len(row) > len(kinds) and not row[-1].strip():
        row = row[:-1]
    if len(row) != len(kinds):
        return [], f"has {len(row)} cells; expected {len(kinds)}"
    values = []
    for k in picked:
        is_clock = kinds[k] == CLOCK
        value = parse_clock(clean(row[k])) if is_clock else style.number(row[k])
        if value is None:
            return [], f"column {k + 1} is not a {'time' if is_clock else 'number'}"
        values.append(value)
    return values, ""
