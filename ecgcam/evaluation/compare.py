"""Comparison of two models on the same records: which one is better, and is that due to chance?"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.store import Store
from ..errors import ModelError
from ..inference.classifier import Classifier
from ..processes import Progress
from ..tasks import Task
from .bootstrap import fraction_interval
from .fold_predictions import FoldPredictions, predict_folds
from .leakage import check_leakage
from .paired_scores import ClinicalScores, difference, mean_over_classes, score_classes

RESULTS = "compare.json"


def compare_models(
    a: Classifier,
    b: Classifier,
    store: Store,
    *,
    folds: Sequence[int],
    seed: int = 0,
    replicates: int = 1000,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Return the contents of compare.json: the scores of both models and their differences, a - b.

    Each model decides at its own thresholds. Both are scored on the same replicates over patients,
    so `difference_ci` and `p_value` (two-sided, not corrected for their number) are paired.
    Raises ModelError if the two have different tasks, and what `predict_folds` raises.
    """
    _check_same_task(a, b)

    def predict(model: Classifier, half: int) -> FoldPredictions:
        def halved(done: int, total: int) -> None:
            if progress:
                progress(done + half * total, 2 * total)

        return predict_folds(model, store, folds=folds, progress=halved)

    pair = predict(a, 0), predict(b, 1)
    counts = pair[0].resample(seed=seed, replicates=replicates)
    return {
        "task": a.card["task"]["name"],
        "fold": pair[0].fold,
        "n": len(pair[0].indices),
        "a": _about(a, store, folds),
        "b": _about(b, store, folds),
        "bootstrap": {"over": "patients", "replicates": replicates, "seed": seed},
        "exact_match": _exact_match(*pair, counts=counts),
        **_compare_classes(*pair, counts=counts),
    }


def _check_same_task(a: Classifier, b: Classifier) -> None:
    """Raise ModelError if the tasks differ in their classes or in which records they keep."""
    task_a, task_b = (asdict(Task.from_dict(model.card["task"])) for model in (a, b))
    for field in ("classes", "members", "exclusive", "unlabelled"):
        if task_a[field] != task_b[field]:
            values = [
                ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
                for value in (task_a[field], task_b[field])
            ]
            raise ModelError(
                f"the two models have different tasks: {field} = {values[0]} and "
                f"{field} = {values[1]}. Compare two models of one task."
            )


def _about(model: Classifier, store: Store, folds: Sequence[int]) -> dict[str, Any]:
    card = {key: model.card[key] for key in ("backbone", "parameters", "leads", "thresholds")}
    leakage = check_leakage(model.card, store, folds).to_dict()
    return card | {"temperature": model.temperature, "leakage": leakage}


def _compare_classes(
    a: FoldPredictions, b: FoldPredictions, *, counts: NDArray[np.integer[Any]]
) -> dict[str, Any]:
    """Return `classes`, the scores of each, and if there are several `macro`, of their mean."""
    scores_a, scores_b = score_classes(a, counts), score_classes(b, counts)
    names = a.classifier.classes
    pairs = zip(names, scores_a, scores_b, strict=True)
    results: dict[str, Any] = {"classes": {name: _side_by_side(*pair) for name, *pair in pairs}}
    if len(names) > 1:
        macro = _side_by_side(mean_over_classes(scores_a), mean_over_classes(scores_b))
        results["macro"] = macro
    return results


def _side_by_side(a: ClinicalScores, b: ClinicalScores) -> dict[str, dict[str, Any]]:
    """Return for each score `a`, `a_ci`, `b`, `b_ci`, `difference`, `difference_ci`, `p_value`."""
    return {
        score: {
            "a": a.to_dict()[score],
            "a_ci": a.intervals[score],
            "b": b.to_dict()[score],
            "b_ci": b.intervals[score],
            **difference(values, b.values[score]),
        }
        for score, values in a.values.items()
    }


def _exact_match(
    a: FoldPredictions, b: FoldPredictions, *, counts: NDArray[np.integer[Any]]
) -> dict[str, Any]:
    """Return the fraction of records with every known class correct, and what only one gets."""
    correct = [model.correct for model in (a, b)]
    fractions = [np.append(row.mean(), counts @ row / counts.sum(axis=1)) for row in correct]
    all_records = np.ones_like(correct[0])
    results: dict[str, Any] = {}
    for side, values in zip("ab", fractions, strict=True):
        results[side] = float(values[0])
        results[f"{side}_ci"] = fraction_interval(values[1:], among=all_records, counts=counts)
    results |= difference(*fractions)
    only_a, only_b = (correct[0] & ~correct[1]).sum(), (correct[1] & ~correct[0]).sum()
    return results | {"only_a": int(only_a), "only_b": int(only_b)}
