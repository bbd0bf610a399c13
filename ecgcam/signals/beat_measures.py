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
AMPLITUDES = ("R", "S", "ST", "T")

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

    R and S are the largest and the smallest value of the QRS complex, ST is the value 60 ms behind
    it, and T the value of the T wave that is farthest from zero.
    """
    beats = [_amplitudes_mv(record, times_s) for times_s in waves.times_s.tolist()]
    if len(beats) < _LEAST_BEATS:
        return np.full((len(AMPLITUDES), len(record.leads)), np.nan)
    known = np.isfinite(beats).sum(axis=0) >= _LEAST_BEATS
    medians = np.nanmedian(np.where(known, beats, 0.0), axis=0)
    return np.where(known, medians, np.nan)


def _amplitudes_mv(record: Record, times_s: list[list[float]]) -> NDArray[np.float64]:
    """Return the amplitudes of one beat, (amplitudes, leads)."""
    signal_mv = record.signal_mv
    values = np.full((len(AMPLITUDES), len(record.leads)), np.nan)
    _, (qrs_from, qrs_to), (t_from, t_to) = times_s
    start = round(qrs_from * record.rate_hz)
    level = signal_mv[:, max(start - round(_LEVEL_S * record.rate_hz), 0) : start + 1].mean(axis=1)
    complex_mv = signal_mv[:, start : round(qrs_to * record.rate_hz) + 1] - level[:, None]
    values[0], values[1] = complex_mv.max(axis=1), complex_mv.min(axis=1)
    behind = round((qrs_to + _ST_S) * record.rate_hz)
    if behind < signal_mv.shape[1]:
        values[2] = signal_mv[:, behind] - level
    if np.isfinite(t_from):
        first, last = round(t_from * record.rate_hz), round(t_to * record.rate_hz) + 1
        wave_mv = signal_mv[:, first:last] - level[:, None]
        farthest = np.abs(wave_mv).argmax(axis=1)
        values[3] = np.take_along_axis(wave_mv, farthest[:, None], axis=1)[:, 0]
    return values
