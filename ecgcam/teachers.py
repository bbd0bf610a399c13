"""What other models say of the records, as targets to learn from: distillation."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .classifier import load
from .errors import DatasetError
from .evaluate import judge_numbers
from .labels import Task
from .store import Store


def taught(
    targets: NDArray[np.float32],
    members: Sequence[tuple[str, ...]],
    teachers: Sequence[Path],
    store: Store,
    numbers: NDArray[np.int64],
    *,
    share: float,
) -> NDArray[np.float32]:
    """Targets moved towards what the teachers say: (1 - share) · target + share · probability.

    targets: (records, classes); members: the labels that make each class. A class is a teacher's
    if the same labels make it; of several that know it the mean counts; where none does, its
    targets stay. Cross-entropy is linear in its target, so that this is the sum of the loss
    against the labels and the loss against the teachers (Hinton, Vinyals and Dean 2015, at
    temperature 1). Raises DatasetError for a teacher that knows none of the classes,
    ModelError for one that takes other signals than the store's.
    """
    wanted = [frozenset(labels) for labels in members]
    said: dict[frozenset[str], list[NDArray[np.float32]]] = {}
    for path in teachers:
        known = _said(path, store, numbers)
        if known.keys().isdisjoint(wanted):
            raise DatasetError(f"{path}: this teacher knows none of the classes to be learnt.")
        for labels, probabilities in known.items():
            said.setdefault(labels, []).append(probabilities)
    mixed = targets.copy()
    for k, labels in enumerate(wanted):
        if labels in said:
            mixed[:, k] += share * (np.mean(said[labels], axis=0) - mixed[:, k])
    return mixed


def _said(
    path: Path, store: Store, numbers: NDArray[np.int64]
) -> dict[frozenset[str], NDArray[np.float32]]:
    """A teacher's probabilities (records,) of its classes, by the labels that make each."""
    teacher = load(path)
    probabilities = teacher.probabilities(judge_numbers(teacher, store, numbers))
    task = Task.from_dict(teacher.card["task"])
    return {frozenset(labels): probabilities[:, k] for k, labels in enumerate(task.members)}
