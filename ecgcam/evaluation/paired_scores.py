"""AUROC, accuracy, sensitivity and specificity, kept with their replicates to be subtracted.

A part of the records, a disturbed signal and another model are all asked the same: how good, how
sure is that, and is it less than elsewhere? Scores of the same records and the same replicates
(bootstrap.py) are subtracted replicate by replicate, so that what the patients have in common
falls out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bootstrap import mean_of_defined, percentile_interval, replicated_scores, two_sided_p
from .metrics import checked, interval_or_none, number_or_none, score_intervals

CLINICAL = {
    "auroc": "auroc",
    "accuracy": "accuracy",
    "sensitivity": "recall",
    "specificity": "specificity",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class ClinicalScores:
    """The scores of one class, or their mean over several.

    values: for each of CLINICAL (1 + replicates,), the score itself and then its replicates; NaN
    where it is undefined. intervals: for each [low, high]; None where there is none.
    """

    values: Mapping[str, NDArray[np.float64]]
    intervals: Mapping[str, list[float] | None]

    def to_dict(self) -> dict[str, Any]:
        """Each score and its `…_ci`, [low, high]; None where undefined."""
        answer: dict[str, Any] = {}
        for score, values in self.values.items():
            answer[score] = number_or_none(values[0])
            answer[f"{score}_ci"] = self.intervals[score]
        return answer

    def minus(self, other: "ClinicalScores") -> dict[str, dict[str, Any]]:
        """How much higher each score is than another's on the same replicates.

        For each `difference`, `difference_ci` and `p_value` (two-sided); None where undefined.
        """
        return {
            score: difference(values, other.values[score]) for score, values in self.values.items()
        }


def score_classes(
    targets: NDArray[Any],
    probabilities: NDArray[Any],
    decisions: NDArray[np.bool_],
    *,
    counts: NDArray[np.integer[Any]],
) -> list[ClinicalScores]:
    """The scores of each class against the rest.

    targets, probabilities, decisions: (n, classes). counts: (replicates, n), how often each
    record was drawn, as `bootstrap.resample_patients` gives.
    """
    targets, probabilities = checked(targets, probabilities)
    once_each = np.ones_like(counts[:1])
    counts = np.concatenate([once_each, counts])
    scores = []
    for target, probability, called in zip(targets.T, probabilities.T, decisions.T, strict=True):
        found = replicated_scores(target, probability, called=called, counts=counts)
        replicas = {name: values[1:] for name, values in found.items()}
        intervals = score_intervals(replicas, targets=target, called=called, counts=counts[1:])
        scores.append(
            ClinicalScores(
                values={score: found[name] for score, name in CLINICAL.items()},
                intervals={score: intervals[name] for score, name in CLINICAL.items()},
            )
        )
    return scores


def mean_over_classes(scores: Sequence[ClinicalScores]) -> ClinicalScores:
    """The macro scores: each the mean over the classes in which it is defined."""
    means = {
        score: mean_of_defined(np.array([one.values[score] for one in scores]))
        for score in CLINICAL
    }
    intervals = {score: interval_or_none(values[1:]) for score, values in means.items()}
    return ClinicalScores(values=means, intervals=intervals)


def difference(values: NDArray[np.float64], others: NDArray[np.float64]) -> dict[str, Any]:
    """values - others, (1 + replicates,) each: `difference`, `difference_ci` and `p_value`.

    The interval of what is the same on every replicate has no width: it is no score of chance.
    """
    differences = values - others
    low, high = percentile_interval(differences[1:])
    return {
        "difference": number_or_none(differences[0]),
        "difference_ci": None if np.isnan(low) else [low, high],
        "p_value": number_or_none(two_sided_p(differences[1:])),
    }


def in_metrics_form(
    classes: Mapping[str, Mapping[str, Any]], mean: Mapping[str, Any]
) -> dict[str, Any]:
    """What was found of each class, as metrics.json has it.

    Of one class its own; of several `macro_…`, the mean over them, and `classes`.
    """
    if len(classes) == 1:
        return dict(*classes.values())
    macro = {f"macro_{name}": value for name, value in mean.items()}
    return {**macro, "classes": dict(classes)}


def of_class(told: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """Of what `in_metrics_form` laid out, the scores of one class.

    Without a name the scores as a whole: those of the only class, or of the mean over several.
    """
    if name is not None:
        return dict(told["classes"][name])
    return {key.removeprefix("macro_"): told[key] for key in told if key != "classes"}
