"""A heart as one moving dipole, and its projection on the twelve leads.

The dipole, in the Frank frame (x to the left, y to the feet, z to the back; mV), is a sum of
waves over the beats b of a heart:

    d(t) = sum_b g(b) sum_w  v_w  shape_w(t - t_b)

v_w is the dipole of the wave w at its peak. shape_w is a bell with different flanks and, for long
waves, a flat top. g(b) = 1 + 0.06 sin(breath at t_b) is the effect of breathing. So each lead is
a sum of Gaussians, as in McSharry, Clifford, Tarassenko, Smith: A dynamical model for generating
synthetic electrocardiogram signals, IEEE TBME 50 (2003) 289, extended to a dipole and many leads
by Sameni, Clifford, Jutten, Shamsollahi: Multichannel ECG and noise modeling, EURASIP JASP (2007)
043407. Unlike theirs, time is in seconds, not in phase: a QRS is as wide at 50 beats per minute
as at 100. The leads are the dipole times the matrix of Dower, Machado, Osborne: On deriving the
electrocardiogram from vectorcardiographic leads, Clinical Cardiology 3 (1980) 87.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ...signals.leads import LEADS

Floats = NDArray[np.float64]

_DOWER = np.array(
    [
        [0.632, -0.235, 0.059],  # I
        [0.235, 1.066, -0.132],  # II
        [-0.515, 0.157, -0.917],  # V1
        [0.044, 0.164, -1.387],  # V2
        [0.882, 0.098, -1.277],  # V3
        [1.213, 0.127, -0.601],  # V4
        [1.125, 0.127, -0.086],  # V5
        [0.831, 0.076, 0.230],  # V6
    ]
)
_FLANKS = 2.2  # standard deviations from a wave's top to its onset and offset
_FAR_FLANKS = 5.0  # standard deviations after which a wave is below 4e-6 of its top
_BREATHING_GAIN = 0.06


@dataclass(frozen=True, kw_only=True)
class Wave:
    """One wave of a beat.

    segment:        "P", "QRS", "ST" or "T".
    dipole_mv:      at the peak: to the left, the feet and the back.
    peak_s:         middle of its top, relative to the beat (about the R peak).
    rise_s, fall_s: standard deviations of its flanks.
    hold_s:         duration of the flat top.
    """

    segment: str
    dipole_mv: tuple[float, float, float]
    peak_s: float
    rise_s: float
    fall_s: float
    hold_s: float = 0.0

    def span_s(self, flanks: float = _FLANKS) -> tuple[float, float]:
        """Return onset and offset relative to the beat; flanks: standard deviations that count."""
        half_s = self.hold_s / 2
        onset_s = self.peak_s - half_s - flanks * self.rise_s
        return onset_s, self.peak_s + half_s + flanks * self.fall_s

    def scaled(self, factor: float) -> "Wave":
        """Multiply the height of the wave."""
        return self.with_dipole(factor * np.array(self.dipole_mv))

    def with_dipole(self, dipole_mv: Floats) -> "Wave":
        """Replace the dipole of the wave, (3,)."""
        x, y, z = dipole_mv.tolist()
        return replace(self, dipole_mv=(x, y, z))

    def shape(self, since_beat_s: Floats) -> Floats:
        """Return the wave's height, at most 1, at times of any array shape."""
        after_peak_s = since_beat_s - self.peak_s
        beyond_top_s = np.maximum(np.abs(after_peak_s) - self.hold_s / 2, 0)
        flank_s = np.where(after_peak_s < 0, self.rise_s, self.fall_s)
        bell: Floats = np.exp(-0.5 * (beyond_top_s / flank_s) ** 2)
        return bell


@dataclass(frozen=True, kw_only=True, eq=False)
class Heart:
    """The waves of a heart, and its beats in a record from 0 to duration_s, or just outside.

    atria, ventricles, ectopic: the waves of one beat.
    atrial_s, ventricular_s, ectopic_s: (beats,), the times of their beats.
    breathing_hz, breathing_phase: of the breath that modulates all leads.
    """

    atria: tuple[Wave, ...]
    ventricles: tuple[Wave, ...]
    atrial_s: Floats
    ventricular_s: Floats
    duration_s: float
    ectopic: tuple[Wave, ...] = ()
    ectopic_s: Floats = field(default_factory=lambda: np.zeros(0))
    breathing_hz: float = 0.25
    breathing_phase: float = 0.0

    @property
    def beat_s(self) -> float:
        """Mean time between beats."""
        return float(np.diff(self.ventricular_s).mean())

    def breath(self, time_s: Floats) -> Floats:
        """Return the depth of breath at each time, from -1 to 1."""
        depth: Floats = np.sin(2 * np.pi * self.breathing_hz * time_s + self.breathing_phase)
        return depth

    def dipole_mv(self, time_s: Floats) -> Floats:
        """Compute d(t) of this module's formula. time_s: (time,); returns (3, time)."""
        total = np.zeros((3, time_s.size))
        for waves, beats_s in (
            (self.atria, self.atrial_s),
            (self.ventricles, self.ventricular_s),
            (self.ectopic, self.ectopic_s),
        ):
            since_beat_s = time_s - beats_s[:, None]  # (beats, time)
            gain = 1 + _BREATHING_GAIN * self.breath(beats_s)
            for wave in waves:
                onset_s, offset_s = wave.span_s(_FAR_FLANKS)
                near = (since_beat_s > onset_s) & (since_beat_s < offset_s)
                beat, sample = np.nonzero(near)  # only samples near a beat: six times as fast
                height = gain[beat] * wave.shape(since_beat_s[beat, sample])
                total += np.outer(wave.dipole_mv, np.bincount(sample, height, time_s.size))
        return total

    def leads_mv(self, time_s: Floats) -> Floats:
        """Compute the twelve leads without noise, (12, time)."""
        return project(self.dipole_mv(time_s))


def project(dipole_mv: Floats) -> Floats:
    """Project a dipole (3, ...) on the twelve leads, (12, ...)."""
    return twelve_leads(_DOWER @ dipole_mv)


def twelve_leads(independent_mv: Floats) -> Floats:
    """Derive all twelve leads from I, II, V1 … V6: (8, ...) to (12, ...), in the order of LEADS.

    III = II - I (Einthoven); aVR = -(I + II)/2, aVL = I - II/2, aVF = II - I/2 (Goldberger).
    """
    i, ii = independent_mv[0], independent_mv[1]
    limb = np.stack([i, ii, ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2])
    return np.concatenate([limb, independent_mv[2:]])


def direction(x: float, y: float, z: float) -> Floats:
    """Return the dipole (3,) in a direction that is +1 mV in the lead that sees it best."""
    vector = np.array([x, y, z])
    unit: Floats = vector / project(vector).max()
    return unit


def rotate(dipole_mv: Sequence[float], frontal_deg: float, horizontal_deg: float = 0.0) -> Floats:
    """Rotate a dipole (3,) from the left to the feet, then from the left to the back."""
    x, y, z = dipole_mv
    a, b = np.deg2rad([frontal_deg, horizontal_deg])
    x, y = np.cos(a) * x - np.sin(a) * y, np.sin(a) * x + np.cos(a) * y
    x, z = np.cos(b) * x - np.sin(b) * z, np.sin(b) * x + np.cos(b) * z
    return np.array([x, y, z])


def select_segment(waves: Sequence[Wave], segment: str) -> tuple[Wave, ...]:
    """Return the waves that belong to a segment."""
    return tuple(wave for wave in waves if wave.segment == segment)


def span_s(waves: Sequence[Wave]) -> tuple[float, float]:
    """Return the onset of the first wave and the offset of the last, relative to the beat."""
    onsets_s, offsets_s = zip(*(wave.span_s() for wave in waves), strict=True)
    return min(onsets_s), max(offsets_s)


def extremes_mv(waves: Sequence[Wave]) -> Floats:
    """Return the lowest and the highest value of one beat in each lead, (2, 12)."""
    first_s, last_s = span_s(waves)
    time_s = np.linspace(first_s, last_s, 200)
    dipoles_mv = np.array([wave.dipole_mv for wave in waves]).T  # (3, waves)
    leads_mv = project(dipoles_mv @ np.stack([wave.shape(time_s) for wave in waves]))
    return np.stack([leads_mv.min(axis=1), leads_mv.max(axis=1)])


def axis_deg(waves: Sequence[Wave]) -> float:
    """Return the electrical axis of the QRS of one beat: 0 to the left, 90 to the feet.

    Computed from its net areas in I and aVF: atan2(2 aVF / sqrt(3), I), on Einthoven's triangle.
    """
    areas = [(w.rise_s + w.fall_s) * np.array(w.dipole_mv) for w in select_segment(waves, "QRS")]
    leads = project(np.sum(areas, axis=0))
    i, avf = leads[LEADS.index("I")], leads[LEADS.index("aVF")]
    return float(np.rad2deg(np.arctan2(2 * avf / np.sqrt(3), i)))
