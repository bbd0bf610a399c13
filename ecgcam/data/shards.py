"""One shard of a store: ECG files read, checked, put in order and written in whole microvolts.

The worker processes of `prepare` import this module, so it imports little.
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
from ..readers.read import read
from ..readers.wfdb16 import INVALID_SAMPLE, DigitalSignal, read_wfdb16, record_stem
from ..signals.leads import lead_order
from ..signals.quality import describe_findings, find_quality_uv, implausible_amplitude
from ..signals.record import Record
from ..signals.resampling import resample

_BLOCK = 64  # records whose quality is checked together: 1.5 MB fit the processor's cache


@dataclass(frozen=True, kw_only=True)
class Form:
    """The leads, rate and length that all signals of a store share.

    resampled: whether records at other rates are resampled to `rate_hz`.
    """

    leads: tuple[str, ...]
    rate_hz: float
    samples: int
    resampled: bool = False


@dataclass(frozen=True, kw_only=True)
class Shard:
    """The outcome of writing one shard.

    file, sha256: the name and the digest of its file.
    problems:     for each input file the reason for leaving it out, "" if it was stored.
    quality:      for each stored record its signal quality findings.
    """

    file: str
    sha256: str
    problems: tuple[str, ...]
    quality: tuple[tuple[str, ...], ...]


def write_shard(paths: Sequence[str], file: Path, form: Form) -> Shard:
    """Write the signals of all usable files to `file`, in order."""
    signals_uv = np.empty((len(paths), len(form.leads), form.samples), np.int16)
    problems: list[str] = []
    stored = 0
    for path in paths:
        try:
            signals_uv[stored] = read_microvolts(path, form)
        except (RecordError, OSError) as error:
            problems.append(str(error))
        else:
            problems.append("")
            stored += 1
    signals_uv = signals_uv[:stored]
    quality: list[tuple[str, ...]] = []
    for at in range(0, stored, _BLOCK):
        findings = find_quality_uv(signals_uv[at : at + _BLOCK], form.leads, form.rate_hz)
        quality += describe_findings(findings, form.leads)
    np.save(file, signals_uv)
    return Shard(
        file=file.name, sha256=sha256(file), problems=tuple(problems), quality=tuple(quality)
    )


def read_microvolts(path: str, form: Form) -> NDArray[np.int16]:
    """Read the signal of a file as whole microvolts, (leads, time), in the store's form.

    Raises RecordError if the file is damaged, if its leads, rate or length differ from the form,
    or if all leads are flat.
    """
    signal_uv = _whole_microvolts(path, form)
    if signal_uv.shape[1] != form.samples:
        raise RecordError(
            f"{path}: it lasts {signal_uv.shape[1] / form.rate_hz:g} s; "
            f"expected {form.samples / form.rate_hz:g} s."
        )
    if (signal_uv == signal_uv[:, :1]).all():
        raise RecordError(f"{path}: all leads are flat; expected a signal.")
    return signal_uv


def _whole_microvolts(path: str, form: Form) -> NDArray[np.int16]:
    """Read the store's leads at its rate: (leads, time) of any length."""
    stem = record_stem(path)
    digital = read_wfdb16(stem) if os.path.isfile(f"{stem}.hea") else None
    plain = digital is not None and _is_microvolts(digital) and digital.rate_hz == form.rate_hz
    if digital is not None and plain and not (digital.samples == INVALID_SAMPLE).any():
        return digital.samples.T[_lead_order(path, digital.leads, form)]
    record = read(Path(path))
    if record.rate_hz != form.rate_hz:
        record = _at_rate(path, record, form)
    signal_mv = record.signal_mv[_lead_order(path, record.leads, form)]
    if problem := implausible_amplitude(signal_mv):
        raise RecordError(f"{path}: {problem}")
    return np.rint(signal_mv * 1000.0).astype(np.int16)


def _is_microvolts(digital: DigitalSignal) -> bool:
    """Return whether the samples are whole microvolts already, as PTB-XL's are."""
    return (
        set(digital.gains) == {1000.0}
        and set(digital.baselines) == {0}
        and {unit.lower() for unit in digital.units} == {"mv"}
    )


def _at_rate(path: str, record: Record, form: Form) -> Record:
    """Resample a record to the store's rate, or raise RecordError if that is not wanted."""
    if not form.resampled:
        raise RecordError(
            f"{path}: {record.rate_hz:g} Hz; expected {form.rate_hz:g} Hz, or use --resample."
        )
    resampled = resample(record, form.rate_hz)
    if round(record.duration_s * form.rate_hz) == form.samples:  # the filter rounds up
        return replace(resampled, signal_mv=resampled.signal_mv[:, : form.samples])
    return resampled


def _lead_order(path: str, leads: tuple[str, ...], form: Form) -> list[int]:
    try:
        return _cached_lead_order(leads, form.leads)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from None


@lru_cache
def _cached_lead_order(leads: tuple[str, ...], expected: tuple[str, ...]) -> list[int]:
    """Return the order of the leads; most files of a dataset name their leads alike."""
    return lead_order(leads, expected)
