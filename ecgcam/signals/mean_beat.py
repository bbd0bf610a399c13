"""Mean beat of a record: its sure beats that look alike, aligned at the start of QRS."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .record import Record
from .waves import WAVES, Waves

BEFORE_S, AFTER_S, STEP_S = 0.35, 0.65, 0.01
TIMES_S = np.arange(round(-BEFORE_S / STEP_S), round(AFTER_S / STEP_S)) * STEP_S

_ALIKE = 0.8  # correlation of a beat with the median beat, over all leads
_LEVEL_S = (-0.08, -0.04)  # from the start of QRS: the zero of the voltage
_SHIFT = 2  # steps of TIMES_S that a beat may move for the best correlation
_LEAST_BEATS = 2


@dataclass(frozen=True, kw_only=True, eq=False)
class MeanBeat:
    """The mean beat from 350 ms before to 650 ms after the start of its QRS complex.

    signal_mv: (leads, time), at TIMES_S; zero is the mean from 80 to 40 ms before QRS.
    starts_s:  (beats,), where TIMES_S has its zero in the record, of each beat that is in the mean.
    count:     number of beats of the record, sure or not.
    waves_s:   (waves, 2), median onset and offset of WAVES, from the start of QRS; NaN for none.
    """

    signal_mv: NDArray[np.float64] = field(repr=False)
    starts_s: NDArray[np.float64]
    count: int
    waves_s: NDArray[np.float64]


def mean_beat(record: Record, waves: Waves) -> MeanBeat | None:
    """Return the mean beat; None if the waves of the record are not sure."""
    if not waves.are_sure:
        return None
    starts_s = waves.times_s[waves.sure_beats, WAVES.index("QRS"), 0]
    whole = (starts_s >= BEFORE_S) & (starts_s <= record.duration_s - AFTER_S - 2 * STEP_S)
    starts_s = starts_s[whole]
    if len(starts_s) < _LEAST_BEATS:
        return None
    starts_s = _aligned(record, starts_s)
    beats = cut_at(record, starts_s)
    alike = _similarity(beats, np.median(beats, axis=0)) >= _ALIKE
    if alike.sum() < _LEAST_BEATS:
        return None
    relative = waves.times_s[waves.sure_beats][whole] - starts_s[:, None, None]
    sure = waves.sure()[waves.sure_beats][whole]
    relative = np.where(sure[..., None], relative, np.nan)[alike]
    return MeanBeat(
        signal_mv=beats[alike].mean(axis=0),
        starts_s=starts_s[alike],
        count=waves.count,
        waves_s=_median_waves(relative),
    )


def cut_at(record: Record, starts_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the beats at TIMES_S after each start: (beats, leads, time), linear in between."""
    sample_s = np.arange(record.signal_mv.shape[1]) / record.rate_hz
    times_s = (starts_s[:, None] + TIMES_S).ravel()
    rows = np.stack([np.interp(times_s, sample_s, lead) for lead in record.signal_mv])
    beats = rows.reshape(len(rows), len(starts_s), -1).swapaxes(0, 1)
    level = (_LEVEL_S[0] <= TIMES_S) & (_LEVEL_S[1] > TIMES_S)
    return np.asarray(beats - beats[..., level].mean(axis=-1, keepdims=True))


def _aligned(record: Record, starts_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Move each start by up to 20 ms to where its beat is most like the median beat."""
    template = np.median(cut_at(record, starts_s), axis=0)
    shifts_s = np.arange(-_SHIFT, _SHIFT + 1) * STEP_S
    alike = [_similarity(cut_at(record, starts_s + shift), template) for shift in shifts_s]
    moved = starts_s + shifts_s[np.argmax(alike, axis=0)]
    return np.asarray(moved - np.median(moved - starts_s))


def _similarity(beats: NDArray[np.float64], beat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the correlation of each beat (beats, leads, time) with a beat, over all leads."""
    rows, row = beats.reshape(len(beats), -1), beat.ravel()
    size = np.linalg.norm(rows, axis=1) * np.linalg.norm(row)
    return np.asarray(rows @ row / np.maximum(size, 1e-9))


def _median_waves(relative_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of (beats, waves, 2) where most of the beats have the wave, else NaN."""
    found = np.isfinite(relative_s[..., 0]).mean(axis=0) >= 0.5
    medians = np.full(relative_s.shape[1:], np.nan)
    medians[found] = np.nanmedian(relative_s[:, found], axis=0)
    return medians
