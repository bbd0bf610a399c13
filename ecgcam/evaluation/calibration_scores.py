"""Scores of a model's calibration, operating points, abstention band and conformal sets.

They show on the scored records what the model card promises, with intervals over patients.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inference.decisions import ClassPoints
from .bootstrap import fraction_interval, ratio, score_interval
from .calibration import expected_calibration_error
from .metrics import decide, none_if_nan, validate

BINS = 10  # of the calibration error and the reliability diagram

_Values = NDArray[np.floating[Any]] | NDArray[np.integer[Any]] | NDArray[np.bool_]


def calibration_scores(
    targets: NDArray[Any],
    probabilities: NDArray[Any],
    *,
    threshold: float,
    chosen: ClassPoints | None,
    counts: NDArray[np.float32],
) -> dict[str, Any]:
    """Return the calibration scores of one class, as metrics.json holds them.

    targets, probabilities: (n,). threshold: the one that decides. chosen: the class's entry in
    the model card, if any. counts: (replicates, n), from `resample_patients`, as floats.
    Returns `calibration`, and where the card has them `operating_points`, `band`, `conformal`.
    The calibration error has no interval: chance alone keeps it above 0 and resampling adds to
    it, so its replicates would lie above the score itself.
    """
    targets, probabilities = validate(targets, probabilities)
    squared_errors = (probabilities.astype(np.float64) - targets) ** 2
    calibration = _means({"brier": (squared_errors, np.ones_like(targets))}, counts)
    error = expected_calibration_error(targets, probabilities, bins=BINS)
    calibration |= {"expected_calibration_error": error, "bins": BINS}
    if chosen is None:
        return {"calibration": calibration}
    return {"calibration": calibration} | _chosen_scores(
        targets, probabilities, threshold=threshold, chosen=chosen, counts=counts
    )


def _chosen_scores(
    targets: NDArray[np.bool_],
    probabilities: NDArray[Any],
    *,
    threshold: float,
    chosen: ClassPoints,
    counts: NDArray[np.float32],
) -> dict[str, Any]:
    results: dict[str, Any] = {"operating_points": {}}
    for rule, point in chosen.points.items():
        positive = decide(probabilities, threshold=point.threshold)
        means = {"sensitivity": (positive, targets), "specificity": (~positive, ~targets)}
        results["operating_points"][rule] = {"threshold": point.threshold} | _means(means, counts)
    all_records = np.ones_like(targets)
    if chosen.band is not None:
        answered = ~chosen.band.holds(probabilities)
        correct = decide(probabilities, threshold=threshold) == targets
        means = {"coverage": (answered, all_records), "accuracy": (correct, answered)}
        results["band"] = asdict(chosen.band) | _means(means, counts)
    no, yes = chosen.conformal.sets(probabilities).T
    sets: dict[str, tuple[_Values, NDArray[np.bool_]]] = {
        "positive_coverage": (yes, targets),
        "negative_coverage": (no, ~targets),
        "size": (no.astype(int) + yes, all_records),
        "one_answer": (no ^ yes, all_records),
    }
    results["conformal"] = asdict(chosen.conformal) | _means(sets, counts)
    return results


def _means(
    values_and_masks: Mapping[str, tuple[_Values, NDArray[np.bool_]]], counts: NDArray[np.float32]
) -> dict[str, Any]:
    """Return the mean of each (values, mask), both (n,), over the mask, with its `…_ci`.

    The mean of booleans is a fraction.
    """
    pairs = values_and_masks.values()
    sums = np.stack([values * mask for values, mask in pairs], axis=1)
    sizes = np.stack([mask for _, mask in pairs], axis=1)
    points = ratio(sums.sum(axis=0, dtype=np.float64), sizes.sum(axis=0, dtype=np.float64))
    replicas = ratio(
        (counts @ sums.astype(np.float32)).astype(np.float64),
        (counts @ sizes.astype(np.float32)).astype(np.float64),
    )
    results: dict[str, Any] = {}
    for k, (name, (values, mask)) in enumerate(values_and_masks.items()):
        results[name] = none_if_nan(points[k])
        results[f"{name}_ci"] = (
            fraction_interval(replicas[:, k], among=mask, counts=counts)
            if values.dtype == np.bool_
            else score_interval(replicas[:, k])
        )
    return results
