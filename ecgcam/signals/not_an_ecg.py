"""Signals that are no ECG (noise, sines, spikes, one channel in all leads), and silent leads.

The limits were chosen on PTB-XL's folds 1 to 8; docs/quality.md has what they find.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .beats import (
    BEFORE_S,
    SHAPE_RATE_HZ,
    cut_beats,
    has_beats,
    lead_similarities,
    remove_baseline,
)
from .finding import Finding
from .limb_leads import independent_rows
from .record import Record

MAX_SAME = 0.992  # of the power in one waveform; at most 0.988 in PTB-XL
MAX_SPIKE = 0.98  # of the power of a beat's slope in three samples; at most 0.975 in PTB-XL
MIN_LEAD_SIMILARITY = 0.5  # of a lead's beats; noise has about 0.25
MIN_LEAD_SPAN_MV = 0.05  # the smallest of PTB-XL's leads that are not flat span 0.15 mV
MIN_BEATS_PER_MINUTE = 25  # the slowest heart in PTB-XL's fold 9 has 36
_LONG_ENOUGH_S = 9.5
_SPIKE_S = 0.12  # before and after the R peak

NOT_AN_ECG, NO_BEATS, FEW_BEATS = "not an ECG", "no beats", "few beats"


def find_no_ecg(record: Record, peaks: NDArray[np.int64]) -> Iterator[Finding]:
    """Find what is no ECG, or the leads without beats; the record has 100 samples per second.

    peaks: the R peaks that were found in its independent leads, whether they are any or not.
    """
    rows = independent_rows(record.leads)
    level_mv = remove_baseline(record.signal_mv)
    if reason := _why_no_ecg(record.signal_mv[rows], level_mv[rows], peaks):
        yield Finding(name=NOT_AN_ECG, text=f"not an ECG: {reason}", refuses=True)
    elif silent := _silent_leads(level_mv, record.leads, peaks):
        text = f"no beats in {', '.join(silent)}, unlike the other leads"
        yield Finding(name=NO_BEATS, leads=silent, text=text)


def find_few_beats(record: Record, peaks: NDArray[np.int64]) -> Iterator[Finding]:
    """Find a heart that is slower than any usual one, as where 500 Hz are read as 100 Hz."""
    rate_bpm = 60 * len(peaks) / record.duration_s
    if record.duration_s >= _LONG_ENOUGH_S and rate_bpm < MIN_BEATS_PER_MINUTE:
        text = f"only {len(peaks)} beats in {record.duration_s:.0f} s; check the sampling rate"
        yield Finding(name=FEW_BEATS, text=text)


def _why_no_ecg(
    signal_mv: NDArray[np.float32], level_mv: NDArray[np.float64], peaks: NDArray[np.int64]
) -> str:
    """Return why (leads, time) is no ECG; "" if it may be one, or is flat."""
    power = np.linalg.eigvalsh(level_mv @ level_mv.T)  # of each waveform, the largest last
    if power[-1] <= 0:
        return ""
    if len(power) > 2 and power[-1] > MAX_SAME * power.sum():
        return "all leads show the same signal"
    if not has_beats(signal_mv, peaks):
        return (
            "no beats stand out and repeat; it is noise, another signal, or a rhythm without QRS "
            "complexes such as ventricular fibrillation"
        )
    if _spike_fraction(cut_beats(level_mv, peaks, smooth=False)) > MAX_SPIKE:
        return "it has spikes where an ECG has waves"
    return ""


def _spike_fraction(beats: NDArray[np.float64]) -> float:
    """Return how much of the power of the average QRS's slope is in its three steepest samples."""
    average = np.median(beats, axis=1)
    power = (np.diff(average, axis=1) ** 2).sum(axis=0)
    power = np.maximum(power - 2 * np.median(power), 0)  # without the noise between the waves
    middle, reach = round(BEFORE_S * SHAPE_RATE_HZ), round(_SPIKE_S * SHAPE_RATE_HZ)
    qrs = np.sort(power[middle - reach : middle + reach + 1])
    return float(qrs[-3:].sum() / max(qrs.sum(), 1e-12))


def _silent_leads(
    level_mv: NDArray[np.float64], leads: Sequence[str], peaks: NDArray[np.int64]
) -> tuple[str, ...]:
    """Return the leads whose beats are unlike each other, or too small; flat leads do not count."""
    spans_mv = np.ptp(level_mv, axis=1)
    unlike = lead_similarities(cut_beats(level_mv, peaks)) < MIN_LEAD_SIMILARITY
    silent = (spans_mv > 0) & (unlike | (spans_mv < MIN_LEAD_SPAN_MV))
    return tuple(lead for lead, hit in zip(leads, silent.tolist(), strict=True) if hit)
