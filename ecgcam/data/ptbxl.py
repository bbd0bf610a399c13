"""The PTB-XL folder: its tables with their quirks, its statements, its folds.

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
from .source import Source
from .statements import Statement, statement_labels, statement_vocabulary

TABLE = "ptbxl_database.csv"
STATEMENTS = "scp_statements.csv"
TRAIN_FOLDS = tuple(range(1, 9))  # folds 9 and 10 were validated by a person: choose, then test
OVER_89_YEARS = 300  # how PTB-XL writes an age above 89, so that nobody is known by it
_YES_OR_NO = {"true": True, "1": True, "false": False, "0": False}
NOISE_COLUMNS = ("baseline_drift", "static_noise", "burst_noise", "electrodes_problems")

_FILE_COLUMN: dict[float, str] = {100: "filename_lr", 500: "filename_hr"}
_TOO_LARGE = (RecursionError, MemoryError, OverflowError)  # to be the statements of one ECG
_PLAIN_CODE = r"'[\w/()]+': (?:0|[1-9]\d{0,8})\.\d{1,9}"
_PLAIN_CODES = re.compile(rf"\{{{_PLAIN_CODE}(?:, {_PLAIN_CODE})*\}}", re.ASCII)
_NEEDED = ("ecg_id", "patient_id", "scp_codes", "strat_fold")
_ABOUT_PEOPLE = ["age", "sex", "device", "site", "validated_by_human", *NOISE_COLUMNS]


def is_ptbxl(folder: Path) -> bool:
    """Whether a folder is laid out like PTB-XL."""
    return (folder / TABLE).is_file()


def read_table(folder: Path, columns: Collection[str] | None = None) -> pd.DataFrame:
    """`ptbxl_database.csv` as it is, one row a record; DatasetError if it is not that table.

    columns: those to read, where they are there; None: all. Reports alone are a third of it.
    """
    path = folder / TABLE
    try:
        # low_memory=False: whole columns, so one type each
        wanted = None if columns is None else columns.__contains__
        table = pd.read_csv(path, low_memory=False, usecols=wanted)
    except (FileNotFoundError, NotADirectoryError):
        raise DatasetError(f"{folder}: not a PTB-XL folder; {TABLE} is not there.") from None
    except (ValueError, OSError) as error:
        raise DatasetError(f"{path}: not a table: {error}") from None
    missing = [column for column in _NEEDED if column not in table]
    if missing:
        raise DatasetError(f"{path}: the columns {', '.join(missing)} are missing.")
    return table


def read_statements(folder: Path) -> dict[str, Statement]:
    """`scp_statements.csv`: each SCP statement by its code; DatasetError if it is not that."""
    path = folder / STATEMENTS
    try:
        table = pd.read_csv(path, index_col=0)
        return {
            str(code): Statement(
                code=str(code),
                description=str(row["description"]),
                superclass=_group(row["diagnostic_class"]) if row["diagnostic"] == 1 else None,
                subclass=_group(row["diagnostic_subclass"]) if row["diagnostic"] == 1 else None,
                form=row["form"] == 1,
                rhythm=row["rhythm"] == 1,
            )
            for code, row in table.iterrows()
        }
    except FileNotFoundError:
        raise DatasetError(f"{folder}: not a PTB-XL folder; {STATEMENTS} is missing.") from None
    except KeyError as error:
        raise DatasetError(f"{path}: the column {error} is missing.") from None
    except (ValueError, OSError) as error:
        raise DatasetError(f"{path}: not a table: {error}") from None


def _group(cell: Any) -> str | None:
    return None if pd.isna(cell) else str(cell)


def parse_scp_codes(text: object) -> dict[str, float]:
    """ "{'NORM': 100.0, 'SR': 0.0}" as a dict of likelihoods in percent.

    Raises DatasetError if it is anything else: a literal is read, nothing is run.
    """
    if _PLAIN_CODES.fullmatch(str(text)):  # as all of PTB-XL's are: five times as fast
        plain: dict[str, float] = json.loads(str(text).replace("'", '"'))
        return plain
    try:
        codes = ast.literal_eval(str(text))
        likelihoods = {str(code): float(likelihood) for code, likelihood in codes.items()}
        if not all(map(math.isfinite, likelihoods.values())):
            raise ValueError
        return likelihoods
    except (ValueError, SyntaxError, AttributeError, TypeError, *_TOO_LARGE):
        raise DatasetError(
            f"scp_codes is {str(text)[:60]!r}; needed: {{'NORM': 100.0, …}}"
        ) from None


def read_folder(folder: Path, *, rate_hz: float = 100) -> Source:
    """Every record of a PTB-XL-shaped folder, its signals at 100 or 500 Hz not yet read.

    A row that cannot be used (no patient, no fold, unreadable statements) stays, with the
    reason as its `problem`. Raises DatasetError as read_table and Source do.
    """
    column = _FILE_COLUMN.get(rate_hz)
    table = read_table(folder, {*_NEEDED, *_ABOUT_PEOPLE, str(column)})
    statements = read_statements(folder)
    if column is None:
        raise DatasetError(f"{folder}: PTB-XL has files of 100 and 500 Hz, not {rate_hz:g} Hz.")
    if column not in table:
        raise DatasetError(
            f"{folder / TABLE}: the column {column} is missing, which names the files of "
            f"{rate_hz:g} Hz."
        )
    ids = _whole(table["ecg_id"])
    if ids.isna().any():
        row = int(ids.isna().to_numpy().argmax())
        raise DatasetError(f"{folder / TABLE}: row {row + 2}: ecg_id must be a whole number.")
    absolute = str(folder.resolve())
    records = pd.DataFrame(
        {
            "id": ids.astype("int64"),
            "path": [os.path.join(absolute, str(name)) for name in table[column]],
            "patient": _whole(table["patient_id"]),
            "fold": _whole(table["strat_fold"]),
        }
    )
    labels = _labels(table["scp_codes"], statements)
    no_patient, no_fold = records["patient"].isna(), records["fold"].isna()
    labels["problem"] = (
        labels["problem"].mask(no_fold, "no strat_fold").mask(no_patient, "no patient_id")
    )
    return Source(
        name=str(folder),
        records=records.join(_known_of_people(table)).join(labels),
        vocabulary=statement_vocabulary(statements),
    )


def _whole(column: pd.Series) -> pd.Series:
    """Whole numbers, however they are written ("5", 5.0); missing where there is none."""
    numbers = pd.to_numeric(column, errors="coerce")
    return numbers.where((numbers % 1 == 0) & (numbers.abs() < 2**53)).astype("Int64")


def _yes_or_no(column: pd.Series) -> pd.Series:
    """True or False, however they are written; missing where it says neither."""
    return column.astype("string").str.lower().map(_YES_OR_NO).astype("boolean")


def _known_of_people(table: pd.DataFrame) -> pd.DataFrame:
    """age_years (90 stands for every age above 89), sex, device, site, noise as annotated.

    validated: whether a person has confirmed the statements; the others are a machine's. Of folds
    1 to 8 two thirds are, of folds 9 and 10 all.
    """
    table = table.reindex(columns=_ABOUT_PEOPLE)
    age = pd.to_numeric(table["age"], errors="coerce")
    return pd.DataFrame(
        {
            "age_years": age.mask(age == OVER_89_YEARS, 90.0),
            "sex": table["sex"].map({0: "male", 1: "female"}),
            "device": _tidied(table["device"]),
            "site": _whole(table["site"]).astype("string"),
            "validated": _yes_or_no(table["validated_by_human"]),
            "noise": _noise(table),
        }
    )


def _noise(table: pd.DataFrame) -> list[str]:
    """The names of the columns that say something, for each row; most say nothing."""
    rows = table[list(NOISE_COLUMNS)].notna().to_numpy()
    named = [""] * len(rows)
    for k in np.flatnonzero(rows.any(axis=1)).tolist():
        named[k] = " ".join(compress(NOISE_COLUMNS, rows[k]))
    return named


def _tidied(column: pd.Series) -> pd.Series:
    """Names with single spaces; there are few different ones."""
    tidy = {name: " ".join(str(name).split()) for name in column.dropna().unique()}
    return column.map(tidy, na_action="ignore").astype("string")


def _labels(scp_codes: pd.Series, statements: Mapping[str, Statement]) -> pd.DataFrame:
    """labels, scp_codes as JSON, and the problem of each row whose statements are unreadable."""
    texts = [str(text) for text in scp_codes]
    of_text = {text: _labels_of(text, statements) for text in set(texts)}  # one in three is new
    rows = [of_text[text] for text in texts]
    return pd.DataFrame(rows, columns=["labels", "scp_codes", "problem"], index=scp_codes.index)


def _labels_of(text: str, statements: Mapping[str, Statement]) -> tuple[list[str], str, str]:
    codes: dict[str, float] = {}
    problem = ""
    try:
        codes = parse_scp_codes(text)
    except DatasetError as error:
        problem = str(error)
    return statement_labels(codes, statements), json.dumps(codes), problem
