"""Files of ECGs to one shard of a store: read, checked, put in order, as whole microvolts.

It runs in the processes that `prepare` starts, too, and so loads little.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..files import sha256
from ..readers.alike import headers_like, read_alike
from ..readers.read import read
from ..readers.wfdb16 import INVALID, Digital, read_plain, stem_of
from ..signals.leads import lead_name, lead_order
from ..signals.quality import beyond_any_ecg, find_quality_uv, in_words
from ..signals.record import Record
from ..signals.windows import resample
from .rows import write_rows

_BLOCK = 64  # records read and looked at together: 1.5 MB, which the cache holds


@dataclass(frozen=True, kw_only=True)
class Form:
    """What every signal of a store has in common. resampled: other rates are brought to it."""

    leads: tuple[str, ...]
    rate_hz: float
    samples: int
    resampled: bool = False


@dataclass(frozen=True, kw_only=True)
class Shard:
    """What came of the files: a problem for each ("" if it was taken), findings for each taken.

    sha256: of the shard's file.
    """

    file: str
    sha256: str
    problems: tuple[str, ...]
    quality: tuple[tuple[str, ...], ...]


def write_shard(paths: Sequence[str], file: Path, form: Form) -> Shard:
    """Write the signals of the files that can be used, in their order, to `file`."""
    signals_uv = np.empty((len(paths), len(form.leads), form.samples), np.int16)
    problems: list[str] = []
    quality: list[tuple[str, ...]] = []
    for at in range(0, len(paths), _BLOCK):
        some = paths[at : at + _BLOCK]
        block_uv = signals_uv[len(quality) : len(quality) + len(some)]
        found = read_block(some, block_uv, form)
        good = found.count("")
        if good < len(some):
            block_uv[:good] = block_uv[[not problem for problem in found]]
        problems += found
        quality += in_words(find_quality_uv(block_uv[:good], form.leads, form.rate_hz), form.leads)
    signals_uv = signals_uv[: len(quality)]
    write_rows(file, [signals_uv], shape=signals_uv.shape, dtype=np.int16)  # says if a disk is full
    return Shard(
        file=file.name, sha256=sha256(file), problems=tuple(problems), quality=tuple(quality)
    )


def read_block(paths: Sequence[str], block_uv: NDArray[np.int16], form: Form) -> list[str]:
    """Read the files into `block_uv` (records, leads, time); the problem of each, "" if none."""
    problems = [""] * len(paths)
    pattern = headers_like(paths[0]) if _is_as_wanted(paths[0], form) else None
    read = read_alike(paths, pattern, block_uv) if pattern else np.zeros(len(paths), bool)
    for k in np.flatnonzero(~read).tolist():
        try:
            block_uv[k] = read_microvolts(Path(paths[k]), form)
        except (RecordError, OSError) as error:
            problems[k] = str(error)
    for k in np.flatnonzero(_all_flat(block_uv)).tolist():
        problems[k] = problems[k] or f"{paths[k]}: all leads are flat: there is nothing to judge."
    return problems


def _all_flat(block_uv: NDArray[np.int16]) -> NDArray[np.bool_]:
    """(records,): whether no lead moves. Of nearly all some of the samples tell that one does."""
    flat: NDArray[np.bool_] = (block_uv[..., ::100] == block_uv[..., :1]).all(axis=(1, 2))
    for k in np.flatnonzero(flat):
        flat[k] = (block_uv[k] == block_uv[k, :, :1]).all()
    return flat


def _is_as_wanted(path: str, form: Form) -> bool:
    """Whether a file's samples are just those that the store is to hold."""
    stem = stem_of(path)
    try:
        digital = read_plain(Path(stem)) if os.path.isfile(f"{stem}.hea") else None
    except RecordError:
        return False
    return (
        digital is not None
        and _is_microvolts(digital)
        and digital.rate_hz == form.rate_hz
        and digital.samples.shape == (form.samples, len(form.leads))
        and tuple(map(lead_name, digital.leads)) == form.leads
    )


def read_microvolts(path: Path, form: Form) -> NDArray[np.int16]:
    """The signal of a file in whole microvolts: (leads, time), just as the form wants it.

    Raises RecordError if the file is damaged, or its leads, rate or length are others.
    """
    stem = stem_of(str(path))
    digital = read_plain(Path(stem)) if os.path.isfile(f"{stem}.hea") else None
    if digital is not None and _is_microvolts(digital) and digital.rate_hz == form.rate_hz:
        if (digital.samples == INVALID).any():
            raise RecordError(f"{path}: it holds samples that the device marked invalid.")
        rows = _in_order(path, digital.leads, form)
        signal = digital.samples.T
        if rows != list(range(len(signal))):  # else the copy into the shard is the only one
            signal = signal[rows]
        return _checked_length(path, signal, form)
    record = read(path)
    if record.rate_hz != form.rate_hz:
        record = _at_rate(path, record, form)
    signal_mv = record.signal_mv[_in_order(path, record.leads, form)]
    if problem := beyond_any_ecg(signal_mv):
        raise RecordError(f"{path}: {problem}")
    return _checked_length(path, np.rint(signal_mv * 1000.0).astype(np.int16), form)


def _is_microvolts(digital: Digital) -> bool:
    """Whether its samples are whole microvolts already, as PTB-XL's are."""
    return (
        set(digital.gains) == {1000.0}
        and set(digital.baselines) == {0}
        and {unit.lower() for unit in digital.units} == {"mv"}
    )


def _at_rate(path: Path, record: Record, form: Form) -> Record:
    if not form.resampled:
        raise RecordError(
            f"{path}: {record.rate_hz:g} Hz; needed: {form.rate_hz:g} Hz, or --resample."
        )
    resampled = resample(record, form.rate_hz)
    if round(record.duration_s * form.rate_hz) == form.samples:  # the filter rounds up
        return replace(resampled, signal_mv=resampled.signal_mv[:, : form.samples])
    return resampled


@lru_cache
def _rows(leads: tuple[str, ...], wanted: tuple[str, ...]) -> list[int]:
    """Most files of a dataset name their leads alike."""
    return lead_order(leads, wanted)


def _in_order(path: Path, leads: tuple[str, ...], form: Form) -> list[int]:
    try:
        return _rows(leads, form.leads)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from None


def _checked_length(path: Path, signal: NDArray[np.int16], form: Form) -> NDArray[np.int16]:
    if signal.shape[1] != form.samples:
        raise RecordError(
            f"{path}: it lasts {signal.shape[1] / form.rate_hz:g} s; "
            f"needed: {form.samples / form.rate_hz:g} s."
        )
    return signal
