"""What points, band and sets reach is counted as scikit-learn counts it."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, brier_score_loss, recall_score

from ecgcam.evaluation.bootstrap import resample_patients
from ecgcam.evaluation.calibration import expected_calibration_error
from ecgcam.evaluation.metrics import scores_with_intervals
from ecgcam.evaluation.trust_scores import BINS, trust_scores
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
    patients = np.arange(len(targets)) if patients is None else patients
    rng = np.random.default_rng(0)
    counts = resample_patients(patients, rng=rng, replicates=replicates).astype(np.float32)
    return trust_scores(targets, probabilities, threshold=threshold, chosen=chosen, counts=counts)


@pytest.fixture(scope="module")
def fold():
    """500 records of 200 patients."""
    rng = np.random.default_rng(5)
    targets = rng.random(500) < 0.4
    probabilities = np.clip(rng.normal(0.3 + 0.3 * targets, 0.2), 0, 1).astype(np.float32)
    return targets, probabilities, rng.integers(0, 200, 500)


def test_by_hand():
    targets = np.array([0, 0, 0, 1, 1])
    found = scored(targets, np.array([0.1, 0.5, 0.2, 0.22, 0.9]))
    point = found["operating_points"]["youden"]
    assert (point["sensitivity"], point["specificity"]) == pytest.approx((1 / 2, 2 / 3))
    assert (point["threshold"], found["band"]["low"], found["band"]["high"]) == (0.35, 0.3, 0.6)
    assert found["band"]["coverage"] == pytest.approx(4 / 5)  # all but 0.5
    assert found["band"]["accuracy"] == pytest.approx(3 / 4)  # of these 0.22 is decided wrongly
    sets = found["conformal"]  # no; no or yes; no; no; yes
    assert sets["positive_coverage"] == pytest.approx(1 / 2)
    assert sets["negative_coverage"] == pytest.approx(3 / 3)
    assert sets["size"] == pytest.approx(6 / 5)
    assert sets["one_answer"] == pytest.approx(4 / 5)
    brier = (0.1**2 + 0.5**2 + 0.2**2 + 0.78**2 + 0.1**2) / 5
    assert found["calibration"]["brier"] == pytest.approx(brier)


def test_the_scores_are_scikit_learns(fold):
    targets, probabilities, _ = fold
    found = scored(targets, probabilities)
    called = probabilities >= np.float32(0.35)
    point = found["operating_points"]["youden"]
    assert point["sensitivity"] == pytest.approx(recall_score(targets, called))
    assert point["specificity"] == pytest.approx(recall_score(targets, called, pos_label=0))
    left = (probabilities <= np.float32(0.3)) | (probabilities >= np.float32(0.6))
    right = accuracy_score(targets[left], probabilities[left] >= np.float32(0.4))
    assert found["band"]["accuracy"] == pytest.approx(right)
    calibration = found["calibration"]
    assert calibration["brier"] == pytest.approx(brier_score_loss(targets, probabilities))
    error = expected_calibration_error(targets, probabilities, bins=BINS)
    assert calibration["expected_calibration_error"] == error
    assert calibration["bins"] == BINS


def test_the_intervals_are_those_of_the_bootstrap_over_patients(fold):
    targets, probabilities, patients = fold
    found = scored(targets, probabilities, patients=patients, replicates=300)

    def wanted(score, threshold):
        return scores_with_intervals(
            targets[:, None], probabilities[:, None], decisions=probabilities[:, None] >= threshold,
            class_names=["ABNORMAL"], patients=patients, exclusive=False,
            rng=np.random.default_rng(0), replicates=300,
        )[f"{score}_ci"]  # fmt: skip

    point = found["operating_points"]["youden"]
    assert point["sensitivity_ci"] == pytest.approx(wanted("recall", np.float32(0.35)), abs=1e-6)
    always = replace(CHOSEN, band=Band(low=0.4, high=0.4))
    band = scored(targets, probabilities, chosen=always, patients=patients, replicates=300)
    assert band["band"]["accuracy_ci"] == pytest.approx(
        wanted("accuracy", np.float32(0.4)), abs=1e-6
    )
    low = 0.025 ** (1 / np.unique(patients).size)  # all of the patients: Clopper and Pearson
    assert band["band"]["coverage_ci"] == pytest.approx([low, 1])


def test_what_has_no_records_is_null():
    found = scored(np.zeros(4), np.array([0.1, 0.2, 0.4, 0.5]))
    point = found["operating_points"]["youden"]
    assert point["sensitivity"] is point["sensitivity_ci"] is None
    assert found["conformal"]["positive_coverage"] is None
    doubtful = scored(np.array([0, 1]), np.array([0.4, 0.5]))
    assert doubtful["band"]["coverage"] == 0
    assert doubtful["band"]["accuracy"] is doubtful["band"]["accuracy_ci"] is None


def test_without_anything_chosen_there_is_calibration_alone(fold):
    targets, probabilities, _ = fold
    assert scored(targets, probabilities, chosen=None).keys() == {"calibration"}
