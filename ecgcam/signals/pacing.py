"""Pacing: the spikes of a pacemaker, or the shape that its beats and spikes have at 100 Hz."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .beats import BEFORE_S, SHAPE_RATE_HZ, cut_beats, remove_baseline
from .finding import Finding
from .pacing_weights import LIMIT, WEIGHTS
from .record import Record
from .swaps import INDEPENDENT

PACING = "pacing"

SPIKE_RATE_HZ = 240.0  # slower recorders smooth the spikes away
JUMP_MV = 0.15  # between two samples, in two leads or more
STANDS_OUT = 5.0  # times the largest jump of the 12 ms before it
_REST_MV = 0.01
_QUIET_S, _RETURN_S = 0.012, 0.016
_RETURNED = 0.7  # of the jump, within 16 ms
_BEFORE_R_S = 0.03  # a spike comes this long before the R peak or longer
_APART_S = 0.05
_LEAST_SPIKES = 2

# Bounds of the intervals before and after the R peak in which the average beat is measured.
_BOUNDS_S = (-0.25, -0.19, -0.15, -0.12, -0.09, -0.06, -0.03, 0, 0.03, 0.06, 0.09, 0.15, 0.37)
_WIDE_S = (-0.13, 0.20)
_QRS_S = (-0.07, 0.09)
_MIN_BEATS = 3

Floats = NDArray[np.float64]


def find_pacing(
    record: Record, at_100_hz: Record, peaks: NDArray[np.int64], *, by_shape: bool = True
) -> Iterator[Finding]:
    """Find pacing in a record as it was sampled, and at 100 samples per second with R peaks.

    by_shape: whether to look at the shape of the beats, for which all leads must show them.
    """
    spikes = find_spikes(record, peaks / SHAPE_RATE_HZ)
    if len(spikes) >= _LEAST_SPIKES:
        yield Finding(name=PACING, text=f"pacing: {len(spikes)} spikes before QRS complexes")
        return
    if not by_shape or not set(at_100_hz.leads) >= set(INDEPENDENT):
        return
    signal_mv = at_100_hz.signal_mv[[at_100_hz.leads.index(lead) for lead in INDEPENDENT]]
    beats = cut_beats(remove_baseline(signal_mv), peaks, smooth=False)
    if beats.shape[1] >= _MIN_BEATS:
        features = shape_features(np.median(beats, axis=1))
        if features @ np.array(WEIGHTS) > LIMIT:
            yield Finding(name=PACING, text="pacing: the beats look paced")


def find_spikes(record: Record, peaks_s: Floats) -> Floats:
    """Return the times in s of pacemaker spikes: sharp, brief, and before a QRS complex.

    None at rates below 240 Hz.
    """
    if record.rate_hz < SPIKE_RATE_HZ:
        return np.empty(0)
    signal = record.signal_mv
    jumps = np.abs(np.diff(signal, axis=1))
    least = min(2, len(signal))  # leads
    quiet = max(1, round(_QUIET_S * record.rate_hz))
    times = np.flatnonzero((jumps > JUMP_MV).sum(axis=0) >= least)
    times = times[times > quiet]
    before = jumps[:, times[:, None] - np.arange(2, quiet + 2)].max(axis=2)
    jumps_then = jumps[:, times]
    sharp = (jumps_then > JUMP_MV) & (jumps_then > STANDS_OUT * (before + _REST_MV))
    times = times[sharp.sum(axis=0) >= least]
    apart = times[np.diff(times, prepend=-record.rate_hz) > _APART_S * record.rate_hz]
    spikes = [time for time in apart.tolist() if _returns(signal, jumps, time, record.rate_hz)]
    seconds = np.array(spikes) / record.rate_hz
    return np.array([time for time in seconds if _before_r(time, peaks_s)])


def _returns(
    signal: NDArray[np.float32], jumps: NDArray[np.float32], time: int, rate_hz: float
) -> bool:
    """Return whether the lead that jumps most is back near its level within 16 ms."""
    lead = signal[jumps[:, time].argmax()]
    later = lead[time + 1 : time + 2 + round(_RETURN_S * rate_hz)]
    left = np.abs(later - lead[time]).min()
    return bool(left <= (1 - _RETURNED) * abs(lead[time + 1] - lead[time]))


def _before_r(time_s: float, peaks_s: Floats) -> bool:
    """Return whether no R peak is near, so that the spike is not part of a QRS complex."""
    return bool(np.abs(peaks_s - time_s).min(initial=np.inf) >= _BEFORE_R_S)


def shape_features(beat: Floats) -> Floats:
    """Return logarithms of the sharpness and steepness of the parts of a beat (leads, time).

    Largest curvature and slope over all leads in each interval around the R peak, relative to the
    QRS complex; the width and the center of the QRS complex; and 1 for the constant.
    """
    middle = round(BEFORE_S * SHAPE_RATE_HZ)
    bounds = [middle + round(bound * SHAPE_RATE_HZ) for bound in _BOUNDS_S]
    qrs = beat[:, middle + round(_QRS_S[0] * 100) : middle + round(_QRS_S[1] * 100)]
    beat = beat / max(float(np.sqrt(np.square(qrs).mean())), 1e-6)
    slope = np.sqrt(np.square(np.diff(beat, axis=1)).mean(axis=0))
    curvature = np.sqrt(np.square(np.diff(beat, 2, axis=1)).mean(axis=0))
    sharpness = [
        curve[start:end].max()
        for curve in (curvature, slope)
        for start, end in zip(bounds[:-1], bounds[1:], strict=True)
    ]
    energy = np.square(beat).mean(axis=0)
    wide = energy[middle + round(_WIDE_S[0] * 100) : middle + round(_WIDE_S[1] * 100)]
    place = np.arange(wide.size)
    center = (wide * place).sum() / wide.sum()
    width = np.sqrt((wide * (place - center) ** 2).sum() / wide.sum())
    return np.append(np.log(np.array([*sharpness, width, center]) + 1e-3), 1.0)
