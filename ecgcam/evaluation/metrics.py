"""Classification scores of one class and their intervals over patients.

The formulas are those of bootstrap.py, for the records themselves and for their replicates.

A score is NaN, in JSON null, where its definition divides by zero: AUROC if all records are of one
kind, recall and average precision without positives, specificity without negatives, precision
without positive decisions, F1 without positives and positive decisions.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bootstrap import SCORES, Replicas, fraction_interval, replicated_scores, score_interval


def binary_scores(
    targets: NDArray[Any], probabilities: NDArray[Any], *, threshold: float = 0.5
) -> dict[str, Any]:
    """Return the scores of one class over some records.

    targets: (n,), 0 or 1. probabilities: (n,), within [0, 1]; at or above the threshold the
    decision is positive. Returns SCORES, each within [0, 1] or NaN, with `n`, `prevalence` and
    `confusion`, [[TN, FP], [FN, TP]].
    """
    targets, probabilities = validate(targets, probabilities)
    return scores_at(targets, probabilities, decide(probabilities, threshold=threshold))


def scores_at(
    targets: NDArray[np.bool_], probabilities: NDArray[Any], decisions: NDArray[np.bool_]
) -> dict[str, Any]:
    """Like binary_scores, at these decisions (n,); n may be 0, and all scores are then NaN."""
    once = np.ones((1, len(targets)), np.uint8)
    scores = replicated_scores(targets, probabilities, decisions, counts=once)
    return {
        "n": len(targets),
        "prevalence": float(targets.mean()) if len(targets) else None,
        **{name: float(values[0]) for name, values in scores.items()},
        "confusion": [
            [
                int(((targets == truth) & (decisions == decision)).sum())
                for decision in (False, True)
            ]
            for truth in (False, True)
        ],
    }


def validate(
    targets: NDArray[Any], probabilities: NDArray[Any]
) -> tuple[NDArray[np.bool_], NDArray[np.floating[Any]]]:
    """Return targets as booleans and probabilities as floats; ValueError if they are neither."""
    targets, probabilities = np.asarray(targets), np.asarray(probabilities)
    if targets.shape != probabilities.shape or targets.size == 0:
        raise ValueError(
            f"targets have shape {targets.shape}, probabilities {probabilities.shape}; "
            "expected the same shape and at least one record."
        )
    if not np.isin(targets, (0, 1)).all():
        raise ValueError("a target is neither 0 nor 1.")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("a probability is not within [0, 1].")
    if probabilities.dtype.kind != "f":
        probabilities = probabilities.astype(np.float64)
    return targets.astype(np.bool_), probabilities


def decide(probabilities: NDArray[Any], *, threshold: float) -> NDArray[np.bool_]:
    """Return which are at or above the threshold, compared in the probabilities' precision."""
    return probabilities >= np.asarray(threshold, dtype=probabilities.dtype)


def score_intervals(
    replicas: Replicas,
    targets: NDArray[np.bool_],
    decisions: NDArray[np.bool_],
    *,
    counts: NDArray[np.integer[Any]],
) -> dict[str, list[float] | None]:
    """Return the interval of each of SCORES of one class.

    replicas: from `replicated_scores` of the same targets and decisions (n,) and counts.
    """
    all_records = np.ones_like(targets)
    among = {"accuracy": all_records, "precision": decisions, "recall": targets}
    among["specificity"] = ~targets
    return {
        score: fraction_interval(replicas[score], among=among[score], counts=counts)
        if score in among
        else score_interval(replicas[score])
        for score in SCORES
    }


def with_intervals(
    points: Mapping[str, Any], intervals: Mapping[str, list[float] | None]
) -> dict[str, Any]:
    """Return scores as JSON holds them, each followed by its `…_ci` if it has an interval."""
    results = dict(points)
    for name, interval in intervals.items():
        results |= {name: none_if_nan(points[name]), f"{name}_ci": interval}
    return results


def none_if_nan(value: float) -> float | None:
    """Return a score as JSON holds it: None where it is undefined."""
    return None if np.isnan(value) else float(value)
