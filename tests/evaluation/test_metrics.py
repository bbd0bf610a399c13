"""Scores are scikit-learn's, also over a thousand replicates, and patients are what is drawn."""

import ast
import json
import lzma
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta
from sklearn import metrics

from ecgcam.evaluation.bootstrap import (
    SCORES,
    percentile_interval,
    replicated_scores,
    resample_patients,
    share_interval,
    two_sided_p,
)
from ecgcam.evaluation.metrics import binary_scores, scores_with_intervals


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def fold(rng):
    """300 records of 120 patients: targets, float32 probabilities with many ties, patients."""
    targets = rng.random(300) < 0.3
    probabilities = np.clip(rng.normal(0.4 + 0.2 * targets, 0.2), 0, 1).round(1)
    return targets, probabilities.astype(np.float32), rng.integers(120, size=300)


def weighted_by_scikit_learn(targets, probabilities, called, weights):
    weights = {"sample_weight": weights}
    calls = {"zero_division": np.nan} | weights
    return {
        "auroc": metrics.roc_auc_score(targets, probabilities, **weights),
        "average_precision": metrics.average_precision_score(targets, probabilities, **weights),
        "accuracy": metrics.accuracy_score(targets, called, **weights),
        "precision": metrics.precision_score(targets, called, **calls),
        "recall": metrics.recall_score(targets, called, **calls),
        "specificity": metrics.recall_score(~targets, ~called, **calls),
        "f1": metrics.f1_score(targets, called, **calls),
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


def test_a_threshold_is_met_at_the_precision_of_the_probabilities():
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
def test_what_is_undefined_is_nan_here_and_null_in_json(targets, threshold, undefined, rng):
    targets, probabilities = np.array(targets), np.array([0.2, 0.6, 0.7])
    scores = binary_scores(targets, probabilities, threshold=threshold)
    assert {score for score in SCORES if math.isnan(scores[score])} == undefined

    called = probabilities >= threshold
    replicas = replicated_scores(
        targets == 1, probabilities, called=called, counts=np.ones((1, 3), dtype=np.uint16)
    )
    for score in SCORES:
        np.testing.assert_allclose(replicas[score][0], scores[score], atol=1e-12)

    answer = scores_with_intervals(
        targets[:, None],
        probabilities[:, None],
        decisions=called[:, None],
        class_names=["ABNORMAL"],
        patients=[1, 2, 3],
        exclusive=False,
        rng=rng,
        replicates=20,
    )
    assert {score for score in SCORES if answer[score] is None} == undefined
    if not targets.any():
        assert answer["auroc_ci"] is answer["recall_ci"] is None
    json.dumps(answer, allow_nan=False)


def test_replicates_are_scored_as_scikit_learn_weighs_them(fold, rng):
    targets, probabilities, patients = fold
    counts = resample_patients(patients, rng=rng, replicates=40)
    assert len(np.unique(probabilities)) < 12  # so there are ties
    assert (counts == 0).any(axis=0).all()  # so each record is left out somewhere
    called = probabilities >= 0.5
    replicas = replicated_scores(targets, probabilities, called=called, counts=counts)
    for i, weights in enumerate(counts):
        expected = weighted_by_scikit_learn(targets, probabilities, called, weights)
        assert {s: replicas[s][i] for s in SCORES} == pytest.approx(expected, abs=1e-9)


def test_replicates_without_ties_and_in_blocks(rng, monkeypatch):
    targets, probabilities = rng.random(200) < 0.1, rng.random(200)
    counts = resample_patients(np.arange(200), rng=rng, replicates=7)
    called = probabilities >= 0.5
    whole = replicated_scores(targets, probabilities, called=called, counts=counts)
    monkeypatch.setattr("ecgcam.evaluation.bootstrap._BLOCK", 400)
    blocks = replicated_scores(targets, probabilities, called=called, counts=counts)
    for i, weights in enumerate(counts):
        expected = weighted_by_scikit_learn(targets, probabilities, called, weights)
        assert {s: whole[s][i] for s in SCORES} == pytest.approx(expected, abs=1e-9)
        assert {s: blocks[s][i] for s in SCORES} == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", [int, str, float])
def test_a_patient_brings_all_records(name, rng):
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


def test_intervals_cover_the_truth_as_often_as_they_say(rng):
    """Where a patient's four records are alike, 95 % of the intervals over patients hold the
    truth; those over records are half as wide as they should be."""
    patients = np.arange(80).repeat(4)
    hits = {"patients": 0, "records": 0}
    for _ in range(200):
        right = (rng.random(80) < 0.8).repeat(4)
        for drawn, names in (("patients", patients), ("records", np.arange(320))):
            counts = resample_patients(names, rng=rng, replicates=100)
            low, high = percentile_interval(counts @ right / counts.sum(axis=1))
            hits[drawn] += low <= 0.8 <= high
    assert 0.88 < hits["patients"] / 200 < 0.99
    assert hits["records"] / 200 < 0.8


def test_intervals_are_repeatable_and_hold_the_score(fold):
    targets, probabilities, patients = fold
    once, again = (
        scores_with_intervals(
            targets[:, None], probabilities[:, None], decisions=probabilities[:, None] >= 0.5,
            class_names=["ABNORMAL"], patients=patients, exclusive=False,
            rng=np.random.default_rng(5), replicates=200,
        )
        for _ in range(2)
    )  # fmt: skip
    assert once == again
    scores = binary_scores(targets, probabilities)
    for score in SCORES:
        low, high = once[f"{score}_ci"]
        assert low < scores[score] < high


def test_percentiles_leave_out_what_is_undefined():
    replicas = np.append(np.arange(101.0), [math.nan] * 9)
    assert percentile_interval(replicas) == (2.5, 97.5)
    assert np.isnan(percentile_interval(np.array([math.nan]))).all()


@pytest.mark.parametrize(("records", "patients"), [(21, 21), (21, 7), (300, 100), (4, 1)])
def test_a_share_of_all_or_of_none_is_as_sure_as_its_patients_are_many(records, patients, rng):
    """By SciPy's beta quantiles; the bootstrap alone would say that it is quite certain."""
    who = np.r_[np.arange(records) % patients, np.full(50, 999)]
    among = np.arange(records + 50) < records
    counts = resample_patients(who, rng=rng, replicates=60)
    of_all = share_interval(np.ones(60), among=among, counts=counts)
    of_none = share_interval(np.zeros(60), among=among, counts=counts)
    assert of_all == pytest.approx((beta.ppf(0.025, patients, 1), 1))
    assert of_none == pytest.approx((0, beta.ppf(0.975, 1, patients)))
    if records == patients == 21:
        assert of_all[0] == pytest.approx(0.84, abs=0.002)


def test_a_share_between_has_the_interval_of_its_replicates(rng):
    replicas, counts = rng.random(99), np.ones((99, 3))
    found = share_interval(replicas, among=np.ones(3, bool), counts=counts)
    assert found == percentile_interval(replicas)
    nothing = np.full(99, math.nan)
    assert np.isnan(share_interval(nothing, among=np.zeros(3, bool), counts=counts)).all()


def test_no_interval_of_a_score_is_without_width(rng):
    """Of a model that is never wrong: shares have the exact one, the others none."""
    targets = np.arange(40) % 2 == 0
    answer = scored(np.c_[targets], np.c_[0.1 + 0.8 * targets], exclusive=False, rng=rng)
    assert {answer[score] for score in SCORES} == {1}
    patients = {"accuracy": 20, "precision": 20, "recall": 20, "specificity": 20}
    for score, count in patients.items():
        assert answer[f"{score}_ci"] == pytest.approx([beta.ppf(0.025, count, 1), 1])
    for score in ("auroc", "average_precision", "f1"):
        assert answer[f"{score}_ci"] is None


def test_p_by_hand():
    assert two_sided_p(np.array([1.0] * 98 + [-1.0])) == pytest.approx(2 * 2 / 100)
    assert two_sided_p(-np.array([1.0] * 98 + [-1.0])) == pytest.approx(2 * 2 / 100)
    assert two_sided_p(np.ones(999)) == pytest.approx(0.002)
    assert two_sided_p(np.zeros(9)) == 1
    assert math.isnan(two_sided_p(np.array([math.nan])))


@pytest.fixture
def three_classes(rng):
    """Exclusive: targets and probabilities (200, 3), patients."""
    true = rng.integers(3, size=200)
    logits = rng.normal(size=(200, 3)) + 1.5 * np.eye(3)[true]
    return np.eye(3)[true], np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def scored(targets, probabilities, *, exclusive, rng, thresholds=0.5, **more):
    likeliest = probabilities == probabilities.max(axis=1, keepdims=True)
    arguments = {
        "decisions": likeliest if exclusive else probabilities >= np.array(thresholds),
        "class_names": [f"C{k}" for k in range(targets.shape[1])],
        "patients": np.arange(len(targets)) // 2,
        "replicates": 100,
    }
    return scores_with_intervals(
        targets, probabilities, exclusive=exclusive, rng=rng, **(arguments | more)
    )


def test_each_class_is_scored_at_its_own_threshold(three_classes, rng):
    targets, probabilities = three_classes
    thresholds = [0.2, 0.5, 0.7]
    answer = scored(targets, probabilities, exclusive=False, rng=rng, thresholds=thresholds)
    assert list(answer["classes"]) == ["C0", "C1", "C2"]
    assert answer["n"] == 200
    assert "accuracy" not in answer
    for k, scores in enumerate(answer["classes"].values()):
        point = binary_scores(targets[:, k], probabilities[:, k], threshold=thresholds[k])
        assert point.items() <= scores.items()
        for score in SCORES:
            low, high = scores[f"{score}_ci"]
            assert low <= scores[score] <= high
    json.dumps(answer, allow_nan=False)


def test_macro_is_the_mean_of_the_classes_and_its_interval_of_the_same_replicates(
    three_classes, rng
):
    targets, probabilities = three_classes
    patients = np.arange(200) // 2
    answer = scored(targets, probabilities, exclusive=False, rng=np.random.default_rng(3))
    expected = metrics.roc_auc_score(targets, probabilities, average="macro")
    assert answer["macro_auroc"] == pytest.approx(expected)
    counts = resample_patients(patients, rng=np.random.default_rng(3), replicates=100)
    replicas = [
        metrics.roc_auc_score(targets, probabilities, average="macro", sample_weight=row)
        for row in counts
    ]
    assert answer["macro_auroc_ci"] == pytest.approx(np.percentile(replicas, [2.5, 97.5]))


def test_a_class_that_is_not_there_is_null_and_left_out_of_the_macro(three_classes, rng):
    targets, probabilities = three_classes
    targets = np.append(targets, np.zeros((200, 1)), axis=1)
    probabilities = np.append(probabilities, np.full((200, 1), 0.1), axis=1)
    answer = scored(targets, probabilities, exclusive=False, rng=rng)
    assert answer["classes"]["C3"]["auroc"] is None
    assert answer["classes"]["C3"]["auroc_ci"] is None
    mean = np.mean([answer["classes"][name]["auroc"] for name in ("C0", "C1", "C2")])
    assert answer["macro_auroc"] == pytest.approx(mean)


def test_classes_that_exclude_one_another(three_classes, rng):
    targets, probabilities = three_classes
    answer = scored(targets, probabilities, exclusive=True, rng=rng)
    right = targets.argmax(axis=1) == probabilities.argmax(axis=1)
    confusion = np.array(answer["confusion"])
    assert answer["accuracy"] == right.mean() == np.trace(confusion) / 200
    assert confusion.sum(axis=1).tolist() == targets.sum(axis=0).tolist()
    low, high = answer["accuracy_ci"]
    assert low < answer["accuracy"] < high
    sigma = math.sqrt(right.mean() * (1 - right.mean()) / 200)
    assert 2 * sigma < high - low < 6 * sigma
    assert set(answer["classes"]) == {"C0", "C1", "C2"}
    recalls = [answer["classes"][f"C{k}"]["recall"] for k in range(3)]
    assert recalls == pytest.approx(confusion.diagonal() / confusion.sum(axis=1))
    assert recalls == pytest.approx(
        metrics.recall_score(targets.argmax(1), probabilities.argmax(1), average=None)
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": np.full((4, 2), 2)}, "neither 0 nor 1"),
        ({"targets": np.array([[0, 1]] * 3)}, "needed: one shape"),
        ({"targets": np.zeros((0, 2)), "probabilities": np.zeros((0, 2))}, "with a record"),
        ({"probabilities": np.full((4, 2), math.nan)}, "not within"),
        ({"probabilities": np.full((4, 2), 1.1)}, "not within"),
        ({"decisions": np.ones((4, 1), bool)}, "decisions of \\(4, 1\\)"),
        ({"class_names": ["A", "A"]}, "needed: \\(n, classes\\)"),
        ({"patients": [1, 2, 3]}, "3 patients"),
        ({"replicates": 0}, "replicates is 0"),
        ({"targets": np.ones((4, 2)), "exclusive": True}, "one true a record"),
        ({"decisions": np.ones((4, 2), bool), "exclusive": True}, "one decision a record"),
    ],
)
def test_nonsense_is_refused(change, message, rng):
    arguments = {
        "targets": np.array([[0, 1]] * 4),
        "probabilities": np.full((4, 2), 0.5),
        "exclusive": False,
        "rng": rng,
        "patients": [1, 2, 3, 4],
    } | change
    with pytest.raises(ValueError, match=message):
        scored(arguments.pop("targets"), arguments.pop("probabilities"), **arguments)


def test_importing_is_light():
    check = (
        "import sys, ecgcam.evaluation.metrics, ecgcam.evaluation.calibration; "
        "print([m for m in ('torch', 'sklearn', 'scipy', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.fixture(scope="module")
def published(shared):
    """Fold 9 as the published model judges it: targets, probabilities, patients, its scores."""
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


def test_the_published_models_scores_come_out(published, rng):
    targets, probabilities, patients, expected = published
    answer = scores_with_intervals(
        targets[:, None],
        probabilities[:, None],
        decisions=probabilities[:, None] >= 0.5,
        class_names=["ABNORMAL"],
        patients=patients,
        exclusive=False,
        rng=rng,
    )
    assert answer["confusion"] == expected["confusion"]
    for score in ("n", "accuracy", "auroc", "precision", "recall", "f1"):
        assert answer[score] == pytest.approx(expected[score], abs=1e-6), score
    # Hanley and McNeil 1982 give the AUROC a sigma of 0.0056 here; 1.96 of it either side
    low, high = answer["auroc_ci"]
    assert low < answer["auroc"] < high
    assert 0.017 < high - low < 0.027


def test_the_interval_of_exclusive_accuracy_is_over_the_records_that_were_drawn():
    patients = ["a"] * 8 + ["b", "c"]
    targets = np.eye(2)[[0, 1] * 5]
    decisions = targets == 1
    decisions[-1] = ~decisions[-1]  # of c; drawn without c, all are right
    scores = scores_with_intervals(
        targets, targets, decisions=decisions, class_names=["SR", "AFIB"], patients=patients,
        exclusive=True, rng=np.random.default_rng(0), replicates=100,
    )  # fmt: skip
    assert scores["accuracy_ci"][1] == 1  # whoever is drawn three times


def test_probabilities_that_are_whole_numbers_are_decided_as_others_are():
    scores = binary_scores(np.array([0, 1, 1, 0]), np.array([0, 1, 1, 0]))
    assert scores["confusion"] == [[2, 0], [0, 2]]
