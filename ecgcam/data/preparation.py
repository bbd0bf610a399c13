"""A dataset to a store: every file read once, in parallel; what cannot be used is left out."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from .. import __version__
from ..errors import DatasetError, RecordError
from ..files import check_output_folder
from ..nn.allocation import give_back_freed_memory
from ..readers.read import read
from ..signals.leads import LEADS
from ..signals.record import Record
from .csv_table import read_csv_table
from .digests import about_with_digest, fingerprint, signals_sha256
from .place import beside, put_in_place, refuse_to_lose, tidy_up
from .processes import shared_map
from .ptbxl import is_ptbxl, read_folder
from .shards import Form, Shard, write_shard
from .source import Source
from .store import ABOUT, FORMAT, RECORDS, REJECTED

Progress = Callable[[int, int], None]

SHARD_RECORDS = 2048  # 49 MB of 12 leads of 10 s at 100 Hz

_MOST: dict[str, float] = {  # of each setting; more is a slip, and no memory would be enough
    "rate_hz": 100_000,
    "duration_s": 86_400,  # a day
    "jobs": 10_000,
    "shard_records": 1_000_000,
}
_LOOKED_AT = 20  # records, for the rate and the length of a store


@dataclass(frozen=True, kw_only=True)
class PrepareConfig:
    """How to make a store.

    rate_hz, duration_s: what every record must have; None: what most of the first twenty have
    (of PTB-XL, its files of 100 Hz). resampled: bring other rates to it.
    labels, seed: as read_csv_table takes them. jobs: processes; None: one a core.
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
        for name, most in _MOST.items():
            value = getattr(self, name)
            if value is not None and not 0 < value <= most:
                raise ValueError(f"{name} must be above 0 and at most {most:g}, got {value}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must be from 0 to {2**32 - 1}, got {self.seed}")
        if not self.leads:
            raise ValueError("leads must name one at least")
        for name in ("leads", "labels"):
            values = getattr(self, name)
            if not all(values) or len(set(values)) < len(values):
                raise ValueError(f"{name} must be names, each once, got {','.join(values)!r}")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What came of it: how many records were taken, how many left out; the source's remarks."""

    folder: Path
    records: int
    rejected: int
    remarks: tuple[str, ...]


def open_source(path: Path, config: PrepareConfig) -> Source:
    """A PTB-XL-shaped folder, or a CSV of one's own ECGs; DatasetError if it is neither."""
    if path.is_dir() and is_ptbxl(path):
        return read_folder(path, rate_hz=_rate_of_ptbxl(config))
    if path.is_file() and path.suffix.lower() == ".csv":
        return read_csv_table(path, labels=config.labels, seed=config.seed)
    raise DatasetError(
        f"{path}: needed: a folder like PTB-XL's (with ptbxl_database.csv), or a .csv that lists "
        "your ECGs."
    )


def _rate_of_ptbxl(config: PrepareConfig) -> float:
    """Which of its files to read: those of the wanted rate, or those to resample from."""
    wanted = config.rate_hz or 100
    return wanted if not config.resampled else 100 if wanted <= 100 else 500


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
    check_output_folder(folder.parent)
    tidy_up(folder)
    refuse_to_lose(folder, overwrite=overwrite)
    source = open_source(path, config)
    give_back_freed_memory()
    form = _find_form(source, config)
    with beside(folder) as half:
        shards, signals = _write_signals(source.records, half, form, config, progress)
        prepared = _write_tables(source, shards, signals, half, form, path)
        refuse_to_lose(folder, overwrite=overwrite)  # what came there in the meantime
        put_in_place(half, folder)
    rejected = len(source.records) - prepared
    return Prepared(folder=folder, records=prepared, rejected=rejected, remarks=source.remarks)


def _find_form(source: Source, config: PrepareConfig) -> Form:
    """The leads, rate and length of the store: as configured, else what most ECGs have."""
    rate_hz, duration_s = config.rate_hz, config.duration_s
    if rate_hz is None or duration_s is None:
        common_rate_hz, common_s = _commonest(source)
        rate_hz = rate_hz or common_rate_hz
        duration_s = duration_s or common_s
    samples = round(rate_hz * duration_s)
    if samples < 1:
        raise DatasetError(
            f"{duration_s:g} s at {rate_hz:g} Hz are not one sample; needed: more of either."
        )
    return Form(leads=config.leads, rate_hz=rate_hz, samples=samples, resampled=config.resampled)


def _commonest(source: Source) -> tuple[float, float]:
    """The rate and the duration that most of the first readable records have."""
    problems: list[str] = []
    found = islice(_readable(source, problems), _LOOKED_AT)
    counts = Counter((record.rate_hz, record.duration_s) for record in found)
    if not counts:
        reason = problems[0] if problems else "its table has no rows"
        raise DatasetError(f"{source.name}: none of its ECGs can be read; the first: {reason}")
    return counts.most_common(1)[0][0]


def _readable(source: Source, problems: list[str]) -> Iterator[Record]:
    for path in source.records["path"]:
        try:
            yield read(path)
        except RecordError as error:
            problems.append(str(error))


def _write_signals(
    records: pd.DataFrame, half: Path, form: Form, config: PrepareConfig, progress: Progress | None
) -> tuple[list[Shard], str]:
    """The shards, and the digest of their samples, which goes on while the next are written."""
    shards: list[Shard] = []

    def written() -> Iterator[Path]:
        for shard in _write_shards(records, half, form, config, progress):
            shards.append(shard)
            yield half / shard.file

    return shards, signals_sha256(written())


def _write_shards(
    records: pd.DataFrame, half: Path, form: Form, config: PrepareConfig, progress: Progress | None
) -> Iterator[Shard]:
    """Each process reads some files and writes their shard itself; nothing large travels."""
    usable = records[records["problem"] == ""]
    chunks = [
        usable["path"].iloc[at : at + config.shard_records].tolist()
        for at in range(0, len(usable), config.shard_records)
    ]
    files = [half / f"signals-{k:05d}.npy" for k in range(len(chunks))]
    jobs = min(config.jobs or os.cpu_count() or 1, len(chunks))
    done = 0
    for shard in shared_map(partial(write_shard, form=form), chunks, files, jobs=jobs):
        done += len(shard.problems)
        if progress:
            progress(done, len(usable))
        yield shard


def _write_tables(
    source: Source, shards: list[Shard], signals: str, half: Path, form: Form, path: Path
) -> int:
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
    _write_rejected(rejected, half, path)
    about = _about(source, shards, taken, signals, form)
    (half / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    return len(taken)


def _write_rejected(rejected: pd.DataFrame, half: Path, path: Path) -> None:
    """Files are named as they lie below the dataset: where that lies may tell whose it is."""
    rejected = rejected.rename(columns={"problem": "reason"})[["id", "path", "reason"]]
    above = f"{path.resolve() if path.is_dir() else path.resolve().parent}{os.sep}"
    for column in ("path", "reason"):
        rejected[column] = rejected[column].str.replace(above, "", regex=False)
    rejected.to_csv(half / REJECTED, index=False)


def _about(
    source: Source, shards: list[Shard], taken: pd.DataFrame, signals: str, form: Form
) -> dict[str, object]:
    """What store.json says."""
    parts = [{"file": s.file, "records": len(s.quality), "sha256": s.sha256} for s in shards]
    about = {
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
        "signals_sha256": signals,
        "fingerprint": fingerprint(signals, taken),
    }
    return about_with_digest(about)
