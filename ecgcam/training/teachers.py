"""What other models say of the records, as targets to learn from: distillation."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.store import Store
from ..errors import DatasetError
from ..evaluation.fold_predictions import predict_records
from ..inference.card import Card
from ..inference.classifier import load
from ..tasks import Task
from .class_mapping import Wanted, moved, translations


def taught(
    targets: NDArray[np.float32],
    wanted: Sequence[Wanted],
    teachers: Sequence[Path],
    store: Store,
    indices: NDArray[np.int64],
    *,
    share: float,
    out_of_fold: bool = False,
) -> NDArray[np.float32]:
    """Targets moved towards what the teachers say: (1 - share) · target + share · probability.

    targets: (records, classes); wanted: what each class is, in whose terms a teacher's judgements
    are put (translate.py). Of several teachers that judge it the mean counts; where none does,
    the targets stay. Cross-entropy is linear in its target, so that this is the sum of the loss
    against the labels and the loss against the teachers (Hinton, Vinyals and Dean 2015, at
    temperature 1).

    out_of_fold: a teacher judges no record of a fold that it has learned from. Of those it only
    repeats the labels, wrong ones too; to others it is a second opinion. Models of a
    cross-validation so judge each record once.

    Raises DatasetError for a teacher that does not know the classes (translate.py), or out of fold
    has learned from every record or does not say from which, ModelError for one that takes other
    signals than the store's.
    """
    folds = store.records["fold"].to_numpy()[indices]
    total, count = np.zeros_like(targets), np.zeros_like(targets)
    for path in teachers:
        teacher = load(path)
        known = translations(path, Task.from_dict(teacher.card["task"]), wanted)
        judged = np.arange(len(indices))
        if out_of_fold:
            judged = np.flatnonzero(unseen(path, teacher.card, folds))
        said = teacher.probabilities(predict_records(teacher, store, indices[judged]))
        for one in known:
            total[judged, one.place] += one.probability(said)
            count[judged, one.place] += 1
    towards: NDArray[np.float32] = moved(targets, total, count, share)
    return towards


def unseen(path: Path, card: Card, folds: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Of which records, of these folds, a teacher has learned nothing, by its card; path names it.

    It goes by the indices of the folds alone: not by whether they were folds of the same store, nor
    by what the teacher has of its own teachers, or of the folds that its best epoch was chosen on.
    Raises DatasetError if there is no such record, or if the card does not name the folds.
    """
    learned = card["provenance"].get("recipe", {}).get("train_folds")
    if not learned:
        raise DatasetError(
            f"{path}: the card of this teacher does not say which folds it has learned from, so "
            "that it cannot be kept from them; needed: one that does, or no --out-of-fold."
        )
    found = ~np.isin(folds, learned)
    if not found.any():
        raise DatasetError(f"{path}: this teacher has learned from every fold to train on.")
    return found
