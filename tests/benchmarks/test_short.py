"""The benchmark of short ECGs judges the first seconds of each, and no more."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from support.tiny import NORMAL, tiny_model, tiny_store

from ecgcam.inference.classifier import load

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def short(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return import_module("short")


def test_what_comes_after_the_first_seconds_does_not_count(short, tmp_path):
    """By scikit-learn, of what the model says of the beginnings alone."""
    store = tiny_store(tmp_path / "store", samples=1000)
    classifier = load(tiny_model(tmp_path / "model.safetensors", task=NORMAL, duration_s=10))
    fold = store.labelled(NORMAL, folds=[9])
    records, targets = [store.record(number) for number in fold.indices], fold.targets[:, 0]
    beginnings = [replace(record, signal_mv=record.signal_mv[:, :600]) for record in records]
    said = [answer.probabilities[0] for answer in classifier.predict(beginnings)]
    auroc, sensitivity, specificity = short.scores(classifier, records, targets, length_s=6)
    assert auroc == pytest.approx(roc_auc_score(targets, said))
    called = np.array(said) >= classifier.thresholds[0]
    assert sensitivity == pytest.approx(called[targets > 0].mean())
    assert specificity == pytest.approx((~called[targets == 0]).mean())
    assert auroc != short.scores(classifier, records, targets, length_s=10)[0]
