"""A dataset to a store: every file read once, in parallel; what cannot be used is left out."""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from . import __version__
from .errors import DatasetError, RecordError
from .leads import LEADS
from .manifest import read_manifest
from .ptbxl import is_ptbxl, read_folder
from .readers import read
from .record import Record
from .shards import Form, Shard, write_shard
from .source import Source
from .store import ABOUT, FORMAT, RECORDS, REJECTED, fingerprint, sha256

Progress = Callable[[int, int], None]

SHARD_RECORDS = 2048  # 49 MB of 12 leads of 10 s at 100 Hz


@dataclass(frozen=True, kw_only=True)
class PrepareConfig:
    """How to make a store.

    rate_hz, duration_s: what every record must have; None: PTB-XL's 100 Hz and 10 s, or what the
    first readable record of one's own has. resampled: bring other rates to it.
    labels, seed: as read_manifest takes them. jobs: worker processes; None: one a core.
    """

    rate_hz: float | None = None
    duration_s: float | None = None
    resampled: bool = False
    leads: tuple[str, ...] = LEADS
    labels: tuple[str, ...] = ()
    seed: int = 0
    jobs: int | None = None
    shard_records: int = SHARD_RECORDS

    def __post_init__(self) -> None:
        for name in ("rate_hz", "duration_s", "jobs", "shard_records"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be above 0, got {value}")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What came of it: how many records were taken, how many left out."""

    folder: Path
    records: int
    rejected: int


def open_source(path: Path, config: PrepareConfig) -> Source:
    """A PTB-XL-shaped folder, or a CSV of one's own ECGs; DatasetError if it is neither."""
    if path.is_dir() and is_ptbxl(path):
        return read_folder(path, rate_hz=int(config.rate_hz or 100))
    if path.is_file() and path.suffix.lower() == ".csv":
        return read_manifest(path, labels=config.labels, seed=config.seed)
    raise DatasetError(
        f"{path}: needed: a folder like PTB-XL's (with ptbxl_database.csv), or a .csv that lists "
        "your ECGs."
    )


def prepare(
    path: Path,
    folder: Path,
    config: PrepareConfig | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Prepared:
    """Make a store at `folder` of the dataset at `path`.

    A record that cannot be used is left out and named in rejected.csv, with the reason. The
    store is written beside and renamed: stopped at any moment, it is not there.
    progress: called with the records done and their number.
    Raises DatasetError if the dataset cannot be read or none of its records can be used.
    """
    config = config or PrepareConfig()
    _refuse_to_lose(folder, overwrite=overwrite)
    source = open_source(path, config)
    form = _find_form(source, config)
    half = folder.with_name(f".{folder.name}.half")  # what a run that was killed left behind
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    try:
        shards = list(_write_shards(source.records, half, form, config, progress))
        prepared = _write_tables(source, shards, half, form)
        if folder.exists():
            shutil.rmtree(folder)
        half.rename(folder)
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return Prepared(folder=folder, records=prepared, rejected=len(source.records) - prepared)


def _refuse_to_lose(folder: Path, *, overwrite: bool) -> None:
    """Only a store is ever overwritten, and only when asked to."""
    if not folder.exists():
        return
    if not (folder / ABOUT).is_file():
        raise DatasetError(f"{folder}: there is something else already; it is left as it is.")
    if not overwrite:
        raise DatasetError(f"{folder}: there is a store already; --overwrite makes it anew.")


def _find_form(source: Source, config: PrepareConfig) -> Form:
    """The leads, rate and length of the store: as configured, else those of the first ECG."""
    rate_hz, duration_s = config.rate_hz, config.duration_s
    if rate_hz is None or duration_s is None:
        first = _first_readable(source)
        rate_hz = rate_hz or first.rate_hz
        duration_s = duration_s or first.duration_s
    samples = round(rate_hz * duration_s)
    return Form(leads=config.leads, rate_hz=rate_hz, samples=samples, resampled=config.resampled)


def _first_readable(source: Source) -> Record:
    reason = "its table has no rows"
    for path in source.records["path"]:
        try:
            return read(path)
        except RecordError as error:
            reason = str(error)
    raise DatasetError(f"{source.name}: none of its ECGs can be read; the last: {reason}")


def _write_shards(
    records: pd.DataFrame, half: Path, form: Form, config: PrepareConfig, progress: Progress | None
) -> Iterator[Shard]:
    """Each worker reads some files and writes their shard itself; nothing large travels."""
    usable = records[records["problem"] == ""]
    chunks = [
        usable["path"].iloc[at : at + config.shard_records].tolist()
        for at in range(0, len(usable), config.shard_records)
    ]
    files = [half / f"signals-{k:05d}.npy" for k in range(len(chunks))]
    jobs = min(config.jobs or os.cpu_count() or 1, len(chunks))
    done = 0
    with _mapping(jobs) as run:
        for shard in run(partial(write_shard, form=form), chunks, files):
            done += len(shard.problems)
            if progress:
                progress(done, len(usable))
            yield shard


@contextmanager
def _mapping(jobs: int) -> Iterator[Callable[..., Iterable[Shard]]]:
    """A `map` over worker processes; over none where one is enough."""
    if jobs <= 1:
        yield map
        return
    # spawn: forking a process with threads, torch's or a notebook's, can deadlock
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield pool.map


def _write_tables(source: Source, shards: list[Shard], half: Path, form: Form) -> int:
    """records.parquet, store.json and rejected.csv; how many records there are."""
    records = source.records.copy()
    usable = records.index[records["problem"] == ""]
    records.loc[usable, "problem"] = [text for shard in shards for text in shard.problems]
    rejected = records[records["problem"] != ""]
    taken = records[records["problem"] == ""].drop(columns=["path", "problem"])
    if taken.empty:
        reason = rejected["problem"].iloc[0] if len(rejected) else "its table has no rows"
        raise DatasetError(f"{source.name}: none of its ECGs can be used; the first: {reason}")
    sizes = [len(shard.quality) for shard in shards]
    taken["shard"] = np.repeat(np.arange(len(shards)), sizes)
    taken["row"] = np.concatenate([np.arange(size) for size in sizes])
    taken["quality"] = [list(words) for shard in shards for words in shard.quality]
    taken.to_parquet(half / RECORDS, index=False)
    rejected = rejected.rename(columns={"problem": "reason"})[["id", "path", "reason"]]
    rejected.to_csv(half / REJECTED, index=False)
    about = _about(source, shards, taken, half, form)
    (half / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return len(taken)


def _about(
    source: Source, shards: list[Shard], taken: pd.DataFrame, half: Path, form: Form
) -> dict[str, object]:
    """What store.json says."""
    parts = [
        {"file": s.file, "records": len(s.quality), "sha256": sha256(half / s.file)} for s in shards
    ]
    return {
        "format": FORMAT,
        "made_by": f"ecgcam {__version__}",
        "source": Path(source.name).name,
        "rate_hz": form.rate_hz,
        "samples": form.samples,
        "leads": list(form.leads),
        "unit": "1 µV",
        "records": len(taken),
        "vocabulary": {kind: list(names) for kind, names in source.vocabulary.items()},
        "shards": parts,
        "fingerprint": fingerprint([str(part["sha256"]) for part in parts], taken),
    }
