"""Numbers that describe the beats of an ECG: rhythm, intervals, amplitudes, and the mean beat.

Unlike the measurements of intervals.py, which are for readers, they include what only a machine
would want for all leads. NaN where something could not be measured.
"""

import numpy as np
from numpy.typing import NDArray

from .intervals import measure
from .record import Record
from .waves import Waves

RHYTHM = (
    "mean RR",
    "RR deviation",
    "largest RR change",
    "median RR change",
    "shortest RR",
    "longest RR",
    "beats with P",
    "lowest correlation",
    "dissimilar beats",
)
INTERVALS = ("PR", "QRS", "QTc", "axis", "P duration", "T duration")
AMPLITUDES = ("Q", "R", "S", "R'", "ST", "P highest", "P lowest", "T highest", "T lowest")
MEAN_BEAT_S = (  # from the onset of QRS: P, QRS, ST and T
    *(-0.2, -0.16, -0.12, -0.08, -0.04),
    *(0.02, 0.04, 0.06, 0.08, 0.1, 0.12),
    *(0.16, 0.2, 0.24, 0.28, 0.32, 0.36, 0.4, 0.44, 0.5),
)

_LEAST_BEATS = 3
_LEVEL_S = 0.03  # before QRS, whose mean is the zero of the amplitudes
_ST_S = 0.06  # after QRS
_COMPLEX_S = (-0.06, 0.16)  # from the onset of QRS: what is compared between beats
_SIMILAR = 0.9  # correlation
_FLAT = 1e-6  # mV², all samples of a beat: rounding alone


def rhythm_measures(record: Record, waves: Waves) -> NDArray[np.float64]:
    """Return RHYTHM.

    Mean and deviation of RR and the median change from one RR to the next are in seconds, the
    largest change in mean RRs, the shortest and the longest RR in median RRs. "beats with P" is a
    fraction. "lowest correlation" is that of any QRS complex with the median one
    (`beat_correlations`), "dissimilar beats" the fraction of beats below 0.9.
    """
    complexes_s = waves.times_s[:, 1].mean(axis=-1)
    rr_s = np.diff(complexes_s)
    if len(rr_s) < _LEAST_BEATS:
        return np.full(len(RHYTHM), np.nan)
    changes_s = np.abs(np.diff(rr_s))
    mean_s, median_s = rr_s.mean(), np.median(rr_s)
    correlations = beat_correlations(record, waves)
    similarity = (np.nan, np.nan)
    if len(correlations):
        similarity = (float(correlations.min()), float(np.mean(correlations < _SIMILAR)))
    return np.array([
        mean_s,
        rr_s.std(),
        changes_s.max() / mean_s,
        np.median(changes_s),
        rr_s.min() / median_s,
        rr_s.max() / median_s,
        np.isfinite(waves.times_s[:, 0, 0]).mean(),
        *similarity,
    ])  # fmt: skip


def beat_correlations(record: Record, waves: Waves) -> NDArray[np.float64]:
    """Return the correlation of each QRS complex, in all leads, with the median one: (beats kept,).

    Beats at the ends of the record and flat ones are left out; of fewer than three there is none.
    """
    starts = np.round((waves.times_s[:, 1, 0] + _COMPLEX_S[0]) * record.rate_hz).astype(np.int64)
    width = round((_COMPLEX_S[1] - _COMPLEX_S[0]) * record.rate_hz)
    inside = starts[(starts >= 0) & (starts + width <= record.signal_mv.shape[1])]
    if len(inside) < _LEAST_BEATS:
        return np.empty(0)
    beats = np.stack([record.signal_mv[:, start : start + width] for start in inside.tolist()])
    beats = beats.astype(np.float64) - beats.mean(axis=2, keepdims=True)
    median = np.median(beats, axis=0)
    sizes = np.sqrt((beats**2).sum(axis=(1, 2)) * (median**2).sum())
    products: NDArray[np.float64] = (beats * median).sum(axis=(1, 2))
    return products[sizes > _FLAT] / sizes[sizes > _FLAT]


def interval_measures(record: Record, waves: Waves) -> NDArray[np.float64]:
    """Return INTERVALS: milliseconds, QTc after Fridericia, and degrees.

    Durations are medians over all beats, the others over beats whose waves are sure.
    """
    found = measure(record, waves)
    durations_ms = 1000 * np.diff(waves.times_s[:, ::2], axis=2)[..., 0]  # (beats, P and T)
    values = (found.pr_ms, found.qrs_ms, found.qtc_fridericia_ms, found.axis_deg)
    return np.array([*values, *_medians(durations_ms)], float)


def amplitude_measures(record: Record, waves: Waves) -> NDArray[np.float64]:
    """Return AMPLITUDES of each lead in mV, medians over the beats: (amplitudes, leads).

    R and S are the largest and the smallest value of the QRS complex, Q the smallest up to R, R'
    the largest from S on, and ST the value 60 ms behind the complex.
    """
    beats = [_amplitudes_mv(record, times_s) for times_s in waves.times_s.tolist()]
    return _medians(np.reshape(beats, (len(beats), len(AMPLITUDES), len(record.leads))))


def mean_beat_measures(record: Record, waves: Waves) -> NDArray[np.float64]:
    """Return each lead at MEAN_BEAT_S in mV, medians over the beats: (moments, leads)."""
    beats = [_moments_mv(record, onset_s) for onset_s in waves.times_s[:, 1, 0].tolist()]
    return _medians(np.reshape(beats, (len(beats), len(MEAN_BEAT_S), len(record.leads))))


def _medians(beats: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the medians over the beats (beats, …) in which there is a value, if three have one."""
    known = np.isfinite(beats).sum(axis=0) >= _LEAST_BEATS
    if not known.any():
        return np.full(beats.shape[1:], np.nan)
    return np.where(known, np.nanmedian(np.where(known, beats, 0.0), axis=0), np.nan)


def _moments_mv(record: Record, onset_s: float) -> NDArray[np.float64]:
    """Return one beat at MEAN_BEAT_S, (moments, leads)."""
    indices = np.round((onset_s + np.array(MEAN_BEAT_S)) * record.rate_hz).astype(np.int64)
    inside = (indices >= 0) & (indices < record.signal_mv.shape[1])
    values = record.signal_mv[:, np.where(inside, indices, 0)] - _level_mv(record, onset_s)
    return np.where(inside, values, np.nan).T


def _amplitudes_mv(record: Record, times_s: list[list[float]]) -> NDArray[np.float64]:
    """Return the amplitudes of one beat, (amplitudes, leads)."""
    p_wave, (qrs_from_s, qrs_to_s), t_wave = times_s
    level_mv = _level_mv(record, qrs_from_s)
    values = np.full((len(AMPLITUDES), len(record.leads)), np.nan)
    values[:4] = _deflections(_stretch_mv(record, qrs_from_s, qrs_to_s) - level_mv)
    behind = _index(record, qrs_to_s + _ST_S)
    if behind < record.signal_mv.shape[1]:
        values[4] = (record.signal_mv[:, [behind]] - level_mv)[:, 0]
    for row, (from_s, to_s) in ((5, p_wave), (7, t_wave)):
        if np.isfinite(from_s):
            wave_mv = _stretch_mv(record, from_s, to_s) - level_mv
            values[row], values[row + 1] = wave_mv.max(axis=1), wave_mv.min(axis=1)
    return values


def _deflections(complex_mv: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return Q, R, S and R' of a QRS complex (leads, time): (4, leads)."""
    index = np.arange(complex_mv.shape[1])
    up_to_r = index <= complex_mv.argmax(axis=1, keepdims=True)
    from_s = index >= complex_mv.argmin(axis=1, keepdims=True)
    q = np.where(up_to_r, complex_mv, np.inf).min(axis=1)
    r_prime = np.where(from_s, complex_mv, -np.inf).max(axis=1)
    return np.stack([q, complex_mv.max(axis=1), complex_mv.min(axis=1), r_prime])


def _level_mv(record: Record, onset_s: float) -> NDArray[np.float32]:
    """Return the level before a QRS complex, (leads, 1)."""
    onset = _index(record, onset_s)
    before = max(onset - round(_LEVEL_S * record.rate_hz), 0)
    return record.signal_mv[:, before : onset + 1].mean(axis=1, keepdims=True)


def _stretch_mv(record: Record, from_s: float, to_s: float) -> NDArray[np.float32]:
    """Return the samples of a wave, (leads, time)."""
    return record.signal_mv[:, _index(record, from_s) : _index(record, to_s) + 1]


def _index(record: Record, time_s: float) -> int:
    """Return the index of a sample; a wave may start up to 5 ms before the record."""
    return max(round(time_s * record.rate_hz), 0)
