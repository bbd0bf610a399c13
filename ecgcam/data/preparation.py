"""Preparation: a dataset read once, in parallel, and written as a store."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ..errors import DatasetError, RecordError
from ..files import check_output_folder
from ..processes import Progress
from ..readers.read import read
from ..signals.leads import LEADS
from ..signals.record import Record
from .datasets import open_dataset
from .shards import USE_RESAMPLE, USE_SECONDS, Form
from .source import Source
from .store_writer import IS_STORED, check_no_loss, write_store

SHARD_RECORDS = 2048  # 49 MB of 12 leads of 10 s at 100 Hz

_UPPER_LIMITS: dict[str, float] = {  # a larger value is a typing error and would fill the memory
    "rate_hz": 100_000,
    "duration_s": 86_400,  # a day
    "jobs": 10_000,
    "shard_records": 1_000_000,
}
_FIRST_RECORDS = 20  # they determine the rate and the length of a store


@dataclass(frozen=True, kw_only=True)
class PrepareConfig:
    """Settings of a store.

    rate_hz:       the rate of every record. None: that of most of the first twenty records (for
                   PTB-XL, of its files at 100 Hz).
    duration_s:    the length of every record: longer ones are cut at their end, shorter ones of at
                   least 5 s are padded there. None: that of most of the first twenty records, and
                   records of another length are left out.
    resampled:     whether to resample records at other rates to `rate_hz`.
    leads:         which leads to store, in this order.
    labels, seed, keep_identity: see read_csv_table.
    jobs:          number of processes. None: one per core.
    shard_records: records per file of the store.
    """

    rate_hz: float | None = None
    duration_s: float | None = None
    resampled: bool = False
    leads: tuple[str, ...] = LEADS
    labels: tuple[str, ...] = ()
    seed: int = 0
    keep_identity: bool = False
    jobs: int | None = None
    shard_records: int = SHARD_RECORDS

    def __post_init__(self) -> None:
        for name, limit in _UPPER_LIMITS.items():
            value = getattr(self, name)
            if value is not None and not 0 < value <= limit:
                raise ValueError(f"{name} must be above 0 and at most {limit:g}, got {value}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed must be from 0 to {2**32 - 1}, got {self.seed}")
        if not self.leads:
            raise ValueError("leads must name at least one lead")
        for name in ("leads", "labels"):
            values = getattr(self, name)
            if not all(values) or len(set(values)) < len(values):
                raise ValueError(f"{name} must be different names, got {','.join(values)!r}")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A new store: its folder, its numbers of records stored and left out, the source's remarks."""

    folder: Path
    records: int
    rejected: int
    remarks: tuple[str, ...]


def prepare(
    path: Path,
    folder: Path,
    config: PrepareConfig | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Prepared:
    """Make a store at `folder` from the dataset at `path`.

    path:      a folder laid out like PTB-XL, any other folder of ECGs (see read_ecg_folder), or a
               CSV table (see read_csv_table).
    overwrite: whether to replace a store that exists at `folder`.
    progress:  called with the number of records done and of all records.

    Records that cannot be used are left out and listed in rejected.csv, each with the reason. The
    store appears at `folder` when it is complete, or not at all.
    Raises DatasetError if the dataset cannot be read, if no record can be used, or if `folder`
    holds anything else than a store that may be overwritten.
    """
    config = config or PrepareConfig()
    check_output_folder(folder.parent)
    check_no_loss(folder, overwrite=overwrite)
    source = open_dataset(
        path,
        labels=config.labels,
        seed=config.seed,
        keep_identity=config.keep_identity,
        ptbxl_rate_hz=_ptbxl_rate_hz(config),
    )
    form = _choose_form(source, config)
    reasons = write_store(
        source,
        folder,
        form,
        dataset=path,
        shard_records=config.shard_records,
        jobs=config.jobs,
        overwrite=overwrite,
        progress=progress,
    )
    return Prepared(
        folder=folder,
        records=len(source.records) - len(reasons),
        rejected=len(reasons),
        remarks=(*source.remarks, *_remarks(reasons, form)),
    )


def _remarks(reasons: list[str], form: Form) -> Iterator[str]:
    """Yield how to use the records that were left out, and how many were copies."""
    lengths, rates, copies = (
        sum(reason.endswith((text, f"{text}.")) for reason in reasons)
        for text in (USE_SECONDS, USE_RESAMPLE, IS_STORED)
    )
    if lengths:
        seconds = f"{form.samples / form.rate_hz:g}"
        yield (
            f"{lengths} ECGs do not last {seconds} s: --seconds {seconds} cuts longer ones and "
            "pads shorter ones"
        )
    if rates:
        yield f"{rates} ECGs do not have {form.rate_hz:g} Hz: --resample changes their rate"
    if copies:
        yield f"{copies} ECGs are copies of others, which could be in another fold"


def _ptbxl_rate_hz(config: PrepareConfig) -> float:
    """Return the rate of the PTB-XL files to read, which may be resampled afterwards."""
    rate_hz = config.rate_hz or 100
    if not config.resampled:
        return rate_hz
    return 100 if rate_hz <= 100 else 500


def _choose_form(source: Source, config: PrepareConfig) -> Form:
    """Return leads, rate and length as configured, else those that most records have."""
    rate_hz, duration_s = config.rate_hz, config.duration_s
    if rate_hz is None or duration_s is None:
        common_rate_hz, common_s = _most_common_form(source)
        rate_hz = rate_hz or common_rate_hz
        duration_s = duration_s or common_s
    samples = round(rate_hz * duration_s)
    if samples < 1:
        raise DatasetError(
            f"{duration_s:g} s at {rate_hz:g} Hz are less than one sample; expected a higher rate "
            "or a longer duration."
        )
    return Form(
        leads=config.leads,
        rate_hz=rate_hz,
        samples=samples,
        resampled=config.resampled,
        fitted=config.duration_s is not None,
    )


def _most_common_form(source: Source) -> tuple[float, float]:
    """Return the rate and the duration that most of the first readable records have."""
    problems: list[str] = []
    first = islice(_readable_records(source, problems), _FIRST_RECORDS)
    counts = Counter((record.rate_hz, record.duration_s) for record in first)
    if not counts:
        reason = problems[0] if problems else "its table has no rows"
        raise DatasetError(f"{source.name}: none of its ECGs can be read; the first: {reason}")
    return counts.most_common(1)[0][0]


def _readable_records(source: Source, problems: list[str]) -> Iterator[Record]:
    for path in source.records["path"]:
        try:
            yield read(path)
        except RecordError as error:
            problems.append(str(error))
