"""Signal quality: flat, stuck and clipped leads, missing samples, implausible amplitudes.

The limits were chosen on the 235,212 leads of PTB-XL's folds 1 to 9. Apply them to signals as
recorded: resampling and filtering round off the corners by which clipping is recognized.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from .leads import LEADS

STUCK_S = 0.6  # in PTB-XL a working lead stays at one value for at most 0.43 s
CLIPPED_S = 0.05
SLOPE_SPAN_S = 0.01
CORNER_MV = 0.04  # within SLOPE_SPAN_S
EINTHOVEN_MV = 0.1
ROUNDING_MV = 0.0005  # half a step of PTB-XL's files
MAX_MV = 32.767  # the largest 16-bit value in microvolts; several times the amplitude of any ECG
MIN_SPAN_MV = 0.02  # the noise of electrodes
USUAL_SPAN_MV = (0.2, 10.0)  # in PTB-XL 1 ECG in 240 spans more; the smallest spans 0.74 mV

Signals = NDArray[np.float32]
Samples = NDArray[np.float32] | NDArray[np.int16]
Findings = NDArray[np.bool_]

_EXACT = np.float32  # holds sums and differences of a few 16-bit samples, which int16 does not


def signal_findings(
    signal_mv: Signals, leads: Sequence[str] = LEADS, rate_hz: float = 100.0
) -> tuple[str, ...]:
    """Return the findings of find_quality for one ECG (leads, time) in mV, as "flat V5"."""
    return describe_findings(find_quality(signal_mv[None], leads, rate_hz), leads)[0]


def describe_findings(
    findings: Mapping[str, Findings], leads: Sequence[str] = LEADS
) -> list[tuple[str, ...]]:
    """Return the findings of find_quality as texts for each record: "flat V5"."""
    texts: list[list[str]] = [[] for _ in next(iter(findings.values()))]
    for finding, hits in findings.items():
        by_lead = hits.shape[1] == len(leads)
        for record, lead in np.argwhere(hits).tolist():
            texts[record].append(f"{finding} {leads[lead]}" if by_lead else finding)
    return [tuple(record) for record in texts]


def implausible_amplitude(signal_mv: Signals) -> str:
    """Return why finite samples (leads, time) cannot be in millivolts; "" if they can.

    Usually the unit differs from the file's by a factor of 1000. A flat signal is accepted, since
    its unit does not matter.
    """
    top, bottom = signal_mv.max(axis=-1), signal_mv.min(axis=-1)
    highest_mv = float(max(top.max(), -bottom.min()))  # abs would copy each ECG
    if highest_mv >= MAX_MV + ROUNDING_MV:
        return f"{highest_mv:.4g} mV is beyond any ECG (at most {MAX_MV} mV); check the unit."
    span_mv = float((top - bottom).max())
    if 0 < span_mv < MIN_SPAN_MV:
        return f"no lead spans {MIN_SPAN_MV} mV, as in any ECG; check the unit."
    return ""


def unusual_amplitude(signal_mv: Signals) -> str:
    """Return a warning if the signal spans much less or more than other ECGs; "" if not.

    signal_mv: (leads, time), in millivolts; the lead that spans most counts.
    """
    span_mv = float(np.ptp(signal_mv, axis=-1).max())
    if USUAL_SPAN_MV[0] <= span_mv <= USUAL_SPAN_MV[1] or span_mv == 0:
        return ""
    comparison = "less" if span_mv < USUAL_SPAN_MV[0] else "more"
    return f"unusual amplitude: it spans {span_mv:.2g} mV at most, {comparison} than other ECGs"


def find_quality(
    signals_mv: Signals, leads: Sequence[str] = LEADS, rate_hz: float = 100.0
) -> dict[str, Findings]:
    """Find the records and leads with each quality problem.

    signals_mv: (records, leads, time), in millivolts.
    Returns (records, leads) for each of
        "missing samples": some samples are NaN or infinite;
        "flat":    all samples have one value;
        "stuck":   not flat, but at one value for 0.6 s or longer: a loose or saturated electrode;
        "clipped": exactly at its largest or at its smallest value for 50 ms or longer in all,
                   with at least two sharp corners (0.04 mV within 10 ms) on the way there and
                   back: the peaks are cut off. A slow wave that rests at its turn has none;
    and (records, 1) for "Einthoven broken": I + III differs from II by more than 0.1 mV somewhere.
    """
    finite = np.isfinite(signals_mv)
    signals_mv = np.where(finite, signals_mv, np.float32(np.nan))
    return {
        "missing samples": np.asarray(~finite.all(axis=-1)),
        **_find_problems(signals_mv, leads, rate_hz, per_mv=1),
    }


def find_quality_uv(
    signals_uv: NDArray[np.int16], leads: Sequence[str] = LEADS, rate_hz: float = 100.0
) -> dict[str, Findings]:
    """Like find_quality, for complete signals in whole microvolts; several times as fast."""
    none_missing = np.zeros(signals_uv.shape[:2], bool)
    problems = _find_problems(signals_uv, leads, rate_hz, per_mv=1000)
    return {"missing samples": none_missing, **problems}


def _find_problems(
    signals: Samples, leads: Sequence[str], rate_hz: float, *, per_mv: int
) -> dict[str, Findings]:
    """Find all problems but missing samples; `per_mv` units are a millivolt."""
    if signals.ndim != 3 or signals.shape[1] != len(leads):
        raise ValueError(f"expected (records, {len(leads)} leads, time), got {signals.shape}")
    top, bottom = np.fmax.reduce(signals, axis=-1), np.fmin.reduce(signals, axis=-1)
    flat = top == bottom
    corner = (CORNER_MV - ROUNDING_MV) * per_mv
    clipped = [_is_clipped(signals, extreme, rate_hz, corner) for extreme in (top, bottom)]
    return {
        "flat": flat,
        "stuck": _is_stuck(signals, rate_hz) & ~flat,
        "clipped": clipped[0] | clipped[1],
        "Einthoven broken": _breaks_einthoven(signals, leads, per_mv),
    }


def _is_stuck(signals: Samples, rate_hz: float) -> Findings:
    """Return (records, leads): whether the signal stays at one value for STUCK_S."""
    steps = max(round(STUCK_S * rate_hz) - 1, 1)  # between the samples of such a rest
    stuck = _may_be_stuck(signals, steps)
    moved = np.diff(signals[stuck], axis=-1) != 0  # (candidates, time - 1); NaN counts as moved
    moves = np.cumsum(moved, axis=-1, dtype=np.int32)
    moves = np.concatenate([np.zeros_like(moves[:, :1]), moves], axis=-1)
    stuck[stuck] = (moves[:, steps:] == moves[:, :-steps]).any(axis=-1)
    return stuck


def _may_be_stuck(signals: Samples, steps: int) -> Findings:
    """Return (records, leads): False where every s-th sample already shows that it moves.

    A rest of n samples contains at least n // s of them.
    """
    stride = max((steps + 1) // 4, 1)
    subsampled = signals[..., ::stride]
    still = subsampled[..., 1:] == subsampled[..., :-1]
    for _ in range((steps + 1) // stride - 2):
        still = still[..., 1:] & still[..., :-1]
    return np.asarray(still.any(axis=-1))


def _is_clipped(signals: Samples, extreme: Samples, rate_hz: float, corner: float) -> Findings:
    """Return (records, leads): whether peaks are cut off at `extreme` (records, leads)."""
    resting = signals == extreme[..., None]
    clipped = resting.sum(axis=-1, dtype=np.int32) >= max(CLIPPED_S * rate_hz, 2)
    resting, signals = resting[clipped], signals[clipped].astype(_EXACT)  # (candidates, time)
    span = max(round(SLOPE_SPAN_S * rate_hz), 1)
    steep = np.abs(signals[:, span:] - signals[:, :-span]) > corner
    arrives = resting[:, span:] & ~resting[:, span - 1 : -1]
    leaves = resting[:, :-span] & ~resting[:, 1 : steep.shape[1] + 1]
    clipped[clipped] = ((arrives & steep).sum(axis=1) + (leaves & steep).sum(axis=1)) >= 2
    return clipped


def _breaks_einthoven(signals: Samples, leads: Sequence[str], per_mv: int) -> Findings:
    """Return (records, 1): whether I + III = II fails; False where one of them is missing."""
    if not {"I", "II", "III"} <= set(leads):
        return np.zeros((len(signals), 1), bool)
    one, two, three = (signals[:, leads.index(k)].astype(_EXACT) for k in ("I", "II", "III"))
    error = np.fmax.reduce(np.abs(one + three - two), axis=-1, keepdims=True)
    return np.asarray(error > (EINTHOVEN_MV + ROUNDING_MV) * per_mv)
