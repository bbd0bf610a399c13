"""The heart as one moving dipole, and the twelve leads that see it.

The dipole, in the Frank frame (x to the left, y to the feet, z to the back; mV), is a sum of
waves over the beats b of a heart:

    d(t) = sum_b g(b) sum_w  v_w  shape_w(t - t_b)

v_w is the dipole of the wave w at its peak, shape_w a bell with flanks of its own and, where the
wave lasts, a flat top; g(b) = 1 + 0.06 sin(breath at t_b) is breathing. So each lead is a sum of
Gaussians, as in McSharry, Clifford, Tarassenko, Smith: A dynamical model for generating synthetic
electrocardiogram signals, IEEE TBME 50 (2003) 289, brought to a dipole and many leads by Sameni,
Clifford, Jutten, Shamsollahi: Multichannel ECG and noise modeling, EURASIP JASP (2007) 043407.
Unlike theirs, time runs in seconds and not in phase: a QRS is as broad at 50 beats a minute as
at 100. The leads are the dipole times the matrix of Dower, Machado, Osborne: On deriving the
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
_FLANKS = 2.2  # standard deviations from a wave's top to where it is taken to begin and end
_NOTHING_LEFT = 5.0  # the same to where a wave is below 4e-6 of its top
_BREATHING_GAIN = 0.06


@dataclass(frozen=True, kw_only=True)
class Wave:
    """One wave of a beat.

    segment:        what it belongs to: "P", "QRS", "ST" or "T".
    dipole_mv:      at the peak, to the left, the feet and the back.
    peak_s:         the middle of its top, after the beat's reference (about the R peak).
    rise_s, fall_s: standard deviations of its flanks.
    hold_s:         how long the top is flat.
    """

    segment: str
    dipole_mv: tuple[float, float, float]
    peak_s: float
    rise_s: float
    fall_s: float
    hold_s: float = 0.0

    def span_s(self, flanks: float = _FLANKS) -> tuple[float, float]:
        """From when to when it lasts, after the beat, with so many deviations of its flanks."""
        half_s = self.hold_s / 2
        onset_s = self.peak_s - half_s - flanks * self.rise_s
        return onset_s, self.peak_s + half_s + flanks * self.fall_s

    def scaled(self, factor: float) -> "Wave":
        """The same wave, `factor` times as high."""
        return self.pointing(factor * np.array(self.dipole_mv))

    def pointing(self, dipole_mv: Floats) -> "Wave":
        """The same wave with another dipole, (3,)."""
        x, y, z = dipole_mv.tolist()
        return replace(self, dipole_mv=(x, y, z))

    def shape(self, since_beat_s: Floats) -> Floats:
        """The wave's height over time, at most 1; any shape in, the same out."""
        after_peak_s = since_beat_s - self.peak_s
        beyond_top_s = np.maximum(np.abs(after_peak_s) - self.hold_s / 2, 0)
        flank_s = np.where(after_peak_s < 0, self.rise_s, self.fall_s)
        bell: Floats = np.exp(-0.5 * (beyond_top_s / flank_s) ** 2)
        return bell


@dataclass(frozen=True, kw_only=True, eq=False)
class Heart:
    """The waves of a heart, and when it beats in a record from 0 to duration_s, or just outside.

    atria, ventricles, ectopic: the waves of one beat.
    atrial_s, ventricular_s, ectopic_s: (beats,), when each of them beats.
    breathing_hz, breathing_phase: of the breath that pulls at all of it.
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
        """The mean time from one beat to the next."""
        return float(np.diff(self.ventricular_s).mean())

    def breath(self, time_s: Floats) -> Floats:
        """How full the chest is at each time, within [-1, 1]."""
        depth: Floats = np.sin(2 * np.pi * self.breathing_hz * time_s + self.breathing_phase)
        return depth

    def dipole_mv(self, time_s: Floats) -> Floats:
        """d(t) of this module's formula. time_s: (time,); returns (3, time)."""
        total = np.zeros((3, time_s.size))
        for waves, beats_s in (
            (self.atria, self.atrial_s),
            (self.ventricles, self.ventricular_s),
            (self.ectopic, self.ectopic_s),
        ):
            since_beat_s = time_s - beats_s[:, None]  # (beats, time)
            gain = 1 + _BREATHING_GAIN * self.breath(beats_s)
            for wave in waves:
                onset_s, offset_s = wave.span_s(_NOTHING_LEFT)
                near = (since_beat_s > onset_s) & (since_beat_s < offset_s)
                beat, sample = np.nonzero(near)  # the few near a beat: six times as fast
                height = gain[beat] * wave.shape(since_beat_s[beat, sample])
                total += np.outer(wave.dipole_mv, np.bincount(sample, height, time_s.size))
        return total

    def leads_mv(self, time_s: Floats) -> Floats:
        """What the twelve leads see, (12, time), without noise."""
        return project(self.dipole_mv(time_s))


def project(dipole_mv: Floats) -> Floats:
    """A dipole (3, ...) as the twelve leads see it, (12, ...)."""
    return twelve_leads(_DOWER @ dipole_mv)


def twelve_leads(independent_mv: Floats) -> Floats:
    """All twelve leads from I, II, V1 … V6: (8, ...) to (12, ...), in the order of LEADS.

    III = II - I (Einthoven); aVR = -(I + II)/2, aVL = I - II/2, aVF = II - I/2 (Goldberger).
    """
    one, two = independent_mv[0], independent_mv[1]
    limb = np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2])
    return np.concatenate([limb, independent_mv[2:]])


def towards(x: float, y: float, z: float) -> Floats:
    """The dipole in that direction (3,) which its best lead sees as +1 mV."""
    direction = np.array([x, y, z])
    unit: Floats = direction / project(direction).max()
    return unit


def turned(dipole_mv: Sequence[float], frontal_deg: float, horizontal_deg: float = 0.0) -> Floats:
    """A dipole (3,) turned from the left towards the feet, then from the left towards the back."""
    x, y, z = dipole_mv
    a, b = np.deg2rad([frontal_deg, horizontal_deg])
    x, y = np.cos(a) * x - np.sin(a) * y, np.sin(a) * x + np.cos(a) * y
    x, z = np.cos(b) * x - np.sin(b) * z, np.sin(b) * x + np.cos(b) * z
    return np.array([x, y, z])


def of_segment(waves: Sequence[Wave], segment: str) -> tuple[Wave, ...]:
    """Those of the waves that belong to a segment."""
    return tuple(wave for wave in waves if wave.segment == segment)


def span_s(waves: Sequence[Wave]) -> tuple[float, float]:
    """From where the first of the waves begins to where the last ends, after the beat."""
    onsets_s, offsets_s = zip(*(wave.span_s() for wave in waves), strict=True)
    return min(onsets_s), max(offsets_s)


def extremes_mv(waves: Sequence[Wave]) -> Floats:
    """The lowest and the highest point in each lead that the waves of one beat reach, (2, 12)."""
    first_s, last_s = span_s(waves)
    time_s = np.linspace(first_s, last_s, 200)
    dipoles_mv = np.array([wave.dipole_mv for wave in waves]).T  # (3, waves)
    leads_mv = project(dipoles_mv @ np.stack([wave.shape(time_s) for wave in waves]))
    return np.stack([leads_mv.min(axis=1), leads_mv.max(axis=1)])


def axis_deg(waves: Sequence[Wave]) -> float:
    """The electrical axis of the QRS of one beat: 0 to the left, 90 to the feet.

    From its net areas in I and aVF: atan2(2 aVF / sqrt(3), I), on Einthoven's triangle.
    """
    areas = [(w.rise_s + w.fall_s) * np.array(w.dipole_mv) for w in of_segment(waves, "QRS")]
    leads = project(np.sum(areas, axis=0))
    one, foot = leads[LEADS.index("I")], leads[LEADS.index("aVF")]
    return float(np.rad2deg(np.arctan2(2 * foot / np.sqrt(3), one)))
