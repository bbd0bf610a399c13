"""A record cut to what a model takes: its leads, its rate, windows of its length."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from .quality import beyond_any_ecg
from .record import Record
from .resampling import resample

SHORTEST_S = 5.0  # less than this is too few beats to judge


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """What the network is given for one record.

    signal_mv: (windows, leads, samples), the windows in a row, without gaps or overlap.
    window_s:  how long each of them lasts.
    judged_s:  how much of the record they hold; what is beyond it in the last one is filled up.
    warnings:  what was resampled, filled up or left out.
    """

    signal_mv: NDArray[np.float32]
    window_s: float
    judged_s: float
    warnings: tuple[str, ...]

    @property
    def filled(self) -> bool:
        """Whether the last one holds more than was recorded."""
        return self.judged_s < len(self.signal_mv) * self.window_s

    def in_a_row(self, evidence: NDArray[np.float32]) -> NDArray[np.float32]:
        """(windows, classes, frames) to (classes, all frames whose middle was recorded).

        What fills the last window up is nobody's heart, and has no say.
        """
        recorded = math.ceil(self.judged_s / self.window_s * evidence.shape[-1] - 0.5)
        return np.concatenate(list(evidence), axis=-1)[:, : max(recorded, 1)]


def cut(record: Record, *, leads: tuple[str, ...], rate_hz: float, duration_s: float) -> Windows:
    """The record as windows of `duration_s` at `rate_hz` with these leads, from its start on.

    A rest of at least 5 s is filled up with its own baseline (each lead's median), a shorter one
    is left out; both are said in the warnings, as is that other leads are not looked at. Raises
    RecordError if a lead is missing, if all are flat, if the record is shorter than 5 s, or if it
    is so large that it cannot be in millivolts.
    """
    chosen = record.with_leads(leads)
    if problem := beyond_any_ecg(chosen.signal_mv):
        raise RecordError(f"{record.name}: {problem}")
    fitted = resample(chosen, rate_hz)
    samples = round(duration_s * rate_hz)
    found = fitted.signal_mv.shape[1]
    shortest = min(samples, round(SHORTEST_S * rate_hz))
    if found < shortest:
        raise RecordError(
            f"{record.name}: it lasts {record.duration_s:.3g} s; "
            f"needed: at least {shortest / rate_hz:g} s."
        )
    if (chosen.signal_mv == chosen.signal_mv[:, :1]).all():
        raise RecordError(f"{record.name}: {', '.join(leads)} are flat: there is nothing to judge.")
    whole, rest = divmod(found, samples)
    parts = [fitted.signal_mv[:, at : at + samples] for at in range(0, whole * samples, samples)]
    warnings = list(record.warnings)
    if set(leads) < set(record.leads):
        warnings.append(f"judged by {', '.join(leads)} alone; the heat behind others is not theirs")
    if record.rate_hz != rate_hz:
        warnings.append(f"resampled from {record.rate_hz:g} to {rate_hz:g} Hz")
    if rest >= shortest:
        parts.append(_filled(fitted.signal_mv[:, -rest:], samples))
        lacks_s = (samples - rest) / rate_hz
        warnings.append(f"the last window lacks {lacks_s:.3g} s: filled up, not judged")
    elif rest:
        warnings.append(f"the last {rest / rate_hz:.3g} s are left out, not judged")
    judged = whole * samples + (rest if rest >= shortest else 0)
    return Windows(
        signal_mv=np.stack(parts),
        window_s=samples / rate_hz,
        judged_s=judged / rate_hz,
        warnings=tuple(warnings),
    )


def _filled(part: NDArray[np.float32], samples: int) -> NDArray[np.float32]:
    """(leads, samples): the part, then each lead's median."""
    baseline = np.median(part, axis=1, keepdims=True)
    missing = samples - part.shape[1]
    return np.concatenate([part, np.repeat(baseline, missing, axis=1)], axis=1)
