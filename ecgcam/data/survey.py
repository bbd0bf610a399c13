"""Survey of a PTB-XL-like folder: patients, classes, statements, missing values, signal quality.

Results are plain numbers, lists and dicts, as `overview.json` holds them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import RecordError
from ..readers.read import read
from ..readers.wfdb16 import read_wfdb16, to_millivolts
from ..signals.leads import LEADS, lead_order
from ..signals.quality import find_quality
from ..tasks import SUPERCLASSES, find_task
from .ptbxl import read_statements, read_table
from .ptbxl_layout import OVER_89_YEARS
from .source import Source
from .statements import Statement

Counts = dict[str, int]
Findings = dict[str, list[dict[str, object]]]

AGE_EDGES_YEARS = range(0, 91, 5)
UNKNOWN = "unknown"
UNREADABLE = "unreadable"


def survey_tables(folder: Path, source: Source) -> dict[str, Any]:
    """Count what the tables of a folder hold. source: that folder, read by ptbxl.read_folder."""
    table, statements = read_table(folder), read_statements(folder)
    return {
        **_people(table, source.records),
        **_classes(source),
        "statements": _statements(source.records["labels"], statements),
        "noise_noted": _count(" ".join(source.records["noise"]).split()),
        "missing_values": {str(name): int(n) for name, n in table.isna().sum().items()},
        "unusable_rows": [
            {"id": int(record_id), "reason": reason}
            for record_id, reason in zip(
                source.records["id"], source.records["problem"], strict=True
            )
            if reason
        ],
    }


def survey_signals(
    source: Source, *, progress: Callable[[int, int], None] | None = None
) -> Findings:
    """List for each finding of find_quality the records and leads that have it.

    The finding "unreadable" lists the records whose signal cannot be read, with the reason.
    progress: called with the number of signals read, and of all signals.
    """
    names = find_quality(np.ones((1, len(LEADS), 1), np.float32))
    findings: Findings = {UNREADABLE: [], **{name: [] for name in names}}
    ids, paths = source.records["id"], source.records["path"]
    for done, (record_id, path) in enumerate(zip(ids, paths, strict=True), start=1):
        try:
            signal_mv, rate_hz = read_signal(Path(path))
        except (RecordError, OSError) as error:
            reason = str(error).replace(f"{Path(source.name).resolve()}/", "")
            findings[UNREADABLE].append({"id": record_id, "reason": reason})
        else:
            for name, hits in find_quality(signal_mv[None], LEADS, rate_hz).items():
                if hits.any():
                    leads = [LEADS[k] for k in np.flatnonzero(hits)] if hits.size > 1 else []
                    findings[name].append({"id": record_id, "leads": leads})
        if progress is not None:
            progress(done, len(ids))
    return findings


def read_signal(path: Path) -> tuple[NDArray[np.float32], float]:
    """Read the twelve leads in standard order, (12, time) in mV, and the rate in Hz.

    Unlike `readers.read`, samples that the device marked as invalid are allowed and become NaN.
    Raises RecordError for a damaged file.
    """
    digital = read_wfdb16(path) if Path(f"{path}.hea").is_file() else None
    if digital is None:
        record = read(path).with_leads(LEADS)
        return record.signal_mv, record.rate_hz
    return to_millivolts(digital)[lead_order(digital.leads)], digital.rate_hz


def _people(table: pd.DataFrame, records: pd.DataFrame) -> dict[str, Any]:
    ecgs = records["patient"].value_counts()
    ages = table["age"] if "age" in table else pd.Series(np.nan, table.index)
    counts = {
        name: _count(records[column].astype("string").fillna(UNKNOWN))
        for name, column in (("sex", "sex"), ("devices", "device"), ("sites", "site"))
    }
    return {
        "records": len(records),
        "patients": len(ecgs),
        "patients_with_several_records": int((ecgs > 1).sum()),
        "age": _ages(pd.to_numeric(ages, errors="coerce").to_numpy(float)),
        **counts,
    }


def _ages(age_years: NDArray[np.float64]) -> dict[str, Any]:
    """Count the ages in groups of five years; PTB-XL writes 300 for every age above 89."""
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


def _count(names: Iterable[str]) -> Counts:
    """Count each name, the most frequent first."""
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _classes(source: Source) -> dict[str, Any]:
    """Count superclasses, and normal or abnormal as in the paper, overall and in each fold."""
    labels, folds = list(source.records["labels"]), source.records["fold"]
    names = list(source.vocabulary.get("superclass", SUPERCLASSES))
    members = np.array(
        [[f"superclass:{name}" in own for name in names] for own in labels], bool
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
    """Count records by class. members: (records, superclasses); abnormal: (records,)."""
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
    """List each statement with its number of records, the most frequent first."""
    counts = _count(
        label.removeprefix("statement:")
        for own in labels
        for label in own
        if label.startswith("statement:")
    )
    unused = {code: 0 for code in sorted(statements) if code not in counts}
    return [_describe(statements.get(code), code, n) for code, n in (counts | unused).items()]


def _describe(statement: Statement | None, code: str, records: int) -> dict[str, Any]:
    if statement is None:
        statement = Statement(code=code, description="(not in scp_statements.csv)")
    kinds = {
        "diagnostic": bool(statement.superclass),
        "form": statement.form,
        "rhythm": statement.rhythm,
    }
    return {
        "code": code,
        "description": statement.description,
        "superclass": statement.superclass,
        "kinds": [kind for kind, applies in kinds.items() if applies],
        "records": records,
    }
