"""Scores of a model on the folds of a store, with intervals by bootstrap over patients."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.store import Store
from ..inference.classifier import Classifier
from ..inference.decisions import OperatingPoints
from ..tasks import SUPERCLASSES
from .bootstrap import resample_patients
from .fold_predictions import FoldPredictions, Progress, predict_folds
from .leakage import Seen, seen
from .metrics import scores_with_intervals
from .subgroups import score_subgroups
from .trust_scores import trust_scores


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
    judged = predict_folds(classifier, store, folds=folds, progress=progress)
    return all_scores(judged, seed=seed, replicates=replicates)


def all_scores(judged: FoldPredictions, *, seed: int = 0, replicates: int = 1000) -> dict[str, Any]:
    """Return the contents of metrics.json: the scores, and those of each subgroup."""
    scores = score(judged, seed=seed, replicates=replicates)
    scores["subgroups"] = score_subgroups(judged, seed=seed, replicates=replicates)
    return scores


def score(judged: FoldPredictions, *, seed: int = 0, replicates: int = 1000) -> dict[str, Any]:
    """What metrics.json holds: the scores with intervals, and what was scored.

    The model's own thresholds decide. A task of one class called ABNORMAL is also scored as the
    paper does, the normal records against those of each other superclass.
    """
    classifier = judged.classifier
    folds = list(judged.folds)
    met = seen(classifier.card, judged.store, folds)
    answer = {
        "task": classifier.card["task"]["name"],
        "fold": folds[0] if len(folds) == 1 else folds,
        "n_dropped": judged.dropped,
        "parameters": classifier.card["parameters"],
        "seen": met.to_dict(),
        "bootstrap": {"over": "patients", "replicates": replicates, "seed": seed},
        **_scores(judged, np.arange(len(judged.indices)), seed=seed, replicates=replicates),
    }
    if classifier.classes == ("ABNORMAL",) and "superclass" in judged.store.vocabulary:
        answer["normal_against"] = {
            name: _scores(judged, places, seed=seed, replicates=replicates)
            for name in SUPERCLASSES[1:]
            if len(places := _normal_and(judged, name))
        }
    for name, added in _trust(judged, seed=seed, replicates=replicates).items():
        (answer["classes"][name] if "classes" in answer else answer).update(added)
    if classifier.operating_points is not None:
        answer["chosen"] = _chosen(classifier.operating_points, met)
    return answer


def _scores(
    judged: FoldPredictions, places: NDArray[np.int64], *, seed: int, replicates: int
) -> dict[str, Any]:
    """The scores of the records at these places."""
    classifier = judged.classifier
    return scores_with_intervals(
        judged.targets[places],
        judged.probabilities[places],
        decisions=judged.decisions[places],
        class_names=classifier.classes,
        patients=judged.store.records["patient"].to_numpy()[judged.indices[places]],
        exclusive=classifier.exclusive,
        rng=np.random.default_rng(seed),
        replicates=replicates,
    )


def _trust(judged: FoldPredictions, *, seed: int, replicates: int) -> dict[str, dict[str, Any]]:
    """For each class its calibration, and what the points, band and sets of the card reach."""
    classifier = judged.classifier
    patients = judged.store.records["patient"].to_numpy()[judged.indices]
    counts = resample_patients(
        patients, rng=np.random.default_rng(seed), replicates=replicates
    ).astype(np.float32)
    points = classifier.operating_points
    return {
        name: trust_scores(
            judged.targets[:, k],
            judged.probabilities[:, k],
            threshold=float(classifier.thresholds[k]),
            chosen=points.classes.get(name) if points else None,
            counts=counts,
        )
        for k, name in enumerate(classifier.classes)
    }


def _chosen(points: OperatingPoints, met: Seen) -> dict[str, Any]:
    """What the card's points were chosen by and on; whether on some of these, None: not known."""
    on_these = met.points_chosen_on
    return {
        **asdict(points.chosen_on),
        "threshold": points.threshold,
        "band": points.band,
        "alpha": points.alpha,
        "on_these_records": None if on_these is None else bool(on_these),
    }


def _normal_and(judged: FoldPredictions, superclass: str) -> NDArray[np.int64]:
    """The places of the normal records and of those that have the superclass."""
    labels = judged.store.records["labels"].iloc[judged.indices]
    has = np.array([f"superclass:{superclass}" in found for found in labels])
    return np.flatnonzero(has | (judged.targets[:, 0] == 0)) if has.any() else np.empty(0, np.int64)
