"""High-pass filters of 0.5 Hz or more, as monitors have: stated by the device, or estimated.

Run one way while the ECG is recorded, such a filter bends the ST segment. After each wave it leaves
the opposite of the wave's area, which decays. So where the heart rests between two beats, the level
and the slope of a lead follow from the areas of its waves, by the same two weights in all leads.
It also takes away the slow waves of breathing.
"""

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .beats import SHAPE_RATE_HZ
from .finding import Finding
from .high_pass_weights import LIMIT, WEIGHTS
from .record import Record
from .swaps import INDEPENDENT

HIGH_PASS = "high-pass filter"
FROM_HZ = 0.5

_STATED = re.compile(r"(?:high-?\s?pass|\bHP)\D{0,3}(\d+(?:\.\d+)?)\s*Hz", re.IGNORECASE)
_SHORTEST_S = 9.5  # shows waves of 0.1 Hz
_PQ_S = (-0.11, -0.06)  # relative to the R peak
_REST_S, _EARLIEST_S = 0.38, 0.30  # its start after the R peak: usual, and in fast hearts
_REST_END_S, _SHORTEST_REST_S = 0.24, 0.06  # before the next R peak
_LEVEL_S = 0.05
_MIN_BEATS = 3
_SLOW_HZ, _BEAT_HZ, _BREATH_HZ = (0.05, 0.35), (0.75, 20.0), (0.45, 1.25)

Floats = NDArray[np.float64]


def find_high_pass(
    record: Record, at_100_hz: Record, peaks: NDArray[np.int64]
) -> Iterator[Finding]:
    """Find a high-pass filter; `at_100_hz` is the record at 100 samples per second, with R peaks.

    Where the device states its filters, only that counts.
    """
    stated_hz = stated_high_pass_hz(record.filters or "")
    if stated_hz is not None:
        if stated_hz >= FROM_HZ:
            text = f"the device's high-pass filter of {stated_hz:g} Hz may have bent the ST segment"
            yield Finding(name=HIGH_PASS, text=text)
        return
    if record.duration_s < _SHORTEST_S or not set(at_100_hz.leads) >= set(INDEPENDENT):
        return
    signal_mv = at_100_hz.signal_mv[[at_100_hz.leads.index(lead) for lead in INDEPENDENT]]
    features = drift_features(signal_mv, peaks)
    if features is not None and features @ np.array(WEIGHTS) > LIMIT:
        text = "it looks as if a high-pass filter of 0.5 Hz or more had bent the ST segment"
        yield Finding(name=HIGH_PASS, text=text)


def stated_high_pass_hz(filters: str) -> float | None:
    """Return the cutoff in "high-pass 0.5 Hz, low-pass 40 Hz"; None where there is none."""
    match = _STATED.search(filters)
    return float(match[1]) if match else None


def drift_features(signal_mv: NDArray[np.float32], peaks: NDArray[np.int64]) -> Floats | None:
    """Return what a high-pass filter changes in (leads, time) at 100 Hz; None without rests.

    How well the level and the slope between the beats follow from the areas of the waves, with
    which weights; slow power; the squares of all these, and 1 for the constant.

    A filter of the second order with ω = 2π cutoff turns x into y = x - √2 ω ∫y - ω² ∬y, one of
    the first order into y = x - ω ∫y. Between the beats x is 0.
    """
    signal = np.asarray(signal_mv, np.float64)
    signal = signal - signal.mean(axis=1, keepdims=True)
    rests = list(_rests(signal, peaks))
    if len(rests) < _MIN_BEATS:
        return None
    level, slope, mean, area, double_area = np.median(rests, axis=0)
    features = np.array(
        [*_slow_power(signal), *_follow(level, area, double_area), *_follow(slope, mean, area)]
    )
    return np.concatenate([features, features**2, [1.0]])


def _rests(signal: Floats, peaks: NDArray[np.int64]) -> Iterator[Floats]:
    """Yield the rest after each beat as (5, leads).

    Its level relative to that before the QRS complex, its slope, its mean, and the areas ∫ and ∬
    in between.
    """
    areas = signal.cumsum(axis=1) / SHAPE_RATE_HZ
    areas -= areas.mean(axis=1, keepdims=True)  # 0 in the long run after such a filter
    double_areas = areas.cumsum(axis=1) / SHAPE_RATE_HZ
    width, pq_start, pq_end = _samples(_LEVEL_S), _samples(_PQ_S[0]), _samples(_PQ_S[1])
    for peak, following in zip(peaks[:-1].tolist(), peaks[1:].tolist(), strict=True):
        end = following - _samples(_REST_END_S)
        start = min(peak + _samples(_REST_S), end - _samples(_SHORTEST_REST_S))
        if peak + pq_start < 0 or start < peak + _samples(_EARLIEST_S):
            continue
        rest = signal[:, start:end]
        time_s = (np.arange(end - start) - (end - start - 1) / 2) / SHAPE_RATE_HZ
        first, last = peak + (pq_start + pq_end) // 2, start + width // 2
        yield np.array(
            [
                rest[:, :width].mean(axis=1) - signal[:, peak + pq_start : peak + pq_end].mean(1),
                rest @ time_s / (time_s @ time_s),
                rest.mean(axis=1),
                areas[:, last] - areas[:, first],
                double_areas[:, last] - double_areas[:, first],
            ]
        )


def _follow(drift: Floats, first: Floats, second: Floats) -> Floats:
    """Return how the drift of all leads follows from two areas: (4,).

    Its correlation with the first, the weights of both (least squares), and what they leave.
    """
    areas = np.stack([first, second])
    power = areas @ areas.T
    correlation = drift @ first / np.sqrt(power[0, 0] * (drift @ drift) + 1e-9)
    weights = np.linalg.solve(power + np.diag([1e-5, 1e-6]), areas @ drift)
    left = drift - weights @ areas
    relative = np.sqrt(left @ left / (drift @ drift + 1e-6))
    return np.array([correlation, *np.arcsinh(weights), relative])


def _slow_power(centered: Floats) -> Floats:
    """Return logarithms of the slow power: relative to that of breathing, and of the beats."""
    power = np.square(np.abs(np.fft.rfft(centered * np.hanning(centered.shape[1]), axis=1)))
    frequencies_hz = np.fft.rfftfreq(centered.shape[1], 1 / SHAPE_RATE_HZ)
    slow, beats, breath = (
        power[:, (frequencies_hz >= low) & (frequencies_hz < high)].sum(axis=1) + 1e-9
        for low, high in (_SLOW_HZ, _BEAT_HZ, _BREATH_HZ)
    )
    return np.array([np.log10(slow.sum() / breath.sum()), np.median(np.log10(slow / beats))])


def _samples(seconds: float) -> int:
    return round(seconds * SHAPE_RATE_HZ)
