"""A pupil's classes in the terms of a teacher's: the same one, or several put together.

A model of the five superclasses has no class ABNORMAL, but MI, STTC, CD and HYP, any of which makes
an ECG abnormal, and NORM, which an ECG without a superclass has not either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from ..tasks import Task


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A class to be learnt: any of these labels makes it.

    unlabelled: so does having none of their kinds (Task.unlabelled "positive").
    exclusive: it excludes the others of which this is said (Task.exclusive).
    """

    labels: frozenset[str]
    unlabelled: bool = False
    exclusive: bool = False


@dataclass(frozen=True, kw_only=True)
class Translation:
    """A class to be learnt, from a teacher's.

    place:  which of the classes to be learnt it is.
    any_of: the teacher's classes any of which makes it.
    others: those that one of must be there for the class not to be; none: nothing must.
    """

    place: int
    any_of: tuple[int, ...]
    others: tuple[int, ...] = ()

    def probability(self, said: Any) -> Any:
        """(records,) from the teacher's probabilities (records, classes), of NumPy or of torch.

        As if its classes were independent of one another: nothing says how they are not.
        """
        none = (1 - said[:, list(self.any_of)]).prod(1)
        if self.others:
            none = none * (1 - (1 - said[:, list(self.others)]).prod(1))
        return 1 - none


def wanted_classes(task: Task, auxiliary: Sequence[str] = ()) -> list[Wanted]:
    """The task's classes, and after them auxiliary labels, each a class by itself."""
    unlabelled = task.unlabelled == "positive"
    own = [
        Wanted(labels=frozenset(labels), unlabelled=unlabelled, exclusive=task.exclusive)
        for labels in task.members
    ]
    return own + [Wanted(labels=frozenset([label])) for label in auxiliary]


def translations(path: Path, teacher: Task, wanted: Sequence[Wanted]) -> list[Translation]:
    """Of each class that the teacher can say something of; path names it.

    Raises DatasetError if there is none, and where classes exclude one another, but the teacher's
    probabilities of them do not come to 1: those of other classes, or of each by itself.
    """
    found = [_translation(place, one, teacher) for place, one in enumerate(wanted)]
    known = [one for one in found if one is not None]
    if not known:
        raise DatasetError(f"{path}: this teacher knows none of the classes to be learnt.")
    together = {one.labels for one in wanted if one.exclusive}
    alike = teacher.exclusive and together == set(map(frozenset, teacher.members))
    if any(wanted[one.place].exclusive for one in known) and not alike:
        raise DatasetError(
            f"{path}: this teacher judges {', '.join(teacher.classes)}; the classes to be learnt "
            "exclude one another, so that it must judge just these, as exclusive ones."
        )
    return known


def moved(targets: Any, total: Any, count: Any, share: float) -> Any:
    """Targets (records, classes) by `share` towards the mean of what `count` teachers have said.

    total, the sum of it, and count: shaped as the targets, which stay where count is 0. All of
    NumPy or all of torch.
    """
    mean = total / (count + (count == 0))
    return targets + share * (count > 0) * (mean - targets)


def _translation(place: int, wanted: Wanted, teacher: Task) -> Translation | None:
    made_by = [frozenset(labels) for labels in teacher.members]
    if wanted.labels in made_by:
        return Translation(place=place, any_of=(made_by.index(wanted.labels),))
    single = {label: k for k, labels in enumerate(made_by) if len(labels) == 1 for label in labels}
    if teacher.exclusive or not wanted.labels <= single.keys():
        return None
    any_of = tuple(sorted(single[label] for label in wanted.labels))
    if not wanted.unlabelled:
        return Translation(place=place, any_of=any_of)
    kinds = {_kind(label) for label in wanted.labels}
    others = {k for label, k in single.items() if _kind(label) in kinds}
    return Translation(place=place, any_of=any_of, others=tuple(sorted(others.difference(any_of))))


def _kind(label: str) -> str:
    return label.split(":", 1)[0]
