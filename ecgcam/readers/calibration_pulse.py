"""Calibration pulse: the rectangle of 1 mV that some devices append to every lead."""

import numpy as np
from numpy.typing import NDArray

_TOLERANCE_MV = 0.011  # two steps of 5 µV, by rounding
_MIN_PULSE_S = 0.05
_MIN_LEADS = 3


def samples_before_pulse(signal_mv: NDArray[np.floating], rate_hz: float) -> int:
    """Return how many samples of (leads, time) come before a calibration pulse at the end.

    It is recognized by what no heart does: all leads are alike, at 0, then 1 mV, then 0 again.
    """
    leads, samples = signal_mv.shape
    if leads < _MIN_LEADS:
        return samples
    low = (np.abs(signal_mv) < _TOLERANCE_MV).all(axis=0)
    high = (np.abs(signal_mv - 1) < _TOLERANCE_MV).all(axis=0)
    others = np.flatnonzero(~(low | high))
    start = int(others[-1]) + 1 if others.size else 0
    pulse = int(high[start:].sum())
    return start if pulse >= _MIN_PULSE_S * rate_hz and low[-1] else samples
