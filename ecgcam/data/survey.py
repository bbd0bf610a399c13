"""Survey of a dataset or a store: patients, classes, folds, statements, missing values.

Results are plain numbers, lists and dicts, as `overview.json` holds them.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..tasks import SUPERCLASS_TITLES, find_task
from .datasets import open_dataset
from .ptbxl import is_ptbxl, read_statements, read_table
from .ptbxl_layout import OVER_89_YEARS
from .signal_survey import ReadSignal, SurveyedSignal, read_signal
from .statements import Statement
from .store import ABOUT, open_store

Counts = dict[str, int]

AGE_EDGES_YEARS = range(0, 91, 5)
UNKNOWN = "unknown"
KINDS = ("superclass", "column")  # of labels that are counted: the first that there is

_MISSING = ["age_years", "sex", "device", "site"]  # in a table that is not PTB-XL's


@dataclass(frozen=True, kw_only=True, eq=False)
class Surveyed:
    """What an overview looks at.

    records:    one row per ECG, as in a Source or a store.
    read:       reads the signal of a record by its position.
    titles:     of labels. statements: those of PTB-XL, by their code.
    missing:    number of empty cells in each column of the original table.
    folder:     what to leave out of reasons.
    """

    records: pd.DataFrame
    read: ReadSignal
    vocabulary: Mapping[str, tuple[str, ...]]
    titles: Mapping[str, str]
    missing: Counts
    statements: Mapping[str, Statement] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    folder: str = ""

    @property
    def kind(self) -> str:
        """The kind of labels that are the classes."""
        return next((kind for kind in KINDS if self.vocabulary.get(kind)), KINDS[-1])

    @property
    def class_titles(self) -> dict[str, str]:
        """The title of each class, "" where there is none."""
        return {
            name: self.titles.get(f"{self.kind}:{name}", SUPERCLASS_TITLES.get(name, ""))
            for name in self.class_names
        }

    @property
    def class_names(self) -> list[str]:
        """The classes that are counted."""
        return list(self.vocabulary.get(self.kind, ()))


def open_surveyed(path: Path) -> Surveyed:
    """Open a store, or any dataset that `prepare` takes; DatasetError if it is neither."""
    if (path / ABOUT).is_file():
        return _store(path)
    only_500 = (path / "records500").is_dir() and not (path / "records100").is_dir()
    source = open_dataset(path, ptbxl_rate_hz=500 if only_500 else 100)
    paths = source.records["path"].tolist()

    def read_one(index: int, /) -> SurveyedSignal:
        return read_signal(Path(paths[index]))

    ptbxl = path.is_dir() and is_ptbxl(path)
    table = read_table(path) if ptbxl else source.records.reindex(columns=_MISSING)
    return Surveyed(
        records=source.records,
        read=read_one,
        vocabulary=source.vocabulary,
        titles=source.titles,
        missing=_missing(table),
        statements=read_statements(path) if ptbxl else {},
        remarks=source.remarks,
        folder=f"{path.resolve() if path.is_dir() else path.resolve().parent}{os.sep}",
    )


def _store(path: Path) -> Surveyed:
    store = open_store(path)

    def read_one(index: int, /) -> SurveyedSignal:
        record = store.record(index)
        return SurveyedSignal(
            signal_mv=record.signal_mv, rate_hz=record.rate_hz, leads=record.leads
        )

    return Surveyed(
        records=store.records,
        read=read_one,
        vocabulary=store.vocabulary,
        titles=store.titles,
        missing=_missing(store.records.reindex(columns=_MISSING)),
    )


def _missing(table: pd.DataFrame) -> Counts:
    return {str(name): int(n) for name, n in table.isna().sum().items()}


def with_people(
    surveyed: Surveyed, people: Mapping[int, tuple[float | None, str | None]]
) -> Surveyed:
    """Return it with age and sex in the files, by position, where its table lacks them."""
    records = surveyed.records.copy()
    for k, column in enumerate(("age_years", "sex")):
        in_files = pd.Series([people.get(n, (None, None))[k] for n in range(len(records))])
        if in_files.notna().any():
            in_files.index = records.index
            known = records.get(column, in_files)
            records[column] = known.where(known.notna(), in_files)
    return replace(surveyed, records=records)


def survey_tables(surveyed: Surveyed) -> dict[str, Any]:
    """Count what is known of the records without their signals."""
    records = surveyed.records
    noise = records.get("noise", pd.Series("", records.index))
    problems = records.get("problem", pd.Series("", records.index))
    return {
        **_people(records),
        **_classes(surveyed),
        "statements": _statements(surveyed),
        "noise_noted": _count(" ".join(noise.dropna()).split()),
        "missing_values": surveyed.missing,
        "unusable_rows": [
            {"id": record_id, "reason": reason}
            for record_id, reason in zip(records["id"].tolist(), problems, strict=True)
            if reason
        ],
        "remarks": list(surveyed.remarks),
    }


def _people(records: pd.DataFrame) -> dict[str, Any]:
    ecgs = records["patient"].value_counts()
    columns = records.reindex(columns=["age_years", "sex", "device", "site"])
    counts = {
        name: _count(columns[column].astype("string").fillna(UNKNOWN))
        for name, column in (("sex", "sex"), ("devices", "device"), ("sites", "site"))
    }
    ages = pd.to_numeric(columns["age_years"], errors="coerce").to_numpy(float)
    return {
        "records": len(records),
        "patients": len(ecgs),
        "patients_with_several_records": int((ecgs > 1).sum()),
        "age": _ages(ages),
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


def _classes(surveyed: Surveyed) -> dict[str, Any]:
    """Count the classes overall and in each fold; superclasses also as normal and abnormal."""
    folds, names = surveyed.records["fold"], surveyed.class_names
    members, blank = (_has_label(surveyed, kind) for kind in (surveyed.kind, "blank"))
    several = members.sum(axis=1)
    abnormal = None
    if surveyed.kind == "superclass":
        task = find_task("normal", surveyed.vocabulary)
        abnormal = task.targets(surveyed.records["labels"].tolist())[0][:, 0] == 1
    return {
        "kind": surveyed.kind,
        "class_names": names,
        "class_titles": surveyed.class_titles,
        "classes": _class_counts(members, abnormal, names),
        "folds": {
            str(fold): _class_counts(
                members[inside], None if abnormal is None else abnormal[inside], names
            )
            for fold in sorted(folds.dropna().unique())
            for inside in [(folds == fold).to_numpy(bool, na_value=False)]
        },
        "unknown": dict(zip(names, blank.sum(axis=0).tolist(), strict=True)),
        "co_occurrence": (members.T.astype(int) @ members.astype(int)).tolist(),
        "classes_per_record": {
            str(n): int((several == n).sum()) for n in range(int(several.max(initial=0)) + 1)
        },
        "no_class": surveyed.records["id"][several == 0].tolist(),
    }


def _has_label(surveyed: Surveyed, kind: str) -> NDArray[np.bool_]:
    """Return whether each record has the label `kind:NAME` of each class: (records, classes)."""
    labels, names = surveyed.records["labels"], surveyed.class_names
    has = [[f"{kind}:{name}" in own for name in names] for own in labels]
    return np.array(has, bool).reshape(len(labels), len(names))


def _class_counts(
    members: NDArray[np.bool_], abnormal: NDArray[np.bool_] | None, names: Iterable[str]
) -> Counts:
    """Count records by class. members: (records, classes); abnormal: (records,), if known."""
    split: Counts = {}
    if abnormal is not None:
        split = {"normal": int((~abnormal).sum()), "abnormal": int(abnormal.sum())}
    return {
        "records": len(members),
        **split,
        **{name: int(n) for name, n in zip(names, members.sum(axis=0), strict=True)},
        "no_class": int((~members.any(axis=1)).sum()),
    }


def _statements(surveyed: Surveyed) -> list[dict[str, Any]]:
    """List each statement with its number of records, the most frequent first."""
    counts = _count(
        label.removeprefix("statement:")
        for own in surveyed.records["labels"]
        for label in own
        if label.startswith("statement:")
    )
    unused = {code: 0 for code in sorted(surveyed.statements) if code not in counts}
    return [_describe(surveyed, code, n) for code, n in (counts | unused).items()]


def _describe(surveyed: Surveyed, code: str, records: int) -> dict[str, Any]:
    statement = surveyed.statements.get(code)
    if statement is None:
        title = surveyed.titles.get(f"statement:{code}", "(not in scp_statements.csv)")
        statement = Statement(code=code, description=title)
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
