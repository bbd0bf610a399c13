"""CSV tables of your own ECGs: file paths, patients, folds and labels.

    path,patient,fold,age,sex,AFIB,LBBB
    2021/a17.hea,p1,1,61,female,0,1

Only `path` is required; it is relative to the CSV, or absolute. Known columns: id, patient (or
patient_id, subject, subject_id), fold (or split), age, sex, device, site; in any case, with or
without spaces, `_` and `-`. Other columns are labels if they hold 1, 0 or blank for unknown, or if
they are named as a list of labels (label_columns.py). Without any, the labels in the headers of
WFDB records count (header_labels.py).
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from ..errors import DatasetError
from ..readers.wfdb16 import record_stem
from .csv_cells import PATH_NAMES, plain_name, read_cells, resolve_path
from .header_labels import header_labels
from .label_columns import read_labels
from .label_words import BLANK
from .source import Source, number_patients, remarks_on_folds, split

_KNOWN = ("path", "id", "patient", "fold", "age", "sex", "device", "site")
_PATIENT_NAMES = ("patient", "patientid", "subject", "subjectid")  # the first that exists counts
_FOLD_NAMES = ("fold", "stratfold", "split", "partition", "subset")
_SPLITS = {  # in the folds that `train` and `evaluate` expect
    **dict.fromkeys(("train", "training"), "1"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "9"),
    **dict.fromkeys(("test", "testing"), "10"),
}
_SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}


def read_csv_table(
    path: Path, *, labels: Sequence[str] = (), seed: int = 0, keep_identity: bool = False
) -> Source:
    """Read a CSV table of ECGs.

    labels: the label columns. Default: those that label_columns.py recognizes.
    seed:   of the random split, if the table has no `fold`: patients are divided into folds with
            similar labels. Without `patient` each ECG counts as its own patient.
    keep_identity: whether to keep the values of `patient`, which may name a person; otherwise
            patients are numbered.

    Raises DatasetError if a column is missing or holds an invalid value, or if two rows name the
    same ECG.
    """
    table = _read_table(path, labels)
    missing = [column for column in ("path", *labels) if column not in table]
    if missing:
        raise DatasetError(f"{path}: the column {', '.join(missing)} is missing.")
    if table.empty:
        raise DatasetError(f"{path}: no rows; expected at least one below the header.")
    names = _require_filled(table, "path", path)
    people = _optional_columns(table)
    folder = path.resolve().parent
    others = table[[column for column in table if column not in _KNOWN or column in labels]]
    columns = read_labels(others, labels, path)
    patient = _require_filled(table, "patient", path) if "patient" in table else names
    paths = names.map(lambda name: resolve_path(folder, name))
    classes, of_rows, titles = columns.classes, columns.labels, columns.titles
    if not classes and (words := header_labels(paths)).classes:
        classes, of_rows, titles = words.classes, words.labels, words.titles
    records = pd.DataFrame(
        {
            "id": _require_filled(table, "id", path) if "id" in table else names,
            "path": _require_distinct(paths, path),
            "patient": patient if keep_identity else number_patients(patient),
            "labels": of_rows,
            "problem": "",
        }
    ).join(people)
    remarks = [*columns.remarks, *_remarks(table, people)]
    if "fold" in table:
        records["fold"] = _folds(table, path)
    else:
        records["fold"] = split(records, seed=seed)
        remarks += remarks_on_folds(records)
    return Source(
        name=str(path),
        records=records.reset_index(drop=True),
        vocabulary={"column": classes},
        titles=titles,
        remarks=tuple(remarks),
    )


def _read_table(path: Path, labels: Sequence[str]) -> pd.DataFrame:
    """Read every cell as stripped text, under the standard names of known columns.

    The index holds the line numbers of the file. Unnamed empty columns, which spreadsheets leave
    behind, are dropped. Raises DatasetError if a column occurs twice, and like read_cells.
    """
    cells = read_cells(path)
    header, rows = cells.header, cells.rows
    columns = [k for k, name in enumerate(header) if name or any(row[k] for row in rows)]
    table = pd.DataFrame(rows, cells.lines, range(len(header)), dtype=object)[columns]
    names = [header[k] or f"column {k + 1}" for k in columns]
    table.columns = pd.Index(_standard_names(names, labels))
    repeated = table.columns[table.columns.duplicated()]
    if len(repeated):
        raise DatasetError(f"{path}: the column {repeated[0]} occurs more than once.")
    return table


def _standard_names(header: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Replace known columns by their standard names, unless they are among the labels."""
    plain = ["" if name in labels else plain_name(name) for name in header]
    standard = {name: name for name in _KNOWN}
    for known, others in (("patient", _PATIENT_NAMES), ("fold", _FOLD_NAMES), ("path", PATH_NAMES)):
        standard |= {next((name for name in others if name in plain), known): known}
    return [standard.get(low, name) for low, name in zip(plain, header, strict=True)]


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


def _remarks(table: pd.DataFrame, people: pd.DataFrame) -> Iterator[str]:
    """Yield what the author of the table may not expect."""
    if "patient" not in table:
        yield "no column 'patient': each ECG counts as its own patient"
    for column, values in (("age", people["age_years"]), ("sex", people["sex"])):
        if column in table:
            invalid = values.isna() & ~table[column].str.lower().isin(BLANK)
            if invalid.any():
                yield f"{invalid.sum()} cells of {column!r} cannot be read and count as missing"


def _require_filled(table: pd.DataFrame, column: str, path: Path) -> pd.Series:
    """Return the column, or raise DatasetError if one of its cells is blank."""
    blank = table[column].eq("").to_numpy()
    if blank.any():
        row = table.index[int(blank.argmax())]
        raise DatasetError(f"{path}: row {row}: its {column!r} is blank.")
    return table[column]


def _optional_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Return age_years, sex, device and site, missing where the table does not have them."""
    table = table.reindex(columns=["age", "sex", "device", "site"], fill_value="")
    age = pd.to_numeric(table["age"].mask(table["age"].str.lower().isin(BLANK)), errors="coerce")
    return pd.DataFrame(
        {
            "age_years": age.astype("float64"),
            "sex": table["sex"].str.lower().map(_SEXES),
            "device": table["device"].replace("", np.nan),
            "site": table["site"].replace("", np.nan),
        }
    )


def _folds(table: pd.DataFrame, path: Path) -> pd.Series:
    """Return the folds; the words train, validation and test are the folds 1, 9 and 10."""
    words = table["fold"].str.lower()
    fold = pd.to_numeric(words.map(_SPLITS).fillna(words), errors="coerce")
    invalid = (fold.isna() | (fold % 1 != 0) | (fold.abs() >= 2**53)).to_numpy()
    if invalid.any():
        row = table.index[int(invalid.argmax())]
        raise DatasetError(
            f"{path}: row {row}: the fold must be an integer, or train, validation or test."
        )

    return fold.astype("int64")
