"""PTB-XL folders: their tables, SCP statements and folds.

Wagner, Strodthoff, Bousseljot, Samek, Schaeffter: PTB-XL, a large publicly available
electrocardiography dataset (version 1.0.3), PhysioNet 2022, doi:10.13026/kfzx-aw45.
"""

import ast
import json
import math
import os
import re
from collections.abc import Collection, Mapping
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ..errors import DatasetError
from .ptbxl_layout import OVER_89_YEARS, STATEMENTS, TABLE
from .source import Source
from .statements import Statement, statement_labels, statement_titles, statement_vocabulary

TRAIN_FOLDS = tuple(range(1, 9))  # physicians validated folds 9 and 10: validation and test
NOISE_COLUMNS = ("baseline_drift", "static_noise", "burst_noise", "electrodes_problems")

_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_FILE_COLUMNS: dict[float, str] = {100: "filename_lr", 500: "filename_hr"}
_PLAIN_CODE = r"'[\w/()]+': (?:0|[1-9]\d{0,8})\.\d{1,9}"
_PLAIN_CODES = re.compile(rf"\{{{_PLAIN_CODE}(?:, {_PLAIN_CODE})*\}}", re.ASCII)
_REQUIRED = ("ecg_id", "patient_id", "scp_codes", "strat_fold")
_OPTIONAL = ["age", "sex", "device", "site", "validated_by_human", *NOISE_COLUMNS]


def is_ptbxl(folder: Path) -> bool:
    """Return whether a folder is laid out like PTB-XL."""
    return (folder / TABLE).is_file()


def read_table(folder: Path, columns: Collection[str] | None = None) -> pd.DataFrame:
    """Read `ptbxl_database.csv`, one row per record; raise DatasetError if it is invalid.

    columns: those to read if they exist; None: all. The reports alone are a third of the file.
    """
    path = folder / TABLE
    try:
        # low_memory=False: whole columns, so one type each
        table = pd.read_csv(
            path, low_memory=False, usecols=None if columns is None else columns.__contains__
        )
    except (FileNotFoundError, NotADirectoryError):
        raise DatasetError(f"{folder}: not a PTB-XL folder; {TABLE} is missing.") from None
    except (ValueError, OSError) as error:
        raise DatasetError(f"{path}: not a table: {error}") from None
    missing = [column for column in _REQUIRED if column not in table]
    if missing:
        raise DatasetError(f"{path}: the columns {', '.join(missing)} are missing.")
    return table


def read_statements(folder: Path) -> dict[str, Statement]:
    """Read `scp_statements.csv`: each SCP statement by its code.

    Raises DatasetError if the file is missing or is no such table.
    """
    path = folder / STATEMENTS
    try:
        table = pd.read_csv(path, index_col=0)
        return {str(code): _statement(str(code), row) for code, row in table.iterrows()}
    except FileNotFoundError:
        raise DatasetError(f"{folder}: not a PTB-XL folder; {STATEMENTS} is missing.") from None
    except KeyError as error:
        raise DatasetError(f"{path}: the column {error} is missing.") from None
    except (ValueError, OSError) as error:
        raise DatasetError(f"{path}: not a table: {error}") from None


def _statement(code: str, row: pd.Series) -> Statement:
    diagnostic = row["diagnostic"] == 1
    return Statement(
        code=code,
        description=_text(row["description"]) or "",
        superclass=_text(row["diagnostic_class"]) if diagnostic else None,
        subclass=_text(row["diagnostic_subclass"]) if diagnostic else None,
        form=row["form"] == 1,
        rhythm=row["rhythm"] == 1,
    )


def _text(cell: Any) -> str | None:
    return None if pd.isna(cell) else str(cell)


def parse_scp_codes(text: object) -> dict[str, float]:
    """Parse "{'NORM': 100.0, 'SR': 0.0}": the likelihood of each statement, in percent.

    The text is read as a literal; no code in it runs. Raises DatasetError if it is not such a dict.
    """
    if _PLAIN_CODES.fullmatch(str(text)):  # true of all of PTB-XL, and five times as fast
        plain: dict[str, float] = json.loads(str(text).replace("'", '"'))
        return plain
    try:
        codes = ast.literal_eval(str(text))
        likelihoods = {str(code): float(likelihood) for code, likelihood in codes.items()}
        if not all(map(math.isfinite, likelihoods.values())):
            raise ValueError
        return likelihoods
    except (
        *(ValueError, SyntaxError, AttributeError, TypeError),
        *(RecursionError, MemoryError, OverflowError),  # of a huge text
    ):
        raise DatasetError(
            f"invalid scp_codes: {str(text)[:60]!r}; expected {{'NORM': 100.0, …}}"
        ) from None


def read_folder(folder: Path, *, rate_hz: float = 100) -> Source:
    """Read the tables of a PTB-XL-like folder; its signals at 100 or 500 Hz are not read yet.

    An unusable row (no patient, no fold, unreadable statements) stays, with the reason as its
    `problem`. Raises DatasetError like read_table and Source.
    """
    column = _FILE_COLUMNS.get(rate_hz)
    table = read_table(folder, {*_REQUIRED, *_OPTIONAL, str(column)})
    statements = read_statements(folder)
    if column is None:
        raise DatasetError(f"{folder}: PTB-XL has files of 100 and 500 Hz, not {rate_hz:g} Hz.")
    if column not in table:
        raise DatasetError(
            f"{folder / TABLE}: the column {column} is missing; it names the files of "
            f"{rate_hz:g} Hz."
        )
    ids = _integers(table["ecg_id"])
    if ids.isna().any():
        row = int(ids.isna().to_numpy().argmax())
        raise DatasetError(f"{folder / TABLE}: row {row + 2}: ecg_id must be an integer.")
    absolute = str(folder.resolve())
    records = pd.DataFrame(
        {
            "id": ids.astype("int64"),
            "path": [os.path.join(absolute, str(name)) for name in table[column]],
            "patient": _integers(table["patient_id"]),
            "fold": _integers(table["strat_fold"]),
        }
    )
    labels = _labels(table["scp_codes"], statements)
    no_patient, no_fold = records["patient"].isna(), records["fold"].isna()
    labels["problem"] = (
        labels["problem"].mask(no_fold, "no strat_fold").mask(no_patient, "no patient_id")
    )
    return Source(
        name=str(folder),
        records=records.join(_optional_columns(table)).join(labels),
        vocabulary=statement_vocabulary(statements),
        titles=statement_titles(statements),
    )


def _integers(column: pd.Series) -> pd.Series:
    """Parse integers, also if written as "5" or 5.0; missing where the cell holds none."""
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers.where((numbers % 1 == 0) & (numbers.abs() < 2**53)).astype("Int64")


def _booleans(column: pd.Series) -> pd.Series:
    """Parse True and False in any spelling; missing where the cell holds neither."""
    return column.astype("string").str.lower().map(_BOOLEANS).astype("boolean")


def _optional_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Return age_years (90 for every age above 89), sex, device, site, validated, noise.

    validated: whether a physician confirmed the statements; otherwise a machine wrote them.
    Physicians validated two thirds of folds 1 to 8, and all of folds 9 and 10.
    """
    table = table.reindex(columns=_OPTIONAL)
    age = pd.to_numeric(table["age"], errors="coerce")
    return pd.DataFrame(
        {
            "age_years": age.mask(age == OVER_89_YEARS, 90.0),
            "sex": table["sex"].map({0: "male", 1: "female"}),
            "device": _single_spaced(table["device"]),
            "site": _integers(table["site"]).astype("string"),
            "validated": _booleans(table["validated_by_human"]),
            "noise": _noise(table),
        }
    )


def _noise(table: pd.DataFrame) -> list[str]:
    """Return for each row the names of the noise columns that are filled in; most are empty."""
    filled = table[list(NOISE_COLUMNS)].notna().to_numpy()
    names = [""] * len(filled)
    for k in np.flatnonzero(filled.any(axis=1)).tolist():
        names[k] = " ".join(compress(NOISE_COLUMNS, filled[k]))
    return names


def _single_spaced(column: pd.Series) -> pd.Series:
    """Collapse repeated spaces; the column holds few different names."""
    tidy = {name: " ".join(str(name).split()) for name in column.dropna().unique()}
    return column.map(tidy, na_action="ignore").astype("string")


def _labels(scp_codes: pd.Series, statements: Mapping[str, Statement]) -> pd.DataFrame:
    """Return for each row its labels, its scp_codes as JSON, and its problem ("" if none)."""
    texts = [str(text) for text in scp_codes]
    parsed = {text: _parse_labels(text, statements) for text in set(texts)}  # a third differ
    rows = [parsed[text] for text in texts]
    return pd.DataFrame(rows, columns=["labels", "scp_codes", "problem"], index=scp_codes.index)


def _parse_labels(text: str, statements: Mapping[str, Statement]) -> tuple[list[str], str, str]:
    try:
        codes, problem = parse_scp_codes(text), ""
    except DatasetError as error:
        codes, problem = {}, str(error)
    return statement_labels(codes, statements), json.dumps(codes), problem
