"""Training targets: the task's labels, auxiliary labels, and the teachers' predictions.

Auxiliary labels are learned beside the task's classes, by a head that is discarded after training.
Diagnoses have much in common: a network that tells many apart while it trains finds features that
also help with the few classes of its task (Caruana 1997, multitask learning). So do what can be
measured of each record (measured_labels.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..data.store import LabelledRecords, Store
from ..errors import DatasetError
from ..nn.network import NetworkConfig
from ..processes import Progress
from ..tasks import Task
from .class_mapping import student_classes
from .config import AuxiliarySettings, TrainConfig
from .distillation import OnlineDistillation, distill_targets, out_of_fold_records
from .measured_labels import measured_labels

# Kinds of labels that PTB-XL's statements give; "form" and "rhythm" only regroup the statements.
AUXILIARY_KINDS = ("superclass", "subclass", "statement")


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingTargets:
    """The targets of the training records.

    targets:         (records, classes and auxiliary labels).
    subsampled:      (records,), the unvalidated records, of which an epoch has only a fraction;
                     None if it has all.
    auxiliary_sizes: the number of auxiliary labels of each kind.
    online:          teachers that predict each batch; or None.
    """

    targets: NDArray[np.float32]
    subsampled: NDArray[np.bool_] | None
    auxiliary_sizes: tuple[int, ...]
    online: OnlineDistillation | None


def training_targets(
    config: TrainConfig,
    task: Task,
    store: Store,
    records: LabelledRecords,
    *,
    student: NetworkConfig,
    teachers: Sequence[Path],
    on_measured: Progress | None = None,
) -> TrainingTargets:
    """Compute the targets of the training records.

    teachers: the model files that the config names. on_measured: called with the records measured.
    Raises DatasetError if the records lack what the config asks for, and as distillation.py does.
    """
    indices, targets, distillation = records.indices, records.targets, config.distillation
    subsampled = _unvalidated(config, store, indices)
    auxiliary = _auxiliary(config.auxiliary, task, store, indices, on_measured)
    targets = np.concatenate([targets, auxiliary.targets], axis=1)
    classes = student_classes(task, auxiliary.labels)
    online = None
    if distillation.online:
        select = partial(out_of_fold_records, store=store, indices=indices)
        online = OnlineDistillation(
            teachers, classes, student,
            weight=distillation.weight, out_of_fold=select if distillation.out_of_fold else None,
        )  # fmt: skip
    elif teachers:
        targets = distill_targets(
            targets, classes, teachers, store, indices,
            weight=distillation.weight, out_of_fold=distillation.out_of_fold,
        )  # fmt: skip
    return TrainingTargets(
        targets=targets, subsampled=subsampled, auxiliary_sizes=auxiliary.sizes, online=online
    )


def _auxiliary(
    settings: AuxiliarySettings,
    task: Task,
    store: Store,
    indices: NDArray[np.int64],
    on_measured: Progress | None,
) -> "AuxiliaryLabels":
    """Return all auxiliary labels that the settings ask for."""
    labels: tuple[str, ...] = ()
    parts: list[NDArray[np.float32]] = []
    sizes: tuple[int, ...] = ()
    if settings.min_records is not None:
        of_records = auxiliary_labels(store, indices, task, at_least=settings.min_records)
        labels, sizes = of_records.labels, of_records.sizes
        parts.append(of_records.targets)
    if settings.measured:
        kinds = measured_labels(store, indices, progress=on_measured)
        sizes += tuple(part.shape[1] for part in kinds)
        parts += kinds
    targets = np.concatenate([np.zeros((len(indices), 0), np.float32), *parts], axis=1)
    return AuxiliaryLabels(labels=labels, targets=targets, sizes=sizes)


@dataclass(frozen=True, kw_only=True, eq=False)
class AuxiliaryLabels:
    """Labels beside a task's classes, grouped by kind.

    targets: (records, labels), 0 to 1. sizes: labels of each kind. labels: the first of them,
    written `kind:name`; measured labels follow, which no teacher predicts and which have no name.
    """

    labels: tuple[str, ...]
    targets: NDArray[np.float32]
    sizes: tuple[int, ...]


def auxiliary_labels(
    store: Store, indices: NDArray[np.int64], task: Task, *, at_least: int
) -> AuxiliaryLabels:
    """Return the labels of at least so many of these records, without the task's own classes.

    Raises DatasetError if there is none.
    """
    own = {members[0] for members in task.members if len(members) == 1}
    record_labels = [set(labels) for labels in store.records["labels"].iloc[indices]]
    labels: list[str] = []
    sizes, columns = [], []
    for kind in AUXILIARY_KINDS:
        names = [f"{kind}:{name}" for name in store.vocabulary.get(kind, ())]
        names = [name for name in names if name not in own]
        present = np.array([[name in has for name in names] for has in record_labels], np.float32)
        frequent = present.sum(axis=0) >= at_least
        if frequent.any():
            labels += [name for name, keep in zip(names, frequent, strict=True) if keep]
            sizes.append(int(frequent.sum()))
            columns.append(present[:, frequent])
    if not labels:
        raise DatasetError(
            f"{store.folder}: no label beside the task's own has at least {at_least} training "
            "records; lower the minimum, or train without auxiliary labels."
        )
    return AuxiliaryLabels(
        labels=tuple(labels), targets=np.concatenate(columns, 1), sizes=tuple(sizes)
    )


def _unvalidated(
    config: TrainConfig, store: Store, indices: NDArray[np.int64]
) -> NDArray[np.bool_] | None:
    """Return which of these records no person has validated; None if all are used alike.

    Raises DatasetError if the store does not say, or if no record would be left.
    """
    fraction = config.data.unvalidated_fraction
    if fraction == 1:
        return None
    if "validated" not in store.records:
        raise DatasetError(
            f"{store.folder}: the store does not say which records were validated, which "
            "unvalidated_fraction below 1 needs; prepare it again from a source that does."
        )
    validated = store.records["validated"].iloc[indices].fillna(True).to_numpy(bool)
    if not validated.any() and round(fraction * len(validated)) == 0:
        raise DatasetError(
            f"{store.folder}: no person has validated any of the {len(validated)} training "
            f"records, and unvalidated_fraction {fraction:g} leaves none of them."
        )
    unvalidated: NDArray[np.bool_] = ~validated
    return unvalidated
