"""Validation: the score of an epoch, and whether it is better than chance."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..evaluation.metrics import binary_scores

CHANCE_EPOCHS = 3  # in one of these a class has to be better than chance

_DEVIATIONS = 2.0
_LARGEST_MARGIN = 0.1  # a larger margin cannot tell a slow start from chance


class TrainingFailedError(Exception):
    """Training ended without a usable model; the message says why and what to try."""


def validation_score(
    name: str, targets: NDArray[np.float32], probabilities: NDArray[np.float32]
) -> float:
    """Compute a score at the threshold 0.5, as the mean over the classes where it is defined.

    targets, probabilities: (records, classes); targets are NaN where unknown. NaN if the score is
    defined for no class.
    """
    known = _known_columns(targets, probabilities)
    scores = [binary_scores(y, p)[name] for y, p in known if len(y)]
    defined = [score for score in scores if not np.isnan(score)]
    return float(np.mean(defined)) if defined else float("nan")


def _known_columns(
    targets: NDArray[np.float32], probabilities: NDArray[np.float32]
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Yield targets and probabilities of each class, for the records in which it is known."""
    for target, probability in zip(targets.T, probabilities.T, strict=True):
        known = ~np.isnan(target)
        yield target[known], probability[known]


def chance_margin(positives: int, negatives: int) -> float:
    """Return how far above 0.5 the AUROC of random probabilities may lie: 2 standard deviations.

    Its standard deviation is √((P + N + 1) / (12 P N)) for P positives and N negatives (Mann and
    Whitney 1947). Infinite without a positive or a negative.
    """
    if not positives or not negatives:
        return math.inf
    return _DEVIATIONS * math.sqrt((positives + negatives + 1) / (12 * positives * negatives))


def is_chance(targets: NDArray[np.float32], probabilities: NDArray[np.float32]) -> bool:
    """Return whether no class is predicted better than chance: AUROC at most 0.5 + its margin.

    targets, probabilities: (records, classes); targets are NaN where unknown. Classes with a margin
    above 0.1 (fewer than about 70 positives or negatives) do not count; False if none counts.
    """
    counted = []
    for target, probability in _known_columns(targets, probabilities):
        positives = int(target.sum())
        margin = chance_margin(positives, len(target) - positives)
        if margin <= _LARGEST_MARGIN:
            counted.append(binary_scores(target, probability)["auroc"] <= 0.5 + margin)
    return bool(counted) and all(counted)
