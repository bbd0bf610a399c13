"""Recording noise, added at the electrodes so that the noisy leads still obey Einthoven's law.

Typical levels match PTB-XL: in its normal records the noise above 15 Hz is about
5 µV in the limb leads and 3 µV in the chest leads (median), the drift below 0.5 Hz about 30 µV.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...signals.electrodes import ELECTRODES
from .heart import Floats, twelve_leads

_MAINS_HZ = 50.0
_MUSCLE_MV = np.where([name.startswith("V") for name in ELECTRODES], 0.002, 0.0036)
_DRIFT_MV = 0.024
_LOUD = {"baseline_drift": 0.07, "static_noise": 0.14, "burst_noise": 0.03}  # fractions of records


@dataclass(frozen=True, kw_only=True, eq=False)
class Noise:
    """The noise of a record.

    leads_mv: (12, time).
    remarks:  for each loud kind of noise, under PTB-XL's name for it, where it is visible.
    """

    leads_mv: Floats
    remarks: Mapping[str, str]


def draw_noise(rng: np.random.Generator, time_s: Floats, *, breath: Floats) -> Noise:
    """Draw drift, muscle noise, mains hum and sometimes a burst.

    time_s, breath: (time,), breath from -1 to 1. Mains hum exists only at more than 100 samples per
    second: at lower rates the anti-aliasing filter has removed it.
    """
    shape = (len(ELECTRODES), time_s.size)
    drift_mv = _DRIFT_MV * np.exp(rng.normal(0, 0.6, shape[0]))
    muscle_mv = _MUSCLE_MV * np.exp(rng.normal(0, 0.3, shape[0]) + rng.normal(0, 0.5))
    burst_mv = np.zeros(shape[0])
    remarks = {}
    for (kind, fraction), level_mv, loud_mv in zip(
        _LOUD.items(), (drift_mv, muscle_mv, burst_mv), (0.25, 0.03, 0.15), strict=True
    ):
        electrode, loudness = int(rng.integers(shape[0])), rng.uniform(0.7, 1.5)
        if rng.random() < fraction:
            level_mv[electrode] += loudness * loud_mv
            remarks[kind] = ELECTRODES[electrode] if ELECTRODES[electrode][0] == "V" else "alles"
    burst = np.exp(-0.5 * ((time_s - rng.uniform(0, time_s[-1])) / 0.25) ** 2)
    slow = 0.8 * _wander(rng, time_s) + 0.6 * breath
    fast = muscle_mv[:, None] + burst_mv[:, None] * burst
    noise_mv = drift_mv[:, None] * slow + fast * rng.standard_normal(shape)
    if time_s[1] - time_s[0] < 1 / (2 * _MAINS_HZ):
        hum = np.sin(2 * np.pi * (_MAINS_HZ * time_s + rng.random()))
        noise_mv += np.outer(0.003 * np.exp(rng.normal(0, 0.5, shape[0])), hum)
    return Noise(leads_mv=_leads(noise_mv), remarks=remarks)


def _wander(rng: np.random.Generator, time_s: Floats) -> Floats:
    """Draw slow waves below 0.5 Hz, one per electrode: (electrodes, time), SD 1."""
    frequency_hz = rng.uniform(0.05, 0.5, (len(ELECTRODES), 4, 1))
    phase = rng.uniform(0, 2 * np.pi, frequency_hz.shape)
    waves = np.sin(2 * np.pi * frequency_hz * time_s + phase)
    total: Floats = waves.sum(axis=1) / np.sqrt(2)
    return total


def _leads(electrodes_mv: Floats) -> Floats:
    """Compute the leads from the potentials at the electrodes: (9, time) to (12, time).

    I = LA - RA, II = LL - RA, V1 … V6 against Wilson's terminal, the mean of the limbs.
    """
    right_arm, left_arm, left_leg = electrodes_mv[:3]
    chest = electrodes_mv[3:] - electrodes_mv[:3].mean(axis=0)
    return twelve_leads(np.stack([left_arm - right_arm, left_leg - right_arm, *chest]))
