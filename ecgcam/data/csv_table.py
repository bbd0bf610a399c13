"""One's own ECGs: a CSV that says where they lie and what they show.

    path,patient,fold,age,sex,AFIB,LBBB
    2021/a17.hea,p1,1,61,female,0,1

`path` is needed, beside the CSV or absolute. Known columns: id, patient (or patient_id, subject,
subject_id), fold, age, sex, device, site; in any case, with or without blanks, `_` and `-`. Every
other column is a label, 1, 0, or blank where nobody knows, unless its name speaks of a patient.
"""

import csv
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import DatasetError
from ..readers.wfdb16 import stem_of
from .source import Source, split

_KNOWN = ("path", "id", "patient", "fold", "age", "sex", "device", "site")
_PATIENT = ("patient", "patientid", "subject", "subjectid")  # the first of them that is there
_SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}
_ABSENT = {"", "nan", "none"}


def read_csv_table(path: Path, *, labels: Sequence[str] = (), seed: int = 0) -> Source:
    """The ECGs that a CSV lists.

    labels: the label columns; without it, every column that is not one of the known, and whose
    name has neither "patient" nor "subject" in it: who somebody is can be no class to be learned.
    Without `patient` each ECG counts as its own patient. Without `fold` the patients are split
    into ten folds, as alike in their labels as can be, by chance drawn from `seed`.
    Raises DatasetError if a column is missing or holds what it cannot, or an ECG is listed twice.
    """
    table = _read_table(path, labels)
    columns = list(labels) or [column for column in table.columns if _may_be_label(column)]
    missing = [column for column in ("path", *columns) if column not in table]
    if missing:
        raise DatasetError(f"{path}: the column {', '.join(missing)} is missing.")
    if table.empty:
        raise DatasetError(f"{path}: needed: at least one row below the header; found none.")
    names = _filled(table, "path", path)
    people = _known_of_people(table)
    folder = path.resolve().parent
    records = pd.DataFrame(
        {
            "id": _filled(table, "id", path) if "id" in table else names,
            "path": _each_once(names.map(lambda name: str(folder / name)), path),
            "patient": _filled(table, "patient", path) if "patient" in table else names,
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


def _read_table(path: Path, labels: Sequence[str]) -> pd.DataFrame:
    """Every cell as text, without spaces around it; known columns in our spelling.

    The index is the row in the file. A row without content, and a column without name and
    content, as spreadsheets leave behind, are left out. Raises DatasetError for what is no table,
    a column that is there twice, and a row that is longer than the header: which of its cells
    belongs to which column is not known.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except (OSError, ValueError, csv.Error) as error:
        raise DatasetError(f"{path}: not a table: {error}") from None
    rows = [(number, row) for number, row in rows if any(row)]
    if not rows:
        raise DatasetError(f"{path}: not a table: it is empty.")
    (_, header), *rows = rows
    if len(header) == 1 and ";" in header[0]:
        raise DatasetError(f"{path}: its columns are parted by semicolons; needed: commas.")
    for number, row in rows:
        if any(row[len(header) :]):
            raise DatasetError(
                f"{path}: row {number} has {len(row)} cells, more than the {len(header)} of the "
                "header: a comma too many, or a text with commas that is not in quotes."
            )
    cells = [(row + [""] * len(header))[: len(header)] for _, row in rows]
    columns = [k for k, name in enumerate(header) if name or any(row[k] for row in cells)]
    numbers = [number for number, _ in rows]
    table = pd.DataFrame(cells, numbers, range(len(header)), dtype=object)[columns]
    table.columns = pd.Index(_spelt([header[k] or f"column {k + 1}" for k in columns], labels))
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise DatasetError(f"{path}: the column {twice[0]} is there more than once.")
    return table


def _spelt(header: Sequence[str], labels: Sequence[str]) -> list[str]:
    """The header with the known columns in our spelling, unless they are named as labels."""
    plain = ["" if name in labels else _plain(name) for name in header]
    patient = next((name for name in _PATIENT if name in plain), "patient")
    known = {name: name for name in _KNOWN} | {patient: "patient"}
    return [known.get(low, name) for low, name in zip(plain, header, strict=True)]


def _plain(name: str) -> str:
    """A column's name without case, blanks, `_` and `-`: "patientid" for "Patient ID"."""
    return re.sub(r"[\s_-]+", "", name.casefold())


def _may_be_label(column: str) -> bool:
    return column not in _KNOWN and not re.search("patient|subject", _plain(column))


def _each_once(paths: pd.Series, path: Path) -> pd.Series:
    """The paths; DatasetError if two rows name one ECG, however they spell it.

    It could be in two folds then, as two patients.
    """
    first: dict[str, int] = {}
    for row, name in zip(paths.index.tolist(), paths, strict=True):
        if "\0" in name:
            raise DatasetError(f"{path}: row {row}: its 'path' holds a NUL, which no path can.")
        before = first.setdefault(os.path.realpath(stem_of(name)), row)
        if before != row:
            raise DatasetError(f"{path}: row {row} names the ECG of row {before}; needed: another.")
    return paths


def _remarks(table: pd.DataFrame, columns: Sequence[str], people: pd.DataFrame) -> Iterator[str]:
    """What becomes of the table that whoever wrote it may not expect."""
    unused = [str(column) for column in table if column not in (*_KNOWN, *columns)]
    if unused:
        yield f"not used: the columns {', '.join(unused)}"
    if "patient" not in table:
        yield "no column 'patient': each ECG counts as its own patient"
    for column, known in (("age", people["age_years"]), ("sex", people["sex"])):
        if column in table:
            unread = known.isna() & ~table[column].str.lower().isin(_ABSENT)
            if unread.any():
                yield f"{unread.sum()} cells of {column!r} cannot be read and count as missing"


def _filled(table: pd.DataFrame, column: str, path: Path) -> pd.Series:
    """The column; DatasetError if a cell of it is blank."""
    blank = table[column].eq("").to_numpy()
    if blank.any():
        row = table.index[int(blank.argmax())]
        raise DatasetError(f"{path}: row {row}: its {column!r} is blank.")
    return table[column]


def _labels(table: pd.DataFrame, path: Path) -> list[list[str]]:
    """`column:NAME` where a cell is 1, `blank:NAME` where it is empty."""
    kinds = {"1": "column", "1.0": "column", "true": "column", "0": "", "0.0": "", "false": ""}
    kinds |= dict.fromkeys(_ABSENT, "blank")
    found: list[list[str]] = [[] for _ in range(len(table))]
    for column in table.columns:
        for place, cell in enumerate(table[column].str.lower()):
            if cell not in kinds:
                raise DatasetError(
                    f"{path}: row {table.index[place]}, column {column!r} is no label; needed: "
                    "1, 0 or blank. Name the label columns with --labels if it is none."
                )
            if kinds[cell]:
                found[place].append(f"{kinds[cell]}:{column}")
    return found


def _known_of_people(table: pd.DataFrame) -> pd.DataFrame:
    """age_years, sex, device, site: missing where the table does not say."""
    table = table.reindex(columns=["age", "sex", "device", "site"], fill_value="")
    age = pd.to_numeric(table["age"].mask(table["age"].str.lower().isin(_ABSENT)), errors="coerce")
    sex = table["sex"].str.lower().map(_SEXES)
    return pd.DataFrame(
        {
            "age_years": age.astype("float64"),
            "sex": sex,
            "device": table["device"].replace("", np.nan),
            "site": table["site"].replace("", np.nan),
        }
    )


def _folds(table: pd.DataFrame, path: Path) -> pd.Series:
    fold = pd.to_numeric(table["fold"], errors="coerce")
    wrong = (fold.isna() | (fold % 1 != 0) | (fold.abs() >= 2**53)).to_numpy()
    if wrong.any():
        row = table.index[int(wrong.argmax())]
        raise DatasetError(f"{path}: row {row}: the fold must be a whole number.")
    return fold.astype("int64")
