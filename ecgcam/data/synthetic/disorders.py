"""Disorders: changes of a healthy heart, one for each SCP statement.

A disorder changes waves or beats of a Heart. Its size is random, from what a careful reader may
miss to what no reader misses. The criteria are standard: Surawicz, Childers, Deal, Gettes:
AHA/ACCF/HRS recommendations for the standardization and interpretation of the electrocardiogram
III, Circulation 119 (2009) e235;
Thygesen et al.: Fourth universal definition of myocardial infarction, Circulation 138 (2018) e618;
Sokolow, Lyon: The ventricular complex in left ventricular hypertrophy, Am Heart J 37 (1949) 161.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...signals.leads import LEADS
from .heart import Floats, Heart, Wave, direction, extremes_mv, rotate, select_segment, span_s

Change = Callable[[Heart, np.random.Generator], Heart]

INFERIOR = direction(-0.15, 1.0, 0.3)  # a wall: the dipole that points at it
ANTERIOR = direction(0.3, 0.0, -1.0)
ANTEROSEPTAL = direction(-0.15, 0.0, -1.0)
LATERAL = direction(1.0, -0.35, 0.45)
ANTEROLATERAL = direction(0.9, -0.2, -0.5)
LEFT = direction(0.95, 0.2, 0.2)
APEX = direction(0.8, 0.45, -0.3)


def infarction(wall: Floats) -> Change:
    """Return the change to Q waves and ST elevation over a wall, with their mirror image opposite.

    The dead wall no longer pulls the start of the QRS towards itself, so the other walls pull it
    away: a Q wave. The injured wall raises the ST segment by 0.12 to 0.35 mV in the lead that sees
    it best. In half of the ECGs T is already inverted.
    """

    def change(heart: Heart, rng: np.random.Generator) -> Heart:
        away, q_mv, st_mv = rng.uniform(0.0, 0.4), rng.uniform(0.3, 0.6), rng.uniform(0.12, 0.35)
        waves = tuple(
            _mirror(wave, wall, away) if _starts_towards(wave, wall) else wave
            for wave in heart.ventricles
        )
        q = _qrs((0, 0, 0), -0.024, 0.010, 0.012).with_dipole(-q_mv * wall)
        if rng.random() < 0.5:
            waves = _invert_t(waves, wall, rng.uniform(0.1, 0.7))
        return replace(heart, ventricles=_shift_st((*waves, q), st_mv * wall))

    return change


def ischemia(wall: Floats) -> Change:
    """Return the change to an ST depression of 0.06 to 0.22 mV, mostly with an inverted T."""

    def change(heart: Heart, rng: np.random.Generator) -> Heart:
        waves = _shift_st(heart.ventricles, -rng.uniform(0.06, 0.22) * wall)
        if rng.random() < 0.7:
            waves = _invert_t(waves, wall, rng.uniform(0.2, 0.9))
        return replace(heart, ventricles=waves)

    return change


def depress_st_slightly(heart: Heart, rng: np.random.Generator) -> Heart:
    """Lower the ST segment by less than 0.1 mV, sagging, with a low T: a non-specific change."""
    waves = _shift_st(heart.ventricles, -rng.uniform(0.04, 0.09) * APEX)
    return replace(heart, ventricles=_invert_t(waves, APEX, rng.uniform(-0.7, -0.3)))


def flatten_t(heart: Heart, rng: np.random.Generator) -> Heart:
    """Make T nearly flat, or slightly inverted."""
    waves = _invert_t(heart.ventricles, APEX, rng.uniform(-0.3, 0.2))
    return replace(heart, ventricles=waves)


def left_bundle_branch_block(heart: Heart, rng: np.random.Generator) -> Heart:
    """Excite the left ventricle late, from the septum.

    QRS of 140 to 175 ms, notched and directed to the left and the back, no q in V6; ST and T
    opposite to it.
    """
    height, slow = _voltage(heart), rng.uniform(0.95, 1.12)
    notch = rng.uniform(0.55, 0.9)
    qrs = (
        _qrs((0.22, 0.12, 0.05), -0.034, 0.010, 0.012),
        _qrs((0.72, 0.22, 0.52), -0.006, 0.014, 0.014),
        _qrs((0.50 * notch, 0.10, 0.75), 0.020, 0.016, 0.016),
        _qrs((0.78, 0.10, 0.72), 0.048, 0.015, 0.017),
    )
    against = -rng.uniform(0.9, 1.3) * np.array([0.13, 0.03, 0.15]) * height
    t = select_segment(heart.ventricles, "T")[0].with_dipole(2.2 * against)
    st = select_segment(heart.ventricles, "ST")[0].with_dipole(against)
    return replace(
        heart,
        ventricles=(
            *(_stretch(wave.scaled(height), slow) for wave in qrs),
            *_delay((st, t), 0.045),
        ),
    )


def right_bundle_branch_block(heart: Heart, rng: np.random.Generator) -> Heart:
    """Excite the right ventricle late.

    After a normal start a slow wave to the right and the front: R' in V1, a broad S in I and V6.
    QRS of 130 to 155 ms; T opposite to it.
    """
    late = rng.uniform(0.7, 1.2) * _voltage(heart) * np.array([-0.52, -0.04, -0.55])
    after_s = rng.uniform(0.058, 0.068)
    waves = _delay(heart.ventricles, 0.03, only=("ST", "T"))
    t = select_segment(waves, "T")[0]
    against = t.with_dipole(-rng.uniform(0.2, 0.35) * late)
    wave = _qrs((0, 0, 0), after_s, 0.014, 0.017).with_dipole(late)
    return replace(heart, ventricles=(*waves, wave, against))


def left_anterior_hemiblock(heart: Heart, rng: np.random.Generator) -> Heart:
    """Excite the front of the left ventricle last.

    The QRS starts towards the feet and then turns to an axis of about -40 to -60 degrees; it is
    hardly longer.
    """
    qrs = select_segment(heart.ventricles, "QRS")
    x, y, _ = np.sum([wave.dipole_mv for wave in qrs[1:3]], axis=0)
    turn_deg = -rng.uniform(28, 45) - np.rad2deg(np.arctan2(y, x))
    first = _qrs((-0.12, 0.30, -0.12), -0.027, 0.007, 0.008).scaled(_voltage(heart))
    rest = tuple(_stretch(w.with_dipole(rotate(w.dipole_mv, turn_deg)), 1.08) for w in qrs[1:])
    others = tuple(wave for wave in heart.ventricles if wave.segment != "QRS")
    return replace(heart, ventricles=(first, *rest, *others))


def prolong_pr(heart: Heart, rng: np.random.Generator) -> Heart:
    """Move the atrial beats earlier: PR of 220 to 310 ms, where up to 200 ms are normal."""
    p_onset_s, _ = span_s(heart.atria)
    qrs_onset_s, _ = span_s(select_segment(heart.ventricles, "QRS"))
    earlier_s = rng.uniform(0.22, 0.31) - (qrs_onset_s - p_onset_s)
    return replace(heart, atria=_delay(heart.atria, -earlier_s))


def drop_beats(heart: Heart, rng: np.random.Generator) -> Heart:
    """Remove the QRS after every third to fifth P."""
    every = int(rng.integers(3, 6))
    dropped = np.arange(heart.ventricular_s.size) % every == rng.integers(every)
    return replace(heart, ventricular_s=heart.ventricular_s[~dropped])


def left_hypertrophy(heart: Heart, rng: np.random.Generator) -> Heart:
    """Enlarge the QRS to the left and the back.

    S in V1 + R in V5 or V6 of 3.7 to 5.2 mV, where the criterion of Sokolow and Lyon is 3.5 mV;
    mostly with ST and T opposite to it ("strain").
    """
    qrs = select_segment(heart.ventricles, "QRS")
    low_mv, high_mv = (dict(zip(LEADS, row, strict=True)) for row in extremes_mv(qrs))
    sokolow_mv = max(high_mv["V5"], high_mv["V6"]) - low_mv["V1"]
    factor = max(rng.uniform(3.7, 5.2) / sokolow_mv, 1.15)
    waves = tuple(_stretch(wave.scaled(factor), 1.08) for wave in qrs)
    rest = tuple(wave for wave in heart.ventricles if wave.segment != "QRS")
    if rng.random() < 0.7:
        rest = _shift_st(rest, -rng.uniform(0.05, 0.18) * LEFT)
        rest = _invert_t(rest, LEFT, rng.uniform(0.1, 0.7))
    return replace(heart, ventricles=(*waves, *rest))


def right_hypertrophy(heart: Heart, rng: np.random.Generator) -> Heart:
    """Let the right ventricle outweigh the left.

    A wave to the right, the front and the feet: tall R in V1, deep S in V6, axis beyond 90 degrees;
    T inverted in V1 to V3.
    """
    main = rng.uniform(1.0, 1.3) * _voltage(heart) * np.array([-0.75, 0.35, -0.75])
    weak = tuple(wave.scaled(0.45) if wave.segment == "QRS" else wave for wave in heart.ventricles)
    wave = _qrs((0, 0, 0), 0.010, 0.011, 0.012).with_dipole(main)
    t = select_segment(heart.ventricles, "T")[0]
    return replace(heart, ventricles=(*weak, wave, t.with_dipole(-0.2 * main)))


def left_atrial_enlargement(heart: Heart, rng: np.random.Generator) -> Heart:
    """Make the left atrium late and large: a broad, notched P in II that ends negative in V1."""
    right, left = heart.atria
    large = rng.uniform(1.3, 2.0) * np.array(left.dipole_mv) + np.array([0.0, 0.0, 0.06])
    delay_s = rng.uniform(0.012, 0.02)
    return replace(
        heart, atria=_delay((right,), -delay_s) + _delay((left.with_dipole(large),), delay_s)
    )


def insert_premature_beats(heart: Heart, rng: np.random.Generator) -> Heart:
    """Insert one to three beats that start in a ventricle, each followed by a pause.

    They are early and broad, without P, with T opposite. The pause replaces the next sinus beat,
    which meets refractory ventricles.
    """
    beats_s = heart.ventricular_s
    inside = np.flatnonzero((beats_s > 1.0) & (beats_s < heart.duration_s - 0.2))[::2]
    replaced = np.sort(rng.choice(inside, min(int(rng.integers(1, 4)), inside.size), replace=False))
    coupling_s = max(0.58 * heart.beat_s, 0.38)
    from_right = direction(0.45, 0.8, 0.5)  # an outflow tract: like a left bundle branch block
    from_left = direction(-0.6, -0.5, -0.6)
    main = rng.uniform(0.9, 1.7) * (from_right if rng.random() < 0.5 else from_left)
    height = _voltage(heart)
    ectopic = (
        _qrs((0, 0, 0), -0.020, 0.022, 0.024).with_dipole(0.5 * height * main),
        _qrs((0, 0, 0), 0.022, 0.022, 0.026).with_dipole(height * rotate(main.tolist(), 15)),
        replace(
            select_segment(heart.ventricles, "T")[0].with_dipole(-0.45 * height * main), peak_s=0.30
        ),
    )
    return replace(
        heart,
        ventricular_s=np.delete(beats_s, replaced),
        ectopic=ectopic,
        ectopic_s=beats_s[replaced - 1] + coupling_s,
    )


def _qrs(
    dipole_mv: tuple[float, float, float], peak_s: float, rise_s: float, fall_s: float
) -> Wave:
    return Wave(segment="QRS", dipole_mv=dipole_mv, peak_s=peak_s, rise_s=rise_s, fall_s=fall_s)


def _voltage(heart: Heart) -> float:
    """Return the largest dipole of this heart's QRS, in mV."""
    waves = select_segment(heart.ventricles, "QRS")
    return float(max(np.linalg.norm(wave.dipole_mv) for wave in waves))


def _delay(
    waves: tuple[Wave, ...], delay_s: float, only: tuple[str, ...] = ("P", "QRS", "ST", "T")
) -> tuple[Wave, ...]:
    """Delay the waves of some segments."""
    return tuple(
        replace(wave, peak_s=wave.peak_s + delay_s) if wave.segment in only else wave
        for wave in waves
    )


def _stretch(wave: Wave, factor: float) -> Wave:
    """Stretch a wave's distance from the beat and its width by a factor."""
    return replace(
        wave,
        peak_s=wave.peak_s * factor,
        rise_s=wave.rise_s * factor,
        fall_s=wave.fall_s * factor,
        hold_s=wave.hold_s * factor,
    )


def _shift_st(waves: tuple[Wave, ...], by_mv: Floats) -> tuple[Wave, ...]:
    """Shift the ST segment by a dipole (3,)."""
    return tuple(
        wave.with_dipole(np.array(wave.dipole_mv) + by_mv) if wave.segment == "ST" else wave
        for wave in waves
    )


def _invert_t(waves: tuple[Wave, ...], wall: Floats, degree: float) -> tuple[Wave, ...]:
    """Mirror T away from a wall."""
    return tuple(_mirror(w, wall, degree) if w.segment == "T" else w for w in waves)


def _mirror(wave: Wave, wall: Floats, degree: float) -> Wave:
    """Mirror a wave in the plane perpendicular to the direction of a wall.

    With n the unit vector of the wall, v becomes v - (1 + degree) (v.n) n: unchanged at degree -1,
    flat from the wall's direction at 0, fully mirrored at 1.
    """
    dipole, unit = np.array(wave.dipole_mv), wall / np.linalg.norm(wall)
    return wave.with_dipole(dipole - (1 + degree) * (dipole @ unit) * unit)


def _starts_towards(wave: Wave, wall: Floats) -> bool:
    """Return whether a wave belongs to the first half of the QRS and points to a wall."""
    return wave.segment == "QRS" and wave.peak_s < -0.005 and bool(wall @ wave.dipole_mv > 0)
