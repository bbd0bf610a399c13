"""The scores of an evaluation are scikit-learn's, of the records that the card wants judged."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn import metrics
from support.fixed_logits import telling
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
from ecgcam.evaluation import fold_predictions as evaluating
from ecgcam.evaluation.calibrator import calibrated
from ecgcam.evaluation.choices import CalibrateConfig
from ecgcam.evaluation.fold_predictions import predict_folds, predictions, surest_and_worst
from ecgcam.evaluation.scoring import score
from ecgcam.inference.classifier import load
from ecgcam.inference.decisions import KEY
from ecgcam.reports.evaluation_report import (
    HITS,
    METRICS,
    MISSES,
    PREDICTIONS,
    REPORT,
    write_evaluation,
)
from ecgcam.signals.leads import LEADS

FOLDS = (8, 9, 10)
ENDINGS = (".html", ".json", "-leads.png", "-sheet.png", "-sheet.pdf")  # of an explanation


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("store") / "store", records=200)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Makes the classifier of a task, whose card says what it is told to."""
    folder = tmp_path_factory.mktemp("models")

    def make(task=NORMAL, card=None, **config):
        path = folder / f"{task.name}.safetensors"
        return load(tiny_model(path, task=task, card=card, **config))

    return make


def evaluated(classifier, store, out, **options):
    """metrics.json and predictions.parquet of an evaluation."""
    write_evaluation(classifier, store, out, **{"folds": FOLDS, "replicates": 20} | options)
    scores = json.loads((out / METRICS).read_text(), parse_constant=pytest.fail)
    return scores, pd.read_parquet(out / PREDICTIONS)


def assert_is_scikit_learns(found, target, probability, threshold):
    called = probability >= np.float32(threshold)
    assert found["n"] == len(target)
    assert found["auroc"] == pytest.approx(metrics.roc_auc_score(target, probability))
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(target, called))
    assert found["confusion"] == metrics.confusion_matrix(target, called).tolist()
    for name in ("precision", "recall", "f1"):
        one = getattr(metrics, f"{name}_score")(target, called, zero_division=np.nan)
        assert found[name] == (None if np.isnan(one) else pytest.approx(one))
    for name in ("auroc", "accuracy"):
        low, high = found[f"{name}_ci"]
        assert low <= high


@pytest.mark.parametrize("threshold", [0.5, 0.45])
def test_the_scores_are_scikit_learns_on_the_predictions(store, model, tmp_path, threshold):
    classifier = model(card={"thresholds": [threshold], "temperature": 2.0})
    scores, table = evaluated(classifier, store, tmp_path)
    target, probability = table["target_ABNORMAL"], table["probability_ABNORMAL"]
    assert_is_scikit_learns(scores, target, probability, threshold)
    np.testing.assert_allclose(probability, expit(table["logit_ABNORMAL"] / 2), rtol=1e-5)
    assert (table["decision_ABNORMAL"] == (probability >= np.float32(threshold))).all()


def test_metrics_json_says_what_was_scored(store, model, tmp_path):
    classifier = model()
    scores, table = evaluated(classifier, store, tmp_path, folds=[9])
    assert scores["task"] == "normal"
    assert scores["fold"] == 9
    assert scores["n"] == len(table) == 20
    assert scores["n_dropped"] == 0
    assert scores["parameters"] == classifier.card["parameters"]
    assert scores["bootstrap"] == {"over": "patients", "replicates": 20, "seed": 0}
    assert evaluated(classifier, store, tmp_path)[0]["fold"] == list(FOLDS)


def test_every_class_of_several_is_scored_by_itself(store, model, tmp_path):
    limits = [0.5, 0.4, 0.6, 0.5, 0.45]
    scores, table = evaluated(model(SUPERCLASS, card={"thresholds": limits}), store, tmp_path)
    assert list(scores["classes"]) == list(SUPERCLASSES)
    for name, limit in zip(SUPERCLASSES, limits, strict=True):
        target, probability = table[f"target_{name}"], table[f"probability_{name}"]
        assert_is_scikit_learns(scores["classes"][name], target, probability, limit)
    mean = np.mean([scores["classes"][name]["auroc"] for name in SUPERCLASSES])
    assert scores["macro_auroc"] == pytest.approx(mean)
    assert len(scores["macro_auroc_ci"]) == 2
    assert "normal_against" not in scores
    assert "confusion" not in scores


def test_of_exclusive_classes_the_likeliest_is_the_answer(store, model, tmp_path):
    scores, table = evaluated(model(RHYTHM), store, tmp_path)
    found = table[["probability_SR", "probability_AFIB"]].to_numpy()
    true = table[["target_SR", "target_AFIB"]].to_numpy().argmax(1)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(true, found.argmax(1)))
    assert scores["confusion"] == metrics.confusion_matrix(true, found.argmax(1)).tolist()
    assert (table["decision_AFIB"] == (found.argmax(1) == 1)).all()


def test_a_class_of_exclusive_ones_is_scored_by_the_models_decisions(tmp_path):
    """Of three classes the likeliest may be below 0.5: the table, confusion and groups agree."""
    rng = np.random.default_rng(0)
    names, true = SUPERCLASSES[:3], rng.integers(3, size=300)
    signals = rng.integers(-900, 900, (300, 12, 500))
    task = replace(SUPERCLASS, classes=names, members=SUPERCLASS.members[:3], exclusive=True)
    labels = [[f"superclass:{names[k]}"] for k in true]
    small = write_store(tmp_path / "store", signals, labels, folds=[9] * 300)
    classifier = telling(small, rng.normal(size=(300, 3)) + np.eye(3)[true], task)
    scores, table = evaluated(classifier, small, tmp_path / "out", folds=[9])
    assert (table[[f"probability_{name}" for name in names]].max(axis=1) < 0.5).any()
    wanted = np.diag(scores["confusion"]) / np.sum(scores["confusion"], axis=1)
    groups = scores["subgroups"]["all"]["classes"]
    for name, recall in zip(names, wanted, strict=True):
        assert scores["classes"][name]["recall"] == pytest.approx(recall)
        assert groups[name]["sensitivity"] == pytest.approx(recall)
        assert scores["classes"][name]["accuracy"] == pytest.approx(groups[name]["accuracy"])
    page = (tmp_path / "out" / REPORT).read_text()
    assert '<th class="n">threshold</th>' not in page
    assert "Confusion of the likeliest class" in page
    assert "Confusion at the model's threshold" not in page


def test_predictions_have_a_row_an_ecg_as_judged_one_by_one(store, model, tmp_path):
    classifier = model()
    _, table = evaluated(classifier, store, tmp_path, folds=[9])
    assert table["id"].is_unique
    assert set(table["fold"]) == {9}
    answers = classifier.predict([store.record(store.index_of(one)) for one in table["id"]])
    found = [answer.logits[0] for answer in answers]
    np.testing.assert_allclose(table["logit_ABNORMAL"], found, atol=1e-5)


@pytest.mark.parametrize("unlabelled", ["positive", "negative", "drop"])
def test_the_cards_rule_for_unlabelled_records_holds(store, model, tmp_path, unlabelled):
    judged = store.records[store.records["fold"].isin(FOLDS)]
    blank = sum(not len(labels) for labels in judged["labels"])
    abnormal = sum(not set(NORMAL.members[0]).isdisjoint(labels) for labels in judged["labels"])
    assert blank > 3
    scores, table = evaluated(model(replace(NORMAL, unlabelled=unlabelled)), store, tmp_path)
    dropped = blank if unlabelled == "drop" else 0
    assert (scores["n"], scores["n_dropped"]) == (60 - dropped, dropped)
    called = blank if unlabelled == "positive" else 0
    assert table["target_ABNORMAL"].sum() == abnormal + called


def test_normal_is_scored_against_each_superclass(store, model, tmp_path):
    scores, table = evaluated(model(), store, tmp_path)
    labels = store.records.set_index("id")["labels"]
    assert list(scores["normal_against"]) == list(SUPERCLASSES[1:])
    for name, found in scores["normal_against"].items():
        has = table["id"].map(lambda one, name=name: f"superclass:{name}" in labels[one])
        part = table[has | (table["target_ABNORMAL"] == 0)]
        assert_is_scikit_learns(found, part["target_ABNORMAL"], part["probability_ABNORMAL"], 0.5)


def test_the_published_model_scores_as_published(
    shared, published_classifier, fold_9_store, tmp_path
):
    known = json.loads((shared / "reference" / "xai_signalcam_scores.json").read_text())["fold9"]
    found = score(predict_folds(published_classifier, fold_9_store, folds=[9]), replicates=2)
    assert (found["n"], found["confusion"]) == (known["n"], known["confusion"])
    for name in ("accuracy", "auroc", "precision", "recall", "f1"):
        assert found[name] == pytest.approx(known[name], abs=1e-5)
    for name, against in found["normal_against"].items():
        wanted = known[f"normal_vs_{name}"]
        assert against["n"] == wanted["n"]
        assert against["accuracy"] == pytest.approx(wanted["accuracy"], abs=1e-9)
        assert against["auroc"] == pytest.approx(wanted["auroc"], abs=1e-5)


def test_a_table_of_ones_own_is_judged_by_its_column(store, model, tmp_path):
    marked = [["column:ABNORMAL"] if k % 3 == 0 else [] for k in range(30)]
    signals = store.signals_uv(range(30))
    own = write_store(tmp_path / "own", signals, marked, folds=[9] * 30)
    scores, table = evaluated(model(), own, tmp_path / "out")
    assert scores["n"] == 30
    assert table["target_ABNORMAL"].tolist() == [k % 3 == 0 for k in range(30)]
    assert "normal_against" not in scores


def test_a_model_of_fewer_leads_finds_its_own_in_the_store(store, model, tmp_path):
    classifier = model(leads=("V5", "I"))
    _, table = evaluated(classifier, store, tmp_path, folds=[9])
    numbers = [store.index_of(one) for one in table["id"]]
    rows = [LEADS.index("V5"), LEADS.index("I")]
    wanted, _ = classifier.run(store.signals_mv(numbers)[:, rows])
    np.testing.assert_allclose(table["logit_ABNORMAL"], wanted[:, 0], atol=1e-5)


def test_records_are_judged_in_blocks_and_told_as_they_are(store, model, monkeypatch):
    whole = predict_folds(model(), store, folds=FOLDS)
    monkeypatch.setattr(evaluating, "_BLOCK", 7)
    told = []
    parts = predict_folds(model(), store, folds=FOLDS, progress=lambda *done: told.append(done))
    np.testing.assert_allclose(parts.logits, whole.logits, atol=1e-5)
    assert told == [(min(k + 7, 60), 60) for k in range(0, 60, 7)]


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
        match="folds 77 hold no record for the task 'normal'; there are the folds 1, 2",
    ):
        write_evaluation(model(), store, tmp_path / "out", folds=[77])
    assert not (tmp_path / "out").exists()


def test_the_surest_hits_and_the_worst_misses_by_hand(tmp_path):
    labels = [["superclass:NORM"], ["superclass:MI"]] * 4
    signals = np.random.default_rng(0).integers(-900, 900, (8, 12, 500))
    small = write_store(tmp_path / "store", signals, labels, folds=[9] * 8)
    logits = [[-1.0], [3], [-4], [-2], [2.5], [0.1], [-0.5], [-3]]
    judged = predict_folds(telling(small, logits), small, folds=[9])
    surest, worst = surest_and_worst(judged, 3)
    assert surest == [2, 1, 0]
    assert worst == [7, 4, 3]
    assert surest_and_worst(judged, 99) == ([2, 1, 0, 6, 5], [7, 4, 3])
    strict = predict_folds(telling(small, logits, thresholds=[0.97]), small, folds=[9])
    assert surest_and_worst(strict, 9)[1] == [7, 3, 5, 1]


def test_a_record_is_surely_right_only_if_every_class_is(tmp_path):
    labels = [["superclass:NORM"], ["superclass:MI", "superclass:CD"]]
    signals = np.random.default_rng(0).integers(-900, 900, (2, 12, 500))
    small = write_store(tmp_path / "store", signals, labels, folds=[9, 9])
    told = [[9, -9, -9, -9, -9], [-9, 9, -9, 9, 0.1]]
    judged = predict_folds(telling(small, told, SUPERCLASS), small, folds=[9])
    assert surest_and_worst(judged, 5) == ([0], [1])


def test_the_report_has_the_numbers_and_loads_nothing(store, model, tmp_path):
    scores, _ = evaluated(model(), store, tmp_path)
    page = (tmp_path / REPORT).read_text()
    for name in ("auroc", "accuracy", "precision", "recall", "f1", "average_precision"):
        assert f"{scores[name]:.3f}" in page
    for against in scores["normal_against"].values():
        assert f"{against['auroc']:.3f}" in page
    assert not re.search(r'(src|href)\s*=\s*["\']?\s*(https?:)?//', page)
    assert not re.search(r"<script|@import|url\((?!data:)", page)


def test_a_report_of_several_classes_has_them_all(store, model, tmp_path):
    scores, _ = evaluated(model(SUPERCLASS), store, tmp_path)
    page = (tmp_path / REPORT).read_text()
    for name, one in scores["classes"].items():
        assert f"<td>{name}</td>" in page
        assert f"{one['auroc']:.3f}" in page
    assert f"{scores['macro_auroc']:.3f}" in page


@pytest.fixture(scope="module")
def points(store, model):
    """Makes the operating points that a card may have, chosen on these folds of the store."""

    def make(task=NORMAL, folds=(5, 6, 7, 8)):
        config = CalibrateConfig(band="coverage=0.8")
        return calibrated(predict_folds(model(task), store, folds=folds), config)[KEY]

    return make


def test_without_operating_points_calibration_is_scored_and_the_page_says_what_is_missing(
    store, model, tmp_path
):
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
def test_stored_points_are_scored_on_other_records(store, model, points, tmp_path, task):
    chosen = points(task)
    scores, table = evaluated(model(task, card={KEY: chosen}), store, tmp_path, folds=[9, 10])
    assert scores["chosen"]["folds"] == [5, 6, 7, 8]
    assert scores["chosen"]["on_these_records"] is False
    page = (tmp_path / REPORT).read_text()
    for name in task.classes:
        found = scores["classes"][name] if len(task.classes) > 1 else scores
        target, probability = table[f"target_{name}"], table[f"probability_{name}"]
        for by, point in chosen["classes"][name]["points"].items():
            called = probability >= np.float32(point["threshold"])
            reached = found["operating_points"][by]
            assert reached["sensitivity"] == pytest.approx(metrics.recall_score(target, called))
            assert f"{reached['sensitivity']:.3f}" in page
    assert scores["seen"]["points_chosen_on"] == []
    assert "Some of the records scored here" not in page
    assert ("for each class by itself, not for all of" in page) == (len(task.classes) > 1)
    assert "The thresholds were chosen on" not in page


@pytest.mark.parametrize("folds", [(8,), (7, 8, 9)])
def test_points_chosen_on_the_very_records_are_called_so(store, model, points, tmp_path, folds):
    scores, _ = evaluated(model(card={KEY: points()}), store, tmp_path, folds=folds)
    assert scores["chosen"]["on_these_records"] is True
    page = (tmp_path / REPORT).read_text()
    assert "Some of the records scored here" in page
    assert "The thresholds were chosen on fold" in page


def test_exclusive_classes_have_no_operating_points(store, model, tmp_path):
    config = CalibrateConfig(threshold="none")
    chosen = calibrated(predict_folds(model(RHYTHM), store, folds=[8]), config)[KEY]
    for card in ({}, {KEY: chosen}):
        scores, _ = evaluated(model(RHYTHM, card=card), store, tmp_path)
        assert scores["classes"]["SR"]["calibration"]["bins"] == 10
        page = (tmp_path / REPORT).read_text()
        assert "the likeliest is the answer, whatever its probability" in page
        assert "ecgcam calibrate" not in page
        assert "Conformal sets" not in page


def test_without_drawing_there_are_three_files(store, model, tmp_path):
    evaluated(model(), store, tmp_path, folds=[9])
    assert {path.name for path in tmp_path.iterdir()} == {METRICS, PREDICTIONS, REPORT}


def test_the_extremes_are_explained_in_folders_beside(store, model, tmp_path, undrawn):
    judged = predict_folds(model(), store, folds=[9])
    surest, worst = surest_and_worst(judged, 1)
    evaluated(model(), store, tmp_path, folds=[9], draw=1)
    page = (tmp_path / REPORT).read_text()
    for folder, (number,) in ((HITS, surest), (MISSES, worst)):
        name = store.records["id"][number]
        assert {path.name for path in (tmp_path / folder).iterdir()} == {
            f"{name}{ending}" for ending in ENDINGS
        }
        assert f'href="{folder}/{name}.html"' in page
        assert f'alt="ECG {name}: Abnormal ECG: ' in page
        ill = judged.targets[judged.indices == number, 0] > 0
        assert f"ECG {name}; labelled: {'ABNORMAL' if ill else 'none of these classes'}" in page
    evaluated(model(), store, tmp_path, folds=[9])
    assert {path.name for path in tmp_path.iterdir()} == {METRICS, PREDICTIONS, REPORT}


def test_what_lies_among_the_drawn_and_was_not_drawn_stays(store, model, tmp_path, undrawn):
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


def test_beside_a_drawn_record_stand_its_statements_and_no_others(store, model, tmp_path, undrawn):
    """What is wrongly decided can be judged only by one who knows what was found."""
    labels = [
        ["statement:NORM", "statement:SR", "superclass:NORM"],
        ["form:ABQRS", "statement:ABQRS", "statement:ASMI", "superclass:MI"],
        ["superclass:CD"],
    ]
    said = write_store(tmp_path / "store", store.signals_uv([0, 1, 3]), labels, folds=[9] * 3)
    evaluated(model(), said, tmp_path / "out", folds=[9], draw=3)
    page = (tmp_path / "out" / REPORT).read_text()
    for caption in (
        "ECG r000; labelled: none of these classes; SCP statements: NORM, SR<",
        "ECG r001; labelled: ABNORMAL; SCP statements: ABQRS, ASMI<",
        "ECG r002; labelled: ABNORMAL<",
    ):
        assert caption in page


def test_of_a_flat_record_among_the_extremes_the_page_says_why_it_was_not_explained(
    store, model, tmp_path, undrawn, monkeypatch
):
    judged = predict_folds(model(), store, folds=[9])
    flat = replace(store.record(int(judged.indices[0])), name="f")
    flat = replace(flat, signal_mv=np.zeros_like(flat.signal_mv))
    monkeypatch.setattr("ecgcam.data.store.Store.record", lambda *_: flat)
    evaluated(model(), store, tmp_path, folds=[9], draw=1)
    assert 'alt="ECG f: no prediction: f: I, II, ' in (tmp_path / REPORT).read_text()


def test_nothing_is_learned_from_the_records_that_are_scored(store, model):
    """The same predictions whatever the labels say."""
    honest = predictions(predict_folds(model(), store, folds=[9]))
    turned = replace(store, records=store.records.assign(labels=[["superclass:MI"]] * 200))
    blind = predictions(predict_folds(model(), turned, folds=[9]))
    assert honest["probability_ABNORMAL"].equals(blind["probability_ABNORMAL"])
    assert blind["target_ABNORMAL"].all()
