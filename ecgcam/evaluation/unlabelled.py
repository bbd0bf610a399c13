"""Records without any label of a task: what the model decides for them."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..tasks import Task
from .fold_predictions import FoldPredictions, predict_records


def decisions_without_labels(predictions: FoldPredictions) -> dict[str, Any] | None:
    """Return how often each class is decided in the records of the folds without any label.

    Such a record has no true answer: PTB-XL's have no superclass, not even NORM. A task counts them
    as positive, as negative, or leaves them out; here they are always counted by themselves.
    Returns n, `decided` (a fraction for each class), and `none` (the fraction with no class); None
    if every record has a label.
    """
    classifier, store = predictions.classifier, predictions.store
    task = Task.from_dict(classifier.card["task"]).adapt_to(store.vocabulary)
    labelled = store.labelled(replace(task, unlabelled="drop"), folds=predictions.folds)
    indices = np.setdiff1d(store.indices(folds=predictions.folds), labelled.indices)
    if task.exclusive or not len(indices):
        return None
    logits = predict_records(classifier, store, indices)
    decided = classifier.probabilities(logits) >= classifier.thresholds
    return {
        "n": len(indices),
        "decided": dict(zip(classifier.classes, decided.mean(axis=0).tolist(), strict=True)),
        "none": float((~decided.any(axis=1)).mean()),
    }
