"""What a Classifier is given: Records or an array, each ECG as a Record with its findings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..signals.assessment import assess
from ..signals.finding import Finding
from ..signals.record import Record

Ecgs = Record | Sequence[Record] | NDArray[np.float32]

_TOLERANCE = 0.05  # of the window's length; an array that differs more has another rate


@dataclass(frozen=True, kw_only=True)
class Recording:
    """The rate, leads and duration that a model expects of an array."""

    rate_hz: float
    leads: tuple[str, ...]
    duration_s: float


@dataclass(frozen=True, kw_only=True, eq=False)
class AssessedEcg:
    """One ECG and the findings in its signal.

    record:  None if it cannot be a Record.
    refused: why it is not predicted; "" if it is.
    """

    record: Record | None
    findings: tuple[Finding, ...] = ()
    refused: str = ""


def assess_record(record: Record, leads: Sequence[str], *, force: bool) -> AssessedEcg:
    """Assess the leads of one ECG; with `force`, what it would be refused for becomes a warning."""
    try:
        findings = assess(record, leads)
    except RecordError as error:
        return AssessedEcg(record=record, refused=str(error))
    reasons = [finding.text for finding in findings if finding.refuses and not force]
    return AssessedEcg(
        record=record.with_warnings(*(finding.text for finding in findings)),
        findings=findings,
        refused=f"{record.name}: {'; '.join(reasons)}." if reasons else "",
    )


def assess_all(
    ecgs: Sequence[Record] | NDArray[np.float32],
    expected: Recording,
    *,
    rate_hz: float | None,
    leads: Sequence[str] | None,
    force: bool,
) -> Iterator[AssessedEcg]:
    """Yield each ECG with its findings, or with the reason why it is not predicted."""
    if isinstance(ecgs, np.ndarray):
        yield from _assess_array(ecgs, expected, rate_hz=rate_hz, leads=leads, force=force)
        return
    if rate_hz is not None or leads is not None:
        raise ValueError("rate_hz and leads describe an array; a Record has its own.")
    for ecg in ecgs:
        if not isinstance(ecg, Record):
            raise TypeError(
                f"expected Records, got {type(ecg).__name__}; ecgcam.read(path) makes one"
            )
        yield assess_record(ecg, expected.leads, force=force)


def _assess_array(
    signals_mv: NDArray[np.float32],
    expected: Recording,
    *,
    rate_hz: float | None,
    leads: Sequence[str] | None,
    force: bool,
) -> Iterator[AssessedEcg]:
    if signals_mv.ndim != 3:
        raise ValueError(f"expected an array (batch, leads, time), got shape {signals_mv.shape}")
    unknown_rate = "" if rate_hz is not None else _not_the_window(signals_mv.shape[2], expected)
    for k, signal_mv in enumerate(signals_mv):
        if unknown_rate:
            yield AssessedEcg(record=None, refused=f"{k}: {unknown_rate}")
            continue
        try:
            record = Record(
                signal_mv=signal_mv,
                rate_hz=expected.rate_hz if rate_hz is None else rate_hz,
                leads=expected.leads if leads is None else tuple(leads),
                name=str(k),
            )
        except RecordError as error:
            yield AssessedEcg(record=None, refused=str(error))
        else:
            yield assess_record(record, expected.leads, force=force)


def _not_the_window(samples: int, expected: Recording) -> str:
    """Return why an array of so many samples is not at the model's rate; "" if it may be."""
    window = round(expected.duration_s * expected.rate_hz)
    if abs(samples - window) <= _TOLERANCE * window:
        return ""
    return (
        f"the rate of an array of {samples} samples is unknown; expected {window} samples "
        f"({expected.duration_s:g} s at {expected.rate_hz:g} Hz), or pass rate_hz, and leads if "
        f"they are not {', '.join(expected.leads)} in this order."
    )
