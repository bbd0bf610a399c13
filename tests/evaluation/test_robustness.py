"""Each disturbance is applied to all records, with the same noise for every model."""

import json
import re
from dataclasses import replace
from itertools import groupby

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from support.tiny import (
    NORMAL,
    SUPERCLASS,
    SUPERCLASSES,
    tiny_model,
    tiny_store,
)

from ecgcam.cli import main
from ecgcam.errors import ModelError
from ecgcam.evaluation import robustness
from ecgcam.evaluation.fold_predictions import predict_folds
from ecgcam.evaluation.robustness import (
    SWAPS,
    Disturbance,
    measure_robustness,
    plan_disturbances,
    predict_disturbed,
)
from ecgcam.evaluation.scoring import score
from ecgcam.inference.loading import load
from ecgcam.reports.robustness_report import PAGE, RESULTS, TABLE, report_robustness, table
from ecgcam.signals.leads import LEADS
from ecgcam.signals.perturb import flatten_lead, swap_electrodes

FOLDS = (8, 9)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("store") / "store", records=200)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return a function that makes a classifier of a task; the folder holds its file."""
    folder = tmp_path_factory.mktemp("models")

    def make(name="model", task=NORMAL, **config):
        return load(tiny_model(folder / f"{name}.safetensors", task=task, **config))

    return make


@pytest.fixture(scope="module")
def results(models, store):
    return measure_robustness(models(), store, folds=FOLDS, replicates=30)


@pytest.fixture(scope="module")
def ecgs():
    """Four signals (4, 12, 5000) in mV with regular beats."""
    rng = np.random.default_rng(0)
    beats = (np.arange(5000) % 400 < 25) * rng.normal(0, 1, (4, 12, 1))
    return (beats + rng.normal(0, 0.02, beats.shape)).astype(np.float32)


def planned(leads=LEADS, *, rate_hz=500.0, samples=5000, rows=range(12)):
    return plan_disturbances(leads, rate_hz=rate_hz, samples=samples, rows=rows)


def planned_for(store):
    return planned(store.leads, rate_hz=store.rate_hz, samples=store.samples)[0]


def result_of(results, kind, setting):
    (result,) = (
        result
        for result in results["disturbances"]
        if (result["kind"], result["setting"]) == (kind, setting)
    )
    return result


def identity():
    return Disturbance(kind="none", setting="", apply=lambda signals_mv, _: signals_mv)


def test_undisturbed_scores_equal_those_of_an_evaluation(results, models, store):
    scores = score(predict_folds(models(), store, folds=FOLDS), replicates=30)
    for name, other in [("auroc", "auroc"), ("sensitivity", "recall"), ("accuracy", "accuracy")]:
        assert results["undisturbed"][name] == pytest.approx(scores[other])
        assert results["undisturbed"][f"{name}_ci"] == pytest.approx(scores[f"{other}_ci"])
    assert (results["task"], results["fold"], results["n"]) == ("normal", [8, 9], scores["n"])


@pytest.mark.parametrize(
    ("kind", "setting", "disturb"),
    [
        ("lead flat", "V2", lambda ecgs: flatten_lead(ecgs, lead="V2", leads=LEADS)),
        ("electrodes swapped", "RA and LA",
         lambda ecgs: swap_electrodes(ecgs, first="RA", second="LA", leads=LEADS)),
    ],
)  # fmt: skip
def test_scores_are_those_of_the_disturbed_signals(results, models, store, kind, setting, disturb):
    classifier = models()
    predictions = predict_folds(classifier, store, folds=FOLDS)
    logits, *_ = classifier.run(disturb(store.signals_mv(predictions.indices)))
    probability, target = classifier.probabilities(logits)[:, 0], predictions.targets[:, 0]
    scores, decision = result_of(results, kind, setting), probability >= 0.5
    specificity = metrics.recall_score(target, decision, pos_label=0)
    assert scores["auroc"] == pytest.approx(metrics.roc_auc_score(target, probability))
    assert scores["sensitivity"] == pytest.approx(metrics.recall_score(target, decision))
    assert scores["specificity"] == pytest.approx(specificity)
    for name in ("auroc", "sensitivity", "specificity", "accuracy"):
        change = scores[name] - results["undisturbed"][name]
        assert scores[f"{name}_change"] == pytest.approx(change)
        low, high = scores[f"{name}_change_ci"]
        assert low <= high


def test_a_disturbance_that_does_nothing_changes_no_score(models, store, monkeypatch):
    monkeypatch.setattr(robustness, "plan_disturbances", lambda *_, **__: ([identity()], []))
    calls = []
    results = measure_robustness(
        models(), store, folds=FOLDS, replicates=10, progress=lambda *done: calls.append(done)
    )
    (scores,) = results["disturbances"]
    assert all(scores[f"{name}_change"] == 0 for name in ("auroc", "sensitivity", "specificity"))
    assert all(scores[f"{name}_change_ci"] == [0, 0] for name in ("auroc", "accuracy"))
    assert calls == [(1, 1)]


def disturbed_signals(monkeypatch, classifier, store, disturbance, *, seed=0):
    """Return the signals that the model receives, by the index of the record."""
    predictions = predict_folds(classifier, store, folds=FOLDS)
    rows = [LEADS.index(lead) for lead in classifier.leads]
    inputs, run = [], classifier.run
    monkeypatch.setattr(
        classifier, "run", lambda signal_mv: inputs.append(signal_mv) or run(signal_mv)
    )
    predict_disturbed(predictions, disturbance, rows=rows, seed=seed)
    return dict(zip(predictions.indices.tolist(), np.concatenate(inputs), strict=True))


@pytest.mark.parametrize("block", [7, 512])
def test_every_model_gets_the_same_noise(models, store, monkeypatch, block):
    """A model with other leads, and one of a task that leaves records out."""
    monkeypatch.setattr(robustness, "_BLOCK", block)
    noise = next(planned for planned in planned_for(store) if planned.kind == "muscle noise")
    signals = disturbed_signals(monkeypatch, models(), store, noise)
    two_leads = disturbed_signals(monkeypatch, models("two", leads=("V5", "I")), store, noise)
    other_task = disturbed_signals(monkeypatch, models("other", SUPERCLASS), store, noise)
    assert len(other_task) < len(signals)
    assert other_task.keys() < signals.keys() == two_leads.keys()
    for index, signal in signals.items():
        np.testing.assert_array_equal(two_leads[index], signal[[10, 0]])
        if index in other_task:
            np.testing.assert_array_equal(other_task[index], signal)
    again = disturbed_signals(monkeypatch, models(), store, noise)
    other_seed = disturbed_signals(monkeypatch, models(), store, noise, seed=1)
    index = next(iter(signals))
    np.testing.assert_array_equal(again[index], signals[index])
    assert np.abs(other_seed[index] - signals[index]).max() > 1e-3


def test_no_two_blocks_get_the_same_noise(tmp_path, monkeypatch):
    monkeypatch.setattr(robustness, "_BLOCK", 4)
    store = tiny_store(tmp_path / "store")
    model = load(tiny_model(tmp_path / "model.safetensors"))
    predictions = predict_folds(model, store, folds=(8, 9))
    drawn = []

    def draw(signals_mv, rng):
        drawn.append(rng.random())
        return signals_mv

    noise = Disturbance(kind="noise", setting="", apply=draw)
    predict_disturbed(predictions, noise, rows=range(12), seed=0)
    assert len(set(drawn)) == len(drawn) == len(store.indices(folds=(8, 9))) / 4


def test_the_same_seed_gives_the_same_scores(results, models, store):
    assert measure_robustness(models(), store, folds=FOLDS, replicates=30) == results


def test_a_one_lead_model_skips_disturbances_of_other_leads(models, store):
    results = measure_robustness(models("one", leads=("I",)), store, folds=FOLDS, replicates=2)
    settings = {
        result["setting"] for result in results["disturbances"] if result["strength"] is None
    }
    assert settings == {"I", "RA and LA", "RA and LL", "LA and LL"}
    skipped = [skip for skip in results["skipped"] if skip["kind"] == "lead flat"]
    assert {skip["reason"] for skip in skipped} == {"it changes no lead that the model uses."}
    assert results["leads"] == ["I"]


def test_each_of_several_classes_has_its_scores(models, store):
    results = measure_robustness(models("several", SUPERCLASS), store, folds=FOLDS, replicates=2)
    json.dumps(results, allow_nan=False)
    scores = result_of(results, "lead flat", "I")
    assert list(scores["classes"]) == list(SUPERCLASSES)
    changes = [of_class["auroc_change"] for of_class in scores["classes"].values()]
    assert scores["macro_auroc_change"] == pytest.approx(np.mean(changes))
    rows = table(results)
    assert len(rows) == 6 * (1 + len(results["disturbances"]))
    assert rows["class"].unique().tolist() == ["macro", *SUPERCLASSES]


def test_the_table_has_one_row_per_disturbance(results):
    rows = table(results)
    kinds = [result["kind"] for result in results["disturbances"]]
    assert rows["kind"].tolist() == ["undisturbed", *kinds]
    assert set(rows["class"]) == {"ABNORMAL"}
    (row,) = rows[(rows["kind"] == "coarse steps") & (rows["strength"] == 50)].to_dict("records")
    scores = result_of(results, "coarse steps", "50 µV")
    assert (row["auroc"], row["auroc_change"]) == (scores["auroc"], scores["auroc_change"])
    assert [row["auroc_change_low"], row["auroc_change_high"]] == scores["auroc_change_ci"]


def test_the_command_writes_scores_and_a_self_contained_page(store, tmp_path, capsys):
    model, out = tiny_model(tmp_path / "model.safetensors"), tmp_path / "out"
    command = ["robustness", model, store.folder, "--out", out, "--fold", "8-9", "--bootstrap", 2]
    assert main([str(word) for word in command]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{out / PAGE}\n"
    assert re.search(r"disturbances: (\d+) of \1\n$", printed.err)
    assert {path.name for path in out.iterdir()} == {RESULTS, TABLE, PAGE}
    results = json.loads((out / RESULTS).read_text(), parse_constant=pytest.fail)
    assert len(pd.read_csv(out / TABLE)) == 1 + len(results["disturbances"])
    page = (out / PAGE).read_text()
    assert f"{result_of(results, 'lead flat', 'V6')['auroc']:.3f}" in page
    assert "mains hum of 60 Hz" in page
    assert "Not a medical device" in page
    assert not re.search(r'(src|href)\s*=\s*["\']?\s*(https?:)?//', page)
    assert not re.search(r"<script|@import|url\((?!data:)", page)


def test_a_store_that_does_not_fit_is_refused_before_anything_is_written(models, store, tmp_path):
    classifier = models("long", duration_s=10.0)
    with pytest.raises(ModelError, match="takes 1000 samples"):
        report_robustness(classifier, store, tmp_path / "out", folds=FOLDS)
    assert not (tmp_path / "out").exists()


def test_noise_and_swapped_arms_degrade_the_published_model(
    published_classifier, fold_9_store, monkeypatch
):
    kept = [("white noise", "24 dB SNR"), ("white noise", "0 dB SNR")]
    kept += [("electrodes swapped", "RA and LA")]
    plan = [each for each in planned_for(fold_9_store) if (each.kind, each.setting) in kept]
    monkeypatch.setattr(robustness, "plan_disturbances", lambda *_, **__: (plan, []))
    some = replace(fold_9_store, records=fold_9_store.records[:500])
    results = measure_robustness(published_classifier, some, folds=[9], replicates=50)
    weak, strong, arms = results["disturbances"]
    assert abs(weak["auroc_change"]) < 0.005
    assert strong["auroc_change_ci"][1] < -0.01
    assert arms["specificity"] < 0.2


def test_at_500_hz_with_12_leads_nothing_is_skipped():
    plan, skipped = planned()
    assert skipped == []
    kinds = [kind for kind, _ in groupby(disturbance.kind for disturbance in plan)]
    assert kinds == [
        "white noise", "muscle noise", "mains hum of 50 Hz", "mains hum of 60 Hz",
        "baseline wander", "one-way high-pass", "late start", "coarse steps", "lead flat",
        "electrodes swapped",
    ]  # fmt: skip
    names = [(disturbance.kind, disturbance.setting) for disturbance in plan]
    assert len(set(names)) == len(names)
    assert [setting for kind, setting in names if kind == "lead flat"] == list(LEADS)
    assert ("electrodes swapped", "RA and LA") in names
    assert ("white noise", "24 dB SNR") in names
    assert ("coarse steps", "50 µV") in names


def test_each_kind_goes_from_weak_to_strong(ecgs):
    graded = [disturbance for disturbance in planned()[0] if disturbance.strength is not None]
    for kind, members in groupby(graded, key=lambda disturbance: disturbance.kind):
        change = [
            np.abs(disturbance.apply(ecgs, np.random.default_rng(0)) - ecgs).mean()
            for disturbance in members
        ]
        if kind not in (
            "late start",
            "one-way high-pass",
        ):  # shifted beats may coincide with others
            assert (np.diff(change) > 0).all(), kind


def test_mains_hum_above_half_the_rate_is_skipped_with_the_reason():
    plan, skipped = planned(rate_hz=100.0, samples=1000)
    assert {skip["kind"] for skip in skipped} == {"mains hum of 60 Hz"}
    assert all("at least 120" in skip["reason"] for skip in skipped)
    assert "mains hum of 50 Hz" in {disturbance.kind for disturbance in plan}


@pytest.mark.parametrize(
    ("lead", "settings"),
    [("V1", ["V1", "V1 and V2"]), ("aVF", ["aVF", "RA and LL", "LA and LL"])],
)
def test_disturbances_of_leads_that_the_model_does_not_use_are_skipped(lead, settings):
    plan, skipped = planned(rows=[LEADS.index(lead)])
    single = [disturbance.setting for disturbance in plan if disturbance.strength is None]
    assert single == settings
    assert {skip["reason"] for skip in skipped} == {"it changes no lead that the model uses."}


def test_swaps_that_the_leads_of_a_store_cannot_show_are_skipped():
    plan, skipped = planned(("I", "II"), rows=[0, 1])
    assert "white noise" in {disturbance.kind for disturbance in plan}
    reasons = {skip["setting"]: skip["reason"] for skip in skipped}
    assert "RA and LA" in reasons  # II would show III
    assert "RA and LL" in reasons
    assert "LA and LL" not in reasons  # I and II change places


def test_leads_with_unknown_electrodes_get_no_electrode_noise():
    plan, skipped = planned(("I", "X"), rows=[0, 1])
    assert {disturbance.kind for disturbance in plan} == {
        "white noise", "one-way high-pass", "late start", "coarse steps", "lead flat"
    }  # fmt: skip
    assert "X" in skipped[0]["reason"]


def test_a_start_later_than_the_end_is_skipped():
    _, skipped = planned(samples=500)
    assert [skip["setting"] for skip in skipped if skip["kind"] == "late start"] == ["1 s", "2 s"]


def test_all_pairs_of_adjacent_chest_electrodes_are_swapped():
    chest = [f"V{k}" for k in range(1, 7)]
    assert set(zip(chest[:-1], chest[1:], strict=True)) < set(SWAPS)
