"""Labels beside a task's: those that are frequent enough, none that the task already has."""

import numpy as np
import pytest
from support.tiny import NORMAL, SUPERCLASS, tiny_store, write_store

from ecgcam.errors import DatasetError
from ecgcam.training.auxiliary import auxiliary_labels

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


def test_each_kind_has_the_labels_that_enough_of_the_records_have(store):
    found = auxiliary_labels(store, store.indices(), NORMAL, at_least=3)
    assert found.labels == (
        "superclass:NORM", "superclass:MI", "subclass:IMI", "subclass:NORM",
        "statement:IMI", "statement:NORM", "statement:SR",
    )  # fmt: skip
    assert found.sizes == (2, 2, 3)
    for label, column in zip(found.labels, found.targets.T, strict=True):
        assert column.tolist() == [float(label in labels) for labels in LABELS]


def test_it_is_counted_over_the_records_that_are_trained_on(store):
    found = auxiliary_labels(store, np.array([0, 1, 2, 6]), NORMAL, at_least=3)
    assert found.labels == ("superclass:MI", "subclass:IMI", "statement:IMI")
    np.testing.assert_array_equal(found.targets, [[1, 1, 1]] * 3 + [[0, 0, 0]])


def test_what_the_task_has_itself_is_left_out(store):
    found = auxiliary_labels(store, store.indices(), SUPERCLASS, at_least=3)
    assert not [label for label in found.labels if label.startswith("superclass:")]
    assert found.sizes == (2, 3)


def test_where_no_label_is_left_it_is_said(store, tmp_path):
    with pytest.raises(DatasetError, match="no label beside the task's has 11 records"):
        auxiliary_labels(store, store.indices(), NORMAL, at_least=11)


def test_a_made_up_store_has_some(tmp_path):
    store = tiny_store(tmp_path / "store")
    assert auxiliary_labels(store, store.indices(), NORMAL, at_least=5).labels
