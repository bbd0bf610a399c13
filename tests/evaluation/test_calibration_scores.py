"""Scores of operating points, bands and conformal sets agree with scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, brier_score_loss, recall_score

from ecgcam.evaluation.bootstrap import resample_patients
from ecgcam.evaluation.calibration import expected_calibration_error
from ecgcam.evaluation.calibration_scores import BINS, calibration_scores
from ecgcam.inference.decisions import Band, ClassPoints, ConformalLimits, OperatingPoint

POINT = OperatingPoint(threshold=0.35, sensitivity=1, specificity=1)
CHOSEN = ClassPoints(
    positives=1,
    negatives=1,
    points={"youden": POINT},
    band=Band(low=0.3, high=0.6),
    conformal=ConformalLimits(positive_from=0.25, negative_up_to=0.55),
)


def scored(targets, probabilities, *, chosen=CHOSEN, patients=None, replicates=50, threshold=0.4):
    counts = resample(np.arange(len(targets)) if patients is None else patients, replicates)
    return calibration_scores(
        targets,
        probabilities,
        threshold=threshold,
        chosen=chosen,
        counts=counts.astype(np.float32),
    )


def resample(patients, replicates):
    return resample_patients(patients, rng=np.random.default_rng(0), replicates=replicates)


@pytest.fixture(scope="module")
def fold():
    """Targets, probabilities and patients of 500 records of 200 patients."""
    rng = np.random.default_rng(5)
    targets = rng.random(500) < 0.4
    probabilities = np.clip(rng.normal(0.3 + 0.3 * targets, 0.2), 0, 1).astype(np.float32)
    return targets, probabilities, rng.integers(0, 200, 500)


def test_scores_by_hand():
    targets = np.array([0, 0, 0, 1, 1])
    scores = scored(targets, np.array([0.1, 0.5, 0.2, 0.22, 0.9]))
    point, band = scores["operating_points"]["youden"], scores["band"]
    assert (point["sensitivity"], point["specificity"]) == pytest.approx((1 / 2, 2 / 3))
    assert (point["threshold"], band["low"], band["high"]) == (0.35, 0.3, 0.6)
    assert band["coverage"] == pytest.approx(4 / 5)  # all but 0.5
    assert band["accuracy"] == pytest.approx(3 / 4)  # of these, 0.22 is wrong
    sets = scores["conformal"]  # no; no or yes; no; no; yes
    assert sets["positive_coverage"] == pytest.approx(1 / 2)
    assert sets["negative_coverage"] == pytest.approx(3 / 3)
    assert sets["size"] == pytest.approx(6 / 5)
    assert sets["one_answer"] == pytest.approx(4 / 5)
    brier = (0.1**2 + 0.5**2 + 0.2**2 + 0.78**2 + 0.1**2) / 5
    assert scores["calibration"]["brier"] == pytest.approx(brier)


def test_scores_agree_with_scikit_learn(fold):
    targets, probabilities, _ = fold
    scores = scored(targets, probabilities)
    decisions = probabilities >= np.float32(0.35)
    point = scores["operating_points"]["youden"]
    assert point["sensitivity"] == pytest.approx(recall_score(targets, decisions))
    assert point["specificity"] == pytest.approx(recall_score(targets, decisions, pos_label=0))
    outside = (probabilities <= np.float32(0.3)) | (probabilities >= np.float32(0.6))
    accuracy = accuracy_score(targets[outside], probabilities[outside] >= np.float32(0.4))
    assert scores["band"]["accuracy"] == pytest.approx(accuracy)
    calibration = scores["calibration"]
    assert calibration["brier"] == pytest.approx(brier_score_loss(targets, probabilities))
    error = expected_calibration_error(targets, probabilities, bins=BINS)
    assert calibration["expected_calibration_error"] == error
    assert calibration["bins"] == BINS


def test_intervals_are_percentiles_of_scikit_learns_scores_over_the_replicates(fold):
    targets, probabilities, patients = fold
    everything = replace(CHOSEN, band=Band(low=0.4, high=0.4))
    scores = scored(targets, probabilities, chosen=everything, patients=patients, replicates=300)
    counts = resample(patients, 300)

    def interval(score, threshold):
        decisions = probabilities >= np.float32(threshold)
        replicas = [score(targets, decisions, sample_weight=weights) for weights in counts]
        return np.percentile(replicas, [2.5, 97.5])

    point = scores["operating_points"]["youden"]
    assert point["sensitivity_ci"] == pytest.approx(interval(recall_score, 0.35), abs=1e-6)
    assert scores["band"]["accuracy_ci"] == pytest.approx(interval(accuracy_score, 0.4), abs=1e-6)
    low = 0.025 ** (1 / np.unique(patients).size)  # all patients: Clopper and Pearson
    assert scores["band"]["coverage_ci"] == pytest.approx([low, 1])


def test_scores_over_no_records_are_null():
    scores = scored(np.zeros(4), np.array([0.1, 0.2, 0.4, 0.5]))
    point = scores["operating_points"]["youden"]
    assert point["sensitivity"] is point["sensitivity_ci"] is None
    assert scores["conformal"]["positive_coverage"] is None
    all_in_band = scored(np.array([0, 1]), np.array([0.4, 0.5]))["band"]
    assert all_in_band["coverage"] == 0
    assert all_in_band["accuracy"] is all_in_band["accuracy_ci"] is None


def test_a_class_without_choices_has_only_calibration_scores(fold):
    targets, probabilities, _ = fold
    assert scored(targets, probabilities, chosen=None).keys() == {"calibration"}
