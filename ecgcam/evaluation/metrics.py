"""How well probabilities agree with the truth: scores, and their intervals over patients.

The scores are scikit-learn's; the intervals come from bootstrap.py.

A score is NaN where its definition divides by nothing: the AUROC where all records are of one
class, the recall and the average precision where no record is positive, the specificity where
all are, the precision where none was called positive, F1 where no record is positive or called
so. In JSON it is null.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .bootstrap import (
    SCORES,
    Replicas,
    mean_of_defined,
    percentile_interval,
    replicated_scores,
    resample_patients,
    share_interval,
)


def binary_scores(
    targets: NDArray[Any], probabilities: NDArray[Any], *, threshold: float = 0.5
) -> dict[str, Any]:
    """The scores of one class over some records.

    targets: (n,), 0 or 1. probabilities: (n,), within [0, 1]; one at or above the threshold is
    called positive. Returns SCORES, each within [0, 1] or NaN, with `n`, `prevalence` and
    `confusion`, [[TN, FP], [FN, TP]].
    """
    targets, probabilities = checked(targets, probabilities)
    return _scores(targets, probabilities, decide(probabilities, threshold=threshold))


def _scores(
    targets: NDArray[np.bool_], probabilities: NDArray[Any], called: NDArray[np.bool_]
) -> dict[str, Any]:
    """Those of one class of which these records are called positive; all (n,)."""
    from sklearn import metrics

    some, both = targets.any(), targets.any() and not targets.all()
    return {
        "n": len(targets),
        "prevalence": float(targets.mean()),
        "auroc": float(metrics.roc_auc_score(targets, probabilities)) if both else np.nan,
        "average_precision": (
            float(metrics.average_precision_score(targets, probabilities)) if some else np.nan
        ),
        "accuracy": float(metrics.accuracy_score(targets, called)),
        "precision": float(metrics.precision_score(targets, called, zero_division=np.nan)),
        "recall": float(metrics.recall_score(targets, called, zero_division=np.nan)),
        "specificity": float(metrics.recall_score(~targets, ~called, zero_division=np.nan)),
        "f1": float(metrics.f1_score(targets, called, zero_division=np.nan)),
        "confusion": metrics.confusion_matrix(targets, called, labels=[False, True]).tolist(),
    }


def scores_with_intervals(
    targets: NDArray[Any],
    probabilities: NDArray[Any],
    *,
    decisions: NDArray[np.bool_],
    class_names: Sequence[str],
    patients: ArrayLike,
    exclusive: bool,
    rng: np.random.Generator,
    replicates: int = 1000,
) -> dict[str, Any]:
    """The scores of a fold as metrics.json holds them; null where undefined.

    targets, probabilities: (n, classes). decisions: the same shape, what is called positive; of
    classes that exclude one another, the likeliest. patients: (n,).
    One class: what `binary_scores` gives, each score with its `…_ci`, [low, high]. Several:
    `classes`, the same for each class against the rest, and `macro_…`, the mean over the classes
    in which the score is defined (its interval from the same replicates). Where classes exclude
    one another also `accuracy`, the share of records whose decision is the true class, and
    `confusion`, (classes, classes), a row a true class.
    """
    targets, probabilities = checked(targets, probabilities)
    _check_classes(targets, decisions=decisions, class_names=class_names, exclusive=exclusive)
    counts = resample_patients(patients, rng=rng, replicates=replicates)
    points, replicas, classes = [], [], {}
    for k, name in enumerate(class_names):
        target, probability, called = targets[:, k], probabilities[:, k], decisions[:, k]
        points.append(_scores(target, probability, called))
        replicas.append(replicated_scores(target, probability, called=called, counts=counts))
        intervals = score_intervals(replicas[k], targets=target, called=called, counts=counts)
        classes[name] = _with_intervals(points[k], intervals)
    if len(classes) == 1:
        return classes[class_names[0]]
    answer: dict[str, Any] = {"n": len(targets)}
    if exclusive:
        answer |= _top_scores(targets, decisions, counts=counts)
    return answer | _macro_scores(points, replicas) | {"classes": classes}


def checked(
    targets: NDArray[Any], probabilities: NDArray[Any]
) -> tuple[NDArray[np.bool_], NDArray[np.floating[Any]]]:
    """Targets as booleans and probabilities as they are; ValueError where they cannot be so."""
    targets, probabilities = np.asarray(targets), np.asarray(probabilities)
    if targets.shape != probabilities.shape or targets.size == 0:
        raise ValueError(
            f"targets have shape {targets.shape}, probabilities {probabilities.shape}; "
            "needed: one shape, with a record in it."
        )
    if not np.isin(targets, (0, 1)).all():
        raise ValueError("a target is neither 0 nor 1.")
    if not ((probabilities >= 0) & (probabilities <= 1)).all():
        raise ValueError("a probability is not within [0, 1].")
    if probabilities.dtype.kind != "f":
        probabilities = probabilities.astype(np.float64)
    return targets.astype(np.bool_), probabilities


def decide(probabilities: NDArray[Any], *, threshold: float) -> NDArray[np.bool_]:
    """Which are at or above the threshold, at the probabilities' own precision."""
    return probabilities >= np.asarray(threshold, dtype=probabilities.dtype)


def _check_classes(
    targets: NDArray[np.bool_],
    *,
    decisions: NDArray[np.bool_],
    class_names: Sequence[str],
    exclusive: bool,
) -> None:
    fits = targets.ndim == 2 and targets.shape[1] == len(set(class_names))
    if not fits or decisions.shape != targets.shape:
        raise ValueError(
            f"targets have shape {targets.shape}, with decisions of {decisions.shape} and the "
            f"classes {', '.join(class_names)}; needed: (n, classes) of both, a name a class."
        )
    if not exclusive:
        return
    if targets.shape[1] < 2 or (targets.sum(axis=1) != 1).any():
        raise ValueError("the classes exclude one another; needed: two, and one true a record.")
    if (decisions.sum(axis=1) != 1).any():
        raise ValueError("the classes exclude one another; needed: one decision a record.")


def score_intervals(
    replicas: Replicas,
    *,
    targets: NDArray[np.bool_],
    called: NDArray[np.bool_],
    counts: NDArray[np.integer[Any]],
) -> dict[str, list[float] | None]:
    """The interval of each of SCORES of one class, as JSON holds it.

    replicas: as `replicated_scores` gives of the same targets, called and counts.
    """
    every = np.ones_like(targets)
    shares = {"accuracy": every, "precision": called, "recall": targets, "specificity": ~targets}
    return {
        score: share_or_none(replicas[score], among=shares[score], counts=counts)
        if score in shares
        else interval_or_none(replicas[score])
        for score in SCORES
    }


def _with_intervals(
    point: dict[str, Any], intervals: dict[str, list[float] | None]
) -> dict[str, Any]:
    """The scores, each followed by its interval, as JSON holds them."""
    answer: dict[str, Any] = {}
    for name, value in point.items():
        if name in intervals:
            answer[name] = number_or_none(value)
            answer[f"{name}_ci"] = intervals[name]
        else:
            answer[name] = value
    return answer


def _macro_scores(points: list[dict[str, Any]], replicas: list[Replicas]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for score in SCORES:
        point = mean_of_defined(np.array([[point[score]] for point in points]))
        answer[f"macro_{score}"] = number_or_none(point[0])
        replicated = mean_of_defined(np.array([replica[score] for replica in replicas]))
        answer[f"macro_{score}_ci"] = interval_or_none(replicated)
    return answer


def _top_scores(
    targets: NDArray[np.bool_], decisions: NDArray[np.bool_], *, counts: NDArray[np.integer[Any]]
) -> dict[str, Any]:
    """Accuracy and confusion where one class is the answer."""
    from sklearn import metrics

    true, answer = targets.argmax(axis=1), decisions.argmax(axis=1)
    replicated = counts @ (true == answer) / counts.sum(axis=1)
    every = np.arange(targets.shape[1])
    return {
        "accuracy": float(metrics.accuracy_score(true, answer)),
        "accuracy_ci": share_or_none(replicated, among=np.ones_like(true, bool), counts=counts),
        "confusion": metrics.confusion_matrix(true, answer, labels=every).tolist(),
    }


def number_or_none(value: float) -> float | None:
    """A score as JSON holds it: null where it is undefined."""
    return None if np.isnan(value) else float(value)


def interval_or_none(replicas: NDArray[np.float64]) -> list[float] | None:
    """The 95 % interval of a score's replicates as JSON holds it: [low, high] or null.

    Null too where it has no width: that all replicates are alike is no certainty.
    """
    low, high = percentile_interval(replicas)
    return [low, high] if low < high else None


def share_or_none(
    replicas: NDArray[np.float64], *, among: NDArray[np.bool_], counts: NDArray[Any]
) -> list[float] | None:
    """The same of a share of some records (bootstrap.py), which of none or all has a width."""
    low, high = share_interval(replicas, among=among, counts=counts)
    return [low, high] if low < high else None
