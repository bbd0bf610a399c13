"""Bootstrap over patients: confidence intervals and p-values of scores.

Records of one patient resemble each other, so each replicate draws patients with replacement, as
many as there are, each with all of their records (cluster bootstrap; Efron and Tibshirani 1993,
chapter 8). A replicate is how often each record is drawn, and scores use these counts as weights.
All replicates are scored together, with scikit-learn's definitions (the tests check that both
agree): a thousand replicates of a fold take 0.2 s instead of 5 s.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SCORES = ("auroc", "average_precision", "accuracy", "precision", "recall", "specificity", "f1")
_BLOCK = 500_000  # weights at a time, so that they stay in the processor's cache

Replicas = dict[str, NDArray[np.float64]]


def resample_patients(
    patients: ArrayLike, *, rng: np.random.Generator, replicates: int = 1000
) -> NDArray[np.uint16]:
    """Return how often each replicate draws each record: (replicates, n).

    patients: (n,), the patient of each record, as text or numbers. Raises ValueError where one
    is missing: give each record of an unknown patient an identifier of its own.
    """
    import pandas as pd

    patient, names = pd.factorize(np.asarray(patients))
    if patient.size == 0 or (patient < 0).any():
        raise ValueError(f"{(patient < 0).sum()} of {patient.size} records have no patient.")
    if replicates < 1:
        raise ValueError(f"replicates is {replicates}; expected at least 1.")
    counts = np.empty((replicates, len(patient)), dtype=np.uint16)
    for row in counts:
        drawn = rng.integers(len(names), size=len(names))
        row[:] = np.bincount(drawn, minlength=len(names))[patient]
    return counts


def replicated_scores(
    targets: NDArray[np.bool_],
    probabilities: NDArray[Any],
    decisions: NDArray[np.bool_],
    *,
    counts: NDArray[np.integer[Any]],
) -> Replicas:
    """Return SCORES of one class in every replicate: (replicates,) each, NaN where undefined.

    A replicate may draw none of the records, if it is a part of all.

    targets, probabilities, decisions: (n,). counts: (replicates, n), from `resample_patients`.
    """
    if not len(targets):
        return {score: np.full(len(counts), np.nan) for score in SCORES}
    rows = max(1, _BLOCK // len(targets))
    blocks = []
    for start in range(0, len(counts), rows):
        block = counts[start : start + rows].astype(np.float64)
        ranking = _ranking_scores(targets, probabilities, block)
        blocks.append(ranking | _decision_scores(targets, decisions, block))
    return {score: np.concatenate([block[score] for block in blocks]) for score in SCORES}


def _ranking_scores(
    targets: NDArray[np.bool_], probabilities: NDArray[Any], counts: NDArray[np.float64]
) -> Replicas:
    """Return the AUROC and average precision (AP) of every replicate.

    With TP_i and FP_i the positives and negatives drawn down to the i-th highest probability
    (equal ones together), and P and N all of them:
    AUROC = Σ_i (FP_i - FP_{i-1}) (TP_i + TP_{i-1}) / (2 P N), and
    AP = Σ_i (TP_i - TP_{i-1}) TP_i / (TP_i + FP_i) / P.
    """
    order = np.argsort(-probabilities)
    last_of_ties = np.flatnonzero(np.diff(probabilities[order], append=-1))
    counts = counts[:, order]
    both = np.cumsum(counts, axis=1)[:, last_of_ties]  # TP + FP
    tp = np.cumsum(counts * targets[order], axis=1)[:, last_of_ties]
    fp = both - tp
    tp_step, fp_step = np.diff(tp, axis=1, prepend=0), np.diff(fp, axis=1, prepend=0)
    area = np.einsum("ri,ri->r", fp_step, tp - tp_step / 2)
    precision = tp / np.maximum(both, 1)  # 0 / 0 where the first records are not drawn
    return {
        "auroc": ratio(area, tp[:, -1] * fp[:, -1]),
        "average_precision": ratio(np.einsum("ri,ri->r", tp_step, precision), tp[:, -1]),
    }


def _decision_scores(
    targets: NDArray[np.bool_], decisions: NDArray[np.bool_], counts: NDArray[np.float64]
) -> Replicas:
    cells = [targets & decisions, ~targets & decisions, targets & ~decisions, ~targets & ~decisions]
    tp, fp, fn, tn = (counts @ np.stack(cells, axis=1).astype(np.float64)).T
    return {
        "accuracy": ratio(tp + tn, counts.sum(axis=1)),
        "precision": ratio(tp, tp + fp),
        "recall": ratio(tp, tp + fn),
        "specificity": ratio(tn, tn + fp),
        "f1": ratio(2 * tp, 2 * tp + fp + fn),
    }


def ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return part / whole, NaN where whole is 0."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def mean_of_defined(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over the first axis without NaNs; NaN where all values are NaN."""
    defined = ~np.isnan(values)
    return ratio(np.where(defined, values, 0).sum(axis=0), defined.sum(axis=0).astype(np.float64))


def percentile_interval(replicas: NDArray[np.float64]) -> list[float] | None:
    """Return the 2.5th and 97.5th percentile of a score's replicates: [low, high].

    Ignores replicates in which the score is undefined (NaN); None if that is all of them.
    """
    defined = replicas[~np.isnan(replicas)]
    return np.percentile(defined, [2.5, 97.5]).tolist() if defined.size else None


def score_interval(replicas: NDArray[np.float64]) -> list[float] | None:
    """Return the 95 % interval of a score, [low, high]; None if undefined or without width.

    Equal scores in all replicates do not make a score certain.
    """
    interval = percentile_interval(replicas)
    return interval if interval and interval[0] < interval[1] else None


def fraction_interval(
    replicas: NDArray[np.float64], *, among: NDArray[np.bool_], counts: NDArray[Any]
) -> list[float] | None:
    """Return the 95 % interval of a fraction of some records, [low, high]; None if undefined.

    among: (n,), the records that the fraction refers to. counts: (replicates, n), how often each
    record was drawn. A fraction of 0 or 1 is equal in every replicate, so its interval is the
    exact one for as many patients (Clopper and Pearson 1934): of 21 out of 21 it begins at 0.84.
    """
    from scipy.stats import binomtest

    interval = percentile_interval(replicas)
    if interval and interval[0] == interval[1] and interval[0] in (0, 1):
        patients = _count_patients(counts[:, among])
        exact = binomtest(round(interval[0] * patients), patients).proportion_ci()
        return [float(exact.low), float(exact.high)]
    return score_interval(replicas)


def _count_patients(counts: NDArray[Any]) -> int:
    """Return the number of patients of these records: those always drawn together share one.

    counts: (replicates, records). With few replicates two patients may count as one, but never
    one as two.
    """
    return len({column.tobytes() for column in counts.T})


def two_sided_p(differences: NDArray[np.float64]) -> float:
    """Return the p-value of "there is no difference" from a difference's replicates.

    Twice the fraction of replicates on the rarer side of zero, with one more on each side so that
    it is never 0: p = 2 (1 + min(#{d <= 0}, #{d >= 0})) / (1 + #d), at most 1. Apart from that
    one, it is below 0.05 where the percentile interval excludes zero. NaN if undefined.
    """
    defined = differences[~np.isnan(differences)]
    if defined.size == 0:
        return np.nan
    rarer = min((defined <= 0).sum(), (defined >= 0).sum())
    return float(min(1.0, 2 * (1 + rarer) / (1 + defined.size)))
