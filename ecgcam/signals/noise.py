"""Noise that leaves beats visible: muscle noise, baseline wander, powerline interference.

The limits were chosen on PTB-XL's folds 1 to 8 and by what the noise does to the scores of the
shipped models; docs/quality.md has both.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .beats import SHAPE_RATE_HZ, moving_mean
from .finding import Finding
from .record import Record

HIGH_NOISE, WANDER, MAINS = "high noise", "baseline wander", "mains"

NOISE_MV = 0.05  # root mean square above 15 Hz between the beats
REFUSED_NOISE_MV = 0.15
WANDER_MV = 0.75  # peak to peak of the moving mean over 1 s, in half of the leads
LEAD_WANDER_MV = 4.0  # the same in a single lead
REFUSED_WANDER_MV = 2.2
MAINS_MV = 0.05  # amplitude
REFUSED_MAINS_MV = 0.4
MAINS_HZ = (50.0, 60.0)

_QUIET = 0.3  # quantile of the blocks of 0.1 s: those between the beats
_BLOCK = 10  # samples at 100 Hz
_LINE_HZ = 1.0  # a line lies this close to its frequency, and stands out of 6 Hz around it
_AROUND_HZ = 6.0
_STANDS_OUT = 4.0

Signals = NDArray[np.float32]
Levels = NDArray[np.float64]


def find_noise(record: Record) -> Iterator[Finding]:
    """Find muscle noise and baseline wander in a record of 100 samples per second."""
    noise = noise_mv(record.signal_mv)
    noisy = noise > NOISE_MV
    if noisy.any():
        yield _finding(HIGH_NOISE, record.leads, noisy, refuses=_in_half(noise > REFUSED_NOISE_MV))
    wander = wander_mv(record.signal_mv)
    wanders = wander > WANDER_MV
    if _in_half(wanders) or (wander > LEAD_WANDER_MV).any():
        yield _finding(WANDER, record.leads, wanders, refuses=_in_half(wander > REFUSED_WANDER_MV))


def find_mains(record: Record) -> Iterator[Finding]:
    """Find powerline interference in a record as it was sampled."""
    amplitude = mains_mv(record.signal_mv, record.rate_hz)
    hum = amplitude > MAINS_MV
    if hum.any():
        refuses = _in_half(amplitude > REFUSED_MAINS_MV)
        yield _finding(MAINS, record.leads, hum, refuses=refuses)


def noise_mv(signal_mv: Signals) -> Levels:
    """Return the root mean square above 15 Hz between the beats, for each lead at 100 Hz."""
    signal = np.asarray(signal_mv, np.float64)
    fast = signal - moving_mean(signal, 4)
    blocks = fast[:, : fast.shape[1] // _BLOCK * _BLOCK].reshape(len(fast), -1, _BLOCK)
    power = np.square(blocks).mean(axis=2)
    return np.asarray(np.sqrt(np.quantile(power, _QUIET, axis=1)))


def wander_mv(signal_mv: Signals) -> Levels:
    """Return the peak-to-peak wander of the mean over 1 s, for each lead at 100 Hz."""
    signal = np.asarray(signal_mv, np.float64)
    return np.asarray(np.ptp(moving_mean(signal, round(SHAPE_RATE_HZ)), axis=1))


def mains_mv(signal_mv: Signals, rate_hz: float) -> Levels:
    """Return the amplitude of the stronger line at 50 or 60 Hz, for each lead.

    0 where no line stands out of the frequencies around it, and at a rate too low for it.
    """
    window = np.hanning(signal_mv.shape[1])
    signal = signal_mv - signal_mv.mean(axis=1, keepdims=True)
    spectrum = 2 * np.abs(np.fft.rfft(signal * window)) / window.sum()
    frequencies_hz = np.fft.rfftfreq(len(window), 1 / rate_hz)
    lines = [_line_mv(spectrum, frequencies_hz, mains_hz) for mains_hz in MAINS_HZ]
    return np.maximum(*lines)


def _line_mv(
    spectrum: NDArray[np.floating], frequencies_hz: NDArray[np.floating], mains_hz: float
) -> Levels:
    distance_hz = np.abs(frequencies_hz - mains_hz)
    line = distance_hz <= _LINE_HZ
    around = (distance_hz > 2 * _LINE_HZ) & (distance_hz <= _AROUND_HZ)
    if frequencies_hz[-1] < mains_hz or not line.any() or not around.any():
        return np.zeros(len(spectrum))
    sides = np.where(frequencies_hz[line] < frequencies_hz[-1], 1.0, 0.5)  # half the rate has one
    amplitude = (spectrum[:, line] * sides).max(axis=1)
    background = np.median(spectrum[:, around], axis=1)
    return np.where(amplitude > _STANDS_OUT * background, amplitude, 0.0)


def _in_half(leads: NDArray[np.bool_]) -> bool:
    return bool(2 * leads.sum() >= len(leads))


def _finding(name: str, leads: Sequence[str], hits: NDArray[np.bool_], *, refuses: bool) -> Finding:
    named = tuple(lead for lead, hit in zip(leads, hits.tolist(), strict=True) if hit)
    text = f"{name} in {', '.join(named) if len(named) < len(leads) else 'all leads'}"
    return Finding(name=name, leads=named, text=text, refuses=refuses)
