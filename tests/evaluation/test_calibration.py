"""A threshold keeps its promise on the records it was chosen on; a temperature undoes another."""

import math

import numpy as np
import pytest
from scipy.special import expit, softmax
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, recall_score, roc_auc_score

from ecgcam.evaluation.calibration import (
    brier,
    expected_calibration_error,
    fit_shifts,
    fit_temperature,
    reliability_table,
    sensitivity_and_specificity,
    threshold_for_accuracy,
    threshold_for_sensitivity,
    threshold_for_specificity,
    youden_threshold,
)

TARGETS = np.array([0, 0, 1, 0, 1, 1])
PROBABILITIES = np.array([0.1, 0.2, 0.3, 0.4, 0.8, 0.9])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture(params=[np.float32, np.float64])
def fold(request, rng):
    """500 records with ties."""
    targets = rng.random(500) < 0.4
    probabilities = np.clip(rng.normal(0.4 + 0.2 * targets, 0.2), 0, 1).round(2)
    return targets, probabilities.astype(request.param)


def reached(targets, probabilities, threshold):
    """Sensitivity and specificity of `probability >= threshold`."""
    called = probabilities >= threshold
    return called[targets == 1].mean(), 1 - called[targets == 0].mean()


def test_thresholds_by_hand():
    """Each is halfway between two probabilities; in brackets the lowest one that is called."""
    assert youden_threshold(TARGETS, PROBABILITIES) == pytest.approx(0.6)  # (0.8): 2/3 + 1
    for sensitivity, threshold in ((0.6, 0.6), (0.7, 0.25), (1, 0.25)):
        found = threshold_for_sensitivity(TARGETS, PROBABILITIES, sensitivity=sensitivity)
        assert found == pytest.approx(threshold)
    for specificity, threshold in ((0.6, 0.25), (0.7, 0.6), (0, 0.05)):
        found = threshold_for_specificity(TARGETS, PROBABILITIES, specificity=specificity)
        assert found == pytest.approx(threshold)


def test_the_threshold_for_accuracy_by_hand():
    assert threshold_for_accuracy(TARGETS, PROBABILITIES) == pytest.approx(0.6)  # as is 0.25
    rare = np.array([0, 0, 0, 1, 0, 0])  # missed, and one false alarm; or found, and two
    assert threshold_for_accuracy(rare, PROBABILITIES) == pytest.approx(0.85)


@pytest.mark.parametrize("tenths", range(1, 10))
def test_a_share_that_is_met_exactly_is_enough(tenths):
    targets = np.array([0, 1] * 10)
    probabilities = np.arange(10).repeat(2) / 10
    threshold = threshold_for_sensitivity(targets, probabilities, sensitivity=tenths / 10)
    assert threshold == pytest.approx((9.5 - tenths) / 10)
    threshold = threshold_for_specificity(targets, probabilities, specificity=tenths / 10)
    assert threshold == pytest.approx((tenths - 0.5) / 10)


@pytest.mark.parametrize("wanted", [0.5, 0.9, 0.95])
def test_thresholds_keep_their_promise_and_give_no_more_away(fold, wanted):
    targets, probabilities = fold
    every = np.unique(probabilities)
    threshold = threshold_for_sensitivity(targets, probabilities, sensitivity=wanted)
    assert reached(targets, probabilities, threshold)[0] >= wanted
    assert reached(targets, probabilities, every[every > threshold][1])[0] < wanted
    threshold = threshold_for_specificity(targets, probabilities, specificity=wanted)
    assert reached(targets, probabilities, threshold)[1] >= wanted
    assert reached(targets, probabilities, every[every < threshold][-1])[1] < wanted


def test_all_positives_can_be_found(fold):
    targets, probabilities = fold
    threshold = threshold_for_sensitivity(targets, probabilities, sensitivity=1)
    called = probabilities >= threshold
    assert probabilities[called].min() == probabilities[targets].min()


def test_no_threshold_is_better_than_youdens(fold):
    targets, probabilities = fold
    best = max(sum(reached(targets, probabilities, t)) for t in np.unique(probabilities))
    threshold = youden_threshold(targets, probabilities)
    assert sum(reached(targets, probabilities, threshold)) == pytest.approx(best)


def test_no_threshold_decides_more_rightly(fold):
    targets, probabilities = fold
    best = max(accuracy_score(targets, probabilities >= t) for t in np.unique(probabilities))
    threshold = threshold_for_accuracy(targets, probabilities)
    assert accuracy_score(targets, probabilities >= threshold) == pytest.approx(best)


@pytest.mark.parametrize("sensitivity", [0.5, 0.9, 1])
def test_rounding_elsewhere_turns_no_decision(fold, sensitivity):
    """Another batch size or engine gives the same probabilities but for the last digits."""
    targets, probabilities = fold
    threshold = threshold_for_sensitivity(targets, probabilities, sensitivity=sensitivity)
    called = probabilities >= threshold
    for nudge in (-1e-5, 1e-5):
        assert np.array_equal(probabilities + np.float32(nudge) >= threshold, called)


def test_neighbouring_floats_are_told_apart():
    """Halfway between two of them is rounded to the one or to the other."""
    low = np.float32(0.7)
    for _ in range(2):
        high = np.nextafter(low, np.float32(1))
        threshold = youden_threshold(np.array([0, 1]), np.array([low, high]))
        assert np.float32(threshold) == high
        low = high


def test_sensitivity_and_specificity_are_scikit_learns(fold):
    targets, probabilities = fold
    called = probabilities >= 0.5
    found = sensitivity_and_specificity(targets, probabilities, threshold=0.5)
    wanted = recall_score(targets, called), recall_score(targets, called, pos_label=0)
    assert found == pytest.approx(wanted)
    alike = sensitivity_and_specificity(np.ones(2), np.array([0.2, 0.8]), threshold=0.5)
    assert alike == pytest.approx((0.5, math.nan), nan_ok=True)


@pytest.mark.parametrize("target", [0, 1])
@pytest.mark.parametrize(
    "choose",
    [
        youden_threshold,
        threshold_for_accuracy,
        lambda t, p: threshold_for_sensitivity(t, p, sensitivity=0.9),
        lambda t, p: threshold_for_specificity(t, p, specificity=0.9),
    ],
)
def test_a_threshold_needs_both_kinds(choose, target):
    with pytest.raises(ValueError, match="needed: positives and negatives"):
        choose(np.full(6, target), PROBABILITIES)


def test_a_promise_that_cannot_be_kept_is_refused():
    for sensitivity in (0, 1.1, math.nan):
        with pytest.raises(ValueError, match="needed: above 0"):
            threshold_for_sensitivity(TARGETS, PROBABILITIES, sensitivity=sensitivity)
    for specificity in (-0.1, 1, math.nan):
        with pytest.raises(ValueError, match="below 1"):
            threshold_for_specificity(TARGETS, PROBABILITIES, specificity=specificity)
    with pytest.raises(ValueError, match=r"specificity of 0.000; needed: 0.9"):
        threshold_for_specificity(TARGETS, np.ones(6), specificity=0.9)


def test_brier_by_hand_also_with_one_class():
    assert brier(np.array([1, 0]), np.array([0.8, 0.4])) == pytest.approx((0.04 + 0.16) / 2)
    assert brier(np.array([0, 0]), np.array([0.8, 0.4])) == pytest.approx((0.64 + 0.16) / 2)
    assert brier(np.array([1, 1]), np.array([0.8, 0.4])) == pytest.approx((0.04 + 0.36) / 2)


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


def test_reliability_is_scikit_learns(rng):
    probabilities = rng.random(1000)
    targets = rng.random(1000) < probabilities**2
    table = reliability_table(targets, probabilities, bins=15)
    so, said = calibration_curve(targets, probabilities, n_bins=15)
    np.testing.assert_allclose(table["prevalence"], so)
    np.testing.assert_allclose(table["mean_probability"], said)
    assert table["n"].sum() == 1000


def test_calibration_error_by_hand():
    targets, probabilities = np.array([0, 1, 1, 1]), np.array([0.1, 0.1, 0.9, 0.7])
    expected = 2 / 4 * abs(0.1 - 0.5) + 1 / 4 * (1 - 0.9) + 1 / 4 * (1 - 0.7)
    assert expected_calibration_error(targets, probabilities) == pytest.approx(expected)
    assert expected_calibration_error(targets, 1.0 * targets) == 0
    assert expected_calibration_error(targets, 1.0 - targets) == 1
    with pytest.raises(ValueError, match="bins is 0"):
        expected_calibration_error(targets, probabilities, bins=0)


def test_a_temperature_is_found_again(rng):
    logits = rng.normal(scale=3, size=20000)
    targets = rng.random(20000) < expit(logits)
    assert fit_temperature(targets, logits) == pytest.approx(1, abs=0.05)
    found = fit_temperature(targets, 2.5 * logits)
    assert found == pytest.approx(2.5, abs=0.12)
    before, after = expit(2.5 * logits), expit(2.5 * logits / found)
    assert expected_calibration_error(targets, after) < 0.2 * expected_calibration_error(
        targets, before
    )
    assert roc_auc_score(targets, after) == pytest.approx(roc_auc_score(targets, before))


def test_a_temperature_of_exclusive_classes_is_found_again(rng):
    logits = rng.normal(scale=2, size=(20000, 4))
    drawn = (rng.random((20000, 1)) > softmax(logits, axis=1).cumsum(axis=1)).sum(axis=1)
    targets = np.eye(4)[drawn.clip(max=3)]
    assert fit_temperature(targets, 0.5 * logits, exclusive=True) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("exclusive", [False, True])
def test_no_other_temperature_makes_the_truth_likelier(exclusive, rng):
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


def test_logits_that_part_the_classes_stay_within_bounds():
    logits = np.array([-1.0, -2.0, 1.0, 2.0])
    assert fit_temperature(np.array([0, 0, 1, 1]), logits) == pytest.approx(0.05, rel=0.01)
    assert fit_temperature(np.array([1, 1, 0, 0]), logits) == pytest.approx(20, rel=0.01)


@pytest.mark.parametrize(
    ("targets", "logits"),
    [([1, 0], [1.0]), ([], []), ([1, 0], [1.0, math.nan]), ([1, 0], [1.0, math.inf])],
)
def test_a_temperature_of_nonsense_is_refused(targets, logits):
    with pytest.raises(ValueError, match="needed: one shape"):
        fit_temperature(np.array(targets), np.array(logits))


def test_shifts_are_found_again_whatever_the_temperature(rng):
    true = rng.normal(scale=2, size=(20000, 3))
    targets = rng.random(true.shape) < expit(true)
    applied = np.array([-0.7, 0.0, 1.5])
    for temperature in (0.5, 1, 3):
        found = fit_shifts(targets, (true + applied) * temperature)
        np.testing.assert_allclose(found, -applied * temperature, atol=0.1 * temperature)
        again = fit_shifts(targets, (true + applied) * temperature + found)
        np.testing.assert_allclose(again, 0, atol=0.002)


def test_the_shift_of_one_class_is_that_of_a_logistic_regression(rng):
    logits = rng.normal(1, 2, size=(500, 1))
    targets = rng.random(500) < expit(0.5 * logits[:, 0] - 1)
    regression = LogisticRegression(C=np.inf, tol=1e-10).fit(logits, targets)
    wanted = regression.intercept_[0] / regression.coef_[0, 0]
    assert fit_shifts(targets[:, None], logits)[0] == pytest.approx(wanted, abs=1e-3)


def test_a_class_of_one_kind_is_not_shifted_and_no_class_is_shifted_far():
    logits = np.array([[1.0, 90.0], [-1.0, 91.0], [2.0, 92.0], [-2.0, 90.5]])
    targets = np.array([[1, 1], [1, 0], [1, 1], [1, 0]])
    assert fit_shifts(targets, logits).tolist() == [0, -5]


def test_a_float32_stands_in_the_bin_that_it_lies_in():
    (row,) = reliability_table([1], np.array([0.7], np.float32)).to_dict("records")
    assert row["low"] <= row["mean_probability"] < row["high"]  # 0.7 is below 0.7 in float32
