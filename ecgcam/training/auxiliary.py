"""Labels that a network learns beside its task's classes, by a head that is thrown away.

Diagnoses have much in common: a network that must tell many apart while it trains finds features
that also serve the few it is for (Caruana 1997, multitask learning).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data.store import Store
from ..errors import DatasetError
from ..tasks import Task

# Those that PTB-XL's statements give; "form" and "rhythm" only sort the statements anew.
KINDS = ("superclass", "subclass", "statement")


@dataclass(frozen=True, kw_only=True, eq=False)
class Auxiliary:
    """Labels beside a task's classes, kind after kind.

    labels: as `kind:name`. targets: (records, labels), 0 or 1. sizes: how many labels of each kind.
    """

    labels: tuple[str, ...]
    targets: NDArray[np.float32]
    sizes: tuple[int, ...]


def auxiliary_labels(
    store: Store, numbers: NDArray[np.int64], task: Task, *, at_least: int
) -> Auxiliary:
    """The labels that at least so many of these records have and no class of the task stands for.

    Raises DatasetError if there is none.
    """
    own = {members[0] for members in task.members if len(members) == 1}
    found = store.records["labels"].iloc[numbers].tolist()
    labels: list[str] = []
    sizes, columns = [], []
    for kind in KINDS:
        names = [f"{kind}:{name}" for name in store.vocabulary.get(kind, ())]
        names = [name for name in names if name not in own]
        there = np.array([[name in has for name in names] for has in map(set, found)], np.float32)
        frequent = there.sum(axis=0) >= at_least
        if frequent.any():
            labels += [name for name, often in zip(names, frequent, strict=True) if often]
            sizes.append(int(frequent.sum()))
            columns.append(there[:, frequent])
    if not labels:
        raise DatasetError(
            f"{store.folder}: no label beside the task's has {at_least} records to train on."
        )
    return Auxiliary(labels=tuple(labels), targets=np.concatenate(columns, 1), sizes=tuple(sizes))
