"""CSV tables of your own ECGs: file paths, patients, folds and labels.

    path,patient,fold,age,sex,AFIB,LBBB
    2021/a17.hea,p1,1,61,female,0,1

Only `path` is required; it is relative to the CSV, or absolute. Known columns: id, patient (or
patient_id, subject, subject_id), fold, age, sex, device, site; in any case, with or without
spaces, `_` and `-`. Every other column is a label (1, 0, or blank for unknown), unless its name
mentions a patient.
"""

import csv
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import DatasetError
from ..readers.wfdb16 import record_stem
from .source import Source, split

_KNOWN = ("path", "id", "patient", "fold", "age", "sex", "device", "site")
_PATIENT_NAMES = ("patient", "patientid", "subject", "subjectid")  # the first that exists counts
_SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}
_BLANK = {"", "nan", "none"}


def read_csv_table(path: Path, *, labels: Sequence[str] = (), seed: int = 0) -> Source:
    """Read a CSV table of ECGs.

    labels: the label columns. Default: every column that is not known and whose name contains
            neither "patient" nor "subject", because a person's identity is no class to learn.
    seed:   of the random split, if the table has no `fold`: patients are divided into ten folds
            with similar labels. Without `patient` each ECG counts as its own patient.

    Raises DatasetError if a column is missing or holds an invalid value, or if two rows name the
    same ECG.
    """
    table = _read_cells(path, labels)
    columns = list(labels) or [column for column in table.columns if _may_be_label(column)]
    missing = [column for column in ("path", *columns) if column not in table]
    if missing:
        raise DatasetError(f"{path}: the column {', '.join(missing)} is missing.")
    if table.empty:
        raise DatasetError(f"{path}: no rows; expected at least one below the header.")
    names = _require_filled(table, "path", path)
    people = _optional_columns(table)
    folder = path.resolve().parent
    records = pd.DataFrame(
        {
            "id": _require_filled(table, "id", path) if "id" in table else names,
            "path": _require_distinct(names.map(lambda name: str(folder / name)), path),
            "patient": _require_filled(table, "patient", path) if "patient" in table else names,
            "labels": _labels(table[columns], path),
            "problem": "",
        }
    ).join(people)
    records["fold"] = _folds(table, path) if "fold" in table else split(records, seed=seed)
    return Source(
        name=str(path),
        records=records.reset_index(drop=True),
        vocabulary={"column": tuple(columns)},
        remarks=tuple(_remarks(table, columns, people)),
    )


def _read_cells(path: Path, labels: Sequence[str]) -> pd.DataFrame:
    """Read every cell as stripped text, under the standard names of known columns.

    The index holds the line numbers of the file. Empty rows and unnamed empty columns, which
    spreadsheets leave behind, are dropped. Raises DatasetError if the file is no table, if a
    column occurs twice, or if a row is longer than the header, so that its cells cannot be
    assigned to columns.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise DatasetError(f"{path}: not a table: {error}") from None
    rows = [(line, row) for line, row in rows if any(row)]
    if not rows:
        raise DatasetError(f"{path}: not a table: it is empty.")
    (_, header), *rows = rows
    if len(header) == 1 and ";" in header[0]:
        raise DatasetError(f"{path}: semicolon-separated columns; expected commas.")
    for line, row in rows:
        if any(row[len(header) :]):
            raise DatasetError(
                f"{path}: row {line} has {len(row)} cells, more than the {len(header)} of the "
                "header. Remove extra commas; put text with commas in quotes."
            )
    cells = [(row + [""] * len(header))[: len(header)] for _, row in rows]
    columns = [k for k, name in enumerate(header) if name or any(row[k] for row in cells)]
    lines = [line for line, _ in rows]
    table = pd.DataFrame(cells, lines, range(len(header)), dtype=object)[columns]
    names = [header[k] or f"column {k + 1}" for k in columns]
    table.columns = pd.Index(_standard_names(names, labels))
    repeated = table.columns[table.columns.duplicated()]
    if len(repeated):
        raise DatasetError(f"{path}: the column {repeated[0]} occurs more than once.")
    return table


def _standard_names(header: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Replace known columns by their standard names, unless they are among the labels."""
    plain = ["" if name in labels else _plain(name) for name in header]
    patient = next((name for name in _PATIENT_NAMES if name in plain), "patient")
    standard = {name: name for name in _KNOWN} | {patient: "patient"}
    return [standard.get(low, name) for low, name in zip(plain, header, strict=True)]


def _plain(name: str) -> str:
    """Return a column name in lower case without spaces, `_` and `-`: "patientid"."""
    return re.sub(r"[\s_-]+", "", name.casefold())


def _may_be_label(column: str) -> bool:
    return column not in _KNOWN and not re.search("patient|subject", _plain(column))


def _require_distinct(paths: pd.Series, path: Path) -> pd.Series:
    """Return the paths, or raise DatasetError if two rows name the same ECG in any spelling.

    Such an ECG could be in two folds, as two patients.
    """
    first: dict[str, int] = {}
    for row, name in zip(paths.index.tolist(), paths, strict=True):
        if "\0" in name:
            raise DatasetError(f"{path}: row {row}: its 'path' contains a NUL character.")
        before = first.setdefault(os.path.realpath(record_stem(name)), row)
        if before != row:
            raise DatasetError(
                f"{path}: row {row} names the ECG of row {before}; expected each ECG once."
            )
    return paths


def _remarks(table: pd.DataFrame, columns: Sequence[str], people: pd.DataFrame) -> Iterator[str]:
    """Yield what the author of the table may not expect."""
    unused = [str(column) for column in table if column not in (*_KNOWN, *columns)]
    if unused:
        yield f"not used: the columns {', '.join(unused)}"
    if "patient" not in table:
        yield "no column 'patient': each ECG counts as its own patient"
    for column, values in (("age", people["age_years"]), ("sex", people["sex"])):
        if column in table:
            invalid = values.isna() & ~table[column].str.lower().isin(_BLANK)
            if invalid.any():
                yield f"{invalid.sum()} cells of {column!r} cannot be read and count as missing"


def _require_filled(table: pd.DataFrame, column: str, path: Path) -> pd.Series:
    """Return the column, or raise DatasetError if one of its cells is blank."""
    blank = table[column].eq("").to_numpy()
    if blank.any():
        row = table.index[int(blank.argmax())]
        raise DatasetError(f"{path}: row {row}: its {column!r} is blank.")
    return table[column]


def _labels(table: pd.DataFrame, path: Path) -> list[list[str]]:
    """Return for each row `column:NAME` where a cell is 1 and `blank:NAME` where it is empty."""
    kinds = {"1": "column", "1.0": "column", "true": "column", "0": "", "0.0": "", "false": ""}
    kinds |= dict.fromkeys(_BLANK, "blank")
    labels: list[list[str]] = [[] for _ in range(len(table))]
    for column in table.columns:
        for position, cell in enumerate(table[column].str.lower()):
            if cell not in kinds:
                raise DatasetError(
                    f"{path}: row {table.index[position]}, column {column!r}: not a label; "
                    "expected 1, 0 or blank. Name the label columns with --labels."
                )
            if kinds[cell]:
                labels[position].append(f"{kinds[cell]}:{column}")
    return labels


def _optional_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Return age_years, sex, device and site, missing where the table does not have them."""
    table = table.reindex(columns=["age", "sex", "device", "site"], fill_value="")
    age = pd.to_numeric(table["age"].mask(table["age"].str.lower().isin(_BLANK)), errors="coerce")
    return pd.DataFrame(
        {
            "age_years": age.astype("float64"),
            "sex": table["sex"].str.lower().map(_SEXES),
            "device": table["device"].replace("", np.nan),
            "site": table["site"].replace("", np.nan),
        }
    )


def _folds(table: pd.DataFrame, path: Path) -> pd.Series:
    fold = pd.to_numeric(table["fold"], errors="coerce")
    invalid = (fold.isna() | (fold % 1 != 0) | (fold.abs() >= 2**53)).to_numpy()
    if invalid.any():
        row = table.index[int(invalid.argmax())]
        raise DatasetError(f"{path}: row {row}: the fold must be an integer.")
    return fold.astype("int64")
