"""The scores are scikit-learn's, and a difference is that of the same patients."""

import json
import math

import numpy as np
import pytest
from sklearn import metrics

from ecgcam.evaluation.bootstrap import resample_patients
from ecgcam.evaluation.paired_scores import (
    CLINICAL,
    difference,
    in_metrics_form,
    mean_over_classes,
    of_class,
    score_classes,
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


def counts_of(patients, replicates=100, seed=1):
    return resample_patients(patients, rng=np.random.default_rng(seed), replicates=replicates)


def scored(targets, probabilities, patients, *, threshold=0.5, replicates=100):
    """The scores of each class, the same seed for all."""
    targets, probabilities = np.atleast_2d(targets.T).T, np.atleast_2d(probabilities.T).T
    counts = counts_of(patients, replicates)
    return score_classes(targets, probabilities, probabilities >= threshold, counts=counts)


def by_scikit_learn(target, probability, called, weights=None):
    weights = {"sample_weight": weights}
    return {
        "auroc": metrics.roc_auc_score(target, probability, **weights),
        "accuracy": metrics.accuracy_score(target, called, **weights),
        "sensitivity": metrics.recall_score(target, called, **weights),
        "specificity": metrics.recall_score(target, called, pos_label=0, **weights),
    }


def test_scores_and_replicates_are_scikit_learns(three_classes):
    targets, probabilities, patients = three_classes
    scores = scored(targets, probabilities, patients, replicates=5)
    for k, found in enumerate(scores):
        one = targets[:, k], probabilities[:, k], probabilities[:, k] >= 0.5
        for row, weights in enumerate([None, *counts_of(patients, 5)]):
            expected = by_scikit_learn(*one, weights)
            assert {name: found.values[name][row] for name in CLINICAL} == pytest.approx(expected)
        interval = np.percentile(found.values["auroc"][1:], [2.5, 97.5])
        assert found.to_dict()["auroc_ci"] == interval.tolist()


def test_a_decision_counts_as_it_is_told_whatever_the_probability(three_classes):
    targets, probabilities, patients = three_classes
    (found, *_) = score_classes(targets, probabilities, targets, counts=counts_of(patients))
    told = found.to_dict()
    assert (told["sensitivity"], told["specificity"], told["accuracy"]) == (1, 1, 1)
    low, high = told["sensitivity_ci"]
    assert low < high == 1
    assert told["auroc"] < 0.9


def test_the_mean_is_over_the_classes_in_which_a_score_is_defined(three_classes):
    targets, probabilities, patients = three_classes
    targets = targets.copy()
    targets[:, 2] = True  # no AUROC, no specificity
    scores = scored(targets, probabilities, patients)
    told, mean = [one.to_dict() for one in scores], mean_over_classes(scores).to_dict()
    assert told[2]["auroc"] is told[2]["auroc_ci"] is told[2]["specificity"] is None
    assert mean["auroc"] == pytest.approx(np.mean([told[0]["auroc"], told[1]["auroc"]]))
    assert mean["sensitivity"] == pytest.approx(np.mean([one["sensitivity"] for one in told]))
    low, high = mean["auroc_ci"]
    assert low < mean["auroc"] < high
    json.dumps([told, mean], allow_nan=False)


def test_what_is_undefined_has_no_difference():
    nothing = np.full(5, math.nan)
    assert difference(nothing, np.ones(5)) == {
        "difference": None, "difference_ci": None, "p_value": None
    }  # fmt: skip


def test_two_models_on_the_same_records(rng):
    targets = rng.random(400) < 0.5
    good = np.clip(rng.normal(0.4 + 0.2 * targets, 0.15), 0, 1)
    worse = np.clip(good + rng.normal(0, 0.3, 400), 0, 1)
    patients = np.arange(400) // 2

    def compared(one, other):
        (of_one,), (of_other,) = (
            scored(targets, said, patients, replicates=300) for said in (one, other)
        )
        return of_one.minus(of_other)

    better = compared(good, worse)["auroc"]
    expected = metrics.roc_auc_score(targets, good) - metrics.roc_auc_score(targets, worse)
    assert better["difference"] == pytest.approx(expected)
    assert 0 < better["difference_ci"][0] < expected < better["difference_ci"][1]
    assert better["p_value"] == pytest.approx(2 / 301)
    turned = compared(worse, good)["auroc"]
    assert turned["difference"] == -better["difference"]
    assert turned["difference_ci"] == pytest.approx([-x for x in better["difference_ci"]][::-1])
    for same in compared(good, good).values():
        assert same == {"difference": 0, "difference_ci": [0, 0], "p_value": 1}
    monotone = compared(good, good**2)  # the AUROC sees the order only
    assert monotone["auroc"]["difference_ci"] == [0, 0]
    assert monotone["sensitivity"]["difference"] > 0.3


def test_pairing_makes_the_interval_narrow(rng):
    targets = rng.random(400) < 0.5
    one = np.clip(rng.normal(0.4 + 0.2 * targets, 0.2), 0, 1)
    other = np.clip(one + rng.normal(0, 0.02, 400), 0, 1)
    (of_one,), (of_other,) = (
        scored(targets, said, np.arange(400), replicates=300) for said in (one, other)
    )
    low, high = of_one.minus(of_other)["auroc"]["difference_ci"]
    alone = of_one.to_dict()["auroc_ci"]
    assert high - low < 0.3 * (alone[1] - alone[0])


def test_no_difference_is_rarely_found_where_there_is_none(rng):
    """Two equally good models: p is below 0.05 about once in twenty times, not more."""
    surprises = 0
    for seed in range(100):
        targets = rng.random(150) < 0.5
        said = np.clip(rng.normal(0.4 + 0.2 * targets, 0.2, (2, 150)), 0, 1)
        counts = counts_of(np.arange(150), 99, seed)
        (one,), (other,) = (
            score_classes(targets[:, None], p[:, None], p[:, None] > 0.5, counts=counts)
            for p in said
        )
        surprises += one.minus(other)["auroc"]["p_value"] < 0.05
    assert 1 <= surprises <= 12


def test_of_one_class_the_scores_stand_alone_and_of_several_they_are_told_apart():
    one = in_metrics_form({"MI": {"auroc": 0.9}}, {"auroc": 0.9})
    assert one == {"auroc": 0.9}
    assert of_class(one, None) == one
    several = in_metrics_form({"MI": {"auroc": 0.9}, "CD": {"auroc": 0.7}}, {"auroc": 0.8})
    assert several == {
        "macro_auroc": 0.8, "classes": {"MI": {"auroc": 0.9}, "CD": {"auroc": 0.7}}
    }  # fmt: skip
    assert of_class(several, None) == {"auroc": 0.8}
    assert of_class(several, "CD") == {"auroc": 0.7}


def test_the_interval_of_a_difference_is_that_of_its_replicates_alone():
    told = difference(np.array([0.9, 0.5, 0.5, 0.5]), np.zeros(4))
    assert (told["difference"], told["difference_ci"]) == (0.9, [0.5, 0.5])
