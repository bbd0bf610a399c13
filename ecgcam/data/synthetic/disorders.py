"""What each SCP statement does to a healthy heart.

A disorder changes waves or beats of a Heart and says where that shows; how far it goes is drawn
by chance, from what a careful reader may miss to what nobody does. The criteria are those of
every textbook: Surawicz, Childers, Deal, Gettes: AHA/ACCF/HRS recommendations for the
standardization and interpretation of the electrocardiogram III, Circulation 119 (2009) e235;
Thygesen et al.: Fourth universal definition of myocardial infarction, Circulation 138 (2018) e618;
Sokolow, Lyon: The ventricular complex in left ventricular hypertrophy, Am Heart J 37 (1949) 161.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...signals.leads import LEADS
from .heart import Floats, Heart, Wave, extremes_mv, of_segment, span_s, towards, turned

Change = Callable[[Heart, np.random.Generator], Heart]

INFERIOR = towards(-0.15, 1.0, 0.3)  # walls: the dipole that points at each
ANTERIOR = towards(0.3, 0.0, -1.0)
ANTEROSEPTAL = towards(-0.15, 0.0, -1.0)
LATERAL = towards(1.0, -0.35, 0.45)
ANTEROLATERAL = towards(0.9, -0.2, -0.5)
LEFT = towards(0.95, 0.2, 0.2)
APEX = towards(0.8, 0.45, -0.3)


def infarction(wall: Floats) -> Change:
    """Q waves and ST elevation over a wall of the heart, their mirror image opposite.

    The dead wall no longer pulls the beginning of the QRS towards itself, so the rest pulls it
    away: Q. The injured one holds the ST segment up by 0.12 to 0.35 mV in the lead that looks at
    it best. In half of them T is inverted already.
    """

    def change(heart: Heart, rng: np.random.Generator) -> Heart:
        away, q_mv, st_mv = rng.uniform(0.0, 0.4), rng.uniform(0.3, 0.6), rng.uniform(0.12, 0.35)
        waves = tuple(
            _mirrored(wave, wall, away) if _pulls_early(wave, wall) else wave
            for wave in heart.ventricles
        )
        q = _qrs((0, 0, 0), -0.024, 0.010, 0.012).pointing(-q_mv * wall)
        if rng.random() < 0.5:
            waves = _t_inverted(waves, wall, rng.uniform(0.1, 0.7))
        return replace(heart, ventricles=_st_moved((*waves, q), st_mv * wall))

    return change


def ischemia(wall: Floats) -> Change:
    """ST depression of 0.06 to 0.22 mV under a wall, and mostly an inverted T."""

    def change(heart: Heart, rng: np.random.Generator) -> Heart:
        waves = _st_moved(heart.ventricles, -rng.uniform(0.06, 0.22) * wall)
        if rng.random() < 0.7:
            waves = _t_inverted(waves, wall, rng.uniform(0.2, 0.9))
        return replace(heart, ventricles=waves)

    return change


def slight_st_depression(heart: Heart, rng: np.random.Generator) -> Heart:
    """Less than 0.1 mV, sagging, with a low T: nobody could say what it comes from."""
    waves = _st_moved(heart.ventricles, -rng.uniform(0.04, 0.09) * APEX)
    return replace(heart, ventricles=_t_inverted(waves, APEX, rng.uniform(-0.7, -0.3)))


def flat_t(heart: Heart, rng: np.random.Generator) -> Heart:
    """T of hardly any height, or slightly inverted."""
    waves = _t_inverted(heart.ventricles, APEX, rng.uniform(-0.3, 0.2))
    return replace(heart, ventricles=waves)


def left_bundle_branch_block(heart: Heart, rng: np.random.Generator) -> Heart:
    """The left ventricle is reached late, from the septum: QRS of 140 to 175 ms, notched and all
    to the left and the back, no q in V6; ST and T against it."""
    height, slow = _voltage(heart), rng.uniform(0.95, 1.12)
    notch = rng.uniform(0.55, 0.9)
    qrs = (
        _qrs((0.22, 0.12, 0.05), -0.034, 0.010, 0.012),
        _qrs((0.72, 0.22, 0.52), -0.006, 0.014, 0.014),
        _qrs((0.50 * notch, 0.10, 0.75), 0.020, 0.016, 0.016),
        _qrs((0.78, 0.10, 0.72), 0.048, 0.015, 0.017),
    )
    against = -rng.uniform(0.9, 1.3) * np.array([0.13, 0.03, 0.15]) * height
    t = of_segment(heart.ventricles, "T")[0].pointing(2.2 * against)
    st = of_segment(heart.ventricles, "ST")[0].pointing(against)
    return replace(
        heart,
        ventricles=(
            *(_slower(wave.scaled(height), slow) for wave in qrs),
            *_later((st, t), 0.045),
        ),
    )


def right_bundle_branch_block(heart: Heart, rng: np.random.Generator) -> Heart:
    """The right ventricle is reached late: after a healthy beginning a slow wave to the right and
    the front, R' in V1 and a broad S in I and V6; QRS of 130 to 155 ms; T against it."""
    late = rng.uniform(0.7, 1.2) * _voltage(heart) * np.array([-0.52, -0.04, -0.55])
    after_s = rng.uniform(0.058, 0.068)
    waves = _later(heart.ventricles, 0.03, only=("ST", "T"))
    t = of_segment(waves, "T")[0]
    against = t.pointing(-rng.uniform(0.2, 0.35) * late)
    wave = _qrs((0, 0, 0), after_s, 0.014, 0.017).pointing(late)
    return replace(heart, ventricles=(*waves, wave, against))


def left_anterior_hemiblock(heart: Heart, rng: np.random.Generator) -> Heart:
    """The front of the left ventricle is reached last: the QRS starts to the feet and then turns
    to an axis of about -40 to -60 degrees; it lasts hardly longer."""
    qrs = of_segment(heart.ventricles, "QRS")
    x, y, _ = np.sum([wave.dipole_mv for wave in qrs[1:3]], axis=0)
    turn_deg = -rng.uniform(28, 45) - np.rad2deg(np.arctan2(y, x))
    first = _qrs((-0.12, 0.30, -0.12), -0.027, 0.007, 0.008).scaled(_voltage(heart))
    rest = tuple(_slower(w.pointing(turned(w.dipole_mv, turn_deg)), 1.08) for w in qrs[1:])
    others = tuple(wave for wave in heart.ventricles if wave.segment != "QRS")
    return replace(heart, ventricles=(first, *rest, *others))


def long_pr(heart: Heart, rng: np.random.Generator) -> Heart:
    """The atria beat earlier before the ventricles: PR of 220 to 310 ms, where 200 is the most."""
    p_onset_s, _ = span_s(heart.atria)
    qrs_onset_s, _ = span_s(of_segment(heart.ventricles, "QRS"))
    earlier_s = rng.uniform(0.22, 0.31) - (qrs_onset_s - p_onset_s)
    return replace(heart, atria=_later(heart.atria, -earlier_s))


def dropped_beats(heart: Heart, rng: np.random.Generator) -> Heart:
    """Every third to fifth P is followed by no QRS."""
    every = int(rng.integers(3, 6))
    dropped = np.arange(heart.ventricular_s.size) % every == rng.integers(every)
    return replace(heart, ventricular_s=heart.ventricular_s[~dropped])


def left_hypertrophy(heart: Heart, rng: np.random.Generator) -> Heart:
    """More muscle to the left and the back: S in V1 + R in V5 or V6 of 3.7 to 5.2 mV, where
    Sokolow and Lyon ask for 3.5; mostly with ST and T against it ("strain")."""
    qrs = of_segment(heart.ventricles, "QRS")
    low_mv, high_mv = (dict(zip(LEADS, row, strict=True)) for row in extremes_mv(qrs))
    sokolow_mv = max(high_mv["V5"], high_mv["V6"]) - low_mv["V1"]
    factor = max(rng.uniform(3.7, 5.2) / sokolow_mv, 1.15)
    waves = tuple(_slower(wave.scaled(factor), 1.08) for wave in qrs)
    rest = tuple(wave for wave in heart.ventricles if wave.segment != "QRS")
    if rng.random() < 0.7:
        rest = _st_moved(rest, -rng.uniform(0.05, 0.18) * LEFT)
        rest = _t_inverted(rest, LEFT, rng.uniform(0.1, 0.7))
    return replace(heart, ventricles=(*waves, *rest))


def right_hypertrophy(heart: Heart, rng: np.random.Generator) -> Heart:
    """The right ventricle outweighs the left: a wave to the right, the front and the feet, so tall
    R in V1, deep S in V6, axis beyond 90 degrees; T inverted in V1 to V3."""
    main = rng.uniform(1.0, 1.3) * _voltage(heart) * np.array([-0.75, 0.35, -0.75])
    weak = tuple(wave.scaled(0.45) if wave.segment == "QRS" else wave for wave in heart.ventricles)
    wave = _qrs((0, 0, 0), 0.010, 0.011, 0.012).pointing(main)
    t = of_segment(heart.ventricles, "T")[0]
    return replace(heart, ventricles=(*weak, wave, t.pointing(-0.2 * main)))


def left_atrial_load(heart: Heart, rng: np.random.Generator) -> Heart:
    """The left atrium is late and large: a broad, notched P in II, its end negative in V1."""
    right, left = heart.atria
    large = rng.uniform(1.3, 2.0) * np.array(left.dipole_mv) + np.array([0.0, 0.0, 0.06])
    delay_s = rng.uniform(0.012, 0.02)
    return replace(
        heart, atria=_later((right,), -delay_s) + _later((left.pointing(large),), delay_s)
    )


def premature_beats(heart: Heart, rng: np.random.Generator) -> Heart:
    """One to three beats from a ventricle itself: early, broad, without P, T against it; then a
    pause, for the next sinus beat finds the ventricles busy."""
    beats_s = heart.ventricular_s
    inside = np.flatnonzero((beats_s > 1.0) & (beats_s < heart.duration_s - 0.2))[::2]
    hit = np.sort(rng.choice(inside, min(int(rng.integers(1, 4)), inside.size), replace=False))
    coupling_s = max(0.58 * heart.beat_s, 0.38)
    from_right = towards(0.45, 0.8, 0.5)  # an outflow tract: like a left bundle branch block
    from_left = towards(-0.6, -0.5, -0.6)
    main = rng.uniform(0.9, 1.7) * (from_right if rng.random() < 0.5 else from_left)
    height = _voltage(heart)
    ectopic = (
        _qrs((0, 0, 0), -0.020, 0.022, 0.024).pointing(0.5 * height * main),
        _qrs((0, 0, 0), 0.022, 0.022, 0.026).pointing(height * turned(main.tolist(), 15)),
        replace(of_segment(heart.ventricles, "T")[0].pointing(-0.45 * height * main), peak_s=0.30),
    )
    return replace(
        heart,
        ventricular_s=np.delete(beats_s, hit),
        ectopic=ectopic,
        ectopic_s=beats_s[hit - 1] + coupling_s,
    )


def _qrs(
    dipole_mv: tuple[float, float, float], peak_s: float, rise_s: float, fall_s: float
) -> Wave:
    return Wave(segment="QRS", dipole_mv=dipole_mv, peak_s=peak_s, rise_s=rise_s, fall_s=fall_s)


def _voltage(heart: Heart) -> float:
    """How high this heart's QRS is, beside a dipole of 1 mV."""
    waves = of_segment(heart.ventricles, "QRS")
    return float(max(np.linalg.norm(wave.dipole_mv) for wave in waves))


def _later(
    waves: tuple[Wave, ...], delay_s: float, only: tuple[str, ...] = ("P", "QRS", "ST", "T")
) -> tuple[Wave, ...]:
    """The waves, those of some segments by so much later."""
    return tuple(
        replace(wave, peak_s=wave.peak_s + delay_s) if wave.segment in only else wave
        for wave in waves
    )


def _slower(wave: Wave, factor: float) -> Wave:
    """The wave, `factor` times as far from the beat and as broad."""
    return replace(
        wave,
        peak_s=wave.peak_s * factor,
        rise_s=wave.rise_s * factor,
        fall_s=wave.fall_s * factor,
        hold_s=wave.hold_s * factor,
    )


def _st_moved(waves: tuple[Wave, ...], by_mv: Floats) -> tuple[Wave, ...]:
    """The waves, the ST segment lifted by a dipole (3,)."""
    return tuple(
        wave.pointing(np.array(wave.dipole_mv) + by_mv) if wave.segment == "ST" else wave
        for wave in waves
    )


def _t_inverted(waves: tuple[Wave, ...], wall: Floats, how_far: float) -> tuple[Wave, ...]:
    """The waves, T mirrored away from a wall."""
    return tuple(_mirrored(w, wall, how_far) if w.segment == "T" else w for w in waves)


def _mirrored(wave: Wave, wall: Floats, how_far: float) -> Wave:
    """The wave, mirrored in the plane across the direction of a wall.

    With n the unit vector of the wall, v becomes v - (1 + how_far) (v.n) n: unchanged at -1, flat
    as that wall sees it at 0, wholly mirrored at 1.
    """
    dipole, unit = np.array(wave.dipole_mv), wall / np.linalg.norm(wall)
    return wave.pointing(dipole - (1 + how_far) * (dipole @ unit) * unit)


def _pulls_early(wave: Wave, wall: Floats) -> bool:
    """Whether a wave of the first half of the QRS points to a wall."""
    return wave.segment == "QRS" and wave.peak_s < -0.005 and bool(wall @ wave.dipole_mv > 0)
