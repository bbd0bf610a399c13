"""What a model is tried with: each disturbance at several strengths, and each wrong electrode."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ..signals.perturb import (
    Signals,
    add_mains_hum,
    add_muscle_noise,
    add_wander,
    add_white_noise,
    coarsen,
    lose_lead,
    start_late,
    swap_electrodes,
)

SNR_DB = (24, 18, 12, 6, 0)  # the steps of the noise stress test of Moody et al. 1984
MUSCLE_MV = (0.01, 0.02, 0.05, 0.1, 0.2)
MAINS_MV = (0.02, 0.05, 0.1, 0.2, 0.5)
MAINS_HZ = (50, 60)
WANDER_MV = (0.1, 0.2, 0.5, 1, 2)
LATE_S = (0.02, 0.1, 0.5, 1, 2)
STEP_UV = (2, 5, 10, 20, 50)
SWAPS = (
    ("RA", "LA"),
    ("RA", "LL"),
    ("LA", "LL"),
    ("V1", "V2"),
    ("V2", "V3"),
    ("V3", "V4"),
    ("V4", "V5"),
    ("V5", "V6"),
)

Disturb = Callable[[Signals, np.random.Generator], Signals]


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """One thing that may happen to every ECG of a store.

    kind:     what it is, as in "white noise". Those of one kind with strengths are one curve.
    strength: how strong, in `unit`; None where there is no more or less.
    what:     the setting in words: "24 dB SNR", "V1".
    disturb:  signals (batch, leads, time) in mV, with the store's leads, to the disturbed ones.
    """

    kind: str
    what: str
    disturb: Disturb
    strength: float | None = None
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """What was not tried, and why."""

    kind: str
    what: str
    reason: str


def plan(
    leads: Sequence[str], *, rate_hz: float, samples: int, rows: Sequence[int]
) -> tuple[list[Trial], list[Skipped]]:
    """The trials for a store of these leads, rate and length, and those that cannot be.

    rows: where the model's leads stand among them. What changes none of those is skipped.
    Each trial is done once to a made-up signal, to see whether it can be and what it changes.
    """
    probe = np.random.default_rng(0).normal(0, 1, (1, len(leads), samples)).astype(np.float32)
    trials, skipped = [], []
    for trial in (*_graded(leads, rate_hz), *_misplaced(leads)):
        try:
            changed = trial.disturb(probe, np.random.default_rng(0)) != probe
            reason = (
                "" if changed[:, list(rows)].any() else "it changes no lead that the model uses."
            )
        except ValueError as error:
            reason = str(error)
        if reason:
            skipped.append(Skipped(kind=trial.kind, what=trial.what, reason=reason))
        else:
            trials.append(trial)
    return trials, skipped


def _graded(leads: Sequence[str], rate_hz: float) -> Iterator[Trial]:
    """What there is more or less of, from little to much."""
    for db in SNR_DB:
        yield _strong("white noise", db, "dB SNR", _drawn(add_white_noise, snr_db=db))
    there = {"leads": leads, "rate_hz": rate_hz}
    for mv in MUSCLE_MV:
        yield _strong("muscle noise", mv, "mV RMS", _drawn(add_muscle_noise, rms_mv=mv, **there))
    for hz in MAINS_HZ:
        for mv in MAINS_MV:
            hum = _drawn(add_mains_hum, amplitude_mv=mv, mains_hz=hz, **there)
            yield _strong(f"mains hum of {hz} Hz", mv, "mV", hum)
    for mv in WANDER_MV:
        yield _strong("baseline wander", mv, "mV", _drawn(add_wander, amplitude_mv=mv, **there))
    for s in LATE_S:
        yield _strong("late start", s, "s", _fixed(start_late, shift_s=s, rate_hz=rate_hz))
    for uv in STEP_UV:
        yield _strong("coarse steps", uv, "µV", _fixed(coarsen, step_uv=uv))


def _misplaced(leads: Sequence[str]) -> Iterator[Trial]:
    """Each lead lost in turn, and each of SWAPS."""
    for lead in leads:
        lost = _fixed(lose_lead, lead=lead, leads=leads)
        yield Trial(kind="lead flat", what=lead, disturb=lost)
    for first, second in SWAPS:
        swapped = _fixed(swap_electrodes, first=first, second=second, leads=leads)
        yield Trial(kind="electrodes swapped", what=f"{first} and {second}", disturb=swapped)


def _strong(kind: str, strength: float, unit: str, disturb: Disturb) -> Trial:
    what = f"{strength:g} {unit}"
    return Trial(kind=kind, what=what, disturb=disturb, strength=strength, unit=unit)


def _drawn(disturb: Callable[..., Signals], **settings: object) -> Disturb:
    return lambda signal_mv, rng: disturb(signal_mv, rng=rng, **settings)


def _fixed(disturb: Callable[..., Signals], **settings: object) -> Disturb:
    return lambda signal_mv, _: disturb(signal_mv, **settings)
