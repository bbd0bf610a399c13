"""Swapped electrodes: whether the ECG is more plausible with two electrodes exchanged.

Each of the eight independent leads is predicted from the other seven, separately in the P wave, the
QRS complex and the T wave, by weights fitted on PTB-XL. Where two electrodes are swapped, the leads
fit each other better after they are swapped back:

    score = sum over waves w and the two leads k of  c[w, k] (log e[w, k] - log e'[w, k])

e is the mean square error of the prediction in the ECG as it is, e' after the swap is undone, and
c the weights of a logistic regression. benchmarks/fit_swaps.py fits all weights on folds 1 to 8.
"""

from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .beats import BEFORE_S, SHAPE_RATE_HZ, cut_beats, remove_baseline
from .electrodes import ELECTRODES, lead_weights
from .finding import Finding
from .leads import LEADS
from .record import Record
from .swap_weights import LEAD_WEIGHTS, SWAP_WEIGHTS

INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
SWAPPED = "electrodes swapped"

WAVES_S = {"P": (-0.21, -0.09), "QRS": (-0.07, 0.09), "T": (0.13, 0.37)}  # relative to the R peak
_PQ_S = (-0.09, -0.06)  # the level before the QRS complex
_FLOOR = 1e-3  # mean square error, relative to the QRS complex, that noise leaves
_RIDGE = 0.01
_MIN_BEATS = 3

Floats = NDArray[np.float64]

PREDICTORS: dict[str, Floats] = {wave: np.array(rows) for wave, rows in LEAD_WEIGHTS.items()}


def find_swaps(record: Record, peaks: NDArray[np.int64]) -> Iterator[Finding]:
    """Find the two electrodes that look swapped; the record has 100 samples per second.

    Yields one finding at most; none if the record lacks one of the eight independent leads.
    """
    if not set(record.leads) >= set(INDEPENDENT):
        return
    signal_mv = record.signal_mv[[record.leads.index(lead) for lead in INDEPENDENT]]
    beats = cut_beats(remove_baseline(signal_mv), peaks, smooth=False)
    if beats.shape[1] < _MIN_BEATS:
        return
    scores = swap_scores(np.median(beats, axis=1)[None])
    margins = {pair: scores[pair][0] - limit for pair, (_, limit) in SWAP_WEIGHTS.items()}
    likeliest = max(margins, key=margins.__getitem__)
    if margins[likeliest] > 0:
        text = f"the electrodes {' and '.join(likeliest)} look swapped"
        yield Finding(name=SWAPPED, leads=_changed_leads(likeliest), text=text)


def swap_scores(beats: Floats) -> dict[tuple[str, str], Floats]:
    """Return for each pair of electrodes how much average beats look swapped: (ecgs,).

    beats: (ecgs, leads, time), the eight independent leads at 100 Hz.
    """
    return {
        pair: error_gains(beats, pair) @ np.array(weights)
        for pair, (weights, _) in SWAP_WEIGHTS.items()
    }


def error_gains(
    beats: Floats, pair: tuple[str, str], predictors: Mapping[str, Floats] = PREDICTORS
) -> Floats:
    """Return by how much undoing a swap lowers each logarithmic error: (ecgs, waves * 2)."""
    rows = [INDEPENDENT.index(lead) for lead in _compared_leads(pair)]
    beats = _normalize(beats)
    before, after = (
        np.concatenate(
            [_log_errors(each, wave, predictors[wave], rows) for wave in WAVES_S], axis=1
        )
        for each in (beats, swap(pair) @ beats)
    )
    return before - after


@cache
def swap(pair: tuple[str, str]) -> Floats:
    """Return what each independent lead shows of the others with two electrodes swapped: (8, 8)."""
    potentials = lead_weights(INDEPENDENT)
    electrodes = list(ELECTRODES)
    a, b = (electrodes.index(electrode) for electrode in pair)
    electrodes[a], electrodes[b] = electrodes[b], electrodes[a]
    order = [ELECTRODES.index(electrode) for electrode in electrodes]
    shown: Floats = potentials[:, order] @ np.linalg.pinv(potentials)
    return shown.round()


def fit_predictors(beats: Floats, wave: str) -> Floats:
    """Fit the weights by which each lead is predicted from the others: (leads, leads)."""
    samples = np.swapaxes(_normalize(beats)[:, :, _span(wave)], 0, 1).reshape(len(INDEPENDENT), -1)
    products = samples @ samples.T / samples.shape[1]
    weights = np.zeros_like(products)
    for lead in range(len(products)):
        others = [k for k in range(len(products)) if k != lead]
        ridge = _RIDGE * np.diag(products).mean() * np.eye(len(others))
        weights[lead, others] = np.linalg.solve(
            products[np.ix_(others, others)] + ridge, products[others, lead]
        )
    return weights


def _normalize(beats: Floats) -> Floats:
    """Subtract each lead's level before the QRS, and divide by the QRS's root mean square."""
    level = beats - beats[:, :, _slice(_PQ_S)].mean(axis=2, keepdims=True)
    size = np.sqrt(np.square(level[:, :, _span("QRS")]).mean(axis=(1, 2), keepdims=True))
    return level / np.maximum(size, 1e-6)


def _log_errors(beats: Floats, wave: str, predictors: Floats, rows: list[int]) -> Floats:
    """Return the logarithm of the mean square error of predicting these leads: (ecgs, leads)."""
    samples = beats[:, :, _span(wave)]
    errors = samples[:, rows] - predictors[rows] @ samples
    return np.log(np.square(errors).mean(axis=2) + _FLOOR)


def _compared_leads(pair: tuple[str, str]) -> tuple[str, ...]:
    return pair if pair[0].startswith("V") else ("I", "II")


def _changed_leads(pair: tuple[str, str]) -> tuple[str, ...]:
    return pair if pair[0].startswith("V") else LEADS[:6]


def _span(wave: str) -> slice:
    return _slice(WAVES_S[wave])


def _slice(span_s: tuple[float, float]) -> slice:
    start, end = (round((BEFORE_S + second) * SHAPE_RATE_HZ) for second in span_s)
    return slice(start, end)
