"""The store: a folder of signals as recorded, with a table of everything known about them.

    signals-00000.npy …  int16, 1 unit = 1 µV, (records, leads, time)
    records.parquet      one row per record: id, shard, row, patient, fold, labels, quality, …
    store.json           format, rate, leads, unit, label vocabulary and titles, digests
    rejected.csv         the records left out, each with the reason

It is written beside its final place and renamed when it is complete.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..errors import DatasetError
from ..files import sha256
from ..signals.record import Record
from ..tasks import Task
from .digests import ABOUT_SHA256, about_with_digest, fingerprint
from .source import check_folds

FORMAT = 1
ABOUT = "store.json"
RECORDS = "records.parquet"
REJECTED = "rejected.csv"
MICROVOLT_MV = np.float32(1e-3)

_ABOUT_TYPES: dict[str, type | tuple[type, ...]] = {
    "rate_hz": (int, float),
    "samples": int,
    "leads": list,
    "vocabulary": dict,
    "titles": (dict, type(None)),  # a store may have none
    "shards": list,
    "signals_sha256": str,
    "fingerprint": str,
}
_COLUMNS = ("id", "shard", "row", "patient", "fold", "labels")

Indices = Sequence[int] | NDArray[np.integer[Any]]


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledRecords:
    """The records of some folds that a task keeps.

    indices: (n,) indices in the store.
    targets: (n, classes), 0, 1, or NaN where the class of the record is unknown.
    dropped: the number of records of these folds that the task leaves out.
    """

    indices: NDArray[np.int64]
    targets: NDArray[np.float32]
    dropped: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Store:
    """An open store.

    about:   the content of store.json.
    records: the table, one row per record in the order of the shards. The index of a record is
             its position in this table.
    """

    folder: Path
    about: dict[str, Any]
    records: pd.DataFrame

    @property
    def leads(self) -> tuple[str, ...]:
        """Names of the rows of each signal."""
        return tuple(self.about["leads"])

    @property
    def rate_hz(self) -> float:
        """Samples per second."""
        return float(self.about["rate_hz"])

    @property
    def samples(self) -> int:
        """Length of every signal, in samples."""
        return int(self.about["samples"])

    @property
    def vocabulary(self) -> dict[str, tuple[str, ...]]:
        """Label names of each kind."""
        return {kind: tuple(names) for kind, names in self.about["vocabulary"].items()}

    @property
    def titles(self) -> dict[str, str]:
        """Descriptions of labels: {"statement:IMI": "Inferior myocardial infarction", …}.

        Empty if the dataset has none.
        """
        return dict(self.about.get("titles") or {})

    def signals_uv(self, indices: Indices) -> NDArray[np.int16]:
        """Read the signals of these records in µV: (records, leads, time)."""
        indices = np.asarray(indices, np.int64)
        signals = np.empty((len(indices), len(self.leads), self.samples), np.int16)
        shards = self._shard_of[indices]
        for shard in np.unique(shards):
            inside = shards == shard
            # mapped for this call only: a large store needs few open files and little memory
            signals[inside] = _map_shard(self, shard)[self._row_of[indices[inside]]]
        return signals

    def signals_mv(self, indices: Indices) -> NDArray[np.float32]:
        """Read the signals of these records in mV: (records, leads, time)."""
        return self.signals_uv(indices) * MICROVOLT_MV

    def indices(self, *, folds: Sequence[int] | None = None) -> NDArray[np.int64]:
        """Return the indices of the records of these folds (None: all folds)."""
        if folds is None:
            return np.arange(len(self.records))
        return np.flatnonzero(self.records["fold"].isin(list(folds)))

    def labelled(self, task: Task, *, folds: Sequence[int] | None = None) -> LabelledRecords:
        """Return the records of these folds (None: all) that the task keeps, with targets."""
        indices = self.indices(folds=folds)
        targets, keep = task.targets(self.records["labels"].iloc[indices].tolist())
        return LabelledRecords(
            indices=indices[keep], targets=targets[keep], dropped=int(len(keep) - keep.sum())
        )

    def require_labelled(self, task: Task, *, folds: Sequence[int]) -> LabelledRecords:
        """Like `labelled`, but raise DatasetError if the task keeps no record of these folds."""
        labelled = self.labelled(task, folds=folds)
        if not len(labelled.indices):
            available = sorted(self.records["fold"].unique().tolist())
            raise DatasetError(
                f"{self.folder}: folds {', '.join(map(str, folds))} hold no record for the task "
                f"{task.name!r}; the store has the folds {', '.join(map(str, available))}."
            )
        return labelled

    def index_of(self, record_id: str) -> int:
        """Return the index of the record with this id, or raise DatasetError."""
        matches = np.flatnonzero(self.records["id"].astype(str) == record_id)
        if not len(matches):
            raise DatasetError(f"{self.folder}: no record has the id {record_id}.")
        return int(matches[0])

    def record(self, index: int) -> Record:
        """Read one record without padding, with age and sex where they are known."""
        row = self.records.iloc[index]
        age, sex, duration_s = row.get("age_years"), row.get("sex"), row.get("duration_s")
        recorded = self.samples if duration_s is None else round(duration_s * self.rate_hz)
        return Record(
            signal_mv=self.signals_mv([index])[0][:, :recorded],
            rate_hz=self.rate_hz,
            leads=self.leads,
            name=str(row["id"]),
            warnings=tuple(row.get("quality", ())),
            age_years=None if pd.isna(age) else float(age),
            sex=None if pd.isna(sex) else str(sex),
        )

    @cached_property
    def _shard_of(self) -> NDArray[np.int64]:
        return self.records["shard"].to_numpy(np.int64)

    @cached_property
    def _row_of(self) -> NDArray[np.int64]:
        return self.records["row"].to_numpy(np.int64)


def open_store(folder: Path) -> Store:
    """Open a store.

    Raises DatasetError if the folder is not a store, if a part is missing or cut short, if
    store.json or an id, patient, fold or label changed since the store was made, or if a patient
    is in two folds. The signals are not read; `verify` checks them.
    """
    store = Store(folder=folder, about=_read_about(folder), records=_read_records(folder))
    try:
        sizes = [_check_shard(store, k) for k in range(len(store.about["shards"]))]
    except (KeyError, TypeError) as error:
        raise DatasetError(f"{folder / ABOUT}: damaged: {error!r}; prepare it again.") from None
    shards = np.repeat(np.arange(len(sizes)), sizes)
    rows = np.concatenate([np.arange(size) for size in (0, *sizes)])
    table = store.records
    if not (np.array_equal(table["shard"], shards) and np.array_equal(table["row"], rows)):
        raise DatasetError(f"{folder}: the table and the signals do not match; prepare it again.")
    if not _is_unchanged(store):
        raise DatasetError(
            f"{folder / RECORDS}: ids, patients, folds or labels changed since the store was made; "
            "prepare it again."
        )
    check_folds(table, name=str(folder))
    return store


def verify(store: Store) -> Iterator[str]:
    """Yield a sentence for each shard whose signals changed since the store was made."""
    for shard in store.about["shards"]:
        if sha256(store.folder / shard["file"]) != shard["sha256"]:
            yield f"{shard['file']}: its signals changed since the store was made."


def _is_unchanged(store: Store) -> bool:
    try:
        digest = fingerprint(store.about["signals_sha256"], store.records)
    except TypeError:  # a cell without a list of labels
        return False
    return bool(digest == store.about["fingerprint"])


def _read_about(folder: Path) -> dict[str, Any]:
    path = folder / ABOUT
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise DatasetError(
            f"{folder}: not a store: it has no {ABOUT}. `ecgcam prepare` makes a store."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: cannot be read: {error}") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise DatasetError(f"{path}: not a store of format {FORMAT}; prepare it again.")
    wrong = [key for key, kind in _ABOUT_TYPES.items() if not isinstance(about.get(key), kind)]
    if wrong or not 0 < about["rate_hz"] < math.inf or about["samples"] < 1:
        raise DatasetError(
            f"{path}: damaged: invalid {', '.join(wrong) or 'rate or length'}; prepare it again."
        )
    if ABOUT_SHA256 in about and about_with_digest(about) != about:
        raise DatasetError(f"{path}: changed since the store was made; prepare it again.")
    return about


def _read_records(folder: Path) -> pd.DataFrame:
    try:
        records = pd.read_parquet(folder / RECORDS)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{folder / RECORDS}: cannot be read: {error}") from None
    missing = [column for column in _COLUMNS if column not in records]
    if missing:
        raise DatasetError(f"{folder / RECORDS}: the columns {', '.join(missing)} are missing.")
    return records


def _map_shard(store: Store, shard: int) -> NDArray[np.int16]:
    """Map the file of a shard into memory: (records, leads, time)."""
    path = store.folder / store.about["shards"][shard]["file"]
    return np.lib.format.open_memmap(path, mode="r")


def _check_shard(store: Store, shard: int) -> int:
    """Return the number of records of a shard, or raise DatasetError if its file is damaged."""
    about = store.about["shards"][shard]
    path = store.folder / about["file"]
    expected = (about["records"], len(store.leads), store.samples)
    try:
        signals = _map_shard(store, shard)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: the signals cannot be read: {error}") from None
    if signals.shape != expected or signals.dtype != np.int16:
        raise DatasetError(
            f"{path}: signals {signals.shape} of {signals.dtype}; expected {expected} of int16."
        )
    return len(signals)
