"""Scores of a model on folds of a store, with intervals by bootstrap over patients."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.store import Store
from ..inference.classifier import Classifier
from ..processes import Progress
from ..tasks import SUPERCLASSES
from .bootstrap import (
    SCORES,
    fraction_interval,
    mean_of_defined,
    replicated_scores,
    score_interval,
)
from .calibration_scores import calibration_scores
from .fold_predictions import FoldPredictions, by_class, predict_folds
from .leakage import check_leakage
from .metrics import none_if_nan, score_intervals, scores_at, with_intervals
from .subgroups import score_subgroups
from .unlabelled import decisions_without_labels


def evaluate(
    classifier: Classifier,
    store: Store,
    *,
    folds: Sequence[int] = (9,),
    seed: int = 0,
    replicates: int = 1000,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Score a model on folds of a store; return the contents of metrics.json.

    Intervals are 95 %, by bootstrap over patients, drawn from `seed`.
    Raises ModelError if the store's signals do not fit the model, DatasetError if these folds
    hold no record for its task.
    """
    predictions = predict_folds(classifier, store, folds=folds, progress=progress)
    return all_scores(predictions, seed=seed, replicates=replicates)


def all_scores(
    predictions: FoldPredictions, *, seed: int = 0, replicates: int = 1000
) -> dict[str, Any]:
    """Return the contents of metrics.json: the scores, and those of each subgroup.

    `unlabelled`: what the model decides for records without a label; null if there are none.
    """
    return {
        **score(predictions, seed=seed, replicates=replicates),
        "unlabelled": decisions_without_labels(predictions),
        "subgroups": score_subgroups(predictions, seed=seed, replicates=replicates),
    }


def score(predictions: FoldPredictions, *, seed: int = 0, replicates: int = 1000) -> dict[str, Any]:
    """Return the contents of metrics.json except the subgroups.

    The model's own thresholds decide. A task whose only class is ABNORMAL is also scored as in
    the paper, the normal records against those of each other superclass.
    """
    card, names = predictions.classifier.card, predictions.classifier.classes
    leakage = check_leakage(card, predictions.store, predictions.folds)
    counts = predictions.resample(seed=seed, replicates=replicates)
    results = {
        "task": card["task"]["name"],
        "fold": predictions.fold,
        "n_dropped": predictions.dropped,
        "parameters": card["parameters"],
        "leakage": leakage.to_dict(),
        "bootstrap": {"over": "patients", "replicates": replicates, "seed": seed},
        **scores_with_intervals(predictions, counts),
    }
    if names == ("ABNORMAL",) and "superclass" in predictions.store.vocabulary:
        results["normal_against"] = {
            name: scores_with_intervals(part, part.resample(seed=seed, replicates=replicates))
            for name in SUPERCLASSES[1:]
            if (part := _normal_and(predictions, name))
        }
    for name, scores in _calibration_scores(predictions, counts.astype(np.float32)).items():
        (results["classes"][name] if len(names) > 1 else results).update(scores)
    if (points := predictions.classifier.operating_points) is not None:
        on_these = leakage.thresholds_chosen_on
        results["chosen"] = {
            **asdict(points.chosen_on),
            "threshold": points.threshold,
            "band": points.band,
            "alpha": points.alpha,
            "on_these_records": None if on_these is None else bool(on_these),
        }
    return results


def scores_with_intervals(
    predictions: FoldPredictions, counts: NDArray[np.integer[Any]]
) -> dict[str, Any]:
    """Return the scores of all classes as metrics.json holds them; null where undefined.

    counts: (replicates, n), how often each record is drawn (`FoldPredictions.resample`).
    One class: as `binary_scores`, each score with its `…_ci`, [low, high]. Several: `classes`, the
    same for each class against the rest, and `macro_…`, the mean over the classes in which the
    score is defined. Exclusive classes: also `accuracy`, the fraction of records whose decision is
    the true class, and `confusion`, (classes, classes), one row per true class. Each class is
    scored on the records in which it is known, `n` of a class; on none, all its scores are null.
    """
    points, replicas, classes = [], [], []
    for own in by_class(predictions):
        columns = own.targets, own.probabilities, own.decisions
        drawn = counts[:, own.known]
        points.append(scores_at(*columns))
        replicas.append(replicated_scores(*columns, counts=drawn))
        intervals = score_intervals(replicas[-1], own.targets, own.decisions, counts=drawn)
        classes.append(with_intervals(points[-1], intervals))
    if len(classes) == 1:
        return classes[0]
    results: dict[str, Any] = {"n": len(predictions.targets)}
    if predictions.classifier.exclusive:
        results |= _exclusive_scores(predictions.targets, predictions.decisions, counts)
    for name in SCORES:
        (mean,) = mean_of_defined(np.array([[point[name]] for point in points]))
        means = mean_of_defined(np.array([replica[name] for replica in replicas]))
        results |= {f"macro_{name}": none_if_nan(mean), f"macro_{name}_ci": score_interval(means)}
    return results | {"classes": dict(zip(predictions.classifier.classes, classes, strict=True))}


def _exclusive_scores(
    targets: NDArray[np.float32], decisions: NDArray[np.bool_], counts: NDArray[np.integer[Any]]
) -> dict[str, Any]:
    from sklearn import metrics

    true, decided = targets.argmax(axis=1), decisions.argmax(axis=1)
    replicas = counts @ (true == decided) / counts.sum(axis=1)
    all_records, labels = np.ones_like(true, bool), np.arange(targets.shape[1])
    return {
        "accuracy": float(metrics.accuracy_score(true, decided)),
        "accuracy_ci": fraction_interval(replicas, among=all_records, counts=counts),
        "confusion": metrics.confusion_matrix(true, decided, labels=labels).tolist(),
    }


def _calibration_scores(
    predictions: FoldPredictions, counts: NDArray[np.float32]
) -> dict[str, dict[str, Any]]:
    """Return the calibration scores of each class that is known in some records."""
    classifier = predictions.classifier
    points = classifier.operating_points
    return {
        name: calibration_scores(
            own.targets,
            own.probabilities,
            threshold=float(threshold),
            chosen=points.classes.get(name) if points else None,
            counts=counts[:, own.known],
        )
        for name, own, threshold in zip(
            classifier.classes, by_class(predictions), classifier.thresholds, strict=True
        )
        if own.known.any()
    }


def _normal_and(predictions: FoldPredictions, superclass: str) -> FoldPredictions | None:
    """Return the normal records and those of a superclass; None if it has no records."""
    labels = predictions.store.records["labels"].iloc[predictions.indices]
    has = np.array([f"superclass:{superclass}" in record for record in labels])
    normal = predictions.targets[:, 0] == 0
    return predictions.subset(has | normal) if has.any() else None
