"""One shard of a store: ECG files read, checked, fitted and written in whole microvolts.

The worker processes of `prepare` import this module, so it imports little.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..files import sha256
from ..readers.read import read
from ..readers.wfdb16 import INVALID_SAMPLE, DigitalSignal, read_wfdb16, record_stem
from ..readers.wfdb_header import age_and_sex
from ..signals.leads import lead_order
from ..signals.quality import describe_findings, find_quality_uv, implausible_amplitude
from ..signals.record import Record
from ..signals.resampling import resample
from ..signals.windows import MIN_DURATION_S

USE_SECONDS = "or use --seconds, which cuts longer ECGs and pads shorter ones"
USE_RESAMPLE = "or use --resample"

_BLOCK = 64  # records whose quality is checked together: 1.5 MB fit the processor's cache


@dataclass(frozen=True, kw_only=True)
class Form:
    """The leads, rate and length that all signals of a store share.

    resampled: whether records at other rates are resampled to `rate_hz`.
    fitted:    whether records of another length are cut or padded.
    """

    leads: tuple[str, ...]
    rate_hz: float
    samples: int
    resampled: bool = False
    fitted: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedSignal:
    """The signal of a file in the form of a store.

    signal_uv:  (leads, samples) in µV.
    recorded:   samples that are not padding.
    duration_s: duration of the file.
    notes:      what the reader said about it.
    """

    signal_uv: NDArray[np.int16]
    recorded: int
    duration_s: float
    notes: tuple[str, ...] = ()
    age_years: float | None = None
    sex: str | None = None


@dataclass(frozen=True, kw_only=True)
class StoredFacts:
    """What a store's table holds about a signal. digest: SHA-256 of its samples."""

    quality: tuple[str, ...]
    digest: str
    duration_s: float
    age_years: float | None
    sex: str | None


@dataclass(frozen=True, kw_only=True)
class Shard:
    """The outcome of writing one shard.

    file, sha256: the name and the digest of its file.
    problems:     for each input file the reason for leaving it out, "" if it was stored.
    facts:        of each stored record.
    """

    file: str
    sha256: str
    problems: tuple[str, ...]
    facts: tuple[StoredFacts, ...]


def write_shard(paths: Sequence[str], file: Path, form: Form) -> Shard:
    """Write the signals of all usable files to `file`, in order."""
    signals_uv = np.empty((len(paths), len(form.leads), form.samples), np.int16)
    problems: list[str] = []
    fitted: list[FittedSignal] = []
    for path in paths:
        try:
            signal = read_microvolts(path, form)
        except (RecordError, OSError) as error:
            problems.append(str(error))
        else:
            signals_uv[len(fitted)] = signal.signal_uv
            problems.append("")
            fitted.append(replace(signal, signal_uv=signals_uv[len(fitted)]))
    signals_uv = signals_uv[: len(fitted)]
    quality = _find_quality(signals_uv, fitted, form)
    np.save(file, signals_uv)
    return Shard(
        file=file.name,
        sha256=sha256(file),
        problems=tuple(problems),
        facts=tuple(map(_facts, fitted, quality)),
    )


def drop_records(shard: Shard, folder: Path, reasons: dict[int, str]) -> Shard:
    """Return the shard without some stored records, and write its file again.

    reasons: why a record is left out, by its row.
    """
    path = folder / shard.file
    np.save(path, np.delete(np.load(path), list(reasons), axis=0))
    stored = [k for k, problem in enumerate(shard.problems) if not problem]
    problems = list(shard.problems)
    for row, reason in reasons.items():
        problems[stored[row]] = reason
    return replace(
        shard,
        sha256=sha256(path),
        problems=tuple(problems),
        facts=tuple(facts for row, facts in enumerate(shard.facts) if row not in reasons),
    )


def _find_quality(
    signals_uv: NDArray[np.int16], fitted: Sequence[FittedSignal], form: Form
) -> list[tuple[str, ...]]:
    """Return the findings of each signal; padding, which is flat, is not looked at."""
    quality: list[tuple[str, ...]] = []
    for at in range(0, len(fitted), _BLOCK):
        findings = find_quality_uv(signals_uv[at : at + _BLOCK], form.leads, form.rate_hz)
        quality += describe_findings(findings, form.leads)
    for k, signal in enumerate(fitted):
        if signal.recorded < form.samples:
            recorded_uv = signals_uv[k : k + 1, :, : signal.recorded]
            findings = find_quality_uv(recorded_uv, form.leads, form.rate_hz)
            (quality[k],) = describe_findings(findings, form.leads)
    return quality


def _facts(signal: FittedSignal, quality: tuple[str, ...]) -> StoredFacts:
    return StoredFacts(
        quality=tuple(dict.fromkeys((*signal.notes, *quality))),
        digest=hashlib.sha256(signal.signal_uv.tobytes()).hexdigest(),
        duration_s=signal.duration_s,
        age_years=signal.age_years,
        sex=signal.sex,
    )


def read_microvolts(path: str, form: Form) -> FittedSignal:
    """Read a file in the store's form.

    A longer signal is cut at its end; a shorter one of at least 5 s is padded at its end with the
    median of each lead. Raises RecordError if the file is damaged, if its leads, rate or length
    differ from the form, or if all leads are flat.
    """
    signal = _whole_microvolts(path, form)
    if (signal.signal_uv == signal.signal_uv[:, :1]).all():
        raise RecordError(f"{path}: all leads are flat; expected a signal.")
    length, wanted = signal.signal_uv.shape[1], form.samples
    if length == wanted:
        return signal
    seconds = f"{path}: it lasts {length / form.rate_hz:g} s; expected"
    if not form.fitted:
        raise RecordError(f"{seconds} {wanted / form.rate_hz:g} s, {USE_SECONDS}.")
    if length > wanted:
        return replace(signal, signal_uv=signal.signal_uv[:, :wanted], recorded=wanted)
    if length < min(wanted, MIN_DURATION_S * form.rate_hz):
        raise RecordError(f"{seconds} at least {min(wanted / form.rate_hz, MIN_DURATION_S):g} s.")
    baseline = np.median(signal.signal_uv, axis=1, keepdims=True).round().astype(np.int16)
    padding = baseline.repeat(wanted - length, axis=1)
    return replace(
        signal, signal_uv=np.concatenate([signal.signal_uv, padding], axis=1), recorded=length
    )


def _whole_microvolts(path: str, form: Form) -> FittedSignal:
    """Read the store's leads at its rate, in their whole length."""
    stem = record_stem(path)
    digital = read_wfdb16(stem) if os.path.isfile(f"{stem}.hea") else None
    if digital is not None and _is_in_form(digital, form):
        signal_uv = digital.samples.T[_lead_order(digital.leads, form.leads)]
        age_years, sex = age_and_sex(digital.comments)
        return FittedSignal(
            signal_uv=signal_uv,
            recorded=signal_uv.shape[1],
            duration_s=signal_uv.shape[1] / form.rate_hz,
            age_years=age_years,
            sex=sex,
        )
    record = read(Path(path))
    duration_s = record.duration_s
    if record.rate_hz != form.rate_hz:
        record = _at_rate(path, record, form)
    try:
        record = record.with_leads(form.leads)
    except RecordError as error:
        raise RecordError(f"{path}: {str(error).removeprefix(f'{record.name}: ')}") from None
    if problem := implausible_amplitude(record.signal_mv):
        raise RecordError(f"{path}: {problem}")
    return FittedSignal(
        signal_uv=np.rint(record.signal_mv * 1000.0).astype(np.int16),
        recorded=record.signal_mv.shape[1],
        duration_s=duration_s,
        notes=record.warnings,
        age_years=record.age_years,
        sex=record.sex,
    )


def _is_in_form(digital: DigitalSignal, form: Form) -> bool:
    """Return whether the samples are whole microvolts of the store's leads at its rate.

    PTB-XL's are. A record with a sample that the device marked as invalid is not.
    """
    return (
        set(digital.gains) == {1000.0}
        and set(digital.baselines) == {0}
        and {unit.lower() for unit in digital.units} == {"mv"}
        and digital.rate_hz == form.rate_hz
        and _has_leads(digital.leads, form.leads)
        and not (digital.samples == INVALID_SAMPLE).any()
    )


def _at_rate(path: str, record: Record, form: Form) -> Record:
    """Resample a record to the store's rate, or raise RecordError if that is not wanted."""
    if not form.resampled:
        raise RecordError(
            f"{path}: {record.rate_hz:g} Hz; expected {form.rate_hz:g} Hz, {USE_RESAMPLE}."
        )
    resampled = resample(record, form.rate_hz)
    samples = round(record.duration_s * form.rate_hz)  # the filter rounds up
    return replace(resampled, signal_mv=resampled.signal_mv[:, :samples])


def _has_leads(leads: tuple[str, ...], expected: tuple[str, ...]) -> bool:
    try:
        _lead_order(leads, expected)
    except RecordError:
        return False
    return True


@lru_cache
def _lead_order(leads: tuple[str, ...], expected: tuple[str, ...]) -> list[int]:
    """Return the order of the leads; most files of a dataset name their leads alike."""
    return lead_order(leads, expected)
