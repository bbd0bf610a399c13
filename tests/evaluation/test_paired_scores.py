"""Scores agree with scikit-learn; a difference compares the same patients."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import metrics

from ecgcam.evaluation.bootstrap import resample_patients
from ecgcam.evaluation.paired_scores import (
    CLINICAL,
    difference,
    mean_over_classes,
    metrics_layout,
    score_classes,
    scores_of_class,
)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def three_classes(rng):
    """Targets and probabilities (300, 3), with ties, of patients with two records each."""
    targets = rng.random((300, 3)) < (0.5, 0.2, 0.7)
    probabilities = np.clip(rng.normal(0.4 + 0.2 * targets, 0.2), 0, 1).round(2)
    return targets, probabilities, np.arange(300) // 2


def resample(patients, replicates=100, seed=1):
    return resample_patients(patients, rng=np.random.default_rng(seed), replicates=replicates)


def scored(targets, probabilities, counts, *, decisions=None):
    """Return the scores of each column (n, classes), by default at a threshold of 0.5."""
    decisions = probabilities >= 0.5 if decisions is None else decisions
    predictions = SimpleNamespace(targets=targets, probabilities=probabilities, decisions=decisions)
    return score_classes(predictions, counts)


def compared(targets, probabilities, others, counts):
    """Return the difference of each score of two models, from columns (n,)."""
    (one,), (other,) = (
        scored(targets[:, None], p[:, None], counts) for p in (probabilities, others)
    )
    return {name: difference(one.values[name], other.values[name]) for name in CLINICAL}


def by_scikit_learn(target, probability, decision, weights=None):
    weights = {"sample_weight": weights}
    return {
        "auroc": metrics.roc_auc_score(target, probability, **weights),
        "accuracy": metrics.accuracy_score(target, decision, **weights),
        "sensitivity": metrics.recall_score(target, decision, **weights),
        "specificity": metrics.recall_score(target, decision, pos_label=0, **weights),
    }


def test_scores_and_replicates_agree_with_scikit_learn(three_classes):
    targets, probabilities, patients = three_classes
    counts = resample(patients, 5)
    for k, scores in enumerate(scored(targets, probabilities, counts)):
        columns = targets[:, k], probabilities[:, k], probabilities[:, k] >= 0.5
        for row, weights in enumerate([None, *counts]):
            expected = by_scikit_learn(*columns, weights)
            assert {name: scores.values[name][row] for name in CLINICAL} == pytest.approx(expected)
        interval = np.percentile(scores.values["auroc"][1:], [2.5, 97.5])
        assert scores.to_dict()["auroc_ci"] == interval.tolist()


def test_decisions_are_scored_independently_of_probabilities(three_classes):
    targets, probabilities, patients = three_classes
    (first, *_) = scored(targets, probabilities, resample(patients), decisions=targets)
    scores = first.to_dict()
    assert (scores["sensitivity"], scores["specificity"], scores["accuracy"]) == (1, 1, 1)
    low, high = scores["sensitivity_ci"]
    assert low < high == 1
    assert scores["auroc"] < 0.9


def test_the_mean_is_over_the_classes_that_define_a_score(three_classes):
    targets, probabilities, patients = three_classes
    targets = targets.copy()
    targets[:, 2] = True  # no AUROC, no specificity
    scores = scored(targets, probabilities, resample(patients))
    classes, mean = [of_class.to_dict() for of_class in scores], mean_over_classes(scores).to_dict()
    assert classes[2]["auroc"] is classes[2]["auroc_ci"] is classes[2]["specificity"] is None
    assert mean["auroc"] == pytest.approx(np.mean([classes[0]["auroc"], classes[1]["auroc"]]))
    sensitivities = [of_class["sensitivity"] for of_class in classes]
    assert mean["sensitivity"] == pytest.approx(np.mean(sensitivities))
    low, high = mean["auroc_ci"]
    assert low < mean["auroc"] < high
    json.dumps([classes, mean], allow_nan=False)


def test_with_a_baseline_each_score_has_its_change(three_classes):
    targets, probabilities, patients = three_classes
    counts = resample(patients)
    before = scored(targets, probabilities, counts)[0]
    after = scored(targets, probabilities**2, counts)[0]
    scores = after.to_dict(before)
    for name in CLINICAL:
        change = difference(after.values[name], before.values[name])
        assert scores[name] == after.to_dict()[name]
        assert scores[f"{name}_change"] == change["difference"]
        assert scores[f"{name}_change_ci"] == change["difference_ci"]


def test_an_undefined_score_has_no_difference():
    undefined = np.full(5, math.nan)
    assert difference(undefined, np.ones(5)) == {
        "difference": None, "difference_ci": None, "p_value": None
    }  # fmt: skip


def test_two_models_are_compared_on_the_same_records(rng):
    targets = rng.random(400) < 0.5
    good = np.clip(rng.normal(0.4 + 0.2 * targets, 0.15), 0, 1)
    worse = np.clip(good + rng.normal(0, 0.3, 400), 0, 1)
    counts = resample(np.arange(400) // 2, 300)
    better = compared(targets, good, worse, counts)["auroc"]
    expected = metrics.roc_auc_score(targets, good) - metrics.roc_auc_score(targets, worse)
    assert better["difference"] == pytest.approx(expected)
    assert 0 < better["difference_ci"][0] < expected < better["difference_ci"][1]
    assert better["p_value"] == pytest.approx(2 / 301)
    reverse = compared(targets, worse, good, counts)["auroc"]
    assert reverse["difference"] == -better["difference"]
    assert reverse["difference_ci"] == pytest.approx([-x for x in better["difference_ci"]][::-1])
    for same in compared(targets, good, good, counts).values():
        assert same == {"difference": 0, "difference_ci": [0, 0], "p_value": 1}
    monotone = compared(targets, good, good**2, counts)  # AUROC depends on the order only
    assert monotone["auroc"]["difference_ci"] == [0, 0]
    assert monotone["sensitivity"]["difference"] > 0.3


def test_pairing_narrows_the_interval(rng):
    targets = rng.random(400) < 0.5
    probabilities = np.clip(rng.normal(0.4 + 0.2 * targets, 0.2), 0, 1)
    similar = np.clip(probabilities + rng.normal(0, 0.02, 400), 0, 1)
    counts = resample(np.arange(400), 300)
    low, high = compared(targets, probabilities, similar, counts)["auroc"]["difference_ci"]
    alone = scored(targets[:, None], probabilities[:, None], counts)[0].intervals["auroc"]
    assert high - low < 0.3 * (alone[1] - alone[0])


def test_equally_good_models_rarely_differ(rng):
    """p is below 0.05 in about one of twenty comparisons, not more often."""
    surprises = 0
    for seed in range(100):
        targets = rng.random(150) < 0.5
        pair = np.clip(rng.normal(0.4 + 0.2 * targets, 0.2, (2, 150)), 0, 1)
        counts = resample(np.arange(150), 99, seed)
        surprises += compared(targets, *pair, counts)["auroc"]["p_value"] < 0.05
    assert 1 <= surprises <= 12


def test_a_single_class_is_laid_out_without_macro_scores():
    one = metrics_layout({"MI": {"auroc": 0.9}}, {"auroc": 0.9})
    assert one == {"auroc": 0.9}
    assert scores_of_class(one, None) == one
    several = metrics_layout({"MI": {"auroc": 0.9}, "CD": {"auroc": 0.7}}, {"auroc": 0.8})
    assert several == {
        "macro_auroc": 0.8, "classes": {"MI": {"auroc": 0.9}, "CD": {"auroc": 0.7}}
    }  # fmt: skip
    assert scores_of_class(several, None) == {"auroc": 0.8}
    assert scores_of_class(several, "CD") == {"auroc": 0.7}


def test_the_interval_of_a_difference_comes_from_its_replicates():
    result = difference(np.array([0.9, 0.5, 0.5, 0.5]), np.zeros(4))
    assert (result["difference"], result["difference_ci"]) == (0.9, [0.5, 0.5])
