"""Cells of a CSV table of ECGs: any separator and encoding, and the paths in it."""

import csv
import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError
from ..readers.ecg_file import HEAD_BYTES, decode_text
from ..readers.wfdb16 import record_stem

PATH_NAMES = ("path", "file", "filename", "filepath", "ecgpath", "ecgfile")

_SEPARATORS = (",", ";", "\t", "|")


@dataclass(frozen=True, kw_only=True)
class Cells:
    """The cells of a table as stripped text; empty rows are left out.

    header: one name per column. rows: one cell per column each. lines: of each row in the file.
    """

    header: list[str]
    rows: list[list[str]]
    lines: list[int]


def read_cells(path: Path) -> Cells:
    """Read a table that is separated by commas, semicolons, tabs or bars.

    Raises DatasetError if the file is no table or a row is longer than the header, so that its
    cells cannot be assigned to columns.
    """
    try:
        text = decode_text(path.read_bytes())
        reader = csv.reader(text.splitlines(keepends=True), delimiter=_separator(text), strict=True)
        numbered = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise DatasetError(f"{path}: not a table: {error}") from None
    numbered = [(line, row) for line, row in numbered if any(row)]
    if not numbered:
        raise DatasetError(f"{path}: not a table: it is empty.")
    (_, header), *numbered = numbered
    for line, row in numbered:
        if any(row[len(header) :]):
            raise DatasetError(
                f"{path}: row {line} has {len(row)} cells, more than the {len(header)} of the "
                "header. Remove extra separators; put text that contains them in quotes."
            )
    rows = [(row + [""] * len(header))[: len(header)] for _, row in numbered]
    return Cells(header=header, rows=rows, lines=[line for line, _ in numbered])


def plain_name(name: str) -> str:
    """Return a column name in lower case without spaces, `_` and `-`: "patientid"."""
    return re.sub(r"[\s_-]+", "", name.casefold())


def lists_ecgs(path: Path) -> bool:
    """Return whether a file is a table with a column of paths."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError:
        return False
    text = decode_text(head)
    if "\0" in text:
        return False
    first = next((line for line in text.splitlines() if line.strip()), "")
    names = first.split(_separator(text))
    return any(plain_name(name.strip(' "')) in PATH_NAMES for name in names)


def resolve_path(folder: Path, name: str) -> str:
    """Return the absolute path of a cell of a table in `folder`.

    Windows writes backslashes: they separate folders unless a file has them in its name.
    """
    path = os.path.join(folder, name)
    if os.sep == "/" and "\\" in name and not _exists(path):
        return os.path.join(folder, name.replace("\\", "/"))
    return path


def _exists(path: str) -> bool:
    return os.path.exists(path) or os.path.exists(f"{record_stem(path)}.hea")


def _separator(text: str) -> str:
    """Return the separator that occurs most often in the first line with text, outside quotes."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    bare = re.sub(r'"[^"]*"', "", first)
    return max(_SEPARATORS, key=bare.count)
