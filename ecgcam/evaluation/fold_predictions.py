"""Predictions of a model on the folds of a store, beside the true labels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.store import Store
from ..errors import ModelError, RecordError
from ..inference.classifier import Classifier
from ..signals.leads import lead_order
from ..tasks import Task

Progress = Callable[[int, int], None]

_BLOCK = 512  # records read and judged at a time


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldPredictions:
    """What a model said of the records of some folds, beside what is true.

    indices: (n,) the records' indices in the store. targets, logits, probabilities: (n, classes).
    dropped: how many records of these folds the task leaves out.
    """

    classifier: Classifier
    store: Store
    folds: tuple[int, ...]
    indices: NDArray[np.int64]
    targets: NDArray[np.float32]
    logits: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    dropped: int

    @property
    def decisions(self) -> NDArray[np.bool_]:
        """(n, classes): whether each class is part of the decision."""
        if self.classifier.exclusive:
            best = self.probabilities.argmax(axis=1)
            return best[:, None] == np.arange(len(self.classifier.classes))
        return self.probabilities >= self.classifier.thresholds


def predict_folds(
    classifier: Classifier,
    store: Store,
    *,
    folds: Sequence[int],
    progress: Progress | None = None,
) -> FoldPredictions:
    """Judge every record of these folds that the model's task keeps.

    Raises ModelError if the store's signals are not what the model takes, DatasetError if these
    folds hold no record for its task.
    """
    task = Task.from_dict(classifier.card["task"]).fitted_to(store.vocabulary)
    labelled = store.require_labelled(task, folds=folds)
    logits = predict_records(classifier, store, labelled.indices, progress=progress)
    return FoldPredictions(
        classifier=classifier,
        store=store,
        folds=tuple(folds),
        indices=labelled.indices,
        targets=labelled.targets,
        logits=logits,
        probabilities=classifier.probabilities(logits),
        dropped=labelled.dropped,
    )


def predict_records(
    classifier: Classifier,
    store: Store,
    indices: NDArray[np.int64],
    *,
    progress: Progress | None = None,
) -> NDArray[np.float32]:
    """The logits (records, classes) of these records of a store.

    Raises ModelError if the store's signals are not what the model takes.
    """
    rows = _fitting_leads(classifier, store)
    logits = []
    for at in range(0, len(indices), _BLOCK):
        block = indices[at : at + _BLOCK]
        logits.append(classifier.run(store.signals_mv(block)[:, rows])[0])
        if progress:
            progress(at + len(block), len(indices))
    return np.concatenate(logits)


def predictions(judged: FoldPredictions) -> pd.DataFrame:
    """One row a record: id, fold, and for each class target, logit, probability, decision."""
    known = judged.store.records.iloc[judged.indices]
    table = {"id": known["id"].to_numpy(), "fold": known["fold"].to_numpy()}
    for k, name in enumerate(judged.classifier.classes):
        table[f"target_{name}"] = judged.targets[:, k].astype(np.int8)
        table[f"logit_{name}"] = judged.logits[:, k]
        table[f"probability_{name}"] = judged.probabilities[:, k]
        table[f"decision_{name}"] = judged.decisions[:, k]
    return pd.DataFrame(table)


def surest_and_worst(judged: FoldPredictions, count: int) -> tuple[list[int], list[int]]:
    """The records that are decided rightly and furthest from doubt, and the worst misses.

    Both as indices in the store, the most telling first: by how far the probability of some
    class is on the right, or the wrong, side of its threshold.
    """
    right_side = np.where(judged.targets > 0, 1, -1)
    margins = (judged.probabilities - judged.classifier.thresholds) * right_side
    right = (judged.decisions == (judged.targets > 0)).all(axis=1)
    surest = np.flatnonzero(right)[np.argsort(-margins[right].min(axis=1), kind="stable")]
    worst = np.flatnonzero(~right)[np.argsort(margins[~right].min(axis=1), kind="stable")]
    return judged.indices[surest[:count]].tolist(), judged.indices[worst[:count]].tolist()


def _fitting_leads(classifier: Classifier, store: Store) -> list[int]:
    """Where the model's leads stand in the store; ModelError if its signals do not fit."""
    needed = (classifier.rate_hz, round(classifier.rate_hz * classifier.duration_s))
    if (store.rate_hz, store.samples) != needed:
        raise ModelError(
            f"the model takes {needed[1]} samples at {needed[0]:g} Hz; {store.folder} holds "
            f"{store.samples} at {store.rate_hz:g} Hz. `ecgcam prepare --resample` can make it fit."
        )
    try:
        return lead_order(store.leads, classifier.leads)
    except RecordError as error:
        raise ModelError(f"{store.folder}: {error}") from None
