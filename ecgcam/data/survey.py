"""What is in a PTB-XL-shaped folder, counted: people, classes, statements, missing values.

Everything is plain numbers, lists and dicts, as `overview.json` holds them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..tasks import SUPERCLASSES, find_task
from .ptbxl import OVER_89_YEARS, read_statements, read_table
from .source import Source
from .statements import Statement

Counts = dict[str, int]

AGE_EDGES_YEARS = range(0, 91, 5)
UNKNOWN = "unknown"


def survey_tables(folder: Path, source: Source) -> dict[str, Any]:
    """Count what the tables of a folder say. source: that folder, read by ptbxl.read_folder."""
    table, statements = read_table(folder), read_statements(folder)
    return {
        **_people(table, source.records),
        **_classes(source),
        "statements": _statements(source.records["labels"], statements),
        "noise_noted": _counted(" ".join(source.records["noise"]).split()),
        "missing_values": {str(name): int(n) for name, n in table.isna().sum().items()},
        "unusable_rows": [
            {"id": int(record), "reason": reason}
            for record, reason in zip(source.records["id"], source.records["problem"], strict=True)
            if reason
        ],
    }


def _people(table: pd.DataFrame, records: pd.DataFrame) -> dict[str, Any]:
    ecgs = records["patient"].value_counts()
    ages = table["age"] if "age" in table else pd.Series(np.nan, table.index)
    told = {
        name: _counted(records[column].astype("string").fillna(UNKNOWN))
        for name, column in (("sex", "sex"), ("devices", "device"), ("sites", "site"))
    }
    return {
        "records": len(records),
        "patients": len(ecgs),
        "patients_with_several_records": int((ecgs > 1).sum()),
        "age": _ages(pd.to_numeric(ages, errors="coerce").to_numpy(float)),
        **told,
    }


def _ages(age_years: NDArray[np.float64]) -> dict[str, Any]:
    """How many are of each age; PTB-XL writes 300 for every age above 89."""
    known = age_years[(age_years >= AGE_EDGES_YEARS[0]) & (age_years < AGE_EDGES_YEARS[-1])]
    over = int(((age_years >= AGE_EDGES_YEARS[-1]) & (age_years <= OVER_89_YEARS)).sum())
    bars = np.histogram(known, AGE_EDGES_YEARS)[0].tolist()
    groups = {
        f"{start} to {start + AGE_EDGES_YEARS.step - 1}": n
        for start, n in zip(AGE_EDGES_YEARS, bars, strict=False)
    }
    unknown = len(age_years) - len(known) - over
    return {
        "groups": {**groups, "over 89": over, UNKNOWN: unknown},
        "median_years": float(np.median(known)) if len(known) else None,
    }


def _counted(names: Iterable[str]) -> Counts:
    """How often each name is there, the most frequent first."""
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _classes(source: Source) -> dict[str, Any]:
    """Superclasses, and the paper's normal or abnormal, in all and in each fold."""
    labels, folds = list(source.records["labels"]), source.records["fold"]
    names = list(source.vocabulary.get("superclass", SUPERCLASSES))
    members = np.array(
        [[f"superclass:{name}" in found for name in names] for found in labels], bool
    ).reshape(len(labels), len(names))
    abnormal = find_task("normal", source.vocabulary).targets(labels)[0][:, 0] == 1
    several = members.sum(axis=1)
    return {
        "classes": _class_counts(members, abnormal, names),
        "folds": {
            str(fold): _class_counts(members[inside], abnormal[inside], names)
            for fold in sorted(folds.dropna().unique())
            for inside in [(folds == fold).to_numpy(bool, na_value=False)]
        },
        "superclasses": names,
        "co_occurrence": (members.T.astype(int) @ members.astype(int)).tolist(),
        "superclasses_per_record": {
            str(n): int((several == n).sum()) for n in range(int(several.max(initial=0)) + 1)
        },
        "no_superclass": source.records["id"][several == 0].tolist(),
    }


def _class_counts(
    members: NDArray[np.bool_], abnormal: NDArray[np.bool_], names: Iterable[str]
) -> Counts:
    """members: (records, superclasses); abnormal: (records,)."""
    return {
        "records": len(members),
        "normal": int((~abnormal).sum()),
        "abnormal": int(abnormal.sum()),
        **{name: int(n) for name, n in zip(names, members.sum(axis=0), strict=True)},
        "no_superclass": int((~members.any(axis=1)).sum()),
    }


def _statements(
    labels: Iterable[list[str]], statements: Mapping[str, Statement]
) -> list[dict[str, Any]]:
    """Each statement with the number of its records, the most frequent first."""
    found = _counted(
        label.removeprefix("statement:")
        for record in labels
        for label in record
        if label.startswith("statement:")
    )
    unused = {code: 0 for code in sorted(statements) if code not in found}
    return [_statement(statements.get(code), code, n) for code, n in (found | unused).items()]


def _statement(known: Statement | None, code: str, records: int) -> dict[str, Any]:
    if known is None:
        known = Statement(code=code, description="(not in scp_statements.csv)")
    kinds = {"diagnostic": bool(known.superclass), "form": known.form, "rhythm": known.rhythm}
    return {
        "code": code,
        "description": known.description,
        "superclass": known.superclass,
        "kinds": [kind for kind, is_it in kinds.items() if is_it],
        "records": records,
    }
