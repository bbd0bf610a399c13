"""Predictions of a model on folds of a store, with the true labels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..data.store import Store
from ..errors import ModelError, RecordError
from ..inference.classifier import Classifier
from ..processes import Progress
from ..signals.leads import lead_order
from ..tasks import Task
from .bootstrap import resample_patients
from .metrics import validate

_BLOCK = 512  # records read and predicted at a time


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassPredictions:
    """Predictions of one class for the m of n records in which it is known.

    known: (n,), which these are. targets, probabilities, decisions: (m,).
    """

    known: NDArray[np.bool_]
    targets: NDArray[np.bool_]
    probabilities: NDArray[np.floating[Any]]
    decisions: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True, eq=False)
class FoldPredictions:
    """Predictions and true labels of the records of some folds.

    indices: (n,), the records' indices in the store.
    targets: (n, classes), 0, 1, or NaN where the class is unknown; each record has a known class.
    logits, probabilities: (n, classes).
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
        """Whether each class is part of the decision: (n, classes)."""
        if self.classifier.exclusive:
            best = self.probabilities.argmax(axis=1)
            return best[:, None] == np.arange(len(self.classifier.classes))
        return self.probabilities >= self.classifier.thresholds

    @property
    def correct(self) -> NDArray[np.bool_]:
        """Whether the decisions on all known classes of a record are correct: (n,)."""
        known = ~np.isnan(self.targets)
        return np.asarray(((self.decisions == (self.targets > 0)) | ~known).all(axis=1))

    @property
    def patients(self) -> NDArray[Any]:
        """The patient of each record: (n,)."""
        return self.store.records["patient"].to_numpy()[self.indices]

    @property
    def fold(self) -> int | list[int]:
        """The folds as metrics.json holds them: a number, or a list if there are several."""
        return self.folds[0] if len(self.folds) == 1 else list(self.folds)

    def subset(self, rows: NDArray[np.integer[Any]] | NDArray[np.bool_]) -> "FoldPredictions":
        """Return the predictions of some of these records; rows: positions, or a mask (n,)."""
        return replace(
            self,
            indices=self.indices[rows],
            targets=self.targets[rows],
            logits=self.logits[rows],
            probabilities=self.probabilities[rows],
        )

    def resample(self, *, seed: int, replicates: int) -> NDArray[np.uint16]:
        """Return how often each bootstrap replicate draws each record: (replicates, n)."""
        rng = np.random.default_rng(seed)
        return resample_patients(self.patients, rng=rng, replicates=replicates)

    def to_table(self) -> pd.DataFrame:
        """Return one row per record: id, fold, and each class's target, logit, … and decision.

        A target is missing where the class is unknown.
        """
        records = self.store.records.iloc[self.indices]
        columns: dict[str, Any] = {
            "id": records["id"].to_numpy(), "fold": records["fold"].to_numpy()
        }  # fmt: skip
        for k, name in enumerate(self.classifier.classes):
            target = pd.Series(self.targets[:, k])
            complete = not target.hasnans
            columns[f"target_{name}"] = (
                target.astype("int8") if complete else target.astype("Int8")
            ).array
            columns[f"logit_{name}"] = self.logits[:, k]
            columns[f"probability_{name}"] = self.probabilities[:, k]
            columns[f"decision_{name}"] = self.decisions[:, k]
        return pd.DataFrame(columns)

    def most_confident_and_worst(self, count: int) -> tuple[list[int], list[int]]:
        """Return the store indices of the most confident correct records, and of the worst errors.

        The most extreme records come first. A record is correct if all its known classes are; its
        rank is its smallest margin: how far a class's probability lies on the correct side of
        the threshold (negative: on the wrong side).
        """
        correct_side = 2 * self.targets - 1  # 1, -1 or NaN
        margins = (self.probabilities - self.classifier.thresholds) * correct_side
        margin, correct = np.nanmin(margins, axis=1), self.correct
        confident = np.flatnonzero(correct)[np.argsort(-margin[correct], kind="stable")]
        worst = np.flatnonzero(~correct)[np.argsort(margin[~correct], kind="stable")]
        return self.indices[confident[:count]].tolist(), self.indices[worst[:count]].tolist()


def by_class(predictions: FoldPredictions) -> list[ClassPredictions]:
    """Return the predictions of each class for the records in which it is known.

    Raises ValueError for targets other than 0, 1 and NaN, and probabilities not within [0, 1].
    """
    known = ~np.isnan(predictions.targets)
    filled = np.where(known, predictions.targets, 0)
    targets, probabilities = validate(filled, predictions.probabilities)
    return [
        ClassPredictions(
            known=rows,
            targets=targets[rows, k],
            probabilities=probabilities[rows, k],
            decisions=predictions.decisions[rows, k],
        )
        for k, rows in enumerate(known.T)
    ]


def predict_folds(
    classifier: Classifier,
    store: Store,
    *,
    folds: Sequence[int],
    progress: Progress | None = None,
) -> FoldPredictions:
    """Predict every record of these folds that the model's task keeps.

    Raises ModelError if the store's signals do not fit the model, DatasetError if these folds
    hold no record for its task.
    """
    task = Task.from_dict(classifier.card["task"]).adapt_to(store.vocabulary)
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
    """Return the logits (records, classes) of these records of a store.

    Raises ModelError if the store's signals do not fit the model.
    """
    rows = _rows_of_leads(classifier, store)
    logits = []
    for start in range(0, len(indices), _BLOCK):
        block = indices[start : start + _BLOCK]
        logits.append(classifier.run(store.signals_mv(block)[:, rows]).logits)
        if progress:
            progress(start + len(block), len(indices))
    return np.concatenate(logits)


def _rows_of_leads(classifier: Classifier, store: Store) -> list[int]:
    """Return the rows of the store's signals that hold the model's leads; ModelError if unfit."""
    expected = (classifier.rate_hz, round(classifier.rate_hz * classifier.duration_s))
    if (store.rate_hz, store.samples) != expected:
        raise ModelError(
            f"the model takes {expected[1]} samples at {expected[0]:g} Hz; {store.folder} holds "
            f"{store.samples} at {store.rate_hz:g} Hz. `ecgcam prepare --resample` makes a store "
            "that fits."
        )
    try:
        return lead_order(store.leads, classifier.leads)
    except RecordError as error:
        raise ModelError(f"{store.folder}: {error}") from None
