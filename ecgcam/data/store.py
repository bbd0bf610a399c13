"""A store: a folder of signals as they are, with a table of what is known of them.

    signals-00000.npy …  int16, 1 unit = 1 µV, (records, leads, time)
    records.parquet      one row a record: id, shard, row, patient, fold, labels, quality, …
    store.json           format, rate, leads, unit, vocabulary of the labels, fingerprint, digests
    rejected.csv         what was left out, and why

It is written beside its final place and renamed when whole: a store is never half there.
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
from ..nn.allocation import give_back_freed_memory
from ..signals.record import Record
from ..tasks import Task
from .digests import ABOUT_SHA256, about_with_digest, fingerprint
from .rows import Rows
from .source import check_folds

FORMAT = 1
ABOUT = "store.json"
RECORDS = "records.parquet"
REJECTED = "rejected.csv"
MICROVOLT_MV = np.float32(1e-3)

_NEEDED: dict[str, tuple[type, ...]] = {
    "rate_hz": (int, float),
    "samples": (int,),
    "leads": (list,),
    "vocabulary": (dict,),
    "shards": (list,),
    "signals_sha256": (str,),
    "fingerprint": (str,),
}
_COLUMNS = ("id", "shard", "row", "patient", "fold", "labels")


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledRecords:
    """The records that a task keeps of some folds.

    indices: (n,) their indices in the store. targets: (n, classes), 0 or 1. dropped: how many
    records of these folds the task leaves out.
    """

    indices: NDArray[np.int64]
    targets: NDArray[np.float32]
    dropped: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Store:
    """An open store.

    about:   what store.json says. records: the table, one row a record, in the order of the
    shards; a record's number below is its row there.
    """

    folder: Path
    about: dict[str, Any]
    records: pd.DataFrame

    @property
    def leads(self) -> tuple[str, ...]:
        """The names of the rows of each signal."""
        return tuple(self.about["leads"])

    @property
    def rate_hz(self) -> float:
        """Samples a second."""
        return float(self.about["rate_hz"])

    @property
    def samples(self) -> int:
        """The length of every signal, in samples."""
        return int(self.about["samples"])

    @property
    def vocabulary(self) -> dict[str, tuple[str, ...]]:
        """The names of each kind of label."""
        return {kind: tuple(names) for kind, names in self.about["vocabulary"].items()}

    def signals_uv(self, indices: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.int16]:
        """The signals of these records: (records, leads, time), in µV."""
        indices = np.asarray(indices, np.int64)
        signals = np.empty((len(indices), len(self.leads), self.samples), np.int16)
        shards = self._shard_of[indices]
        for shard in np.unique(shards):
            here = shards == shard
            signals[here] = self._shards[shard].read(self._row_of[indices[here]])
        return signals

    def signals_mv(self, indices: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """The same in mV."""
        return self.signals_uv(indices) * MICROVOLT_MV

    def indices(self, *, folds: Sequence[int] | None = None) -> NDArray[np.int64]:
        """The indices of the records of these folds (of all folds if None)."""
        if folds is None:
            return np.arange(len(self.records))
        return np.flatnonzero(self.records["fold"].isin(list(folds)))

    def labelled(self, task: Task, *, folds: Sequence[int] | None = None) -> LabelledRecords:
        """The records of these folds (all if None) that the task keeps, with their targets."""
        indices = self.indices(folds=folds)
        targets, keep = task.targets(self.records["labels"].iloc[indices].tolist())
        return LabelledRecords(
            indices=indices[keep], targets=targets[keep], dropped=int(len(keep) - keep.sum())
        )

    def require_labelled(self, task: Task, *, folds: Sequence[int]) -> LabelledRecords:
        """The same of folds that must hold at least one; DatasetError if they do not."""
        labelled = self.labelled(task, folds=folds)
        if not len(labelled.indices):
            there = sorted(self.records["fold"].unique().tolist())
            raise DatasetError(
                f"{self.folder}: folds {', '.join(map(str, folds))} hold no record for the task "
                f"{task.name!r}; there are the folds {', '.join(map(str, there))}."
            )
        return labelled

    def index_of(self, identity: str) -> int:
        """The number of the record with this id; DatasetError if there is none."""
        found = np.flatnonzero(self.records["id"].astype(str) == identity)
        if not len(found):
            raise DatasetError(f"{self.folder}: there is no record with the id {identity}.")
        return int(found[0])

    def record(self, number: int) -> Record:
        """One record, with age and sex where they are known."""
        row = self.records.iloc[number]
        age, sex = row.get("age_years"), row.get("sex")
        return Record(
            signal_mv=self.signals_mv([number])[0],
            rate_hz=self.rate_hz,
            leads=self.leads,
            name=str(row["id"]),
            warnings=tuple(row.get("quality", ())),
            age_years=None if pd.isna(age) else float(age),
            sex=None if pd.isna(sex) else str(sex),
        )

    @cached_property
    def _shards(self) -> list[Rows]:
        return [Rows(self.folder / shard["file"]) for shard in self.about["shards"]]

    @cached_property
    def _shard_of(self) -> NDArray[np.int64]:
        return self.records["shard"].to_numpy(np.int64)

    @cached_property
    def _row_of(self) -> NDArray[np.int64]:
        return self.records["row"].to_numpy(np.int64)


def open_store(folder: Path) -> Store:
    """Open a store.

    Raises DatasetError if it is not one, a part of it is missing or cut short, its store.json or
    an id, a patient, a fold or a label changed since it was made, or a patient is in two folds.
    The signals are not read; `verify` does it.
    """
    store = Store(folder=folder, about=_read_about(folder), records=_read_records(folder))
    try:
        sizes = list(_shard_sizes(store))
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{folder / ABOUT}: damaged: {error!r}; make it anew.") from None
    shards = np.repeat(np.arange(len(sizes)), sizes)
    rows = np.arange(len(shards)) - np.repeat(np.cumsum([0, *sizes])[:-1], sizes)
    table = store.records
    if not (np.array_equal(table["shard"], shards) and np.array_equal(table["row"], rows)):
        raise DatasetError(f"{folder}: its table and its signals do not fit each other.")
    if not _is_as_written(store):
        raise DatasetError(
            f"{folder / RECORDS}: ids, patients, folds or labels changed since the store was made; "
            "make it anew."
        )
    check_folds(table, name=str(folder))
    return store


def verify(store: Store) -> Iterator[str]:
    """Which signals of an open store are not as they were written, a sentence for each shard."""
    for shard in store.about["shards"]:
        if sha256(store.folder / shard["file"]) != shard["sha256"]:
            yield f"{shard['file']}: its signals changed since the store was made."


def _is_as_written(store: Store) -> bool:
    try:
        found = fingerprint(store.about["signals_sha256"], store.records)
    except TypeError:  # of labels that are none
        return False
    return found == store.about["fingerprint"]


def _read_about(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise DatasetError(
            f"{folder}: not a store; {ABOUT} is not there. `ecgcam prepare` makes one."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{folder / ABOUT}: cannot be read: {error}") from None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise DatasetError(f"{folder / ABOUT}: not a store of format {FORMAT}; make it anew.")
    wrong = [name for name, kinds in _NEEDED.items() if not isinstance(about.get(name), kinds)]
    if wrong or not 0 < about["rate_hz"] < math.inf or about["samples"] < 1:
        raise DatasetError(
            f"{folder / ABOUT}: damaged: what it says of {', '.join(wrong) or 'rate and length'} "
            "cannot be used; make it anew."
        )
    if ABOUT_SHA256 in about and about_with_digest(about) != about:
        raise DatasetError(f"{folder / ABOUT}: changed since the store was made; make it anew.")
    return about


def _read_records(folder: Path) -> pd.DataFrame:
    try:
        records = pd.read_parquet(folder / RECORDS)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{folder / RECORDS}: cannot be read: {error}") from None
    missing = [column for column in _COLUMNS if column not in records]
    if missing:
        raise DatasetError(f"{folder / RECORDS}: the columns {', '.join(missing)} are missing.")
    give_back_freed_memory()
    return records


def _shard_sizes(store: Store) -> Iterator[int]:
    """How many records each shard holds, once its file is known to hold them."""
    for shard in store.about["shards"]:
        path = store.folder / shard["file"]
        needed = (shard["records"], len(store.leads), store.samples)
        try:
            signals = Rows(path)
        except (OSError, ValueError) as error:
            raise DatasetError(f"{path}: the signals cannot be read: {error}") from None
        if signals.shape != needed or signals.dtype != np.int16:
            raise DatasetError(f"{path}: signals {signals.shape} of {signals.dtype}, not {needed}.")
        yield len(signals)
