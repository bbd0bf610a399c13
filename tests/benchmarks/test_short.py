"""The benchmark of short ECGs predicts from the first seconds only."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from support.tiny import NORMAL, tiny_model, tiny_store

from ecgcam.inference.loading import load

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def short(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("short")


def test_samples_after_the_first_seconds_have_no_influence(short, tmp_path):
    store = tiny_store(tmp_path / "store", samples=1000)
    classifier = load(tiny_model(tmp_path / "model.safetensors", task=NORMAL, duration_s=10))
    fold = store.labelled(NORMAL, folds=[9])
    records, targets = [store.record(index) for index in fold.indices], fold.targets[:, 0]
    cut = [replace(record, signal_mv=record.signal_mv[:, :600]) for record in records]
    answers = classifier.predict(cut, force=True)
    probabilities = np.array([answer.probabilities[0] for answer in answers])
    scores = short.score_first_seconds(classifier, records, targets, length_s=6)
    decisions = probabilities >= classifier.thresholds[0]
    specificity = (~decisions[targets == 0]).mean()
    expected = roc_auc_score(targets, probabilities), decisions[targets > 0].mean(), specificity
    assert scores == pytest.approx(expected)
    whole = short.score_first_seconds(classifier, records, targets, length_s=10)
    assert scores[0] != whole[0]
