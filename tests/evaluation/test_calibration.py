"""Thresholds reach what they promise; temperatures and shifts undo those that were applied."""

import math

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score

from ecgcam.evaluation.calibration import (
    choose_threshold,
    expected_calibration_error,
    fit_shifts,
    fit_temperature,
    reliability_table,
)

TARGETS = np.array([0, 0, 1, 0, 1, 1])
PROBABILITIES = np.array([0.1, 0.2, 0.3, 0.4, 0.8, 0.9])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=[np.float32, np.float64])
def fold(request, rng):
    """Targets and probabilities of 500 records, with ties."""
    targets = rng.random(500) < 0.4
    probabilities = np.clip(rng.normal(0.4 + 0.2 * targets, 0.2), 0, 1).round(2)
    return targets, probabilities.astype(request.param)


def sensitivity_specificity(targets, probabilities, threshold):
    decisions = probabilities >= threshold
    return decisions[targets == 1].mean(), 1 - decisions[targets == 0].mean()


@pytest.mark.parametrize(
    ("rule", "threshold"),
    [
        ("youden", 0.6),  # 2/3 + 1, with 0.8 as the lowest positive decision
        ("accuracy", 0.6),  # as good as 0.25
        ("sensitivity=0.6", 0.6),
        ("sensitivity=0.7", 0.25),
        ("sensitivity=1", 0.25),
        ("specificity=0.6", 0.25),
        ("specificity=0.7", 0.6),
        ("specificity=0", 0.05),
    ],
)
def test_thresholds_by_hand(rule, threshold):
    """Each lies halfway between two probabilities."""
    assert choose_threshold(TARGETS, PROBABILITIES, rule) == pytest.approx(threshold)


def test_the_threshold_for_accuracy_depends_on_the_prevalence():
    rare = np.array([0, 0, 0, 1, 0, 0])  # missed with one false alarm, or found with two
    assert choose_threshold(rare, PROBABILITIES, "accuracy") == pytest.approx(0.85)


@pytest.mark.parametrize("tenths", range(1, 10))
def test_a_fraction_that_is_reached_exactly_is_enough(tenths):
    targets = np.array([0, 1] * 10)
    probabilities = np.arange(10).repeat(2) / 10
    threshold = choose_threshold(targets, probabilities, f"sensitivity={tenths / 10}")
    assert threshold == pytest.approx((9.5 - tenths) / 10)
    threshold = choose_threshold(targets, probabilities, f"specificity={tenths / 10}")
    assert threshold == pytest.approx((tenths - 0.5) / 10)


@pytest.mark.parametrize("wanted", [0.5, 0.9, 0.95])
def test_the_next_threshold_no_longer_reaches_the_promise(fold, wanted):
    targets, probabilities = fold
    distinct = np.unique(probabilities)
    threshold = choose_threshold(*fold, f"sensitivity={wanted}")
    assert sensitivity_specificity(*fold, threshold)[0] >= wanted
    assert sensitivity_specificity(*fold, distinct[distinct > threshold][1])[0] < wanted
    threshold = choose_threshold(*fold, f"specificity={wanted}")
    assert sensitivity_specificity(*fold, threshold)[1] >= wanted
    assert sensitivity_specificity(*fold, distinct[distinct < threshold][-1])[1] < wanted


def test_a_sensitivity_of_1_finds_all_positives(fold):
    targets, probabilities = fold
    decisions = probabilities >= choose_threshold(targets, probabilities, "sensitivity=1")
    assert probabilities[decisions].min() == probabilities[targets].min()


def test_no_threshold_beats_youdens(fold):
    best = max(sum(sensitivity_specificity(*fold, t)) for t in np.unique(fold[1]))
    threshold = choose_threshold(*fold, "youden")
    assert sum(sensitivity_specificity(*fold, threshold)) == pytest.approx(best)


def test_no_threshold_is_more_accurate(fold):
    targets, probabilities = fold
    best = max(accuracy_score(targets, probabilities >= t) for t in np.unique(probabilities))
    threshold = choose_threshold(targets, probabilities, "accuracy")
    assert accuracy_score(targets, probabilities >= threshold) == pytest.approx(best)


def test_no_threshold_has_a_higher_f1(fold):
    targets, probabilities = fold
    chosen = choose_threshold(targets, probabilities, "f1")
    best = max(f1_score(targets, probabilities >= limit) for limit in np.unique(probabilities))
    assert f1_score(targets, probabilities >= chosen) == pytest.approx(best)


@pytest.mark.parametrize("sensitivity", [0.5, 0.9, 1])
def test_rounding_changes_no_decision(fold, sensitivity):
    """Another batch size or engine changes the last digits of a probability."""
    targets, probabilities = fold
    threshold = choose_threshold(targets, probabilities, f"sensitivity={sensitivity}")
    decisions = probabilities >= threshold
    for rounding in (-1e-5, 1e-5):
        assert np.array_equal(probabilities + np.float32(rounding) >= threshold, decisions)


def test_a_threshold_separates_adjacent_floats():
    """The value halfway between them rounds to one or the other."""
    low = np.float32(0.7)
    for _ in range(2):
        high = np.nextafter(low, np.float32(1))
        threshold = choose_threshold(np.array([0, 1]), np.array([low, high]), "youden")
        assert np.float32(threshold) == high
        low = high


@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize("rule", ["youden", "accuracy", "f1", "sensitivity=0.9", "specificity=0.9"])
def test_a_threshold_needs_positives_and_negatives(rule, target):
    with pytest.raises(ValueError, match="expected positives and negatives"):
        choose_threshold(np.full(6, target), PROBABILITIES, rule)


def test_a_specificity_that_no_threshold_reaches_is_refused():
    with pytest.raises(ValueError, match=r"specificity of 0\.000; expected 0\.9"):
        choose_threshold(TARGETS, np.ones(6), "specificity=0.9")


def test_reliability_by_hand():
    table = reliability_table(
        np.array([0, 1, 0, 1, 1]), np.array([0.0, 0.24, 0.25, 0.9, 1.0]), bins=4
    )
    assert table.to_dict("list") == {
        "low": [0, 0.25, 0.75],
        "high": [0.25, 0.5, 1],
        "n": [2, 1, 2],
        "mean_probability": [0.12, 0.25, 0.95],
        "prevalence": [0.5, 0, 1],
    }


def test_reliability_agrees_with_scikit_learn(rng):
    probabilities = rng.random(1000)
    targets = rng.random(1000) < probabilities**2
    table = reliability_table(targets, probabilities, bins=15)
    prevalence, mean_probability = calibration_curve(targets, probabilities, n_bins=15)
    np.testing.assert_allclose(table["prevalence"], prevalence)
    np.testing.assert_allclose(table["mean_probability"], mean_probability)
    assert table["n"].sum() == 1000


def test_a_float32_probability_is_in_the_bin_that_contains_it():
    (row,) = reliability_table([1], np.array([0.7], np.float32)).to_dict("records")
    assert row["low"] <= row["mean_probability"] < row["high"]  # 0.7 in float32 is below 0.7


def test_calibration_error_by_hand():
    targets, probabilities = np.array([0, 1, 1, 1]), np.array([0.1, 0.1, 0.9, 0.7])
    expected = 2 / 4 * abs(0.1 - 0.5) + 1 / 4 * (1 - 0.9) + 1 / 4 * (1 - 0.7)
    assert expected_calibration_error(targets, probabilities) == pytest.approx(expected)
    assert expected_calibration_error(targets, 1.0 * targets) == 0
    assert expected_calibration_error(targets, 1.0 - targets) == 1


def test_the_temperature_that_was_applied_is_fitted(rng):
    logits = rng.normal(scale=3, size=20000)
    targets = rng.random(20000) < expit(logits)
    assert fit_temperature(targets, logits) == pytest.approx(1, abs=0.05)
    temperature = fit_temperature(targets, 2.5 * logits)
    assert temperature == pytest.approx(2.5, abs=0.12)
    before, after = expit(2.5 * logits), expit(2.5 * logits / temperature)
    error = expected_calibration_error(targets, after)
    assert error < 0.2 * expected_calibration_error(targets, before)
    assert roc_auc_score(targets, after) == pytest.approx(roc_auc_score(targets, before))


def test_the_temperature_that_was_applied_to_exclusive_classes_is_fitted(rng):
    logits = rng.normal(scale=2, size=(20000, 4))
    true = (rng.random((20000, 1)) > softmax(logits, axis=1).cumsum(axis=1)).sum(axis=1)
    targets = np.eye(4)[true.clip(max=3)]
    assert fit_temperature(targets, 0.5 * logits, exclusive=True) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("exclusive", [False, True])
def test_no_other_temperature_has_a_lower_log_loss(exclusive, rng):
    logits = rng.normal(scale=4, size=(300, 3))
    true = (logits + rng.gumbel(scale=2, size=(300, 3))).argmax(axis=1)
    targets = np.eye(3)[true]

    def loss(temperature):
        if exclusive:
            return log_loss(true, softmax(logits / temperature, axis=1))
        return log_loss(targets.ravel(), expit(logits / temperature).ravel())

    best = fit_temperature(targets, logits, exclusive=exclusive)
    assert loss(best) <= min(loss(0.97 * best), loss(1.03 * best))
    assert loss(best) <= min(loss(t) for t in np.geomspace(0.1, 10, 50)) + 1e-9


def test_the_temperature_of_perfectly_separated_classes_stays_within_bounds():
    logits = np.array([-1.0, -2.0, 1.0, 2.0])
    assert fit_temperature(np.array([0, 0, 1, 1]), logits) == pytest.approx(0.05, rel=0.01)
    assert fit_temperature(np.array([1, 1, 0, 0]), logits) == pytest.approx(20, rel=0.01)


@pytest.mark.parametrize("logit", [math.nan, math.inf])
def test_logits_that_are_not_finite_are_refused(logit):
    with pytest.raises(ValueError, match="not finite"):
        fit_temperature(np.array([1, 0]), np.array([1.0, logit]))


def test_the_shifts_that_were_applied_are_fitted_at_any_temperature(rng):
    true = rng.normal(scale=2, size=(20000, 3))
    targets = rng.random(true.shape) < expit(true)
    applied = np.array([-0.7, 0.0, 1.5])
    for temperature in (0.5, 1, 3):
        logits = (true + applied) * temperature
        shifts = fit_shifts(targets, logits)
        np.testing.assert_allclose(shifts, -applied * temperature, atol=0.1 * temperature)
        np.testing.assert_allclose(fit_shifts(targets, logits + shifts), 0, atol=0.002)


def test_the_shift_of_one_class_agrees_with_logistic_regression(rng):
    logits = rng.normal(1, 2, size=(500, 1))
    targets = rng.random(500) < expit(0.5 * logits[:, 0] - 1)
    regression = LogisticRegression(C=np.inf, tol=1e-10).fit(logits, targets)
    expected = regression.intercept_[0] / regression.coef_[0, 0]
    assert fit_shifts(targets[:, None], logits)[0] == pytest.approx(expected, abs=1e-3)


def test_a_class_of_one_kind_is_not_shifted_and_no_class_by_more_than_5():
    logits = np.array([[1.0, 90.0], [-1.0, 91.0], [2.0, 92.0], [-2.0, 90.5]])
    targets = np.array([[1, 1], [1, 0], [1, 1], [1, 0]])
    assert fit_shifts(targets, logits).tolist() == [0, -5]


def test_a_class_of_one_kind_does_not_move_the_shared_temperature(rng):
    logits = rng.normal(0, 2, (4000, 3))
    targets = (rng.random((4000, 3)) < expit(logits / 1.7)).astype(float)
    targets[:, 1], targets[:, 2] = 0, 1
    logits[:, 1:] = [-0.5, 0.5]
    alone = fit_temperature(targets[:, :1], logits[:, :1])
    assert fit_temperature(targets, logits) == pytest.approx(alone, rel=1e-4)
    assert alone == pytest.approx(1.7, rel=0.1)


def test_an_absent_exclusive_class_does_not_move_the_temperature(rng):
    logits = rng.normal(0, 2, (4000, 3))
    drawn = [rng.choice(2, p=softmax(row[:2] / 1.7)) for row in logits]
    targets = np.eye(3)[drawn]
    alone = fit_temperature(targets[:, :2], logits[:, :2], exclusive=True)
    assert fit_temperature(targets, logits, exclusive=True) == pytest.approx(alone, rel=1e-4)


def test_nothing_to_fit_leaves_the_logits():
    assert fit_temperature(np.zeros((50, 1)), np.ones((50, 1))) == 1


def test_unknown_labels_have_no_say_in_temperature_and_shifts(rng):
    logits = rng.normal(0, 2, (4000, 2))
    targets = (rng.random((4000, 2)) < expit(logits / 1.5 + 0.5)).astype(float)
    known = rng.random(4000) < 0.5
    partial = targets.copy()
    partial[~known] = np.nan
    some = fit_temperature(targets[known], logits[known])
    assert fit_temperature(partial, logits) == pytest.approx(some, rel=1e-4)
    np.testing.assert_allclose(
        fit_shifts(partial, logits), fit_shifts(targets[known], logits[known]), atol=0.002
    )
