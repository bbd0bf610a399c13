"""Auxiliary labels: the frequent ones, without those that the task already has."""

import numpy as np
import pytest
from support.tiny import NORMAL, SUPERCLASS, tiny_store, write_store

from ecgcam.errors import DatasetError
from ecgcam.training.targets import auxiliary_labels

LABELS = [
    *[["statement:IMI", "subclass:IMI", "superclass:MI"]] * 4,
    *[["statement:ASMI", "subclass:AMI", "superclass:MI"]] * 2,
    *[["statement:NORM", "subclass:NORM", "superclass:NORM", "statement:SR", "rhythm:SR"]] * 3,
    [],
]


@pytest.fixture
def store(tmp_path):
    signals_uv = np.zeros((len(LABELS), 12, 100), np.int16)
    return write_store(tmp_path / "store", signals_uv, LABELS, folds=[1] * len(LABELS))


def test_each_kind_has_the_labels_of_enough_records(store):
    auxiliary = auxiliary_labels(store, store.indices(), NORMAL, at_least=3)
    assert auxiliary.labels == (
        "superclass:NORM", "superclass:MI", "subclass:IMI", "subclass:NORM",
        "statement:IMI", "statement:NORM", "statement:SR",
    )  # fmt: skip
    assert auxiliary.sizes == (2, 2, 3)
    for label, column in zip(auxiliary.labels, auxiliary.targets.T, strict=True):
        assert column.tolist() == [float(label in labels) for labels in LABELS]


def test_only_the_training_records_are_counted(store):
    auxiliary = auxiliary_labels(store, np.array([0, 1, 2, 6]), NORMAL, at_least=3)
    assert auxiliary.labels == ("superclass:MI", "subclass:IMI", "statement:IMI")
    np.testing.assert_array_equal(auxiliary.targets, [[1, 1, 1]] * 3 + [[0, 0, 0]])


def test_the_tasks_own_classes_are_left_out(store):
    auxiliary = auxiliary_labels(store, store.indices(), SUPERCLASS, at_least=3)
    assert not [label for label in auxiliary.labels if label.startswith("superclass:")]
    assert auxiliary.sizes == (2, 3)


def test_no_frequent_label_is_an_error(store, tmp_path):
    with pytest.raises(
        DatasetError, match="no label beside the task's own has at least 11 training"
    ):
        auxiliary_labels(store, store.indices(), NORMAL, at_least=11)


def test_a_synthetic_store_has_some(tmp_path):
    store = tiny_store(tmp_path / "store")
    assert auxiliary_labels(store, store.indices(), NORMAL, at_least=5).labels
