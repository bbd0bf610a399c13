"""What is to be learnt: the task, the records of its folds, and the targets that they are to have.

A record's targets are its own labels, those learnt beside them (auxiliary.py), and what teachers
say of it, once (teachers.py) or batch by batch (tutors.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.store import LabelledRecords, Store
from ..errors import DatasetError
from ..nn.network import NetworkConfig
from ..tasks import Task, find_task
from .auxiliary import auxiliary_labels
from .class_mapping import wanted_classes
from .config import TrainConfig
from .teachers import taught
from .tutors import Tutors


def task_to_learn(config: TrainConfig, store: Store) -> Task:
    """The recipe's task; DatasetError if the store has no labels for it."""
    task = find_task(config.task, store.vocabulary)
    try:
        return replace(task, unlabelled=config.unlabelled) if config.unlabelled else task
    except ValueError as error:
        raise DatasetError(str(error)) from None


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingTargets:
    """What is to be learnt of the training records.

    targets:   (records, classes and auxiliary labels).
    seldom:    (records,), which come seldom: those that no person has validated; or None.
    auxiliary: how many auxiliary labels of each kind.
    tutors:    teachers that move the targets of each batch anew; or None.
    """

    targets: NDArray[np.float32]
    seldom: NDArray[np.bool_] | None
    auxiliary: tuple[int, ...]
    tutors: Tutors | None


def training_targets(
    config: TrainConfig,
    task: Task,
    store: Store,
    to_train: LabelledRecords,
    *,
    pupil: NetworkConfig,
    teachers: Sequence[Path],
) -> TrainingTargets:
    """What is to be learnt of the records to train on, by the network `pupil`.

    teachers: the files of the recipe's.
    Raises DatasetError for what these records do not hold, and as teachers.py and tutors.py do.
    """
    indices, targets = to_train.indices, to_train.targets
    seldom = _unvalidated(config, store, indices)
    labels: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    if config.auxiliary is not None:
        found = auxiliary_labels(store, indices, task, at_least=config.auxiliary)
        targets = np.concatenate([targets, found.targets], axis=1)
        labels, sizes = found.labels, found.sizes
    wanted = wanted_classes(task, labels)
    tutors = None
    if config.each_batch:
        folds = store.records["fold"].to_numpy()[indices]
        tutors = Tutors(
            teachers,
            wanted,
            pupil,
            share=config.teacher_share,
            folds=folds if config.out_of_fold else None,
        )
    elif teachers:
        targets = taught(
            targets,
            wanted,
            teachers,
            store,
            indices,
            share=config.teacher_share,
            out_of_fold=config.out_of_fold,
        )
    return TrainingTargets(targets=targets, seldom=seldom, auxiliary=sizes, tutors=tutors)


def _unvalidated(
    config: TrainConfig, store: Store, indices: NDArray[np.int64]
) -> NDArray[np.bool_] | None:
    """Which of these records no person has validated; None if they count as the others do.

    Raises DatasetError if nobody knows, or if no record would be left.
    """
    if config.unvalidated_share == 1:
        return None
    if "validated" not in store.records:
        raise DatasetError(
            f"{store.folder}: it does not say which records were validated; make it anew from a "
            "folder that does, or leave unvalidated_share at 1."
        )
    seldom: NDArray[np.bool_] = ~store.records["validated"].iloc[indices].fillna(True).to_numpy(
        bool
    )
    if seldom.all() and round(config.unvalidated_share * len(seldom)) == 0:
        raise DatasetError(
            f"{store.folder}: no person has validated any of the {len(seldom)} records to train "
            f"on, and unvalidated_share {config.unvalidated_share:g} leaves none of them."
        )
    return seldom
