"""Numbers that describe the beats of an ECG: its rhythm, its intervals, and amplitudes by lead.

Unlike the measurements of intervals.py, which are for readers, they include what only a machine
would want for all leads. NaN where something could not be measured.
"""

import numpy as np
from numpy.typing import NDArray

from .intervals import measure
from .record import Record
from .waves import Waves

RHYTHM = ("mean RR", "RR deviation", "largest RR change", "median RR change")
INTERVALS = ("PR", "QRS", "QTc", "axis")
AMPLITUDES = ("Q", "R", "S", "R'", "ST", "P highest", "P lowest", "T highest", "T lowest")

_LEAST_BEATS = 3
_LEVEL_S = 0.03  # before QRS, whose mean is the zero of the amplitudes
_ST_S = 0.06  # after QRS


def rhythm_measures(waves: Waves) -> NDArray[np.float64]:
    """Return RHYTHM: seconds, but the largest change from an RR to the next in mean RRs."""
    complexes_s = waves.times_s[:, 1].mean(axis=-1)
    rr_s = np.diff(complexes_s)
    if len(rr_s) < _LEAST_BEATS:
        return np.full(len(RHYTHM), np.nan)
    changes_s = np.abs(np.diff(rr_s))
    mean_s = rr_s.mean()
    return np.array([mean_s, rr_s.std(), changes_s.max() / mean_s, np.median(changes_s)])


def interval_measures(record: Record, waves: Waves) -> NDArray[np.float64]:
    """Return INTERVALS: milliseconds, QTc after Fridericia, and degrees."""
    found = measure(record, waves)
    values = (found.pr_ms, found.qrs_ms, found.qtc_fridericia_ms, found.axis_deg)
    return np.array(values, float)


def amplitude_measures(record: Record, waves: Waves) -> NDArray[np.float64]:
    """Return AMPLITUDES of each lead in mV, medians over the beats: (amplitudes, leads).

    R and S are the largest and the smallest value of the QRS complex, Q the smallest before R, R'
    the largest after S, and ST the value 60 ms behind the complex.
    """
    beats = [_amplitudes_mv(record, times_s) for times_s in waves.times_s.tolist()]
    if len(beats) < _LEAST_BEATS:
        return np.full((len(AMPLITUDES), len(record.leads)), np.nan)
    known = np.isfinite(beats).sum(axis=0) >= _LEAST_BEATS
    medians = np.nanmedian(np.where(known, beats, 0.0), axis=0)
    return np.where(known, medians, np.nan)


def _amplitudes_mv(record: Record, times_s: list[list[float]]) -> NDArray[np.float64]:
    """Return the amplitudes of one beat, (amplitudes, leads)."""
    p_wave, (qrs_from_s, qrs_to_s), t_wave = times_s
    start = round(qrs_from_s * record.rate_hz)
    before = max(start - round(_LEVEL_S * record.rate_hz), 0)
    level_mv = record.signal_mv[:, before : start + 1].mean(axis=1, keepdims=True)
    signal_mv = record.signal_mv - level_mv
    values = np.full((len(AMPLITUDES), len(record.leads)), np.nan)
    values[:4] = _deflections(signal_mv[:, start : round(qrs_to_s * record.rate_hz) + 1])
    behind = round((qrs_to_s + _ST_S) * record.rate_hz)
    if behind < signal_mv.shape[1]:
        values[4] = signal_mv[:, behind]
    for row, (from_s, to_s) in ((5, p_wave), (7, t_wave)):
        if np.isfinite(from_s):
            wave = signal_mv[:, round(from_s * record.rate_hz) : round(to_s * record.rate_hz) + 1]
            values[row], values[row + 1] = wave.max(axis=1), wave.min(axis=1)
    return values


def _deflections(complex_mv: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Q, R, S and R' of a QRS complex (leads, time): (4, leads)."""
    place = np.arange(complex_mv.shape[1])
    before_r = place <= complex_mv.argmax(axis=1, keepdims=True)
    behind_s = place >= complex_mv.argmin(axis=1, keepdims=True)
    q = np.where(before_r, complex_mv, np.inf).min(axis=1)
    r_prime = np.where(behind_s, complex_mv, -np.inf).max(axis=1)
    return np.stack([q, complex_mv.max(axis=1), complex_mv.min(axis=1), r_prime])
