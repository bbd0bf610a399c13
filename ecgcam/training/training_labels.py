"""Labels of a training run: its task, the titles of its classes, and the counts by fold."""

from dataclasses import replace

import numpy as np
import pandas as pd

from ..data.store import Store
from ..errors import DatasetError
from ..tasks import Task, find_task
from .config import TrainConfig

FEW = 20  # positive training records below which a class is hardly learned
RECORDS, TRAINING = "records", "training"


def training_task(config: TrainConfig, store: Store) -> Task:
    """Return the config's task; DatasetError if the store has no labels for it."""
    task = find_task(config.task, store.vocabulary)
    if config.unlabelled == "default":
        return task
    try:
        return replace(task, unlabelled=config.unlabelled)
    except ValueError as error:
        raise DatasetError(str(error)) from None


def class_titles(task: Task, store: Store) -> dict[str, str]:
    """Return the titles of the classes of one label, where the store has them."""
    labels = {
        name: labels[0]
        for name, labels in zip(task.classes, task.members, strict=True)
        if len(labels) == 1
    }
    return {name: store.titles[label] for name, label in labels.items() if label in store.titles}


def count_labels(config: TrainConfig, store: Store) -> pd.DataFrame:
    """Count the records and, for each class, the positive ones.

    Rows: "records", then the classes. Columns: the training folds, "training" (their sum), the
    validation folds.
    """
    task = training_task(config, store)
    counts = {}
    for fold in (*config.data.train_folds, *config.data.validation_folds):
        targets = store.labelled(task, folds=[fold]).targets
        counts[str(fold)] = [len(targets), *np.nansum(targets, axis=0).astype(int)]
    table = pd.DataFrame(counts, index=[RECORDS, *task.classes])
    train_folds = list(map(str, config.data.train_folds))
    table.insert(len(train_folds), TRAINING, table[train_folds].sum(axis=1))
    return table


def rare_classes(counts: pd.DataFrame) -> dict[str, int]:
    """Return the classes with fewer than FEW positive training records, with their number."""
    positives = counts[TRAINING].drop(RECORDS)
    return {str(name): int(count) for name, count in positives.items() if count < FEW}
