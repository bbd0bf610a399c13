"""An evaluation's scores agree with scikit-learn, on the records that the model card keeps."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn import metrics
from support.fixed_logits import fixed_classifier
from support.tiny import (
    NORMAL,
    RHYTHM,
    SUPERCLASS,
    SUPERCLASSES,
    tiny_model,
    tiny_store,
    write_store,
)

from ecgcam.errors import DatasetError, ModelError
from ecgcam.evaluation import fold_predictions
from ecgcam.evaluation.calibrator import CalibrateConfig, calibrated_card
from ecgcam.evaluation.fold_predictions import predict_folds
from ecgcam.evaluation.scoring import score
from ecgcam.inference.decisions import KEY
from ecgcam.inference.loading import load
from ecgcam.reports.evaluation_report import (
    HITS,
    METRICS,
    MISSES,
    PREDICTIONS,
    REPORT,
    write_evaluation,
)
from ecgcam.signals.leads import LEADS
from ecgcam.tasks import SUPERCLASS_TITLES

FOLDS = (8, 9, 10)
ENDINGS = (".html", ".json", "-leads.png", "-sheet.png", "-sheet.pdf")  # of an explanation


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("store") / "store", records=200)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Return a function that makes a classifier of a task; `card` overrides its card."""
    folder = tmp_path_factory.mktemp("models")

    def make(task=NORMAL, card=None, **config):
        path = folder / f"{task.name}.safetensors"
        return load(tiny_model(path, task=task, card=card, **config))

    return make


def evaluated(classifier, store, out, **options):
    """Return metrics.json and predictions.parquet of an evaluation."""
    write_evaluation(classifier, store, out, **{"folds": FOLDS, "replicates": 20} | options)
    scores = json.loads((out / METRICS).read_text(), parse_constant=pytest.fail)
    return scores, pd.read_parquet(out / PREDICTIONS)


def assert_agrees_with_scikit_learn(scores, target, probability, threshold):
    decision = probability >= np.float32(threshold)
    assert scores["n"] == len(target)
    assert scores["auroc"] == pytest.approx(metrics.roc_auc_score(target, probability))
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(target, decision))
    assert scores["confusion"] == metrics.confusion_matrix(target, decision).tolist()
    for name in ("precision", "recall", "f1"):
        expected = getattr(metrics, f"{name}_score")(target, decision, zero_division=np.nan)
        assert scores[name] == (None if np.isnan(expected) else pytest.approx(expected))
    for name in ("auroc", "accuracy"):
        low, high = scores[f"{name}_ci"]
        assert low <= high


@pytest.mark.parametrize("threshold", [0.5, 0.45])
def test_scores_agree_with_scikit_learn_on_the_predictions(store, model, tmp_path, threshold):
    classifier = model(card={"thresholds": [threshold], "temperature": 2.0})
    scores, table = evaluated(classifier, store, tmp_path)
    target, probability = table["target_ABNORMAL"], table["probability_ABNORMAL"]
    assert_agrees_with_scikit_learn(scores, target, probability, threshold)
    np.testing.assert_allclose(probability, expit(table["logit_ABNORMAL"] / 2), rtol=1e-5)
    assert (table["decision_ABNORMAL"] == (probability >= np.float32(threshold))).all()


def test_metrics_json_describes_the_evaluation(store, model, tmp_path):
    classifier = model()
    scores, table = evaluated(classifier, store, tmp_path, folds=[9])
    assert scores["task"] == "normal"
    assert scores["fold"] == 9
    assert scores["n"] == len(table) == 20
    assert scores["n_dropped"] == 0
    assert scores["parameters"] == classifier.card["parameters"]
    assert scores["bootstrap"] == {"over": "patients", "replicates": 20, "seed": 0}
    assert evaluated(classifier, store, tmp_path)[0]["fold"] == list(FOLDS)


def test_each_of_several_classes_is_scored_separately(store, model, tmp_path):
    thresholds = [0.5, 0.4, 0.6, 0.5, 0.45]
    scores, table = evaluated(model(SUPERCLASS, card={"thresholds": thresholds}), store, tmp_path)
    assert list(scores["classes"]) == list(SUPERCLASSES)
    for name, threshold in zip(SUPERCLASSES, thresholds, strict=True):
        target, probability = table[f"target_{name}"], table[f"probability_{name}"]
        assert_agrees_with_scikit_learn(scores["classes"][name], target, probability, threshold)
    mean = np.mean([scores["classes"][name]["auroc"] for name in SUPERCLASSES])
    assert scores["macro_auroc"] == pytest.approx(mean)
    assert len(scores["macro_auroc_ci"]) == 2
    assert "normal_against" not in scores
    assert "confusion" not in scores


def test_the_most_probable_of_exclusive_classes_is_the_decision(store, model, tmp_path):
    scores, table = evaluated(model(RHYTHM), store, tmp_path)
    probabilities = table[["probability_SR", "probability_AFIB"]].to_numpy()
    decided = probabilities.argmax(1)
    true = table[["target_SR", "target_AFIB"]].to_numpy().argmax(1)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-6)
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(true, decided))
    assert scores["confusion"] == metrics.confusion_matrix(true, decided).tolist()
    assert (table["decision_AFIB"] == (decided == 1)).all()


def test_each_exclusive_class_is_scored_by_the_models_decisions(tmp_path):
    """The most probable of three classes may be below 0.5; table, confusion and groups agree."""
    rng = np.random.default_rng(0)
    names, true = SUPERCLASSES[:3], rng.integers(3, size=300)
    signals = rng.integers(-900, 900, (300, 12, 500))
    task = replace(SUPERCLASS, classes=names, members=SUPERCLASS.members[:3], exclusive=True)
    labels = [[f"superclass:{names[k]}"] for k in true]
    small = write_store(tmp_path / "store", signals, labels, folds=[9] * 300)
    classifier = fixed_classifier(small, rng.normal(size=(300, 3)) + np.eye(3)[true], task)
    scores, table = evaluated(classifier, small, tmp_path / "out", folds=[9])
    assert (table[[f"probability_{name}" for name in names]].max(axis=1) < 0.5).any()
    recalls = np.diag(scores["confusion"]) / np.sum(scores["confusion"], axis=1)
    groups = scores["subgroups"]["all"]["classes"]
    for name, recall in zip(names, recalls, strict=True):
        assert scores["classes"][name]["recall"] == pytest.approx(recall)
        assert groups[name]["sensitivity"] == pytest.approx(recall)
        assert scores["classes"][name]["accuracy"] == pytest.approx(groups[name]["accuracy"])
    page = (tmp_path / "out" / REPORT).read_text()
    assert '<th class="n">threshold</th>' not in page
    assert "Confusion matrix of the most probable class" in page
    assert "Confusion matrix at the model's threshold" not in page


def test_predictions_have_one_row_per_ecg_and_equal_single_predictions(store, model, tmp_path):
    classifier = model()
    _, table = evaluated(classifier, store, tmp_path, folds=[9])
    assert table["id"].is_unique
    assert set(table["fold"]) == {9}
    records = [store.record(store.index_of(name)) for name in table["id"]]
    answers = classifier.predict(records, force=True)
    logits = [answer.logits[0] for answer in answers]
    np.testing.assert_allclose(table["logit_ABNORMAL"], logits, atol=1e-5)


@pytest.mark.parametrize("unlabelled", ["positive", "negative", "drop"])
def test_the_cards_rule_for_unlabelled_records_is_followed(store, model, tmp_path, unlabelled):
    labels_of = store.records["labels"][store.records["fold"].isin(FOLDS)]
    unlabelled_count = sum(not len(labels) for labels in labels_of)
    abnormal = sum(not set(NORMAL.members[0]).isdisjoint(labels) for labels in labels_of)
    assert unlabelled_count > 3
    scores, table = evaluated(model(replace(NORMAL, unlabelled=unlabelled)), store, tmp_path)
    dropped = unlabelled_count if unlabelled == "drop" else 0
    assert (scores["n"], scores["n_dropped"]) == (60 - dropped, dropped)
    positive = unlabelled_count if unlabelled == "positive" else 0
    assert table["target_ABNORMAL"].sum() == abnormal + positive


def test_normal_is_scored_against_each_superclass(store, model, tmp_path):
    scores, table = evaluated(model(), store, tmp_path)
    labels = store.records.set_index("id")["labels"]
    assert list(scores["normal_against"]) == list(SUPERCLASSES[1:])
    for name, against in scores["normal_against"].items():
        has = table["id"].map(lambda ecg, name=name: f"superclass:{name}" in labels[ecg])
        part = table[has | (table["target_ABNORMAL"] == 0)]
        target, probability = part["target_ABNORMAL"], part["probability_ABNORMAL"]
        assert_agrees_with_scikit_learn(against, target, probability, 0.5)


def test_the_published_models_scores_are_reproduced(
    shared, published_classifier, fold_9_store, tmp_path
):
    published = json.loads((shared / "reference" / "xai_signalcam_scores.json").read_text())[
        "fold9"
    ]
    scores = score(predict_folds(published_classifier, fold_9_store, folds=[9]), replicates=2)
    assert (scores["n"], scores["confusion"]) == (published["n"], published["confusion"])
    for name in ("accuracy", "auroc", "precision", "recall", "f1"):
        assert scores[name] == pytest.approx(published[name], abs=1e-5)
    for name, against in scores["normal_against"].items():
        expected = published[f"normal_vs_{name}"]
        assert against["n"] == expected["n"]
        assert against["accuracy"] == pytest.approx(expected["accuracy"], abs=1e-9)
        assert against["auroc"] == pytest.approx(expected["auroc"], abs=1e-5)


def test_a_custom_table_is_scored_by_its_label_column(store, model, tmp_path):
    labels = [["column:ABNORMAL"] if k % 3 == 0 else [] for k in range(30)]
    signals = store.signals_uv(range(30))
    custom = write_store(tmp_path / "custom", signals, labels, folds=[9] * 30)
    scores, table = evaluated(model(), custom, tmp_path / "out")
    assert scores["n"] == 30
    assert table["target_ABNORMAL"].tolist() == [k % 3 == 0 for k in range(30)]
    assert "normal_against" not in scores


def test_a_model_with_fewer_leads_selects_them_from_the_store(store, model, tmp_path):
    classifier = model(leads=("V5", "I"))
    _, table = evaluated(classifier, store, tmp_path, folds=[9])
    indices = [store.index_of(name) for name in table["id"]]
    rows = [LEADS.index("V5"), LEADS.index("I")]
    logits, *_ = classifier.run(store.signals_mv(indices)[:, rows])
    np.testing.assert_allclose(table["logit_ABNORMAL"], logits[:, 0], atol=1e-5)


def test_records_are_predicted_in_blocks_with_progress(store, model, monkeypatch):
    whole = predict_folds(model(), store, folds=FOLDS)
    monkeypatch.setattr(fold_predictions, "_BLOCK", 7)
    calls = []
    parts = predict_folds(model(), store, folds=FOLDS, progress=lambda *done: calls.append(done))
    np.testing.assert_allclose(parts.logits, whole.logits, atol=1e-5)
    assert calls == [(min(k + 7, 60), 60) for k in range(0, 60, 7)]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"rate_hz": 50.0, "duration_s": 10.0}, "500 samples at 50 Hz; .* holds 500 at 100 Hz"),
        ({"duration_s": 10.0}, "takes 1000 samples at 100 Hz"),
        ({"leads": ("I", "V7")}, "leads V7 are missing"),
    ],
)
def test_signals_that_do_not_fit_the_model_are_refused(store, model, settings, reason):
    with pytest.raises(ModelError, match=reason):
        predict_folds(model(**settings), store, folds=[9])


def test_folds_without_a_record_are_refused(store, model, tmp_path):
    with pytest.raises(
        DatasetError,
        match="folds 77 hold no record for the task 'normal'; the store has the folds 1, 2",
    ):
        write_evaluation(model(), store, tmp_path / "out", folds=[77])
    assert not (tmp_path / "out").exists()


def test_the_most_confident_and_worst_records_by_hand(tmp_path):
    labels = [["superclass:NORM"], ["superclass:MI"]] * 4
    signals = np.random.default_rng(0).integers(-900, 900, (8, 12, 500))
    small = write_store(tmp_path / "store", signals, labels, folds=[9] * 8)
    logits = [[-1.0], [3], [-4], [-2], [2.5], [0.1], [-0.5], [-3]]
    predictions = predict_folds(fixed_classifier(small, logits), small, folds=[9])
    assert predictions.most_confident_and_worst(3) == ([2, 1, 0], [7, 4, 3])
    assert predictions.most_confident_and_worst(99) == ([2, 1, 0, 6, 5], [7, 4, 3])
    strict = predict_folds(fixed_classifier(small, logits, thresholds=[0.97]), small, folds=[9])
    assert strict.most_confident_and_worst(9)[1] == [7, 3, 5, 1]


def test_a_record_is_correct_only_if_all_its_classes_are(tmp_path):
    labels = [["superclass:NORM"], ["superclass:MI", "superclass:CD"]]
    signals = np.random.default_rng(0).integers(-900, 900, (2, 12, 500))
    small = write_store(tmp_path / "store", signals, labels, folds=[9, 9])
    logits = [[9, -9, -9, -9, -9], [-9, 9, -9, 9, 0.1]]
    predictions = predict_folds(fixed_classifier(small, logits, SUPERCLASS), small, folds=[9])
    assert predictions.most_confident_and_worst(5) == ([0], [1])


def test_the_report_shows_the_scores_and_is_self_contained(store, model, tmp_path):
    scores, _ = evaluated(model(), store, tmp_path)
    page = (tmp_path / REPORT).read_text()
    for name in ("auroc", "accuracy", "precision", "recall", "f1", "average_precision"):
        assert f"{scores[name]:.3f}" in page
    for against in scores["normal_against"].values():
        assert f"{against['auroc']:.3f}" in page
    assert not re.search(r'(src|href)\s*=\s*["\']?\s*(https?:)?//', page)
    assert not re.search(r"<script|@import|url\((?!data:)", page)


def test_a_report_of_several_classes_shows_them_all(store, model, tmp_path):
    scores, _ = evaluated(model(SUPERCLASS), store, tmp_path)
    page = (tmp_path / REPORT).read_text()
    for name, of_class in scores["classes"].items():
        assert f"<td>{SUPERCLASS_TITLES[name]} ({name})</td>" in page
        assert f"{of_class['auroc']:.3f}" in page
    assert f"{scores['macro_auroc']:.3f}" in page


@pytest.fixture(scope="module")
def points(store, model):
    """Return a function that chooses operating points for a card on folds of the store."""

    def make(task=NORMAL, folds=(5, 6, 7, 8)):
        config = CalibrateConfig(band="coverage=0.8")
        return calibrated_card(predict_folds(model(task), store, folds=folds), config)[KEY]

    return make


def test_without_operating_points_only_calibration_is_scored(store, model, tmp_path):
    scores, table = evaluated(model(), store, tmp_path)
    calibration = scores["calibration"]
    squares = (table["probability_ABNORMAL"] - table["target_ABNORMAL"]) ** 2
    assert calibration["brier"] == pytest.approx(squares.mean())
    assert not {"chosen", "operating_points", "band", "conformal"} & set(scores)
    page = (tmp_path / REPORT).read_text()
    assert "ecgcam calibrate" in page
    assert page.count("<img") == 4  # curves, confusion, reliability, coverage
    assert "chosen on" not in page


@pytest.mark.parametrize("task", [NORMAL, SUPERCLASS])
def test_the_cards_operating_points_are_scored_on_other_records(
    store, model, points, tmp_path, task
):
    chosen = points(task)
    scores, table = evaluated(model(task, card={KEY: chosen}), store, tmp_path, folds=[9, 10])
    assert scores["chosen"]["folds"] == [5, 6, 7, 8]
    assert scores["chosen"]["on_these_records"] is False
    page = (tmp_path / REPORT).read_text()
    for name in task.classes:
        of_class = scores["classes"][name] if len(task.classes) > 1 else scores
        target, probability = table[f"target_{name}"], table[f"probability_{name}"]
        for rule, point in chosen["classes"][name]["points"].items():
            sensitivity = metrics.recall_score(
                target, probability >= np.float32(point["threshold"])
            )
            measured = of_class["operating_points"][rule]["sensitivity"]
            assert measured == pytest.approx(sensitivity)
            assert f"{measured:.3f}" in page
    assert scores["leakage"]["thresholds_chosen_on"] == []
    assert "on some of the records of this report" not in page
    assert "The thresholds were chosen on" not in page


@pytest.mark.parametrize("folds", [(8,), (7, 8, 9)])
def test_thresholds_chosen_on_these_records_are_reported(store, model, points, tmp_path, folds):
    scores, _ = evaluated(model(card={KEY: points()}), store, tmp_path, folds=folds)
    assert scores["chosen"]["on_these_records"] is True
    page = (tmp_path / REPORT).read_text()
    assert "on some of the records of this report" in page
    assert "The thresholds were chosen on fold" in page


def test_exclusive_classes_have_no_operating_points(store, model, tmp_path):
    config = CalibrateConfig(threshold="none")
    chosen = calibrated_card(predict_folds(model(RHYTHM), store, folds=[8]), config)[KEY]
    for card in ({}, {KEY: chosen}):
        scores, _ = evaluated(model(RHYTHM, card=card), store, tmp_path)
        assert scores["classes"]["SR"]["calibration"]["bins"] == 10
        page = (tmp_path / REPORT).read_text()
        assert "the answer is the most probable class" in page
        assert "ecgcam calibrate" not in page


def test_without_explanations_there_are_three_files(store, model, tmp_path):
    evaluated(model(), store, tmp_path, folds=[9])
    assert {path.name for path in tmp_path.iterdir()} == {METRICS, PREDICTIONS, REPORT}


def test_the_most_confident_and_worst_records_are_explained_in_subfolders(
    store, model, tmp_path, undrawn
):
    predictions = predict_folds(model(), store, folds=[9])
    confident, worst = predictions.most_confident_and_worst(1)
    evaluated(model(), store, tmp_path, folds=[9], draw=1)
    page = (tmp_path / REPORT).read_text()
    for folder, (index,) in ((HITS, confident), (MISSES, worst)):
        name = store.records["id"][index]
        assert {path.name for path in (tmp_path / folder).iterdir()} == {
            f"{name}{ending}" for ending in ENDINGS
        }
        assert f'href="{folder}/{name}.html"' in page
        assert f'alt="ECG {name}: Abnormal ECG: ' in page
        abnormal = predictions.targets[predictions.indices == index, 0] > 0
        assert (
            f"ECG {name}; labelled: {'Abnormal ECG' if abnormal else 'none of these classes'}"
            in page
        )
    evaluated(model(), store, tmp_path, folds=[9])
    assert {path.name for path in tmp_path.iterdir()} == {METRICS, PREDICTIONS, REPORT}


def test_other_files_in_the_subfolders_stay(store, model, tmp_path, undrawn):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / MISSES).symlink_to(tmp_path / "elsewhere")
    kept = [
        tmp_path / HITS / name
        for name in ("diary.txt", "notes.html", "mine-sheet.pdf", "more/mine.html")
    ]
    kept += [tmp_path / "elsewhere" / f"mine{ending}" for ending in ENDINGS]
    for path in kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    for draw in (0, 1, 0):
        evaluated(model(), store, tmp_path, folds=[9], draw=draw)
        assert all(path.read_text() == "mine" for path in kept)
    assert {path.name for path in (tmp_path / HITS).iterdir()} == {
        "diary.txt", "notes.html", "mine-sheet.pdf", "more",
    }  # fmt: skip


def test_the_report_shows_the_statements_of_explained_records(store, model, tmp_path, undrawn):
    labels = [
        ["statement:NORM", "statement:SR", "superclass:NORM"],
        ["form:ABQRS", "statement:ABQRS", "statement:ASMI", "superclass:MI"],
        ["superclass:CD"],
    ]
    small = write_store(tmp_path / "store", store.signals_uv([0, 1, 3]), labels, folds=[9] * 3)
    small.about["titles"] = {"statement:SR": "Sinus rhythm"}
    evaluated(model(), small, tmp_path / "out", folds=[9], draw=3)
    page = (tmp_path / "out" / REPORT).read_text()
    for caption in (
        "ECG r000; labelled: none of these classes; SCP statements: NORM, Sinus rhythm (SR)<",
        "ECG r001; labelled: Abnormal ECG; SCP statements: ABQRS, ASMI<",
        "ECG r002; labelled: Abnormal ECG<",
    ):
        assert caption in page


def test_the_report_gives_the_reason_for_a_refused_explanation(
    store, model, tmp_path, undrawn, monkeypatch
):
    predictions = predict_folds(model(), store, folds=[9])
    flat = replace(store.record(int(predictions.indices[0])), name="f")
    flat = replace(flat, signal_mv=np.zeros_like(flat.signal_mv))
    monkeypatch.setattr("ecgcam.data.store.Store.record", lambda *_: flat)
    evaluated(model(), store, tmp_path, folds=[9], draw=1)
    assert 'alt="ECG f: no prediction: f: I, II, ' in (tmp_path / REPORT).read_text()


def test_predictions_do_not_depend_on_the_labels(store, model):
    expected = predict_folds(model(), store, folds=[9]).to_table()
    relabelled = replace(store, records=store.records.assign(labels=[["superclass:MI"]] * 200))
    table = predict_folds(model(), relabelled, folds=[9]).to_table()
    assert table["probability_ABNORMAL"].equals(expected["probability_ABNORMAL"])
    assert table["target_ABNORMAL"].all()
