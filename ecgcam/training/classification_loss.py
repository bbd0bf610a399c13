"""Loss of the task's classes: cross-entropy, without unknown labels, with class weights."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from ..errors import DatasetError
from .config import BALANCED, LossSettings


class ClassificationLoss:
    """Mean cross-entropy over exclusive classes together, else of each class alone.

    weights: (classes,), of each class's positive records; None: all 1.
    partial: whether some targets are unknown (NaN); they are left out of the mean.
    """

    def __init__(
        self, *, exclusive: bool, weights: NDArray[np.float32] | None = None, partial: bool = False
    ) -> None:
        self.exclusive = exclusive
        self.weights = None if weights is None else torch.from_numpy(weights)
        self.partial = partial

    def __call__(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Compute the loss of logits and targets, both (batch, classes)."""
        weights = self.weights
        if weights is not None:
            precise = torch.promote_types(logits.dtype, weights.dtype)
            weights = weights.to(logits.device, precise)
        if self.exclusive:
            return functional.cross_entropy(logits, targets, weight=weights)
        if not self.partial:
            return functional.binary_cross_entropy_with_logits(logits, targets, pos_weight=weights)
        known = ~targets.isnan()
        total = functional.binary_cross_entropy_with_logits(
            logits, targets.nan_to_num(), known.to(targets), reduction="sum", pos_weight=weights
        )
        return total / known.sum().clamp(min=1)


def class_weights(
    settings: LossSettings,
    targets: NDArray[np.float32],
    *,
    classes: Sequence[str],
    exclusive: bool,
) -> NDArray[np.float32] | None:
    """Return the weight of each class's positive records; None if all are 1.

    targets: (records, classes) of the training records, NaN where unknown.
    Balanced: negatives / positives of each class, so that both kinds weigh the same; for n records
    of K exclusive classes, n / (K · positives). A class without positives has the weight 1.
    Raises DatasetError for a list of weights that has not one for each class.
    """
    if settings.class_weights == BALANCED:
        positives, known = np.nansum(targets, axis=0), (~np.isnan(targets)).sum(axis=0)
        wanted = known / len(classes) if exclusive else known - positives
        usable = (positives > 0) & (wanted > 0)
        balanced = np.where(usable, wanted / np.where(usable, positives, 1), 1)
        return balanced.astype(np.float32)
    if isinstance(settings.class_weights, str):
        return None
    if len(settings.class_weights) != len(classes):
        raise DatasetError(
            f"class_weights has {len(settings.class_weights)} numbers; expected "
            f"{len(classes)}, for {', '.join(classes)}."
        )
    return np.array(settings.class_weights, np.float32)


def class_frequency(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the fraction of positives of each class, among the records in which it is known.

    targets: (records, classes), 0 to 1, or NaN where unknown. 0 for a class that is never known.
    """
    known = (~np.isnan(targets)).sum(axis=0)
    return np.asarray(np.nansum(targets, axis=0) / np.maximum(known, 1), np.float32)
