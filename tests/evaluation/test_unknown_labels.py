"""A class that is unknown in some records is scored and calibrated on the others alone."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from support.fixed_logits import fixed_classifier
from support.tiny import SUPERCLASS, SUPERCLASSES, write_store

from ecgcam.evaluation.calibrator import CalibrateConfig, calibrated_card
from ecgcam.evaluation.compare import compare_models
from ecgcam.evaluation.fold_predictions import predict_folds
from ecgcam.evaluation.scoring import evaluate
from ecgcam.inference.decisions import KEY
from ecgcam.reports.evaluation_report import write_evaluation

RECORDS = 80


@pytest.fixture(scope="module")
def rng():
    return np.random.default_rng(4)


@pytest.fixture(scope="module")
def truth(rng):
    """Labels (records, 2) of MI and NORM: 1, 0, or NaN in a third of the cells."""
    truth = rng.integers(0, 2, (RECORDS, 2)).astype(float)
    truth[rng.random((RECORDS, 2)) < 1 / 3] = np.nan
    truth[0] = np.nan
    return truth


@pytest.fixture(scope="module")
def store(truth, rng, tmp_path_factory):
    """A store of a table with the columns MI and NORM; the other superclasses have none."""
    labels = [
        [
            f"{'blank' if np.isnan(cell) else 'column'}:{name}"
            for name, cell in zip(("MI", "NORM"), row, strict=True)
            if cell != 0
        ]
        for row in truth
    ]
    signals = rng.integers(-500, 500, (RECORDS, 12, 500))
    folder = tmp_path_factory.mktemp("partial") / "store"
    return write_store(folder, signals, labels, folds=np.arange(RECORDS) % 4 + 1)


@pytest.fixture(scope="module")
def classifier(store, rng):
    return fixed_classifier(store, rng.normal(0, 2, (RECORDS, 5)), SUPERCLASS)


@pytest.fixture(scope="module")
def predictions(classifier, store):
    return predict_folds(classifier, store, folds=(1, 2, 3, 4))


def test_each_class_is_scored_on_the_records_in_which_it_is_known(classifier, store, truth):
    scores = evaluate(classifier, store, folds=(1, 2, 3, 4), replicates=20)
    logits = classifier.run(store.signals_mv(range(RECORDS)))[0]
    for column, name in enumerate(("MI", "NORM")):
        known = ~np.isnan(truth[:, column])
        of_class = scores["classes"][name]
        assert of_class["n"] == known.sum()
        expected = roc_auc_score(truth[known, column], logits[known, SUPERCLASSES.index(name)])
        assert of_class["auroc"] == pytest.approx(expected)
    assert scores["n"] == (~np.isnan(truth)).any(axis=1).sum()
    assert scores["n_dropped"] == np.isnan(truth).all(axis=1).sum() > 0


def test_a_class_without_a_label_has_no_score_and_no_say_in_the_mean(classifier, store):
    scores = evaluate(classifier, store, folds=(1, 2, 3, 4), replicates=20)
    for name in ("STTC", "CD", "HYP"):
        assert scores["classes"][name]["n"] == 0
        assert scores["classes"][name]["auroc"] is scores["classes"][name]["accuracy"] is None
    known = [scores["classes"][name]["auroc"] for name in ("MI", "NORM")]
    assert scores["macro_auroc"] == pytest.approx(np.mean(known))


def test_the_report_and_the_table_say_what_is_unknown(classifier, store, truth, tmp_path):
    report = write_evaluation(classifier, store, tmp_path, folds=(1, 2, 3, 4), replicates=20)
    page = " ".join(report.read_text(encoding="utf-8").split())
    assert (
        "no record has a label of it: ST/T change (STTC), Conduction disturbance (CD), "
        "Hypertrophy (HYP)" in page
    )
    table = pd.read_parquet(tmp_path / "predictions.parquet").set_index("id")
    known = ~np.isnan(truth).all(axis=1)
    expected = pd.Series(truth[known, 0], index=[f"r{k:03d}" for k in np.flatnonzero(known)])
    found = table["target_MI"].astype("float64")
    pd.testing.assert_series_equal(
        found.sort_index(), expected.sort_index(), check_names=False, check_index_type=False
    )
    json.loads((tmp_path / "metrics.json").read_text())


def test_unknown_labels_do_not_count_in_a_comparison(classifier, store):
    same = compare_models(classifier, classifier, store, folds=(1, 2, 3, 4), replicates=20)
    right = predict_folds(classifier, store, folds=(1, 2, 3, 4))
    known = ~np.isnan(right.targets)
    correct = [
        all(decided == target for decided, target, use in zip(*row, strict=True) if use)
        for row in zip(right.decisions, right.targets, known, strict=True)
    ]
    assert same["exact_match"]["a"] == pytest.approx(np.mean(correct))


def test_calibration_is_that_of_each_class_on_its_own_records(predictions):
    config = CalibrateConfig(band="none")
    card = calibrated_card(predictions, config)
    assert set(card[KEY]["classes"]) == {"MI", "NORM"}
    rows = ~np.isnan(predictions.targets[:, 1])
    alone = calibrated_card(predictions.subset(rows), config)
    for key in ("positives", "negatives"):
        assert card[KEY]["classes"]["MI"][key] == alone[KEY]["classes"]["MI"][key]
