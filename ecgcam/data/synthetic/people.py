"""Synthetic people with healthy hearts, all different."""

from dataclasses import dataclass, replace

import numpy as np

from .heart import Floats, Heart, Wave, rotate

# One healthy beat at 60 per minute. The dipoles were set by hand until the leads looked right: q
# in V6 and r in V1 from the septum, R growing from V1 to V5, S shrinking.
_ATRIA = (
    Wave(segment="P", dipole_mv=(0.03, 0.07, -0.05), peak_s=-0.168, rise_s=0.016, fall_s=0.018),
    Wave(segment="P", dipole_mv=(0.07, 0.05, 0.04), peak_s=-0.140, rise_s=0.018, fall_s=0.016),
)
_QRS = (
    Wave(segment="QRS", dipole_mv=(-0.17, -0.05, -0.18), peak_s=-0.026, rise_s=7e-3, fall_s=7e-3),
    Wave(segment="QRS", dipole_mv=(0.46, 0.26, -0.36), peak_s=-0.013, rise_s=8e-3, fall_s=9e-3),
    Wave(segment="QRS", dipole_mv=(1.02, 0.42, 0.52), peak_s=0.000, rise_s=9e-3, fall_s=10e-3),
    Wave(segment="QRS", dipole_mv=(-0.18, -0.10, 0.62), peak_s=0.021, rise_s=8e-3, fall_s=10e-3),
)
_ST = Wave(
    segment="ST", dipole_mv=(0.03, 0.01, -0.03), peak_s=0.14, rise_s=0.02, fall_s=0.05, hold_s=0.13
)
_T = Wave(segment="T", dipole_mv=(0.28, 0.15, -0.17), peak_s=0.30, rise_s=0.060, fall_s=0.036)


@dataclass(frozen=True, kw_only=True)
class Person:
    """A synthetic person: age, sex, and the waves of one beat at 60 per minute."""

    age_years: int
    sex: str
    atria: tuple[Wave, ...]
    ventricles: tuple[Wave, ...]


def draw_person(rng: np.random.Generator, *, mean_age_years: float = 55.0) -> Person:
    """Draw a person with an individual healthy heart: axis, voltage, P, QRS, ST and T."""
    age_years = int(np.clip(rng.normal(mean_age_years, 16), 18, 95))
    sex = "female" if rng.random() < 0.48 else "male"
    frontal_deg = 14 * _clipped_normal(rng) - 0.4 * (age_years - 50)  # the axis turns left with age
    horizontal_deg = 12 * _clipped_normal(rng)
    voltage = np.exp(0.24 * _clipped_normal(rng)) * (1.06 if sex == "male" else 0.92)
    qrs = tuple(_vary(wave, rng, voltage, frontal_deg, horizontal_deg, spread=0.2) for wave in _QRS)
    st, t = (_vary(w, rng, voltage, frontal_deg / 2, horizontal_deg, spread=0.4) for w in (_ST, _T))
    early = rng.uniform(1, 3) if sex == "male" and age_years < 50 else 1.0  # repolarisation
    qt = rng.normal(1.0, 0.04)
    pr_s, p_height = 0.018 * _clipped_normal(rng), np.exp(0.25 * _clipped_normal(rng))
    atria = (_vary(wave, rng, p_height, frontal_deg / 2, 0.0, spread=0.2) for wave in _ATRIA)
    return Person(
        age_years=age_years,
        sex=sex,
        atria=tuple(replace(wave, peak_s=wave.peak_s + pr_s) for wave in atria),
        ventricles=(
            *qrs,
            _scale_repolarisation(st.scaled(early), qt),
            _scale_repolarisation(t, qt),
        ),
    )


def draw_heart(person: Person, rng: np.random.Generator, *, duration_s: float) -> Heart:
    """Draw the beats of the person's heart over `duration_s` seconds and a little to either side.

    50 to 110 beats per minute, with respiratory sinus arrhythmia (less with age) and small random
    variations; ST and T scale with the square root of the beat interval (Bazett 1920).
    """
    rate_bpm = float(np.clip(rng.normal(75, 12), 50, 110))
    beat_s = 60 / rate_bpm
    breathing_hz, phase = rng.uniform(0.18, 0.32), rng.uniform(0, 2 * np.pi)
    sway = rng.uniform(0.01, 0.07) * np.clip((95 - person.age_years) / 55, 0.15, 1.3)
    first_s = -2 + rng.uniform(0, beat_s)
    steady_s = first_s + beat_s * np.arange(int((duration_s + 4) / beat_s) + 2)
    breath = np.sin(2 * np.pi * breathing_hz * steady_s + phase)
    chance = rng.normal(0, 0.008, steady_s.size)
    beats_s = first_s + np.cumsum(beat_s * (1 + sway * breath + chance))
    return Heart(
        atria=person.atria,
        ventricles=tuple(_scale_repolarisation(wave, beat_s**0.5) for wave in person.ventricles),
        atrial_s=beats_s,
        ventricular_s=beats_s,
        duration_s=duration_s,
        breathing_hz=breathing_hz,
        breathing_phase=phase,
    )


def _vary(
    wave: Wave,
    rng: np.random.Generator,
    height: float,
    frontal_deg: float,
    horizontal_deg: float,
    *,
    spread: float,
) -> Wave:
    """Vary a wave: rotated and scaled as requested, plus a random part of both."""
    own_deg: Floats = 6.0 * np.array([_clipped_normal(rng), _clipped_normal(rng)])
    dipole = rotate(wave.dipole_mv, frontal_deg + own_deg[0], horizontal_deg + own_deg[1])
    stretch = np.exp(0.06 * _clipped_normal(rng))
    return replace(
        wave.with_dipole(height * np.exp(spread * _clipped_normal(rng)) * dipole),
        rise_s=wave.rise_s * stretch,
        fall_s=wave.fall_s * stretch,
    )


def _scale_repolarisation(wave: Wave, factor: float) -> Wave:
    """Stretch a wave of the repolarisation in time by a factor; leave QRS unchanged."""
    if wave.segment == "QRS":
        return wave
    return replace(
        wave,
        peak_s=wave.peak_s * factor,
        rise_s=wave.rise_s * factor,
        fall_s=wave.fall_s * factor,
        hold_s=wave.hold_s * factor,
    )


def _clipped_normal(rng: np.random.Generator) -> float:
    """Draw a standard normal number, clipped at ±2: unusual people, but no impossible ones."""
    return float(np.clip(rng.standard_normal(), -2, 2))
