"""Every record is in one group of each kind, and a group's scores are those of its records."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from sklearn import metrics
from support.fixed_logits import telling
from support.tiny import RHYTHM, SUPERCLASS, SUPERCLASSES, tiny_model, tiny_store

from ecgcam.evaluation.fold_predictions import predict_folds
from ecgcam.evaluation.scoring import score
from ecgcam.evaluation.subgroups import FEW, groups_of, score_subgroups
from ecgcam.inference.classifier import load
from ecgcam.reports.evaluation_report import HEADINGS, METRICS, drawn_subgroups, write_evaluation

FOLDS = (1, 2, 3, 4)
COUNT = 400


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """400 records of 200 patients of whom some things are known."""
    rng = np.random.default_rng(5)
    whole = tiny_store(tmp_path_factory.mktemp("subgroups") / "store", records=COUNT, samples=500)
    known = {
        "patient": np.arange(COUNT) // 2,
        "fold": 1 + np.arange(COUNT) // 2 % 4,
        "age_years": rng.choice([15, 39.9, 40, 59, 60, 79, 80, 90, np.nan], COUNT),
        "sex": rng.choice(np.array(["male", "female", None], object), COUNT),
        "device": rng.choice(["AT-6", "CS-12", "<b>$x$"], COUNT, p=[0.6, 0.35, 0.05]),
        "site": np.where(rng.random(COUNT) < 0.5, "home", rng.integers(0, 40, COUNT).astype(str)),
        "quality": [["flat V5"] if one < 0.1 else [] for one in rng.random(COUNT)],
        "noise": np.where(rng.random(COUNT) < 0.2, "static_noise", ""),
    }
    return replace(whole, records=whole.records.assign(**known))


@pytest.fixture(scope="module")
def judged(store):
    rng = np.random.default_rng(6)
    abnormal = np.arange(COUNT) % 2
    return predict_folds(
        telling(store, rng.normal(1.5 * abnormal - 0.5, 1)[:, None]), store, folds=FOLDS
    )


def test_ages_fall_into_their_bands():
    ages = pd.DataFrame({"age_years": [0, 39.9, 40, 59.9, 60, 79, 80, 90, 300, np.nan, -1]})
    found = groups_of(ages)["age"]
    assert list(found) == [
        *["under 40"] * 2, *["40 to 59"] * 2, *["60 to 79"] * 2, *["80 and over"] * 3,
        *["unknown"] * 2,
    ]  # fmt: skip
    assert list(found.categories) == ["under 40", "40 to 59", "60 to 79", "80 and over", "unknown"]


def test_ages_that_ptb_xl_hides_are_among_the_oldest(ptbxl_source, ptbxl_tables):
    table = pd.read_csv(ptbxl_tables / "ptbxl_database.csv")
    hidden = (table["age"] == 300).to_numpy()
    assert hidden.sum() > 100
    age = groups_of(ptbxl_source.records)["age"]
    assert set(age[hidden]) == {"80 and over"}
    assert (age[table["age"] < 40] == "under 40").all()


def test_the_largest_sites_have_names_and_the_others_are_together():
    sizes = dict(zip("abcdefghijk", (100, 90, 80, 70, 60, 50, 47, 46, 45, 3, 1), strict=True))
    sites = pd.Series([name for name, n in sizes.items() for _ in range(n)] + [None] * 4)
    found = groups_of(pd.DataFrame({"site": sites}))["site"]
    assert found.value_counts().to_dict() == {
        **{name: sizes[name] for name in "abcdefgh"}, "others (3)": 49, "unknown": 4
    }  # fmt: skip
    assert list(found.categories) == [*"abcdefgh", "others (3)", "unknown"]


def test_the_device_most_common_in_training_has_a_name_in_fold_9(ptbxl_source):
    """What a model was taught by is not lost among others because fold 9 has little of it."""
    records = ptbxl_source.records
    taught_by = records["device"][records["fold"] <= 8].mode()[0]
    devices = groups_of(records[records["fold"] == 9])["device"]
    assert taught_by in devices.categories


def test_a_group_too_small_for_enough_of_either_kind_has_no_name():
    sites = pd.Series(["a"] * 50 + ["b"] * (2 * FEW) + ["c"] * (2 * FEW - 1) + ["d"] * 2)
    found = groups_of(pd.DataFrame({"site": sites}))["site"]
    assert list(found.categories) == ["a", "b", "others (2)"]


def test_one_small_group_alone_keeps_its_name():
    found = groups_of(pd.DataFrame({"device": ["a"] * 50 + ["b"] * 3}))["device"]
    assert list(found.categories) == ["a", "b"]


def test_what_a_store_does_not_know_is_left_out():
    blank = {"age_years": [np.nan] * 3, "sex": [None] * 3, "device": ["x"] * 3, "quality": [[]] * 3}
    assert groups_of(pd.DataFrame(blank)) == {}
    assert groups_of(pd.DataFrame({"id": [1, 2]})) == {}


def test_without_anything_known_there_is_nothing_to_draw(judged):
    bare = replace(judged.store, records=judged.store.records[["id", "fold", "patient"]])
    told = score_subgroups(replace(judged, store=bare), replicates=3)
    assert told["by"] == {}
    assert told["all"]["n"] == COUNT
    assert drawn_subgroups(told) == []


def test_the_groups_of_each_kind_hold_every_record_once(judged):
    told = score_subgroups(judged, replicates=3)
    assert list(told["by"]) == list(HEADINGS)
    for groups in told["by"].values():
        assert sum(group["n"] for group in groups.values()) == len(judged.indices) == COUNT
        assert sum(group["positives"] for group in groups.values()) == judged.targets.sum()


def test_a_groups_scores_are_scikit_learns_of_its_records(judged):
    told = score_subgroups(judged, replicates=50)["by"]
    records = judged.store.records.iloc[judged.indices]
    for kind, name, inside in [
        ("sex", "female", records["sex"] == "female"),
        ("sex", "unknown", records["sex"].isna()),
        ("device", "<b>$x$", records["device"] == "<b>$x$"),
        ("quality", "found", records["quality"].map(len) > 0),
        ("noise", "none noted", records["noise"] == ""),
    ]:
        target, probability = judged.targets[inside, 0], judged.probabilities[inside, 0]
        found = told[kind][name]
        assert found["n"] == inside.sum()
        assert found["positives"] == target.sum()
        assert found["auroc"] == pytest.approx(metrics.roc_auc_score(target, probability))
        called = probability >= 0.5
        assert found["sensitivity"] == pytest.approx(metrics.recall_score(target, called))
        assert found["specificity"] == pytest.approx(
            metrics.recall_score(target, called, pos_label=0)
        )
        low, high = found["auroc_ci"]
        assert low <= found["auroc"] <= high


def test_all_records_together_score_as_in_metrics_json(judged):
    told = score_subgroups(judged, seed=3, replicates=40)["all"]
    scores = score(judged, seed=3, replicates=40)
    for name, other in [("auroc", "auroc"), ("sensitivity", "recall"), ("accuracy", "accuracy")]:
        assert told[name] == pytest.approx(scores[other])
        assert told[f"{name}_ci"] == pytest.approx(scores[f"{other}_ci"])


def test_a_group_is_marked_where_either_kind_is_few(judged):
    for positives, negatives, few in [(20, 20, False), (19, 300, True), (30, 19, True)]:
        labels = np.full(COUNT, "neither", object)
        labels[np.flatnonzero(judged.targets[:, 0] > 0)[:positives]] = "some"
        labels[np.flatnonzero(judged.targets[:, 0] == 0)[:negatives]] = "some"
        records = judged.store.records.copy()
        records.loc[judged.indices, "sex"] = labels
        parted = replace(judged, store=replace(judged.store, records=records))
        if negatives <= (judged.targets[:, 0] == 0).sum():
            found = score_subgroups(parted, replicates=2)["by"]["sex"]["some"]
            assert (found["positives"], found["negatives"], found["few"]) == (
                positives, negatives, few
            )  # fmt: skip


def test_intervals_are_over_patients(store):
    """Two records of one patient, alike in all, tell no more than one: √2 times the width."""
    patient = np.arange(COUNT) // 4 * 2 + np.arange(COUNT) % 2  # both abnormal, or neither
    logits = np.random.default_rng(1).normal(size=COUNT)[patient][:, None]
    records = store.records.assign(labels=[["superclass:MI"], ["superclass:NORM"]] * (COUNT // 2))
    widths = []
    for who in (patient, np.arange(COUNT)):
        known = replace(store, records=records.assign(patient=who))
        judged = predict_folds(telling(known, logits), known, folds=FOLDS)
        widths.append(np.diff(score_subgroups(judged, replicates=400)["all"]["accuracy_ci"]))
    assert widths[0] / widths[1] == pytest.approx(2**0.5, rel=0.2)


def test_several_classes_are_scored_each_and_in_the_mean(store):
    rng = np.random.default_rng(2)
    several = predict_folds(
        telling(store, rng.normal(size=(COUNT, 5)), SUPERCLASS), store, folds=FOLDS
    )
    told = score_subgroups(several, replicates=3)
    group = told["by"]["device"]["AT-6"]
    assert list(group["classes"]) == list(SUPERCLASSES)
    each = [group["classes"][name] for name in SUPERCLASSES]
    assert group["macro_auroc"] == pytest.approx(np.mean([one["auroc"] for one in each]))
    assert group["few"] == any(one["few"] for one in each)
    json.dumps(told, allow_nan=False)


def test_of_exclusive_classes_the_likeliest_is_the_decision(store, monkeypatch):
    blank = Figure(figsize=(1, 1))
    monkeypatch.setattr("ecgcam.reports.evaluation_report.draw_forest", lambda *_, **__: blank)
    rng = np.random.default_rng(2)
    judged = predict_folds(telling(store, rng.normal(size=(COUNT, 2)), RHYTHM), store, folds=FOLDS)
    told = score_subgroups(judged, replicates=3)
    rhythms = told["all"]["classes"]
    right = judged.decisions.argmax(1) == judged.targets.argmax(1)
    assert rhythms["SR"]["accuracy"] == rhythms["AFIB"]["accuracy"] == pytest.approx(right.mean())
    assert rhythms["SR"]["sensitivity"] == pytest.approx(rhythms["AFIB"]["specificity"])
    shown = drawn_subgroups(told)
    assert [part["name"] for part in shown] == [None, "SR", "AFIB"]
    group = told["by"]["device"]["AT-6"]
    assert shown[0]["by"]["recording device"]["AT-6"]["auroc"] == group["macro_auroc"]
    assert shown[2]["by"]["recording device"]["AT-6"] == group["classes"]["AFIB"]
    assert all(part["picture"].startswith("data:image/svg+xml") for part in shown)


def test_a_model_that_is_never_wrong_is_not_called_certain(store, judged, tmp_path):
    """A sensitivity of 1 among few has a wide interval, an AUROC of 1 none; both are drawn."""
    assert judged.indices.tolist() == list(range(COUNT))
    certain = telling(store, 18 * judged.targets - 9)
    report = write_evaluation(certain, store, tmp_path / "out", folds=FOLDS, replicates=30)
    scores = json.loads((tmp_path / "out" / METRICS).read_text(), parse_constant=pytest.fail)
    records = store.records[(judged.targets[:, 0] > 0) & (store.records["device"] == "<b>$x$")]
    few = scores["subgroups"]["by"]["device"]["<b>$x$"]
    assert (few["sensitivity"], few["auroc"], few["auroc_ci"]) == (1, 1, None)
    low = 0.025 ** (1 / records["patient"].nunique())
    assert few["sensitivity_ci"] == pytest.approx([low, 1])
    assert scores["recall_ci"][0] > low
    text = report.read_text()
    assert "1.000 – 1.000" not in text
    assert f"{low:.3f} – 1.000" in text
    assert f"{few['auroc']:.3f}" in text


def test_an_evaluation_holds_and_shows_them(synthetic_store, tmp_path):
    model = load(tiny_model(tmp_path / "model.safetensors", duration_s=10.0))
    report = write_evaluation(model, synthetic_store, tmp_path / "out", folds=[9, 10], replicates=3)
    scores = json.loads((tmp_path / "out" / METRICS).read_text(), parse_constant=pytest.fail)
    told = scores["subgroups"]
    assert told["all"]["auroc"] == pytest.approx(scores["auroc"])
    assert set(told["by"]["sex"]) == {"female", "male"}
    text = report.read_text()
    assert '<section id="subgroups">' in text
    for group in told["by"]["sex"].values():
        assert f"{group['specificity']:.3f}" in text
    assert "few: not to be relied on" in text


def test_real_people(published_classifier, fold_9_store):
    told = score_subgroups(
        predict_folds(published_classifier, fold_9_store, folds=[9]), replicates=50
    )
    assert told["all"]["auroc"] == pytest.approx(0.9325, abs=5e-5)
    assert told["by"]["sex"]["female"]["n"] + told["by"]["sex"]["male"]["n"] == 2183
    assert sum(group["n"] for group in told["by"]["age"].values()) == 2183
    assert told["by"]["age"]["80 and over"]["n"] == 298
    assert told["by"]["quality"]["found"]["few"]
