"""Class mapping: the classes of a student, computed from the classes of a teacher.

A model of the five superclasses has no class ABNORMAL. It has MI, STTC, CD and HYP, any of which
makes an ECG abnormal, and NORM, which is also absent from an ECG without a superclass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DatasetError
from ..tasks import Task


@dataclass(frozen=True, kw_only=True)
class StudentClass:
    """A class that the student learns: present where a record has any of these labels.

    unlabelled: also present where a record has no label of these kinds (Task.unlabelled
    "positive"). exclusive: excludes all other classes marked exclusive (Task.exclusive).
    """

    labels: frozenset[str]
    unlabelled: bool = False
    exclusive: bool = False


@dataclass(frozen=True, kw_only=True)
class ClassMapping:
    """How to compute one of the student's classes from the teacher's classes.

    index:  index of the student's class.
    any_of: indices of the teacher's classes any of which makes the class present.
    others: indices of the teacher's classes of which at least one must be present for the class
            to be absent; () if there is no such condition.
    """

    index: int
    any_of: tuple[int, ...]
    others: tuple[int, ...] = ()

    def probability(self, probabilities: Any) -> Any:
        """Compute the probability (records,) from the teacher's (records, classes).

        NumPy arrays or tensors. The teacher's classes are taken as independent, since their joint
        distribution is unknown.
        """
        none = (1 - probabilities[:, list(self.any_of)]).prod(1)
        if self.others:
            none = none * (1 - (1 - probabilities[:, list(self.others)]).prod(1))
        return 1 - none


def student_classes(task: Task, auxiliary: Sequence[str] = ()) -> list[StudentClass]:
    """Return the classes of the task, then the auxiliary labels, each as a class of its own."""
    unlabelled = task.unlabelled == "positive"
    classes = [
        StudentClass(labels=frozenset(labels), unlabelled=unlabelled, exclusive=task.exclusive)
        for labels in task.members
    ]
    return classes + [StudentClass(labels=frozenset([label])) for label in auxiliary]


def map_classes(path: Path, teacher: Task, classes: Sequence[StudentClass]) -> list[ClassMapping]:
    """Map each of the student's classes that the teacher (the model at `path`) can predict.

    Raises DatasetError if there is none, and if classes are exclusive but the teacher's
    probabilities of them do not add up to 1.
    """
    candidates = [_map_class(index, one, teacher) for index, one in enumerate(classes)]
    mappings = [mapping for mapping in candidates if mapping is not None]
    if not mappings:
        raise DatasetError(
            f"{path}: this teacher predicts {', '.join(teacher.classes)}, from which none of the "
            "classes to learn can be computed; choose a teacher of the same task."
        )
    exclusive = {one.labels for one in classes if one.exclusive}
    same = teacher.exclusive and exclusive == set(map(frozenset, teacher.members))
    if any(classes[mapping.index].exclusive for mapping in mappings) and not same:
        raise DatasetError(
            f"{path}: this teacher predicts {', '.join(teacher.classes)}; for exclusive classes "
            "expected a teacher of exactly these classes, exclusive as well."
        )
    return mappings


def blend_targets(targets: Any, total: Any, count: Any, weight: float) -> Any:
    """Compute (1 - weight) · target + weight · the teachers' mean probability.

    targets, total (sum over the teachers), count (how many teachers): (records, classes), all
    NumPy or all torch. Targets stay where count is 0.
    """
    mean = total / (count + (count == 0))
    return targets + weight * (count > 0) * (mean - targets)


def _map_class(index: int, student: StudentClass, teacher: Task) -> ClassMapping | None:
    members = [frozenset(labels) for labels in teacher.members]
    if student.labels in members:
        return ClassMapping(index=index, any_of=(members.index(student.labels),))
    single = {label: k for k, labels in enumerate(members) if len(labels) == 1 for label in labels}
    if teacher.exclusive or not student.labels <= single.keys():
        return None
    any_of = tuple(sorted(single[label] for label in student.labels))
    if not student.unlabelled:
        return ClassMapping(index=index, any_of=any_of)
    kinds = {_kind(label) for label in student.labels}
    others = {k for label, k in single.items() if _kind(label) in kinds}
    return ClassMapping(index=index, any_of=any_of, others=tuple(sorted(others.difference(any_of))))


def _kind(label: str) -> str:
    return label.split(":", 1)[0]
