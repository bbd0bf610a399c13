"""Class mapping: a student's class from a teacher's classes, taken as independent."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from support.tiny import NORMAL, SUPERCLASS

from ecgcam.errors import DatasetError
from ecgcam.tasks import Task
from ecgcam.training.class_mapping import StudentClass, blend_targets, map_classes, student_classes

TEACHER = Path("teacher.safetensors")
OWN = ("NORM", "MI", "STTC", "CD", "HYP")
PROBABILITIES = np.array([[0.7, 0.1, 0.2, 0.05, 0.3], [0.02, 0.9, 0.0, 0.5, 1.0]])


def by_all_combinations(task: Task, probabilities) -> list[float]:
    """Sum the probability of each set of superclasses times the task's target for such a record."""
    total = np.zeros(len(task.classes))
    for held in product((False, True), repeat=5):
        labels = [f"superclass:{name}" for name, present in zip(OWN, held, strict=True) if present]
        target, keep = task.targets([labels])
        assert keep.all()
        total += np.where(held, probabilities, 1 - probabilities).prod() * target[0]
    return total.tolist()


@pytest.mark.parametrize(
    "task",
    [
        NORMAL,
        replace(NORMAL, unlabelled="negative"),
        Task(
            name="muscle",
            classes=("HEART", "NORM"),
            members=(("superclass:HYP", "superclass:MI"), ("superclass:NORM",)),
            unlabelled="negative",
        ),
    ],
)
def test_the_probability_is_the_sum_over_all_sets_of_superclasses(task):
    mappings = map_classes(TEACHER, SUPERCLASS, student_classes(task))
    assert [mapping.index for mapping in mappings] == list(range(len(task.classes)))
    for row in PROBABILITIES:
        probabilities = [float(mapping.probability(row[None])[0]) for mapping in mappings]
        assert probabilities == pytest.approx(by_all_combinations(task, row))


def test_numpy_and_torch_give_the_same():
    (abnormal,) = map_classes(TEACHER, SUPERCLASS, student_classes(NORMAL))
    probability = abnormal.probability(torch.from_numpy(PROBABILITIES))
    np.testing.assert_allclose(probability.numpy(), abnormal.probability(PROBABILITIES))


def test_a_class_of_the_teacher_itself_is_taken_directly():
    own = Task(name="x", classes=("MI", "ANY"), members=(("superclass:MI",), *NORMAL.members))
    mappings = map_classes(TEACHER, own, [*student_classes(NORMAL), *student_classes(SUPERCLASS)])
    assert [(m.index, m.any_of, m.others) for m in mappings] == [(0, (1,), ()), (2, (0,), ())]


def test_classes_of_another_kind_do_not_count_for_unlabelled_records():
    members = (*SUPERCLASS.members, ("rhythm:AFIB",))
    teacher = Task(name="x", classes=(*OWN, "AFIB"), members=members)
    (abnormal,) = map_classes(TEACHER, teacher, student_classes(NORMAL))
    assert (abnormal.any_of, abnormal.others) == ((1, 2, 3, 4), (0,))


@pytest.mark.parametrize(
    "teacher",
    [
        replace(SUPERCLASS, classes=OWN[1:4], members=SUPERCLASS.members[1:4]),  # HYP is missing
        replace(SUPERCLASS, exclusive=True),  # its classes are not independent
    ],
)
def test_a_class_that_cannot_be_computed_is_refused(teacher):
    with pytest.raises(DatasetError, match=r"teacher\.safetensors: .*none of the classes to learn"):
        map_classes(TEACHER, teacher, student_classes(NORMAL))


EXCLUSIVE = replace(SUPERCLASS, exclusive=True)


@pytest.mark.parametrize(
    "teacher",
    [
        SUPERCLASS,  # each by itself
        replace(EXCLUSIVE, classes=OWN[1:], members=SUPERCLASS.members[1:]),  # not all of them
        replace(EXCLUSIVE, classes=(*OWN, "SR"), members=(*SUPERCLASS.members, ("rhythm:SR",))),
    ],
)
def test_exclusive_classes_need_a_teacher_of_the_same_exclusive_classes(teacher):
    classes = student_classes(EXCLUSIVE, ["rhythm:SR"])
    assert len(map_classes(TEACHER, EXCLUSIVE, classes)) == 5
    with pytest.raises(
        DatasetError, match="for exclusive classes expected a teacher of exactly these"
    ):
        map_classes(TEACHER, teacher, classes)
    other = Task(name="x", classes=("SR",), members=(("rhythm:SR",),))
    assert [mapping.index for mapping in map_classes(TEACHER, other, classes)] == [5]


def test_auxiliary_labels_follow_the_tasks_classes():
    assert student_classes(NORMAL, ["statement:SR"]) == [
        StudentClass(labels=frozenset(NORMAL.members[0]), unlabelled=True),
        StudentClass(labels=frozenset(["statement:SR"])),
    ]


@pytest.mark.parametrize("make", [np.array, torch.tensor])
def test_targets_are_blended_with_the_mean_of_the_teachers(make):
    targets, total, count = make([1.0, 0.0, 1.0]), make([1.5, 0.5, 0.0]), make([2.0, 1.0, 0.0])
    blended = blend_targets(targets, total, count, 0.4)
    assert blended.tolist() == pytest.approx([0.9, 0.2, 1.0])
