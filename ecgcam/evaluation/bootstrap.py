"""The bootstrap over patients: how far a score would move had other patients been recorded.

A patient's records resemble one another, so patients are drawn, not records: as many as there
are, with replacement, each with all of their records (the cluster bootstrap; Efron and Tibshirani
1993, chapter 8). A replicate is how often each record was drawn, and a score takes it as weights.
scikit-learn would need minutes for a thousand replicates of a fold, so they are scored together
here, by its definitions; the tests hold the two equal.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SCORES = ("auroc", "average_precision", "accuracy", "precision", "recall", "specificity", "f1")
_BLOCK = 500_000  # weights at a time: few enough to stay in a processor's cache

Replicas = dict[str, NDArray[np.float64]]


def resample_patients(
    patients: ArrayLike, *, rng: np.random.Generator, replicates: int = 1000
) -> NDArray[np.uint16]:
    """How often each record was drawn in each replicate: (replicates, n).

    patients: (n,), whose each record is, in any words or numbers. Raises ValueError where one is
    missing: records of unknown patients need a name of their own each.
    """
    import pandas as pd

    patient, names = pd.factorize(np.asarray(patients))
    if patient.size == 0 or (patient < 0).any():
        raise ValueError(f"{(patient < 0).sum()} of {patient.size} records have no patient.")
    if replicates < 1:
        raise ValueError(f"replicates is {replicates}; needed: at least 1.")
    counts = np.empty((replicates, len(patient)), dtype=np.uint16)
    for row in counts:
        drawn = rng.integers(len(names), size=len(names))
        row[:] = np.bincount(drawn, minlength=len(names))[patient]
    return counts


def replicated_scores(
    targets: NDArray[np.bool_],
    probabilities: NDArray[Any],
    *,
    called: NDArray[np.bool_],
    counts: NDArray[np.integer[Any]],
) -> Replicas:
    """SCORES of one class in every replicate: (replicates,) each, NaN where undefined.

    targets, probabilities: (n,). called: (n,), which are decided to be positive.
    counts: (replicates, n), how often each record was drawn, as `resample_patients` gives.
    """
    if counts.shape[1] != len(targets):
        raise ValueError(f"there are {counts.shape[1]} patients for {len(targets)} records.")
    rows = max(1, _BLOCK // len(targets))
    blocks = []
    for start in range(0, len(counts), rows):
        block = counts[start : start + rows].astype(np.float64)
        ranking = _ranking_scores(targets, probabilities, block)
        blocks.append(ranking | _decision_scores(targets, called, block))
    return {score: np.concatenate([block[score] for block in blocks]) for score in SCORES}


def _ranking_scores(
    targets: NDArray[np.bool_], probabilities: NDArray[Any], counts: NDArray[np.float64]
) -> Replicas:
    """AUROC and average precision (AP) of every replicate.

    With TP_i and FP_i the positives and negatives drawn down to the i-th highest probability
    (equal ones together), and P and N all of them:
    AUROC = Σ_i (FP_i - FP_{i-1}) (TP_i + TP_{i-1}) / (2 P N), and
    AP = Σ_i (TP_i - TP_{i-1}) TP_i / (TP_i + FP_i) / P.
    """
    order = np.argsort(-probabilities)
    last_of_equals = np.flatnonzero(np.diff(probabilities[order], append=-1))
    counts = counts[:, order]
    both = np.cumsum(counts, axis=1)[:, last_of_equals]  # TP + FP
    tp = np.cumsum(counts * targets[order], axis=1)[:, last_of_equals]
    fp = both - tp
    tp_step, fp_step = np.diff(tp, axis=1, prepend=0), np.diff(fp, axis=1, prepend=0)
    area = np.einsum("ri,ri->r", fp_step, tp - tp_step / 2)
    precision = tp / np.maximum(both, 1)  # 0 / 0 where the first were not drawn
    return {
        "auroc": ratio(area, tp[:, -1] * fp[:, -1]),
        "average_precision": ratio(np.einsum("ri,ri->r", tp_step, precision), tp[:, -1]),
    }


def _decision_scores(
    targets: NDArray[np.bool_], called: NDArray[np.bool_], counts: NDArray[np.float64]
) -> Replicas:
    cells = [targets & called, ~targets & called, targets & ~called, ~targets & ~called]
    tp, fp, fn, tn = (counts @ np.stack(cells, axis=1).astype(np.float64)).T
    return {
        "accuracy": 1 - (fp + fn) / counts.sum(axis=1),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "specificity": ratio(tn, tn + fp),
        "f1": ratio(2 * tp, 2 * tp + fp + fn),
    }


def ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """part / whole, NaN where there is no whole."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def mean_of_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over the first axis of what is not NaN; NaN where all is."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0).sum(axis=0), defined.sum(axis=0).astype(np.float64))


def percentile_interval(replicas: NDArray[np.float64]) -> tuple[float, float]:
    """The 2.5th and 97.5th percentile of a score's replicates.

    Replicates in which it is undefined (NaN) are left out; (NaN, NaN) if that is all of them.
    """
    defined = replicas[~np.isnan(replicas)]
    if defined.size == 0:
        return np.nan, np.nan
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def share_interval(
    replicas: NDArray[np.float64], *, among: NDArray[np.bool_], counts: NDArray[Any]
) -> tuple[float, float]:
    """The 95 % interval of a share of some records, from its replicates.

    among: (n,), the records that it is a share of. counts: (replicates, n), how often each was
    drawn. A share of 0 or 1 is so in every replicate, which is no certainty: its interval is the
    exact one of as many patients (Clopper and Pearson 1934). 21 of 21 may be 0.84 of all.
    """
    from scipy.stats import binomtest

    low, high = percentile_interval(replicas)
    if low == high and low in (0, 1):
        patients = _patients(counts[:, among])
        low, high = binomtest(round(low * patients), patients).proportion_ci()
    return float(low), float(high)


def _patients(counts: NDArray[Any]) -> int:
    """How many patients these records are of: those drawn alike each time are of one.

    counts: (replicates, records). Few replicates may take two patients for one, never one for two.
    """
    return len({column.tobytes() for column in counts.T})


def two_sided_p(differences: NDArray[np.float64]) -> float:
    """How surprising a difference is if there is none, from its replicates; NaN if undefined.

    Twice the share of replicates on the rarer side of zero, each side with one more so that it
    is never 0: p = 2 (1 + min(#{d <= 0}, #{d >= 0})) / (1 + #d), at most 1. It is below 0.05 where
    the percentile interval leaves zero out, but for that one.
    """
    defined = differences[~np.isnan(differences)]
    if defined.size == 0:
        return np.nan
    rarer = min((defined <= 0).sum(), (defined >= 0).sum())
    return float(min(1.0, 2 * (1 + rarer) / (1 + defined.size)))
