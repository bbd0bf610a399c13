"""What can happen to an ECG before it is judged: noise, drift, a late start, wrong electrodes.

Each function takes signals (batch, leads, time) in mV, float32, and returns new ones. All chance
comes from the generator, and does not depend on how strong the noise is: the same generator gives
the same noise, stronger or weaker.

Muscles, the mains and drift come in at the electrodes. Each of the nine has its own noise, and
the leads are made of the electrodes as ever (montage.py), so that I + III = II holds under it. Two
electrodes make a limb lead: of independent noise it shows √2 times what each of them has.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .electrodes import ELECTRODES, lead_weights, swapped_leads

MUSCLE_FROM_HZ = 20.0
WANDER_HZ = (0.05, 0.5)  # breathing and loose electrodes

Signals = NDArray[np.float32]


def add_white_noise(signal_mv: Signals, *, snr_db: float, rng: np.random.Generator) -> Signals:
    """White noise in every lead, each its own, at a signal-to-noise ratio in decibels.

    SNR = 10 log10(P / N), for each record. P is the mean over its leads and samples of
    (signal - the lead's mean)²: all that moves, drift included. N is the mean square of the noise,
    the same in every lead but for chance, and over the record exactly what was asked for.
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
    """Tense muscles: Gaussian noise above 20 Hz, of this root mean square at each electrode.

    Raises ValueError for a rate of 40 Hz or less, which holds nothing above 20 Hz.
    """
    if rate_hz <= 2 * MUSCLE_FROM_HZ:
        raise ValueError(f"{rate_hz:g} Hz hold no noise above {MUSCLE_FROM_HZ:g} Hz.")
    batch, _, time = signal_mv.shape
    noise = rng.standard_normal((batch, len(ELECTRODES), time))
    spectrum = np.fft.rfft(noise)
    spectrum[..., np.fft.rfftfreq(time, 1 / rate_hz) < MUSCLE_FROM_HZ] = 0
    noise = np.fft.irfft(spectrum, time)
    noise *= rms_mv / np.sqrt(np.square(noise).mean(axis=2, keepdims=True))
    return _at_electrodes(signal_mv, noise, leads)


def add_mains_hum(
    signal_mv: Signals,
    *,
    amplitude_mv: float,
    mains_hz: float,
    leads: Sequence[str],
    rate_hz: float,
    rng: np.random.Generator,
) -> Signals:
    """The mains: a sine of this amplitude at each electrode, its phase by chance.

    At a rate of just twice `mains_hz` it alternates from sample to sample, weaker or stronger with
    its phase. Raises ValueError for a mains above half the rate, which samples cannot hold.
    """
    if rate_hz < 2 * mains_hz:
        raise ValueError(
            f"a mains of {mains_hz:g} Hz does not fit in {rate_hz:g} samples a second; needed: at "
            f"least {2 * mains_hz:g}."
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
    """Baseline wander: a sine of this amplitude at each electrode, of 0.05 to 0.5 Hz."""
    return _add_sines(signal_mv, amplitude_mv, WANDER_HZ, leads, rate_hz, rng)


def start_late(signal_mv: Signals, *, shift_s: float, rate_hz: float) -> Signals:
    """Everything later by whole samples; what leaves at the end is lost.

    The gap at the start holds the lead's median, as a short record is filled up elsewhere.
    Raises ValueError where nothing would be left.
    """
    later = round(shift_s * rate_hz)
    if not 0 <= later < signal_mv.shape[2]:
        raise ValueError(f"{shift_s:g} s later, nothing is left of {signal_mv.shape[2]} samples.")
    moved = np.empty_like(signal_mv)
    moved[..., :later] = np.median(signal_mv, axis=2, keepdims=True)
    moved[..., later:] = signal_mv[..., : signal_mv.shape[2] - later]
    return moved


def coarsen(signal_mv: Signals, *, step_uv: float) -> Signals:
    """Rounded to whole steps, as a converter of this resolution gives it, in µV."""
    step_mv = np.float32(step_uv / 1000)
    return np.round(signal_mv / step_mv) * step_mv


def lose_lead(signal_mv: Signals, *, lead: str, leads: Sequence[str]) -> Signals:
    """One lead flat, at 0 mV."""
    lost = signal_mv.copy()
    lost[:, list(leads).index(lead)] = 0
    return lost


def swap_electrodes(
    signal_mv: Signals, *, first: str, second: str, leads: Sequence[str]
) -> Signals:
    """Two electrodes in each other's place; ValueError where the leads do not tell what is seen."""
    place, sign = np.array(swapped_leads(first, second, leads)).T
    return signal_mv[:, place] * sign[:, None].astype(np.float32)


def _add_sines(
    signal_mv: Signals,
    amplitude_mv: float,
    between_hz: tuple[float, float],
    leads: Sequence[str],
    rate_hz: float,
    rng: np.random.Generator,
) -> Signals:
    """A sine at each electrode, its frequency and its phase by chance."""
    shape = (len(signal_mv), len(ELECTRODES), 1)
    frequency_hz = rng.uniform(*between_hz, shape)
    phase = rng.uniform(0, 2 * np.pi, shape)
    time_s = np.arange(signal_mv.shape[2]) / rate_hz
    sines = np.sin(2 * np.pi * frequency_hz * time_s + phase)
    return _at_electrodes(signal_mv, amplitude_mv * sines, leads)


def _at_electrodes(
    signal_mv: Signals, noise_mv: NDArray[np.float64], leads: Sequence[str]
) -> Signals:
    """What the leads show of noise (batch, electrodes, time), on top of the signal."""
    return signal_mv + (lead_weights(leads) @ noise_mv).astype(np.float32)
