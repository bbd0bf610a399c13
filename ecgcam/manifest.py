"""One's own ECGs: a CSV that says where they lie and what they show.

    path,patient,fold,age,sex,AFIB,LBBB
    2021/a17.hea,p1,1,61,female,0,1

`path` is needed, beside the CSV or absolute. Known columns: id, patient, fold, age, sex, device,
site. Every other column is a label: 1, 0, or blank where nobody knows.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from .errors import DatasetError
from .source import Source

FOLDS = 10

_KNOWN = ("path", "id", "patient", "fold", "age", "sex", "device", "site")
_SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}
_ABSENT = {"", "nan", "none"}


def read_manifest(path: Path, *, labels: Sequence[str] = (), seed: int = 0) -> Source:
    """The ECGs that a CSV lists.

    labels: the label columns; without it, every column that is not one of the known.
    Without `patient` each ECG counts as its own patient. Without `fold` the patients are split
    into ten folds, as alike in their labels as can be, by chance drawn from `seed`.
    Raises DatasetError if a column is missing or holds what it cannot.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: not a table: {error}") from None
    columns = list(labels) or [column for column in table.columns if column not in _KNOWN]
    missing = [column for column in ("path", *columns) if column not in table]
    if missing or table.empty:
        raise DatasetError(
            f"{path}: needed: at least one row, and the column {', '.join(missing or ['path'])}; "
            f"found {len(table)} rows with {', '.join(table.columns)}."
        )
    table = table.apply(lambda column: column.str.strip())
    names = _filled(table, "path", path)
    records = pd.DataFrame(
        {
            "id": _filled(table, "id", path) if "id" in table else names,
            "path": [str(path.resolve().parent / name) for name in names],
            "patient": _filled(table, "patient", path) if "patient" in table else names,
            "labels": _labels(table[columns], path),
            "problem": "",
        }
    ).join(_known_of_people(table, path))
    records["fold"] = _folds(table, path) if "fold" in table else split(records, seed=seed)
    return Source(name=str(path), records=records, vocabulary={"column": tuple(columns)})


def split(records: pd.DataFrame, *, seed: int, folds: int = FOLDS) -> pd.Series:
    """A fold from 1 to `folds` for each record, all of a patient's in one.

    The folds are about as large and as mixed in labels as each other.
    Raises DatasetError if there are fewer patients than folds.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    if records["patient"].nunique() < folds:
        raise DatasetError(
            f"{records['patient'].nunique()} patients cannot be split into {folds} folds; "
            "needed: more patients, or a column 'fold'."
        )
    mixture = records["labels"].str.join(" ")
    common = mixture.map(mixture.value_counts()) >= folds
    strata = mixture.where(common, "rare")
    fold = pd.Series(0, index=records.index)
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    if strata.value_counts().min() < folds:  # too few rare ones to spread them
        strata = strata.where(strata != "rare", strata.mode()[0])
    for k, (_, held) in enumerate(splitter.split(strata, strata, records["patient"])):
        fold.iloc[held] = k + 1
    return fold


def _filled(table: pd.DataFrame, column: str, path: Path) -> pd.Series:
    """The column; DatasetError if a cell of it is blank."""
    blank = table[column].eq("").to_numpy()
    if blank.any():
        raise DatasetError(f"{path}: row {int(blank.argmax()) + 2}: its {column!r} is blank.")
    return table[column]


def _labels(table: pd.DataFrame, path: Path) -> list[list[str]]:
    """`column:NAME` where a cell is 1, `blank:NAME` where it is empty."""
    kinds = {"1": "column", "1.0": "column", "true": "column", "0": "", "0.0": "", "false": ""}
    kinds |= dict.fromkeys(_ABSENT, "blank")
    found: list[list[str]] = [[] for _ in range(len(table))]
    for column in table.columns:
        for row, cell in enumerate(table[column].str.lower()):
            if cell not in kinds:
                raise DatasetError(
                    f"{path}: row {row + 2}, column {column!r}: {cell[:40]!r} is no label; needed: "
                    "1, 0 or blank. Name the label columns with --labels if it is none."
                )
            if kinds[cell]:
                found[row].append(f"{kinds[cell]}:{column}")
    return found


def _known_of_people(table: pd.DataFrame, path: Path) -> pd.DataFrame:
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
    if fold.isna().any() or (fold % 1 != 0).any():
        row = int(np.flatnonzero((fold.isna() | (fold % 1 != 0)).to_numpy())[0])
        raise DatasetError(f"{path}: row {row + 2}: the fold must be a whole number.")
    return fold.astype("int64")
