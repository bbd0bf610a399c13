"""Validation: the score of an epoch, and the test for chance."""

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from ecgcam.training.validation import chance_margin, is_chance, validation_score


def test_the_score_is_the_mean_of_the_classes_where_it_is_defined():
    targets = np.array([[0, 1, 1], [1, 1, 0], [1, 1, 0], [0, 1, 1]], np.float32)
    probabilities = np.array([[0.1, 0.5, 0.9], [0.8, 0.5, 0.4], [0.3, 0.9, 0.6], [0.4, 0.2, 0.5]])
    expected = np.mean([roc_auc_score(targets[:, k], probabilities[:, k]) for k in (0, 2)])
    assert validation_score("auroc", targets, probabilities) == pytest.approx(expected)
    assert np.isnan(validation_score("auroc", targets[:, 1:2], probabilities[:, 1:2]))


@pytest.mark.parametrize(("positives", "negatives"), [(80, 80), (30, 500)])
def test_the_margin_is_two_standard_deviations_of_a_random_auroc(positives, negatives):
    """Reference: the AUROC of 2,000 random orders, from the sum of the positives' ranks."""
    random = np.random.default_rng(1).random((2000, positives + negatives))
    ranks = random.argsort(axis=1).argsort(axis=1)[:, :positives]
    aurocs = (ranks.sum(axis=1) - positives * (positives - 1) / 2) / (positives * negatives)
    assert chance_margin(positives, negatives) == pytest.approx(2 * np.std(aurocs), rel=0.05)


def test_a_class_without_both_kinds_has_no_margin():
    assert chance_margin(0, 10) == chance_margin(10, 0) == math.inf


def predictions(*separations, records=400):
    """Targets (records, classes), half positive, and probabilities that separate them so much."""
    rng = np.random.default_rng(3)
    targets = np.tile(np.arange(records)[:, None] % 2, len(separations)).astype(np.float32)
    noise = rng.normal(0, 1, targets.shape)
    probabilities = 1 / (1 + np.exp(-(noise + np.array(separations) * targets)))
    return targets, probabilities.astype(np.float32)


def test_chance_is_when_no_class_is_better_than_random():
    assert is_chance(*predictions(0))
    assert is_chance(*predictions(0, 0, 0))
    assert is_chance(*predictions(-1))  # worse than random is not better
    assert not is_chance(*predictions(1))
    assert not is_chance(*predictions(0, 0, 1))


def test_too_few_records_cannot_show_chance():
    assert not is_chance(*predictions(0, records=100))
    targets, probabilities = predictions(0)
    assert not is_chance(np.ones_like(targets), probabilities)
