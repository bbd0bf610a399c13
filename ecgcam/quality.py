"""What is wrong with a signal itself: leads that are flat, stuck, clipped or not there.

The limits were chosen on PTB-XL's 235,212 leads of folds 1 to 9. Apply it to signals as they
were recorded: resampling and filtering round the corners that it looks for.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .leads import LEADS

STUCK_S = 0.6  # in PTB-XL a lead that works rests at one value for at most 0.43 s
CLIPPED_S = 0.05
SLOPE_SPAN_S = 0.01
CORNER_MV = 0.04  # within SLOPE_SPAN_S
EINTHOVEN_MV = 0.1
ROUNDING_MV = 0.0005  # half a step of PTB-XL's files

Signals = NDArray[np.float32]
Findings = NDArray[np.bool_]


def signal_findings(
    signal_mv: Signals, leads: Sequence[str] = LEADS, rate_hz: float = 100.0
) -> tuple[str, ...]:
    """What is wrong with one ECG, in words: "flat V5", "missing samples I"; () if nothing is.

    signal_mv: (leads, time), in millivolts. The words are those of find_quality.
    """
    return in_words(find_quality(signal_mv[None], leads, rate_hz), leads)[0]


def in_words(found: Mapping[str, Findings], leads: Sequence[str] = LEADS) -> list[tuple[str, ...]]:
    """What find_quality found, in words, for each record."""
    words: list[list[str]] = [[] for _ in next(iter(found.values()))]
    for finding, hits in found.items():
        by_lead = hits.shape[1] == len(leads)
        for record, lead in np.argwhere(hits).tolist():
            words[record].append(f"{finding} {leads[lead]}" if by_lead else finding)
    return [tuple(said) for said in words]


def find_quality(
    signals_mv: Signals, leads: Sequence[str] = LEADS, rate_hz: float = 100.0
) -> dict[str, Findings]:
    """What is wrong with many ECGs: for each finding, in which records and leads.

    signals_mv: (records, leads, time), in millivolts.
    Returns (records, leads) of each of
        "missing samples": some sample is no number (NaN or infinite);
        "flat":    all samples are one value;
        "stuck":   not flat, but at one value for 0.6 s or longer: a loose or saturated electrode;
        "clipped": exactly at its largest or at its smallest value for 50 ms or longer in all,
                   with at least two sharp corners (0.04 mV within 10 ms) on the way there and
                   back: the peaks are cut off. A slow wave that rests at its turn has none;
    and (records, 1) of "Einthoven broken": I + III differs from II by more than 0.1 mV somewhere.
    """
    if signals_mv.ndim != 3 or signals_mv.shape[1] != len(leads):
        raise ValueError(f"needed (records, {len(leads)} leads, time), got {signals_mv.shape}")
    there = np.isfinite(signals_mv)
    signals_mv = np.where(there, signals_mv, np.float32(np.nan))
    top, bottom = np.fmax.reduce(signals_mv, axis=-1), np.fmin.reduce(signals_mv, axis=-1)
    flat = top == bottom
    return {
        "missing samples": ~there.all(axis=-1),
        "flat": flat,
        "stuck": _stuck(signals_mv, rate_hz) & ~flat,
        "clipped": _clipped(signals_mv, top, rate_hz) | _clipped(signals_mv, bottom, rate_hz),
        "Einthoven broken": _einthoven_broken(signals_mv, leads),
    }


def _stuck(signals_mv: Signals, rate_hz: float) -> Findings:
    """(records, leads): whether it stays at one value for STUCK_S."""
    steps = max(round(STUCK_S * rate_hz) - 1, 1)  # between the samples of such a rest
    moved = np.diff(signals_mv, axis=-1) != 0  # NaN moves
    so_far = np.cumsum(moved, axis=-1, dtype=np.int32)
    so_far = np.concatenate([np.zeros_like(so_far[..., :1]), so_far], axis=-1)
    return (so_far[..., steps:] == so_far[..., :-steps]).any(axis=-1)


def _clipped(signals_mv: Signals, extreme: Signals, rate_hz: float) -> Findings:
    """(records, leads): whether peaks are cut off at `extreme` (records, leads)."""
    resting = signals_mv == extreme[..., None]
    clipped = resting.sum(axis=-1) >= max(CLIPPED_S * rate_hz, 2)
    resting, signals_mv = resting[clipped], signals_mv[clipped]  # (candidates, time)
    span = max(round(SLOPE_SPAN_S * rate_hz), 1)
    far = np.abs(signals_mv[:, span:] - signals_mv[:, :-span]) > CORNER_MV - ROUNDING_MV
    arrives = resting[:, span:] & ~resting[:, span - 1 : -1]
    leaves = resting[:, :-span] & ~resting[:, 1 : far.shape[1] + 1]
    clipped[clipped] = ((arrives & far).sum(axis=1) + (leaves & far).sum(axis=1)) >= 2
    return clipped


def _einthoven_broken(signals_mv: Signals, leads: Sequence[str]) -> Findings:
    """(records, 1): whether I + III = II fails; False where one of them is not there."""
    if not {"I", "II", "III"} <= set(leads):
        return np.zeros((len(signals_mv), 1), bool)
    one, two, three = (signals_mv[:, leads.index(lead)] for lead in ("I", "II", "III"))
    off_mv = np.fmax.reduce(np.abs(one + three - two), axis=-1, keepdims=True)
    return np.asarray(off_mv > EINTHOVEN_MV + ROUNDING_MV)
