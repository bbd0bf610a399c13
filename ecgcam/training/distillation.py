"""Knowledge distillation: targets blended with the predictions of other models (teachers).

Cross-entropy is linear in its target, so the loss against blended targets is the weighted sum of
the loss against the labels and the loss against the teachers (Hinton, Vinyals and Dean 2015, at
temperature 1). The blend is (1 - weight) · target + weight · the mean probability of the teachers
that predict the class; targets of classes that no teacher predicts stay.

Out of fold, a teacher predicts only records of folds that it was not trained on: for its training
records it would repeat the labels, including wrong ones. The models of a cross-validation then
predict each record once.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..data.store import Store
from ..errors import DatasetError, ModelError
from ..evaluation.fold_predictions import predict_records
from ..evaluation.leakage import check_leakage
from ..inference.card import Card
from ..inference.loading import load
from ..inference.modelfile import load_network
from ..nn.fuse import fuse_norms
from ..nn.network import Network, NetworkConfig
from ..tasks import Task
from .class_mapping import StudentClass, blend_targets, map_classes

OutOfFold = Callable[[Path, Card], NDArray[np.bool_]]  # out_of_fold_records for some records


def distill_targets(
    targets: NDArray[np.float32],
    classes: Sequence[StudentClass],
    teachers: Sequence[Path],
    store: Store,
    indices: NDArray[np.int64],
    *,
    weight: float,
    out_of_fold: bool = False,
) -> NDArray[np.float32]:
    """Blend targets (records, classes) with what the teachers predict for each record, once.

    indices: (records,), of the records in the store.
    Raises DatasetError for a teacher that predicts none of the classes (class_mapping.py) or, out
    of fold, none of the records; ModelError for a teacher that does not take the store's signals.
    """
    total, count = np.zeros_like(targets), np.zeros_like(targets)
    for path in teachers:
        teacher = load(path)
        mappings = map_classes(path, Task.from_dict(teacher.card["task"]), classes)
        rows = np.arange(len(indices))
        if out_of_fold:
            rows = np.flatnonzero(out_of_fold_records(path, teacher.card, store, indices))
        probabilities = teacher.probabilities(predict_records(teacher, store, indices[rows]))
        for mapping in mappings:
            total[rows, mapping.index] += mapping.probability(probabilities)
            count[rows, mapping.index] += 1
    blended: NDArray[np.float32] = blend_targets(targets, total, count, weight)
    return blended


def out_of_fold_records(
    path: Path, card: Card, store: Store, indices: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Return which records (records,) are in folds that the teacher at `path` was not trained on.

    Goes by evaluation/leakage.py, so it includes the training data of the teacher's own teachers,
    but not the folds that chose its best epoch.
    Raises DatasetError if there is no such record, or if the training data are not known.
    """
    folds = store.records["fold"].to_numpy()[indices]
    trained_on = check_leakage(card, store, sorted(set(folds.tolist()))).trained_on
    if trained_on is None:
        raise DatasetError(
            f"{path}: it is not known which of these records this teacher was trained on; choose a "
            "teacher whose card says so, or train without out_of_fold."
        )
    out_of_fold = ~np.isin(folds, trained_on)
    if not out_of_fold.any():
        raise DatasetError(
            f"{path}: this teacher was trained on all folds to train on; out_of_fold needs a "
            "teacher that was not trained on one of them."
        )
    return out_of_fold


class OnlineDistillation:
    """Targets of each batch, blended with what the teachers predict for exactly this batch.

    The teachers see the crop and the augmentation that the student sees. Predicted once, a record
    gives one number to learn; predicted in many variants, it shows the teacher's function, which a
    small network can learn (Beyer et al. 2022, "Knowledge distillation: a good teacher is patient
    and consistent").
    """

    def __init__(
        self,
        teachers: Sequence[Path],
        classes: Sequence[StudentClass],
        student: NetworkConfig,
        *,
        weight: float,
        out_of_fold: OutOfFold | None = None,
    ) -> None:
        """Load the teachers, which share the student's preprocessed signals.

        out_of_fold: for distillation out of fold, selects the training records of each teacher.
        Raises DatasetError as `distill_targets` does, ModelError for a teacher of other signals.
        """
        self.weight = weight
        self._teachers = [_OnlineTeacher(path, classes, student, out_of_fold) for path in teachers]

    @torch.no_grad()
    def blend(self, prepared: Tensor, targets: Tensor, indices: Tensor) -> Tensor:
        """Blend targets (batch, classes) of preprocessed signals (batch, leads, time).

        indices: (batch,), into the training records.
        """
        total, count = torch.zeros_like(targets), torch.zeros_like(targets)
        indices = indices.cpu()  # once for all teachers: each transfer makes a GPU wait
        for teacher in self._teachers:
            rows = teacher.rows(indices, prepared.device)
            probabilities = teacher.probabilities(prepared[rows])
            for mapping in teacher.mappings:
                total[rows, mapping.index] += mapping.probability(probabilities)
                count[rows, mapping.index] += 1
        blended: Tensor = blend_targets(targets, total, count, self.weight)
        return blended


class _OnlineTeacher:
    """One teacher, with the mappings from its classes to the student's."""

    def __init__(
        self,
        path: Path,
        classes: Sequence[StudentClass],
        student: NetworkConfig,
        out_of_fold: OutOfFold | None,
    ) -> None:
        network, card = load_network(path)
        _check_same_input(path, network.config, student)
        self._task = Task.from_dict(card["task"])
        self.mappings = map_classes(path, self._task, classes)
        self._out_of_fold: Tensor | None = None
        if out_of_fold is not None:
            self._out_of_fold = torch.from_numpy(out_of_fold(path, card))
        self._network: Network = fuse_norms(network)
        self._temperature: float = card["temperature"]

    def rows(self, indices: Tensor, device: torch.device) -> Tensor | slice:
        """Return the rows of the batch that this teacher predicts."""
        if self._out_of_fold is None:
            return slice(None)
        return self._out_of_fold[indices].nonzero()[:, 0].to(device)

    def probabilities(self, prepared: Tensor) -> Tensor:
        """Compute the probabilities of the teacher's own classes, (batch, classes)."""
        logits = self._network.to(prepared.device).logits(prepared).float() / self._temperature
        return logits.softmax(-1) if self._task.exclusive else logits.sigmoid()


def _check_same_input(path: Path, teacher: NetworkConfig, student: NetworkConfig) -> None:
    """Raise ModelError unless one preprocessed signal serves both networks."""
    for name in ("leads", "rate_hz", "preprocess"):
        theirs, own = getattr(teacher, name), getattr(student, name)
        if theirs != own:
            raise ModelError(
                f"{path}: {name} of this teacher is {theirs}, of the student {own}; online "
                "distillation needs the same."
            )
