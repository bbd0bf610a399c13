"""Every grouping contains each record once; a group's scores are those of its records."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn import metrics
from support.fixed_logits import fixed_classifier
from support.tiny import RHYTHM, SUPERCLASS, SUPERCLASSES, tiny_model, tiny_store

from ecgcam.evaluation.fold_predictions import predict_folds
from ecgcam.evaluation.scoring import score
from ecgcam.evaluation.subgroups import FEW, groups_of, score_subgroups
from ecgcam.inference.loading import load
from ecgcam.reports.evaluation_report import HEADINGS, METRICS, draw_subgroups, write_evaluation

FOLDS = (1, 2, 3, 4)
COUNT = 400


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Return 400 records of 200 patients with age, sex, device, site, quality and noise."""
    rng = np.random.default_rng(5)
    whole = tiny_store(tmp_path_factory.mktemp("subgroups") / "store", records=COUNT, samples=500)
    columns = {
        "patient": np.arange(COUNT) // 2,
        "fold": 1 + np.arange(COUNT) // 2 % 4,
        "age_years": rng.choice([15, 39.9, 40, 59, 60, 79, 80, 90, np.nan], COUNT),
        "sex": rng.choice(np.array(["male", "female", None], object), COUNT),
        "device": rng.choice(["AT-6", "CS-12", "<b>$x$"], COUNT, p=[0.6, 0.35, 0.05]),
        "site": np.where(rng.random(COUNT) < 0.5, "home", rng.integers(0, 40, COUNT).astype(str)),
        "quality": [["flat V5"] if x < 0.1 else [] for x in rng.random(COUNT)],
        "noise": np.where(rng.random(COUNT) < 0.2, "static_noise", ""),
    }
    return replace(whole, records=whole.records.assign(**columns))


@pytest.fixture(scope="module")
def predictions(store):
    rng = np.random.default_rng(6)
    abnormal = np.arange(COUNT) % 2
    logits = rng.normal(1.5 * abnormal - 0.5, 1)[:, None]
    return predict_folds(fixed_classifier(store, logits), store, folds=FOLDS)


def test_age_groups_by_hand():
    ages = pd.DataFrame({"age_years": [0, 39.9, 40, 59.9, 60, 79, 80, 90, 300, np.nan, -1]})
    groups = groups_of(ages)["age"]
    assert list(groups) == [
        *["under 40"] * 2, *["40 to 59"] * 2, *["60 to 79"] * 2, *["80 and over"] * 3,
        *["unknown"] * 2,
    ]  # fmt: skip
    assert list(groups.categories) == ["under 40", "40 to 59", "60 to 79", "80 and over", "unknown"]


def test_ages_hidden_by_ptb_xl_are_in_the_oldest_group(ptbxl_source, ptbxl_tables):
    table = pd.read_csv(ptbxl_tables / "ptbxl_database.csv")
    hidden = (table["age"] == 300).to_numpy()
    assert hidden.sum() > 100
    age = groups_of(ptbxl_source.records)["age"]
    assert set(age[hidden]) == {"80 and over"}
    assert (age[table["age"] < 40] == "under 40").all()


def test_small_sites_form_one_group():
    sizes = dict(zip("abcdefghijk", (100, 90, 80, 70, 60, 50, 47, 46, 45, 3, 1), strict=True))
    sites = pd.Series([name for name, n in sizes.items() for _ in range(n)] + [None] * 4)
    groups = groups_of(pd.DataFrame({"site": sites}))["site"]
    assert groups.value_counts().to_dict() == {
        **{name: sizes[name] for name in "abcdefgh"}, "others (3)": 49, "unknown": 4
    }  # fmt: skip
    assert list(groups.categories) == [*"abcdefgh", "others (3)", "unknown"]


def test_the_most_common_device_of_the_training_folds_is_a_group_of_fold_9(ptbxl_source):
    """It is not hidden among "others", although fold 9 has few of its records."""
    records = ptbxl_source.records
    most_common = records["device"][records["fold"] <= 8].mode()[0]
    devices = groups_of(records[records["fold"] == 9])["device"]
    assert most_common in devices.categories


def test_a_group_too_small_for_few_positives_and_negatives_is_merged():
    sites = pd.Series(["a"] * 50 + ["b"] * (2 * FEW) + ["c"] * (2 * FEW - 1) + ["d"] * 2)
    groups = groups_of(pd.DataFrame({"site": sites}))["site"]
    assert list(groups.categories) == ["a", "b", "others (2)"]


def test_a_single_small_group_keeps_its_name():
    groups = groups_of(pd.DataFrame({"device": ["a"] * 50 + ["b"] * 3}))["device"]
    assert list(groups.categories) == ["a", "b"]


def test_columns_without_values_give_no_grouping():
    blank = {"age_years": [np.nan] * 3, "sex": [None] * 3, "device": ["x"] * 3, "quality": [[]] * 3}
    assert groups_of(pd.DataFrame(blank)) == {}
    assert groups_of(pd.DataFrame({"id": [1, 2]})) == {}


def test_without_groupings_there_is_nothing_to_draw(predictions):
    store = predictions.store
    bare = replace(store, records=store.records[["id", "fold", "patient"]])
    subgroups = score_subgroups(replace(predictions, store=bare), replicates=3)
    assert subgroups["by"] == {}
    assert subgroups["all"]["n"] == COUNT
    assert draw_subgroups(subgroups, {}) == []


def test_every_grouping_contains_each_record_once(predictions):
    subgroups = score_subgroups(predictions, replicates=3)
    assert list(subgroups["by"]) == list(HEADINGS)
    for groups in subgroups["by"].values():
        assert sum(group["n"] for group in groups.values()) == len(predictions.indices) == COUNT
        assert sum(group["positives"] for group in groups.values()) == predictions.targets.sum()


def test_a_groups_scores_agree_with_scikit_learn(predictions):
    subgroups = score_subgroups(predictions, replicates=50)["by"]
    records = predictions.store.records.iloc[predictions.indices]
    for kind, name, inside in [
        ("sex", "female", records["sex"] == "female"),
        ("sex", "unknown", records["sex"].isna()),
        ("device", "<b>$x$", records["device"] == "<b>$x$"),
        ("quality", "found", records["quality"].map(len) > 0),
        ("noise", "none noted", records["noise"] == ""),
    ]:
        target, probability = predictions.targets[inside, 0], predictions.probabilities[inside, 0]
        scores, decision = subgroups[kind][name], probability >= 0.5
        specificity = metrics.recall_score(target, decision, pos_label=0)
        assert scores["n"] == inside.sum()
        assert scores["positives"] == target.sum()
        assert scores["auroc"] == pytest.approx(metrics.roc_auc_score(target, probability))
        assert scores["sensitivity"] == pytest.approx(metrics.recall_score(target, decision))
        assert scores["specificity"] == pytest.approx(specificity)
        low, high = scores["auroc_ci"]
        assert low <= scores["auroc"] <= high


def test_the_scores_of_all_records_equal_those_of_metrics_json(predictions):
    all_records = score_subgroups(predictions, seed=3, replicates=40)["all"]
    scores = score(predictions, seed=3, replicates=40)
    for name, other in [("auroc", "auroc"), ("sensitivity", "recall"), ("accuracy", "accuracy")]:
        assert all_records[name] == pytest.approx(scores[other])
        assert all_records[f"{name}_ci"] == pytest.approx(scores[f"{other}_ci"])


@pytest.mark.parametrize(
    ("positives", "negatives", "few"), [(20, 20, False), (19, 170, True), (30, 19, True)]
)
def test_a_group_with_few_positives_or_negatives_is_marked(predictions, positives, negatives, few):
    groups = np.full(COUNT, "other", object)
    groups[np.flatnonzero(predictions.targets[:, 0] > 0)[:positives]] = "some"
    groups[np.flatnonzero(predictions.targets[:, 0] == 0)[:negatives]] = "some"
    records = predictions.store.records.copy()
    records.loc[predictions.indices, "sex"] = groups
    grouped = replace(predictions, store=replace(predictions.store, records=records))
    scores = score_subgroups(grouped, replicates=2)["by"]["sex"]["some"]
    assert (scores["positives"], scores["negatives"]) == (positives, negatives)
    assert scores["few"] is few


def test_intervals_are_over_patients(store):
    """Two equal records of one patient count as one, so the interval is √2 times as wide."""
    patient = np.arange(COUNT) // 4 * 2 + np.arange(COUNT) % 2  # both abnormal, or neither
    logits = np.random.default_rng(1).normal(size=COUNT)[patient][:, None]
    records = store.records.assign(labels=[["superclass:MI"], ["superclass:NORM"]] * (COUNT // 2))
    widths = []
    for patients in (patient, np.arange(COUNT)):
        regrouped = replace(store, records=records.assign(patient=patients))
        classifier = fixed_classifier(regrouped, logits)
        predictions = predict_folds(classifier, regrouped, folds=FOLDS)
        scores = score_subgroups(predictions, replicates=400)["all"]
        widths.append(np.diff(scores["accuracy_ci"]))
    assert widths[0] / widths[1] == pytest.approx(2**0.5, rel=0.2)


def test_several_classes_are_scored_separately_and_on_average(store):
    logits = np.random.default_rng(2).normal(size=(COUNT, 5))
    classifier = fixed_classifier(store, logits, SUPERCLASS)
    subgroups = score_subgroups(predict_folds(classifier, store, folds=FOLDS), replicates=3)
    group = subgroups["by"]["device"]["AT-6"]
    assert list(group["classes"]) == list(SUPERCLASSES)
    aurocs = [of_class["auroc"] for of_class in group["classes"].values()]
    assert group["macro_auroc"] == pytest.approx(np.mean(aurocs))
    assert group["few"] == any(of_class["few"] for of_class in group["classes"].values())
    json.dumps(subgroups, allow_nan=False)


def test_the_most_probable_of_exclusive_classes_is_the_decision(store, monkeypatch):
    blank = Figure(figsize=(1, 1))
    monkeypatch.setattr("ecgcam.reports.evaluation_report.draw_forest", lambda *_, **__: blank)
    logits = np.random.default_rng(2).normal(size=(COUNT, 2))
    predictions = predict_folds(fixed_classifier(store, logits, RHYTHM), store, folds=FOLDS)
    subgroups = score_subgroups(predictions, replicates=3)
    rhythms = subgroups["all"]["classes"]
    accuracy = (predictions.decisions.argmax(1) == predictions.targets.argmax(1)).mean()
    assert rhythms["SR"]["accuracy"] == rhythms["AFIB"]["accuracy"] == pytest.approx(accuracy)
    assert rhythms["SR"]["sensitivity"] == pytest.approx(rhythms["AFIB"]["specificity"])
    drawn = draw_subgroups(subgroups, {"SR": "Sinus rhythm (SR)", "AFIB": "AFIB"})
    assert [part["name"] for part in drawn] == [None, "Sinus rhythm (SR)", "AFIB"]
    group = subgroups["by"]["device"]["AT-6"]
    assert drawn[0]["by"]["recording device"]["AT-6"]["auroc"] == group["macro_auroc"]
    assert drawn[2]["by"]["recording device"]["AT-6"] == group["classes"]["AFIB"]
    assert all(part["picture"].startswith("data:image/svg+xml") for part in drawn)


def test_a_model_that_is_never_wrong_is_not_reported_as_certain(store, predictions, tmp_path):
    """A sensitivity of 1 in a small group has a wide interval, an AUROC of 1 none; both drawn."""
    assert predictions.indices.tolist() == list(range(COUNT))
    perfect = fixed_classifier(store, 18 * predictions.targets - 9)
    report = write_evaluation(perfect, store, tmp_path / "out", folds=FOLDS, replicates=30)
    scores = json.loads((tmp_path / "out" / METRICS).read_text(), parse_constant=pytest.fail)
    records = store.records[(predictions.targets[:, 0] > 0) & (store.records["device"] == "<b>$x$")]
    small = scores["subgroups"]["by"]["device"]["<b>$x$"]
    assert (small["sensitivity"], small["auroc"], small["auroc_ci"]) == (1, 1, None)
    low = 0.025 ** (1 / records["patient"].nunique())
    assert small["sensitivity_ci"] == pytest.approx([low, 1])
    assert scores["recall_ci"][0] > low
    page = report.read_text()
    assert "1.000–1.000" not in page
    assert f"{low:.3f}–1.000" in page
    assert f"{small['auroc']:.3f}" in page


def test_the_report_shows_the_subgroups(synthetic_store, tmp_path):
    model = load(tiny_model(tmp_path / "model.safetensors", duration_s=10.0))
    report = write_evaluation(model, synthetic_store, tmp_path / "out", folds=[9, 10], replicates=3)
    scores = json.loads((tmp_path / "out" / METRICS).read_text(), parse_constant=pytest.fail)
    subgroups = scores["subgroups"]
    assert subgroups["all"]["auroc"] == pytest.approx(scores["auroc"])
    assert set(subgroups["by"]["sex"]) == {"female", "male"}
    page = report.read_text()
    assert '<section id="subgroups">' in page
    for group in subgroups["by"]["sex"].values():
        assert f"{group['specificity']:.3f}" in page


def test_the_subgroups_of_fold_9_of_ptb_xl(published_classifier, fold_9_store):
    predictions = predict_folds(published_classifier, fold_9_store, folds=[9])
    subgroups = score_subgroups(predictions, replicates=50)
    assert subgroups["all"]["auroc"] == pytest.approx(0.9325, abs=5e-5)
    by = subgroups["by"]
    assert by["sex"]["female"]["n"] + by["sex"]["male"]["n"] == 2183
    assert sum(group["n"] for group in by["age"].values()) == 2183
    assert by["age"]["80 and over"]["n"] == 298
    assert by["quality"]["found"]["few"]
