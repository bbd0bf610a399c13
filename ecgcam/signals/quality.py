"""What is wrong with a signal itself: leads that are flat, stuck, clipped or not there.

The limits were chosen on PTB-XL's 235,212 leads of folds 1 to 9. Apply it to signals as they
were recorded: resampling and filtering round the corners that it looks for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .leads import LEADS
from .record import Record

STUCK_S = 0.6  # in PTB-XL a lead that works rests at one value for at most 0.43 s
CLIPPED_S = 0.05
SLOPE_SPAN_S = 0.01
CORNER_MV = 0.04  # within SLOPE_SPAN_S
EINTHOVEN_MV = 0.1
ROUNDING_MV = 0.0005  # half a step of PTB-XL's files
MOST_MV = 32.767  # what 16 bits of whole microvolts hold, and several times any ECG
LEAST_MV = 0.02  # the noise of electrodes
USUAL_MV = (0.2, 10.0)  # of PTB-XL's ECGs one in 240 spans more; none spans less than 0.74 mV

Signals = NDArray[np.float32]
Samples = NDArray[np.float32] | NDArray[np.int16]
Findings = NDArray[np.bool_]

_EXACT = np.float32  # sums and differences of a few 16-bit samples fit it, and not 16 bits


def signal_findings(
    signal_mv: Signals, leads: Sequence[str] = LEADS, rate_hz: float = 100.0
) -> tuple[str, ...]:
    """What is wrong with one ECG, in words: "flat V5", "missing samples I"; () if nothing is.

    signal_mv: (leads, time), in millivolts. The words are those of find_quality.
    """
    return in_words(find_quality(signal_mv[None], leads, rate_hz), leads)[0]


def with_findings(record: Record) -> Record:
    """The same record, whose warnings tell also what is wrong with its signal; each once."""
    found = signal_findings(record.signal_mv, record.leads, record.rate_hz)
    if size := unusual_size(record.signal_mv):
        found = (*found, size)
    return replace(record, warnings=tuple(dict.fromkeys((*record.warnings, *found))))


def in_words(found: Mapping[str, Findings], leads: Sequence[str] = LEADS) -> list[tuple[str, ...]]:
    """What find_quality found, in words, for each record."""
    words: list[list[str]] = [[] for _ in next(iter(found.values()))]
    for finding, hits in found.items():
        by_lead = hits.shape[1] == len(leads)
        for record, lead in np.argwhere(hits).tolist():
            words[record].append(f"{finding} {leads[lead]}" if by_lead else finding)
    return [tuple(said) for said in words]


def beyond_any_ecg(signal_mv: Signals) -> str:
    """That a signal is too large or too small to be millivolts, in words; "" if it is not.

    signal_mv: (leads, time), in millivolts, finite. Most often it is in another unit than its file
    says: a factor of 1000. A flat one may be of any unit.
    """
    top, bottom = signal_mv.max(axis=-1), signal_mv.min(axis=-1)
    highest_mv = float(max(top.max(), -bottom.min()))  # abs would copy each ECG
    if highest_mv >= MOST_MV + ROUNDING_MV:
        return f"{highest_mv:.4g} mV is beyond any ECG ({MOST_MV} mV): is its unit right?"
    span_mv = float((top - bottom).max())
    if 0 < span_mv < LEAST_MV:
        return f"no lead spans {LEAST_MV} mV, as any ECG does: is its unit right?"
    return ""


def unusual_size(signal_mv: Signals) -> str:
    """That the lead which spans most spans much more or less than in other ECGs; "" if not.

    signal_mv: (leads, time), in millivolts.
    """
    span_mv = float(np.ptp(signal_mv, axis=-1).max())
    if USUAL_MV[0] <= span_mv <= USUAL_MV[1] or span_mv == 0:
        return ""
    most = "less" if span_mv < USUAL_MV[0] else "more"
    return f"unusual size: it spans {span_mv:.2g} mV at most, {most} than other ECGs"


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
    there = np.isfinite(signals_mv)
    signals_mv = np.where(there, signals_mv, np.float32(np.nan))
    return {
        "missing samples": np.asarray(~there.all(axis=-1)),
        **_findings(signals_mv, leads, rate_hz, per_mv=1),
    }


def find_quality_uv(
    signals_uv: NDArray[np.int16], leads: Sequence[str] = LEADS, rate_hz: float = 100.0
) -> dict[str, Findings]:
    """The same of whole microvolts, of which none is missing; several times as fast."""
    nothing = np.zeros(signals_uv.shape[:2], bool)
    return {"missing samples": nothing, **_findings(signals_uv, leads, rate_hz, per_mv=1000)}


def _findings(
    signals: Samples, leads: Sequence[str], rate_hz: float, *, per_mv: int
) -> dict[str, Findings]:
    """What find_quality finds of signals in a unit of which `per_mv` are a millivolt."""
    if signals.ndim != 3 or signals.shape[1] != len(leads):
        raise ValueError(f"needed (records, {len(leads)} leads, time), got {signals.shape}")
    top, bottom = np.fmax.reduce(signals, axis=-1), np.fmin.reduce(signals, axis=-1)
    flat = top == bottom
    corner = (CORNER_MV - ROUNDING_MV) * per_mv
    clipped = [_clipped(signals, extreme, rate_hz, corner) for extreme in (top, bottom)]
    return {
        "flat": flat,
        "stuck": _stuck(signals, rate_hz) & ~flat,
        "clipped": clipped[0] | clipped[1],
        "Einthoven broken": _einthoven_broken(signals, leads, per_mv),
    }


def _stuck(signals: Samples, rate_hz: float) -> Findings:
    """(records, leads): whether it stays at one value for STUCK_S."""
    steps = max(round(STUCK_S * rate_hz) - 1, 1)  # between the samples of such a rest
    stuck = _may_be_stuck(signals, steps)
    moved = np.diff(signals[stuck], axis=-1) != 0  # (candidates, time - 1); NaN moves
    so_far = np.cumsum(moved, axis=-1, dtype=np.int32)
    so_far = np.concatenate([np.zeros_like(so_far[:, :1]), so_far], axis=-1)
    stuck[stuck] = (so_far[:, steps:] == so_far[:, :-steps]).any(axis=-1)
    return stuck


def _may_be_stuck(signals: Samples, steps: int) -> Findings:
    """(records, leads): False where nothing rests for so many steps, as a few samples can tell.

    Of a rest of n samples at least n // s are seen by looking at each s-th.
    """
    span = max((steps + 1) // 4, 1)
    seen = signals[..., ::span]
    still = seen[..., 1:] == seen[..., :-1]
    for _ in range((steps + 1) // span - 2):
        still = still[..., 1:] & still[..., :-1]
    return np.asarray(still.any(axis=-1))


def _clipped(signals: Samples, extreme: Samples, rate_hz: float, corner: float) -> Findings:
    """(records, leads): whether peaks are cut off at `extreme` (records, leads)."""
    resting = signals == extreme[..., None]
    clipped = resting.sum(axis=-1, dtype=np.int32) >= max(CLIPPED_S * rate_hz, 2)
    resting, signals = resting[clipped], signals[clipped].astype(_EXACT)  # (candidates, time)
    span = max(round(SLOPE_SPAN_S * rate_hz), 1)
    far = np.abs(signals[:, span:] - signals[:, :-span]) > corner
    arrives = resting[:, span:] & ~resting[:, span - 1 : -1]
    leaves = resting[:, :-span] & ~resting[:, 1 : far.shape[1] + 1]
    clipped[clipped] = ((arrives & far).sum(axis=1) + (leaves & far).sum(axis=1)) >= 2
    return clipped


def _einthoven_broken(signals: Samples, leads: Sequence[str], per_mv: int) -> Findings:
    """(records, 1): whether I + III = II fails; False where one of them is not there."""
    if not {"I", "II", "III"} <= set(leads):
        return np.zeros((len(signals), 1), bool)
    one, two, three = (signals[:, leads.index(k)].astype(_EXACT) for k in ("I", "II", "III"))
    off = np.fmax.reduce(np.abs(one + three - two), axis=-1, keepdims=True)
    return np.asarray(off > (EINTHOVEN_MV + ROUNDING_MV) * per_mv)
