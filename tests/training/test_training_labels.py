"""Label counts: records and positives by fold, and the classes with few positives."""

import numpy as np
import pytest
from support.tiny import changed, tiny_store, write_store

from ecgcam.errors import DatasetError
from ecgcam.training.training_labels import count_labels, rare_classes, training_task


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("store") / "store")


def test_counts_by_hand(tmp_path):
    labels = [["superclass:NORM"], ["superclass:MI", "superclass:CD"], [], ["superclass:MI"]]
    signals_uv = np.zeros((4, 12, 100), np.int16)
    store = write_store(tmp_path / "store", signals_uv, labels, folds=[1, 2, 2, 9])
    counts = count_labels(changed(task="superclass", train_folds=(1, 2)), store)
    assert counts.columns.tolist() == ["1", "2", "training", "9"]
    assert counts.loc["records"].tolist() == [1, 1, 2, 1]  # the task drops unlabelled records
    assert counts.loc["MI"].tolist() == [0, 1, 1, 1]
    assert counts.loc["HYP"].tolist() == [0, 0, 0, 0]
    assert count_labels(changed(train_folds=(1, 2)), store).loc["ABNORMAL", "2"] == 2


def test_rare_classes_have_fewer_than_20_positives(store):
    counts = count_labels(changed(task="superclass"), store)
    counts.loc["MI", "training"] = 20
    counts.loc["CD", "training"] = 19
    rare = rare_classes(counts)
    assert rare["CD"] == 19
    assert not {"records", "NORM", "MI"} & set(rare)


def test_unlabelled_records_follow_the_config(store):
    assert training_task(changed(), store).unlabelled == "positive"
    assert training_task(changed(unlabelled="drop"), store).unlabelled == "drop"
    with pytest.raises(DatasetError, match="only for a task of one class"):
        training_task(changed(task="superclass", unlabelled="positive"), store)
