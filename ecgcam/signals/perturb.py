"""Perturbations of an ECG: noise, baseline wander, delay, coarse steps, lost leads, swaps.

Each function takes signals (batch, leads, time) in mV, float32, and returns new ones. Random
values come from the generator and do not depend on the amplitude: the same generator gives the
same noise at every strength.

Muscle noise, powerline interference and baseline wander arise at the nine electrodes, each with
its own noise. The leads are computed from the electrodes (electrodes.py), so I + III = II holds.
A limb lead has two electrodes: it shows √2 times their noise where that is independent.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .electrodes import ELECTRODES, lead_weights, swapped_leads

MUSCLE_FROM_HZ = 20.0
WANDER_HZ = (0.05, 0.5)  # breathing and loose electrodes

Signals = NDArray[np.float32]


def add_white_noise(signal_mv: Signals, *, snr_db: float, rng: np.random.Generator) -> Signals:
    """Add independent white noise to every lead at a signal-to-noise ratio in decibels.

    SNR = 10 log10(P / N) for each record. P is the mean over leads and samples of
    (signal - the lead's mean)², drift included. N is the mean square of the noise: exactly as
    requested over the record, and equal in all leads in expectation.
    """
    noise = rng.standard_normal(signal_mv.shape, np.float32)
    noise /= np.sqrt(np.square(noise).mean(axis=(1, 2), keepdims=True))
    power = signal_mv.var(axis=2, dtype=np.float64).mean(axis=1)[:, None, None]
    return signal_mv + noise * np.sqrt(power / 10 ** (snr_db / 10)).astype(np.float32)


def add_muscle_noise(
    signal_mv: Signals,
    *,
    rms_mv: float,
    leads: Sequence[str],
    rate_hz: float,
    rng: np.random.Generator,
) -> Signals:
    """Add Gaussian noise above 20 Hz with this root mean square at each electrode.

    Raises ValueError for a rate of 40 Hz or less, which cannot represent frequencies above 20 Hz.
    """
    if rate_hz <= 2 * MUSCLE_FROM_HZ:
        raise ValueError(
            f"{rate_hz:g} samples per second cannot represent noise above {MUSCLE_FROM_HZ:g} Hz."
        )
    batch, _, time = signal_mv.shape
    noise = rng.standard_normal((batch, len(ELECTRODES), time))
    spectrum = np.fft.rfft(noise)
    spectrum[..., np.fft.rfftfreq(time, 1 / rate_hz) < MUSCLE_FROM_HZ] = 0
    noise = np.fft.irfft(spectrum, time)
    noise *= rms_mv / np.sqrt(np.square(noise).mean(axis=2, keepdims=True))
    return _add_at_electrodes(signal_mv, noise, leads)


def add_mains_hum(
    signal_mv: Signals,
    *,
    amplitude_mv: float,
    mains_hz: float,
    leads: Sequence[str],
    rate_hz: float,
    rng: np.random.Generator,
) -> Signals:
    """Add powerline interference: a sine of this amplitude and a random phase at each electrode.

    At a rate of exactly 2 `mains_hz` it alternates from sample to sample, with an amplitude that
    depends on its phase. Raises ValueError for a lower rate, which cannot represent it.
    """
    if rate_hz < 2 * mains_hz:
        raise ValueError(
            f"{mains_hz:g} Hz does not fit in {rate_hz:g} samples per second; expected at least "
            f"{2 * mains_hz:g}."
        )
    return _add_sines(signal_mv, amplitude_mv, (mains_hz, mains_hz), leads, rate_hz, rng)


def add_wander(
    signal_mv: Signals,
    *,
    amplitude_mv: float,
    leads: Sequence[str],
    rate_hz: float,
    rng: np.random.Generator,
) -> Signals:
    """Add baseline wander: a sine of this amplitude and 0.05 to 0.5 Hz at each electrode."""
    return _add_sines(signal_mv, amplitude_mv, WANDER_HZ, leads, rate_hz, rng)


def delay(signal_mv: Signals, *, shift_s: float, rate_hz: float) -> Signals:
    """Shift the signal to a later time by whole samples, and drop its end.

    The gap at the start is padded with each lead's median. Raises ValueError if the delay is not
    shorter than the signal.
    """
    shift, time = round(shift_s * rate_hz), signal_mv.shape[2]
    if not 0 <= shift < time:
        raise ValueError(f"a delay of {shift_s:g} s leaves nothing of {time} samples.")
    delayed = np.empty_like(signal_mv)
    delayed[..., :shift] = np.median(signal_mv, axis=2, keepdims=True)
    delayed[..., shift:] = signal_mv[..., : time - shift]
    return delayed


def quantize(signal_mv: Signals, *, step_uv: float) -> Signals:
    """Round to whole steps in µV, as a converter of this resolution does."""
    step_mv = np.float32(step_uv / 1000)
    return np.round(signal_mv / step_mv) * step_mv


def flatten_lead(signal_mv: Signals, *, lead: str, leads: Sequence[str]) -> Signals:
    """Set one lead to 0 mV."""
    flattened = signal_mv.copy()
    flattened[:, list(leads).index(lead)] = 0
    return flattened


def swap_electrodes(
    signal_mv: Signals, *, first: str, second: str, leads: Sequence[str]
) -> Signals:
    """Swap two electrodes; ValueError where a lead would show none of the leads."""
    indices, signs = np.array(swapped_leads(first, second, leads)).T
    return signal_mv[:, indices] * signs[:, None].astype(np.float32)


def _add_sines(
    signal_mv: Signals,
    amplitude_mv: float,
    band_hz: tuple[float, float],
    leads: Sequence[str],
    rate_hz: float,
    rng: np.random.Generator,
) -> Signals:
    """Add a sine at each electrode, with a random frequency in the band and a random phase."""
    shape = (len(signal_mv), len(ELECTRODES), 1)
    frequency_hz = rng.uniform(*band_hz, shape)
    phase = rng.uniform(0, 2 * np.pi, shape)
    time_s = np.arange(signal_mv.shape[2]) / rate_hz
    sines = np.sin(2 * np.pi * frequency_hz * time_s + phase)
    return _add_at_electrodes(signal_mv, amplitude_mv * sines, leads)


def _add_at_electrodes(
    signal_mv: Signals, noise_mv: NDArray[np.float64], leads: Sequence[str]
) -> Signals:
    """Add noise (batch, electrodes, time) as the leads show it."""
    return signal_mv + (lead_weights(leads) @ noise_mv).astype(np.float32)
