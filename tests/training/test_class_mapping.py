"""A teacher's judgement of other classes: the chance of each, its own classes being independent."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from support.tiny import NORMAL, SUPERCLASS

from ecgcam.errors import DatasetError
from ecgcam.tasks import Task
from ecgcam.training.class_mapping import Wanted, moved, translations, wanted_classes

TEACHER = Path("teacher.safetensors")
OWN = ("NORM", "MI", "STTC", "CD", "HYP")
PROBABILITIES = np.array([[0.7, 0.1, 0.2, 0.05, 0.3], [0.02, 0.9, 0.0, 0.5, 1.0]])


def by_all_combinations(task: Task, said) -> list[float]:
    """Each set of superclasses with its chance, and what the task makes of a record with it."""
    chance = np.zeros(len(task.classes))
    for held in product((False, True), repeat=5):
        labels = [f"superclass:{name}" for name, there in zip(OWN, held, strict=True) if there]
        target, keep = task.targets([labels])
        assert keep.all()
        chance += np.where(held, said, 1 - said).prod() * target[0]
    return chance.tolist()


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
def test_it_is_the_chance_over_all_that_a_record_may_have(task):
    known = translations(TEACHER, SUPERCLASS, wanted_classes(task))
    assert [one.place for one in known] == list(range(len(task.classes)))
    for said in PROBABILITIES:
        found = [float(one.probability(said[None])[0]) for one in known]
        assert found == pytest.approx(by_all_combinations(task, said))


def test_numpy_and_torch_give_the_same():
    (abnormal,) = translations(TEACHER, SUPERCLASS, wanted_classes(NORMAL))
    found = abnormal.probability(torch.from_numpy(PROBABILITIES))
    np.testing.assert_allclose(found.numpy(), abnormal.probability(PROBABILITIES))


def test_a_class_that_the_teacher_has_itself_is_taken_as_it_says():
    own = Task(name="x", classes=("MI", "ANY"), members=(("superclass:MI",), *NORMAL.members))
    known = translations(TEACHER, own, [*wanted_classes(NORMAL), *wanted_classes(SUPERCLASS)])
    assert [(one.place, one.any_of, one.others) for one in known] == [(0, (1,), ()), (2, (0,), ())]


def test_labels_of_another_kind_say_nothing_of_a_record_without_a_superclass():
    members = (*SUPERCLASS.members, ("rhythm:AFIB",))
    teacher = Task(name="x", classes=(*OWN, "AFIB"), members=members)
    (abnormal,) = translations(TEACHER, teacher, wanted_classes(NORMAL))
    assert (abnormal.any_of, abnormal.others) == ((1, 2, 3, 4), (0,))


@pytest.mark.parametrize(
    "teacher",
    [
        replace(SUPERCLASS, classes=OWN[1:4], members=SUPERCLASS.members[1:4]),  # HYP is missing
        replace(SUPERCLASS, exclusive=True),  # whose classes are anything but independent
    ],
)
def test_what_cannot_be_put_together_is_refused(teacher):
    with pytest.raises(DatasetError, match=r"teacher\.safetensors: this teacher knows none"):
        translations(TEACHER, teacher, wanted_classes(NORMAL))


EXCLUSIVE = replace(SUPERCLASS, exclusive=True)


@pytest.mark.parametrize(
    "teacher",
    [
        SUPERCLASS,  # each by itself
        replace(EXCLUSIVE, classes=OWN[1:], members=SUPERCLASS.members[1:]),  # not all of them
        replace(EXCLUSIVE, classes=(*OWN, "SR"), members=(*SUPERCLASS.members, ("rhythm:SR",))),
    ],
)
def test_classes_that_exclude_one_another_are_taught_by_the_same_exclusive_ones_alone(teacher):
    wanted = wanted_classes(EXCLUSIVE, ["rhythm:SR"])
    assert len(translations(TEACHER, EXCLUSIVE, wanted)) == 5
    with pytest.raises(DatasetError, match="exclude one another"):
        translations(TEACHER, teacher, wanted)
    beside = Task(name="x", classes=("SR",), members=(("rhythm:SR",),))
    assert [one.place for one in translations(TEACHER, beside, wanted)] == [5]


def test_auxiliary_labels_follow_the_tasks_own():
    assert wanted_classes(NORMAL, ["statement:SR"]) == [
        Wanted(labels=frozenset(NORMAL.members[0]), unlabelled=True),
        Wanted(labels=frozenset(["statement:SR"])),
    ]


@pytest.mark.parametrize("of", [np.float32, torch.tensor])
def test_targets_move_to_the_mean_of_those_that_said_something(of):
    targets, total, count = of([1.0, 0.0, 1.0]), of([1.5, 0.5, 0.0]), of([2.0, 1.0, 0.0])
    found = moved(np.asarray(targets) if of is np.float32 else targets, total, count, 0.4)
    assert np.asarray(found).tolist() == pytest.approx([0.9, 0.2, 1.0])
