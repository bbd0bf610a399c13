"""Real and made-up ECGs at 100 Hz, and signals that are none."""

import numpy as np

from ecgcam.data.synthetic.ecg import synthetic_ecg
from ecgcam.signals.electrodes import ELECTRODES, lead_weights
from ecgcam.signals.leads import LEADS
from ecgcam.signals.record import Record

TIME_S = np.arange(1000) / 100


def made_up(*, seed=0, rate_hz=100, duration_s=10.0, statements=("NORM",)):
    """Return a made-up ECG."""
    rng = np.random.default_rng(seed)
    return synthetic_ecg(rng, statements, rate_hz=rate_hz, duration_s=duration_s).record


def of_electrodes(potentials_mv):
    """Return the twelve leads of potentials (9 electrodes, time), so the limb leads agree."""
    return Record(signal_mv=lead_weights(LEADS) @ potentials_mv, rate_hz=100)


def sines(rng, low_hz, high_hz):
    """Return a sine of its own frequency and phase at each electrode."""
    shape = (len(ELECTRODES), 1)
    frequency_hz, phase = rng.uniform(low_hz, high_hz, shape), rng.uniform(0, 6.28, shape)
    return 0.4 * np.sin(2 * np.pi * frequency_hz * TIME_S + phase)


def fibrillation(rng):
    """Return waves like those of ventricular fibrillation: 4 to 7 Hz, changing size and rate."""
    rate_hz = rng.uniform(4, 7) + 0.5 * np.cumsum(rng.normal(0, 0.1, 1000))
    size = 0.5 + 0.3 * np.sin(2 * np.pi * rng.uniform(0.1, 0.5, (len(ELECTRODES), 1)) * TIME_S)
    phase = np.cumsum(rate_hz) * 2 * np.pi / 100
    return size * np.sin(phase + rng.uniform(0, 6.28, (len(ELECTRODES), 1)))


def colored(rng, exponent):
    """Return noise whose power falls with frequency: 0 white, 1 like an EEG, 2 a random walk."""
    spectrum = np.fft.rfft(rng.standard_normal((len(ELECTRODES), 1000)))
    weight = np.fft.rfftfreq(1000)
    weight[0] = np.inf
    noise = np.fft.irfft(spectrum * weight ** (-exponent / 2), 1000)
    return 0.3 * noise / noise.std(axis=1, keepdims=True)


def pulses(rng, width):
    """Return pulses of some samples at the pace of a heart, on nothing but slight noise."""
    times = np.arange(30, 980, 85)
    shape = np.isin(np.arange(1000), (times[:, None] + np.arange(width)).ravel())
    heights = rng.uniform(-1, 1, (len(ELECTRODES), 1))
    return heights * shape + rng.normal(0, 0.004, (len(ELECTRODES), 1000))
