"""Records without a label are counted by themselves, whatever the task does with them."""

from dataclasses import replace

import numpy as np
import pytest
from support.fixed_logits import fixed_classifier
from support.tiny import NORMAL, SUPERCLASS, write_store

from ecgcam.evaluation.fold_predictions import predict_folds
from ecgcam.evaluation.unlabelled import decisions_without_labels

LABELS = [["superclass:NORM"], ["superclass:MI"], ["rhythm:SR"], [], ["superclass:CD"], []]


@pytest.fixture
def store(tmp_path):
    signals = np.random.default_rng(0).normal(0, 100, (6, 12, 500)).astype(np.int16)
    return write_store(tmp_path / "store", signals, LABELS, folds=[9, 9, 9, 9, 9, 8])


def test_a_task_that_counts_them_as_positive(store):
    """Records 2 and 3 of fold 9: one is called abnormal."""
    classifier = fixed_classifier(store, np.array([[-1], [1], [2], [-2], [1], [5]]), NORMAL)
    found = decisions_without_labels(predict_folds(classifier, store, folds=[9]))
    assert found == {"n": 2, "decided": {"ABNORMAL": 0.5}, "none": 0.5}


def test_a_task_that_leaves_them_out(store):
    logits = np.full((6, 5), -1.0)
    logits[2, [0, 3]] = logits[3, 3] = 1
    classifier = fixed_classifier(store, logits, SUPERCLASS)
    predictions = predict_folds(classifier, store, folds=[9])
    assert predictions.dropped == 2
    found = decisions_without_labels(predictions)
    assert found["decided"] == {"NORM": 0.5, "MI": 0, "STTC": 0, "CD": 1, "HYP": 0}
    assert (found["n"], found["none"]) == (2, 0)


def test_nothing_where_every_record_has_a_label(store):
    labelled = replace(store, records=store.records.iloc[:2].reset_index(drop=True))
    classifier = fixed_classifier(labelled, np.zeros((2, 5)), SUPERCLASS)
    assert decisions_without_labels(predict_folds(classifier, labelled, folds=[9])) is None
