"""Scores agree with scikit-learn, in every bootstrap replicate too; patients are resampled."""

import ast
import json
import lzma
import math
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta
from sklearn import metrics

from ecgcam.evaluation.bootstrap import (
    SCORES,
    fraction_interval,
    percentile_interval,
    replicated_scores,
    resample_patients,
    two_sided_p,
)
from ecgcam.evaluation.metrics import binary_scores
from ecgcam.evaluation.scoring import scores_with_intervals


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def fold(rng):
    """Targets, float32 probabilities with many ties, and patients: 300 records of 120 patients."""
    targets = rng.random(300) < 0.3
    probabilities = np.clip(rng.normal(0.4 + 0.2 * targets, 0.2), 0, 1).round(1)
    return targets, probabilities.astype(np.float32), rng.integers(120, size=300)


def scored(targets, probabilities, *, exclusive=False, thresholds=0.5, rng=None, patients=None):
    """Return the scores of columns (n, classes), by default two records per patient."""
    most_probable = probabilities == probabilities.max(axis=1, keepdims=True)
    names = [f"C{k}" for k in range(targets.shape[1])]
    predictions = SimpleNamespace(
        targets=targets,
        probabilities=probabilities,
        decisions=most_probable if exclusive else probabilities >= np.array(thresholds),
        classifier=SimpleNamespace(classes=names, exclusive=exclusive),
    )
    patients = np.arange(len(targets)) // 2 if patients is None else patients
    rng = np.random.default_rng(0) if rng is None else rng
    return scores_with_intervals(predictions, resample_patients(patients, rng=rng, replicates=100))


def weighted_by_scikit_learn(targets, probabilities, decisions, weights):
    weights = {"sample_weight": weights}
    options = {"zero_division": np.nan} | weights
    return {
        "auroc": metrics.roc_auc_score(targets, probabilities, **weights),
        "average_precision": metrics.average_precision_score(targets, probabilities, **weights),
        "accuracy": metrics.accuracy_score(targets, decisions, **weights),
        "precision": metrics.precision_score(targets, decisions, **options),
        "recall": metrics.recall_score(targets, decisions, **options),
        "specificity": metrics.recall_score(~targets, ~decisions, **options),
        "f1": metrics.f1_score(targets, decisions, **options),
    }


def test_scores_by_hand():
    scores = binary_scores(
        np.array([0, 0, 1, 1, 1]), np.array([0.1, 0.6, 0.6, 0.3, 0.9]), threshold=0.6
    )
    assert scores == {
        "n": 5,
        "prevalence": 0.6,
        "auroc": pytest.approx((1 + 1 + 1 + 1 + 0.5 + 0) / 6),
        "average_precision": pytest.approx((1 + 2 / 3 + 3 / 4) / 3),
        "accuracy": pytest.approx(3 / 5),
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "specificity": pytest.approx(1 / 2),
        "f1": pytest.approx(2 / 3),
        "confusion": [[1, 1], [1, 2]],
    }


def test_a_threshold_is_compared_in_the_precision_of_the_probabilities():
    third = np.array([1 / 3, 0.7, 0.1], dtype=np.float32)
    targets = np.array([1, 1, 0])
    for threshold in (1 / 3, float(third[0])):
        assert binary_scores(targets, third, threshold=threshold)["recall"] == 1
    assert binary_scores(targets, third, threshold=0.7)["recall"] == 0.5


@pytest.mark.parametrize(
    ("targets", "threshold", "undefined"),
    [
        ([0, 0, 0], 0.5, {"auroc", "average_precision", "recall"}),
        ([0, 0, 0], 0.9, {"auroc", "average_precision", "recall", "precision", "f1"}),
        ([1, 1, 1], 0.5, {"auroc", "specificity"}),
        ([1, 1, 1], 0.9, {"auroc", "precision", "specificity"}),
        ([1, 0, 0], 0.9, {"precision"}),
    ],
)
def test_an_undefined_score_is_nan_and_null_in_json(targets, threshold, undefined):
    targets, probabilities = np.array(targets), np.array([0.2, 0.6, 0.7])
    scores = binary_scores(targets, probabilities, threshold=threshold)
    assert {score for score in SCORES if math.isnan(scores[score])} == undefined

    once_each = np.ones((1, 3), dtype=np.uint16)
    decisions = probabilities >= threshold
    replicas = replicated_scores(targets == 1, probabilities, decisions, counts=once_each)
    for score in SCORES:
        np.testing.assert_allclose(replicas[score][0], scores[score], atol=1e-12)

    in_json = scored(np.c_[targets], np.c_[probabilities], thresholds=threshold)
    assert {score for score in SCORES if in_json[score] is None} == undefined
    if not targets.any():
        assert in_json["auroc_ci"] is in_json["recall_ci"] is None
    json.dumps(in_json, allow_nan=False)


def test_replicates_agree_with_scikit_learns_sample_weights(fold, rng):
    targets, probabilities, patients = fold
    counts = resample_patients(patients, rng=rng, replicates=40)
    assert len(np.unique(probabilities)) < 12  # ties
    assert (counts == 0).any(axis=0).all()  # every record is left out somewhere
    decisions = probabilities >= 0.5
    replicas = replicated_scores(targets, probabilities, decisions, counts=counts)
    for i, weights in enumerate(counts):
        expected = weighted_by_scikit_learn(targets, probabilities, decisions, weights)
        assert {s: replicas[s][i] for s in SCORES} == pytest.approx(expected, abs=1e-9)


def test_replicates_without_ties_and_in_blocks(rng, monkeypatch):
    targets, probabilities = rng.random(200) < 0.1, rng.random(200)
    counts = resample_patients(np.arange(200), rng=rng, replicates=7)
    decisions = probabilities >= 0.5
    whole = replicated_scores(targets, probabilities, decisions, counts=counts)
    monkeypatch.setattr("ecgcam.evaluation.bootstrap._BLOCK", 400)
    blocks = replicated_scores(targets, probabilities, decisions, counts=counts)
    for i, weights in enumerate(counts):
        expected = weighted_by_scikit_learn(targets, probabilities, decisions, weights)
        assert {s: whole[s][i] for s in SCORES} == pytest.approx(expected, abs=1e-9)
        assert {s: blocks[s][i] for s in SCORES} == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", [int, str, float])
def test_all_records_of_a_patient_are_drawn_together(name, rng):
    patients = [name(p) for p in (7, 3, 7, 9, 3, 7)]
    counts = resample_patients(patients, rng=rng, replicates=400)
    assert counts.shape == (400, 6)
    assert (counts[:, 0] == counts[:, 2]).all()
    assert (counts[:, 0] == counts[:, 5]).all()
    assert (counts[:, 1] == counts[:, 4]).all()
    of_patient = counts[:, [0, 1, 3]]
    assert (of_patient.sum(axis=1) == 3).all()  # three patients are drawn
    # a patient's draws are binomial(3, 1/3): mean 1, variance 2/3
    np.testing.assert_allclose(of_patient.mean(axis=0), 1, atol=5 * math.sqrt(2 / 3 / 400))


@pytest.mark.parametrize("patients", [[1.0, math.nan], ["a", None], []])
def test_a_record_without_a_patient_is_refused(patients, rng):
    with pytest.raises(ValueError, match="records have no patient"):
        resample_patients(patients, rng=rng)


def test_intervals_over_patients_cover_the_true_value_in_95_percent_of_cases(rng):
    """Each patient has four equal records, so intervals over records are half as wide as needed."""
    patients = np.arange(80).repeat(4)
    covered = {"patients": 0, "records": 0}
    for _ in range(200):
        correct = (rng.random(80) < 0.8).repeat(4)
        for unit, names in (("patients", patients), ("records", np.arange(320))):
            counts = resample_patients(names, rng=rng, replicates=100)
            low, high = percentile_interval(counts @ correct / counts.sum(axis=1))
            covered[unit] += low <= 0.8 <= high
    assert 0.88 < covered["patients"] / 200 < 0.99
    assert covered["records"] / 200 < 0.8


def test_intervals_are_repeatable_and_contain_the_score(fold):
    targets, probabilities, patients = fold
    once, again = (
        scored(np.c_[targets], np.c_[probabilities], patients=patients) for _ in range(2)
    )
    assert once == again
    scores = binary_scores(targets, probabilities)
    for score in SCORES:
        low, high = once[f"{score}_ci"]
        assert low < scores[score] < high


def test_percentiles_ignore_undefined_replicates():
    replicas = np.append(np.arange(101.0), [math.nan] * 9)
    assert percentile_interval(replicas) == [2.5, 97.5]
    assert percentile_interval(np.array([math.nan])) is None


@pytest.mark.parametrize(("records", "patients"), [(21, 21), (21, 7), (300, 100), (4, 1)])
def test_a_fraction_of_0_or_1_has_the_exact_interval_of_its_patients(records, patients, rng):
    """Agrees with SciPy's beta quantiles; the bootstrap alone would be certain."""
    patient = np.r_[np.arange(records) % patients, np.full(50, 999)]
    among = np.arange(records + 50) < records
    counts = resample_patients(patient, rng=rng, replicates=60)
    of_all = fraction_interval(np.ones(60), among=among, counts=counts)
    of_none = fraction_interval(np.zeros(60), among=among, counts=counts)
    assert of_all == pytest.approx([beta.ppf(0.025, patients, 1), 1])
    assert of_none == pytest.approx([0, beta.ppf(0.975, 1, patients)])
    if records == patients == 21:
        assert of_all[0] == pytest.approx(0.84, abs=0.002)


def test_other_fractions_have_the_interval_of_their_replicates(rng):
    replicas, counts = rng.random(99), np.ones((99, 3))
    interval = fraction_interval(replicas, among=np.ones(3, bool), counts=counts)
    assert interval == percentile_interval(replicas)
    undefined = np.full(99, math.nan)
    assert fraction_interval(undefined, among=np.zeros(3, bool), counts=counts) is None


def test_no_interval_has_zero_width():
    """A model that is never wrong: fractions have the exact interval, other scores none."""
    targets = np.arange(40) % 2 == 0
    scores = scored(np.c_[targets], np.c_[0.1 + 0.8 * targets])
    assert {scores[score] for score in SCORES} == {1}
    for score in ("accuracy", "precision", "recall", "specificity"):
        assert scores[f"{score}_ci"] == pytest.approx([beta.ppf(0.025, 20, 1), 1])
    for score in ("auroc", "average_precision", "f1"):
        assert scores[f"{score}_ci"] is None


def test_p_values_by_hand():
    assert two_sided_p(np.array([1.0] * 98 + [-1.0])) == pytest.approx(2 * 2 / 100)
    assert two_sided_p(-np.array([1.0] * 98 + [-1.0])) == pytest.approx(2 * 2 / 100)
    assert two_sided_p(np.ones(999)) == pytest.approx(0.002)
    assert two_sided_p(np.zeros(9)) == 1
    assert math.isnan(two_sided_p(np.array([math.nan])))


@pytest.fixture
def three_classes(rng):
    """Targets and probabilities (200, 3) of exclusive classes."""
    true = rng.integers(3, size=200)
    logits = rng.normal(size=(200, 3)) + 1.5 * np.eye(3)[true]
    return np.eye(3)[true], np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_each_class_is_scored_at_its_own_threshold(three_classes):
    targets, probabilities = three_classes
    thresholds = [0.2, 0.5, 0.7]
    results = scored(targets, probabilities, thresholds=thresholds)
    assert list(results["classes"]) == ["C0", "C1", "C2"]
    assert results["n"] == 200
    assert "accuracy" not in results
    for k, scores in enumerate(results["classes"].values()):
        point = binary_scores(targets[:, k], probabilities[:, k], threshold=thresholds[k])
        assert point.items() <= scores.items()
        for score in SCORES:
            low, high = scores[f"{score}_ci"]
            assert low <= scores[score] <= high
    json.dumps(results, allow_nan=False)


def test_macro_scores_are_means_over_classes_with_intervals_from_the_same_replicates(three_classes):
    targets, probabilities = three_classes
    patients = np.arange(200) // 2
    results = scored(targets, probabilities, rng=np.random.default_rng(3))
    expected = metrics.roc_auc_score(targets, probabilities, average="macro")
    assert results["macro_auroc"] == pytest.approx(expected)
    counts = resample_patients(patients, rng=np.random.default_rng(3), replicates=100)
    replicas = [
        metrics.roc_auc_score(targets, probabilities, average="macro", sample_weight=row)
        for row in counts
    ]
    assert results["macro_auroc_ci"] == pytest.approx(np.percentile(replicas, [2.5, 97.5]))


def test_a_class_without_positives_is_null_and_left_out_of_the_macro_scores(three_classes):
    targets, probabilities = three_classes
    targets = np.append(targets, np.zeros((200, 1)), axis=1)
    probabilities = np.append(probabilities, np.full((200, 1), 0.1), axis=1)
    results = scored(targets, probabilities)
    assert results["classes"]["C3"]["auroc"] is None
    assert results["classes"]["C3"]["auroc_ci"] is None
    mean = np.mean([results["classes"][name]["auroc"] for name in ("C0", "C1", "C2")])
    assert results["macro_auroc"] == pytest.approx(mean)


def test_exclusive_classes_have_one_accuracy_and_one_confusion(three_classes):
    targets, probabilities = three_classes
    results = scored(targets, probabilities, exclusive=True)
    correct = targets.argmax(axis=1) == probabilities.argmax(axis=1)
    confusion = np.array(results["confusion"])
    assert results["accuracy"] == correct.mean() == np.trace(confusion) / 200
    assert confusion.sum(axis=1).tolist() == targets.sum(axis=0).tolist()
    low, high = results["accuracy_ci"]
    assert low < results["accuracy"] < high
    sigma = math.sqrt(correct.mean() * (1 - correct.mean()) / 200)
    assert 2 * sigma < high - low < 6 * sigma
    assert set(results["classes"]) == {"C0", "C1", "C2"}
    recalls = [results["classes"][f"C{k}"]["recall"] for k in range(3)]
    assert recalls == pytest.approx(confusion.diagonal() / confusion.sum(axis=1))
    assert recalls == pytest.approx(
        metrics.recall_score(targets.argmax(1), probabilities.argmax(1), average=None)
    )


def test_the_interval_of_exclusive_accuracy_is_over_the_records_drawn():
    patients = ["a"] * 8 + ["b", "c"]
    targets = np.eye(2)[[0, 1] * 5]
    probabilities = 0.1 + 0.8 * targets
    probabilities[-1] = probabilities[-1, ::-1]  # wrong; replicates without c have no error
    scores = scored(targets, probabilities, exclusive=True, patients=patients)
    assert scores["accuracy_ci"][1] == 1


@pytest.mark.parametrize(
    ("targets", "probabilities", "message"),
    [
        (np.full(4, 2), np.full(4, 0.5), "neither 0 nor 1"),
        (np.array([0, 1, 1]), np.full(4, 0.5), "expected the same shape"),
        (np.zeros(0), np.zeros(0), "at least one record"),
        (np.zeros(4), np.full(4, math.nan), "not within"),
        (np.zeros(4), np.full(4, 1.1), "not within"),
    ],
)
def test_invalid_targets_and_probabilities_are_refused(targets, probabilities, message):
    with pytest.raises(ValueError, match=message):
        binary_scores(targets, probabilities)
    with pytest.raises(ValueError, match=message):
        scored(np.c_[targets], np.c_[probabilities], patients=[1, 2, 3, 4])


def test_at_least_one_replicate_is_needed(rng):
    with pytest.raises(ValueError, match="replicates is 0; expected at least 1"):
        resample_patients([1, 2], rng=rng, replicates=0)


def test_integer_probabilities_are_decided_like_floats():
    scores = binary_scores(np.array([0, 1, 1, 0]), np.array([0, 1, 1, 0]))
    assert scores["confusion"] == [[2, 0], [0, 2]]


def test_importing_scores_imports_no_large_library():
    check = (
        "import sys, ecgcam.evaluation.metrics, ecgcam.evaluation.calibration, "
        "ecgcam.evaluation.uncertainty; "
        "print([m for m in ('torch', 'sklearn', 'scipy', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.fixture(scope="module")
def published(shared):
    """Return targets, probabilities and patients of fold 9, and the published model's scores."""
    with np.load(shared / "reference/xai_signalcam_fold9.npz") as outputs:
        ids, probabilities = outputs["all_ecg_id"], outputs["all_probability"]
    statements = pd.read_csv(shared / "ptbxl/scp_statements.csv", index_col=0)
    superclass = statements["diagnostic_class"].dropna().to_dict()
    with lzma.open(shared / "ptbxl/ptbxl_database.csv.xz", "rt", encoding="utf-8") as lines:
        table = pd.read_csv(lines, index_col="ecg_id").loc[ids]
    abnormal = [
        {superclass[code] for code in ast.literal_eval(codes) if code in superclass} != {"NORM"}
        for codes in table["scp_codes"]
    ]
    expected = json.loads((shared / "reference/xai_signalcam_scores.json").read_text())["fold9"]
    return np.array(abnormal), probabilities, table["patient_id"].to_numpy(), expected


def test_the_published_models_scores_are_reproduced(published):
    targets, probabilities, patients, expected = published
    scores = scored(np.c_[targets], np.c_[probabilities], patients=patients)
    assert scores["confusion"] == expected["confusion"]
    for score in ("n", "accuracy", "auroc", "precision", "recall", "f1"):
        assert scores[score] == pytest.approx(expected[score], abs=1e-6), score
    # Hanley and McNeil 1982 give a standard error of 0.0056; the interval is 1.96 of it each way
    low, high = scores["auroc_ci"]
    assert low < scores["auroc"] < high
    assert 0.017 < high - low < 0.027
