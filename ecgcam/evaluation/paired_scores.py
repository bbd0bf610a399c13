"""Clinical scores with their bootstrap replicates, so that they can be subtracted.

Subgroups, disturbed signals and a second model raise the same questions: how good, how certain, and
is the difference due to chance? Two scores of the same records and the same replicates are
subtracted replicate by replicate, so that what both have in common cancels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bootstrap import (
    mean_of_defined,
    percentile_interval,
    replicated_scores,
    score_interval,
    two_sided_p,
)
from .fold_predictions import FoldPredictions, by_class
from .metrics import none_if_nan, score_intervals, with_intervals

CLINICAL = {
    "auroc": "auroc",
    "accuracy": "accuracy",
    "sensitivity": "recall",
    "specificity": "specificity",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class ClinicalScores:
    """AUROC, accuracy, sensitivity and specificity of one class, or their mean over several.

    values: for each of CLINICAL (1 + replicates,), the score and then its replicates; NaN where
    undefined. intervals: for each [low, high], or None.
    """

    values: Mapping[str, NDArray[np.float64]]
    intervals: Mapping[str, list[float] | None]

    def to_dict(self, baseline: "ClinicalScores | None" = None) -> dict[str, Any]:
        """Return each score and its `…_ci`, [low, high]; None where undefined.

        With a baseline, scores of the same replicates, also its `…_change` and `…_change_ci`.
        """
        points = {score: values[0] for score, values in self.values.items()}
        results = with_intervals(points, self.intervals)
        for score, before in baseline.values.items() if baseline else ():
            change = difference(self.values[score], before)
            results[f"{score}_change"] = change["difference"]
            results[f"{score}_change_ci"] = change["difference_ci"]
        return results


def score_classes(
    predictions: FoldPredictions, counts: NDArray[np.integer[Any]]
) -> list[ClinicalScores]:
    """Return the scores of each class against the rest.

    counts: (replicates, n), how often each record is drawn (`FoldPredictions.resample`). Records in
    which a class is unknown have no say in its scores.
    """
    with_point = np.concatenate([np.ones_like(counts[:1]), counts])
    scores = []
    for own in by_class(predictions):
        values = replicated_scores(
            own.targets, own.probabilities, own.decisions, counts=with_point[:, own.known]
        )
        replicas = {name: row[1:] for name, row in values.items()}
        intervals = score_intervals(
            replicas, own.targets, own.decisions, counts=counts[:, own.known]
        )
        scores.append(
            ClinicalScores(
                values={score: values[name] for score, name in CLINICAL.items()},
                intervals={score: intervals[name] for score, name in CLINICAL.items()},
            )
        )
    return scores


def mean_over_classes(scores: Sequence[ClinicalScores]) -> ClinicalScores:
    """Return the macro scores: for each score the mean over the classes that define it."""
    means = {
        score: mean_of_defined(np.array([each.values[score] for each in scores]))
        for score in CLINICAL
    }
    intervals = {score: score_interval(values[1:]) for score, values in means.items()}
    return ClinicalScores(values=means, intervals=intervals)


def difference(values: NDArray[np.float64], others: NDArray[np.float64]) -> dict[str, Any]:
    """Return `difference`, `difference_ci` and `p_value` of values - others.

    Both are (1 + replicates,). Unlike a score's, the interval may have no width.
    """
    differences = values - others
    return {
        "difference": none_if_nan(differences[0]),
        "difference_ci": percentile_interval(differences[1:]),
        "p_value": none_if_nan(two_sided_p(differences[1:])),
    }


def metrics_layout(
    classes: Mapping[str, Mapping[str, Any]], macro: Mapping[str, Any]
) -> dict[str, Any]:
    """Lay out scores of classes as in metrics.json.

    One class: its scores. Several: `macro_…`, their mean, and `classes`.
    """
    if len(classes) == 1:
        return dict(*classes.values())
    means = {f"macro_{name}": value for name, value in macro.items()}
    return {**means, "classes": dict(classes)}


def scores_of_class(layout: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """Return the scores of one class from a `metrics_layout`; of the mean, if name is None.

    A single class is its own mean.
    """
    if name is not None:
        return dict(layout["classes"][name])
    return {key.removeprefix("macro_"): layout[key] for key in layout if key != "classes"}
