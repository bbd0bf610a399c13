"""A trial scores as the disturbed signals do, and every model meets the same noise."""

import json
import re
from dataclasses import replace

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
from ecgcam.evaluation.robustness import judge_disturbed, try_model
from ecgcam.evaluation.scoring import score
from ecgcam.evaluation.trials import Trial
from ecgcam.inference.classifier import load
from ecgcam.reports.robustness_report import PAGE, RESULTS, TABLE, report_robustness, table
from ecgcam.signals.leads import LEADS
from ecgcam.signals.perturb import lose_lead, swap_electrodes

FOLDS = (8, 9)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("store") / "store", records=200)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Makes the classifier of a task; the folder holds its file."""
    folder = tmp_path_factory.mktemp("models")

    def make(name="model", task=NORMAL, **config):
        return load(tiny_model(folder / f"{name}.safetensors", task=task, **config))

    return make


@pytest.fixture(scope="module")
def found(models, store):
    return try_model(models(), store, folds=FOLDS, replicates=30)


def of(found, kind, what):
    (trial,) = [one for one in found["trials"] if (one["kind"], one["what"]) == (kind, what)]
    return trial


def identity(**about):
    return Trial(kind="nothing", what="", disturb=lambda signal_mv, _: signal_mv, **about)


def test_undisturbed_it_scores_as_evaluated(found, models, store):
    scores = score(predict_folds(models(), store, folds=FOLDS), replicates=30)
    for name, other in [("auroc", "auroc"), ("sensitivity", "recall"), ("accuracy", "accuracy")]:
        assert found["undisturbed"][name] == pytest.approx(scores[other])
        assert found["undisturbed"][f"{name}_ci"] == pytest.approx(scores[f"{other}_ci"])
    assert (found["task"], found["fold"], found["n"]) == ("normal", [8, 9], scores["n"])


@pytest.mark.parametrize(
    ("kind", "what", "disturb"),
    [
        ("lead flat", "V2", lambda ecgs: lose_lead(ecgs, lead="V2", leads=LEADS)),
        ("electrodes swapped", "RA and LA",
         lambda ecgs: swap_electrodes(ecgs, first="RA", second="LA", leads=LEADS)),
    ],
)  # fmt: skip
def test_a_trial_scores_as_the_disturbed_signals_do(found, models, store, kind, what, disturb):
    classifier = models()
    judged = predict_folds(classifier, store, folds=FOLDS)
    logits, _ = classifier.run(disturb(store.signals_mv(judged.indices)))
    probability, target = classifier.probabilities(logits)[:, 0], judged.targets[:, 0]
    trial = of(found, kind, what)
    assert trial["auroc"] == pytest.approx(metrics.roc_auc_score(target, probability))
    called = probability >= 0.5
    assert trial["sensitivity"] == pytest.approx(metrics.recall_score(target, called))
    assert trial["specificity"] == pytest.approx(metrics.recall_score(target, called, pos_label=0))
    for name in ("auroc", "sensitivity", "specificity", "accuracy"):
        change = trial[name] - found["undisturbed"][name]
        assert trial[f"{name}_change"] == pytest.approx(change)
        low, high = trial[f"{name}_change_ci"]
        assert low <= high


def test_where_nothing_happens_nothing_changes(models, store, monkeypatch):
    monkeypatch.setattr(robustness, "plan", lambda *_, **__: ([identity()], []))
    told = []
    found = try_model(
        models(), store, folds=FOLDS, replicates=10, progress=lambda *done: told.append(done)
    )
    (trial,) = found["trials"]
    assert all(trial[f"{name}_change"] == 0 for name in ("auroc", "sensitivity", "specificity"))
    assert all(trial[f"{name}_change_ci"] == [0, 0] for name in ("auroc", "accuracy"))
    assert told == [(1, 1)]


def seen(monkeypatch, classifier, store, trial, *, seed=0):
    """What the model is given of each record of the folds, by its number."""
    judged = predict_folds(classifier, store, folds=FOLDS)
    rows = [LEADS.index(lead) for lead in classifier.leads]
    given, judge = [], classifier.run
    monkeypatch.setattr(
        classifier, "run", lambda signal_mv: given.append(signal_mv) or judge(signal_mv)
    )
    judge_disturbed(judged, trial, rows=rows, seed=seed)
    return dict(zip(judged.indices.tolist(), np.concatenate(given), strict=True))


@pytest.mark.parametrize("block", [7, 512])
def test_every_model_meets_the_same_noise(models, store, monkeypatch, block):
    """Of other leads, of another task that leaves records out."""
    monkeypatch.setattr(robustness, "_BLOCK", block)
    trial = next(one for one in trials_of(store) if one.kind == "muscle noise")
    whole = seen(monkeypatch, models(), store, trial)
    some = seen(monkeypatch, models("some", leads=("V5", "I")), store, trial)
    other = seen(monkeypatch, models("other", SUPERCLASS), store, trial)
    assert len(other) < len(whole)
    assert other.keys() < whole.keys() == some.keys()
    for number, signal in whole.items():
        np.testing.assert_array_equal(some[number], signal[[10, 0]])
        if number in other:
            np.testing.assert_array_equal(other[number], signal)
    again = seen(monkeypatch, models(), store, trial)
    chance = seen(monkeypatch, models(), store, trial, seed=1)
    number = next(iter(whole))
    np.testing.assert_array_equal(again[number], whole[number])
    assert np.abs(chance[number] - whole[number]).max() > 1e-3


def trials_of(store):
    return robustness.plan(
        store.leads, rate_hz=store.rate_hz, samples=store.samples, rows=range(12)
    )[0]


def test_the_same_seed_gives_the_same_scores(found, models, store):
    assert try_model(models(), store, folds=FOLDS, replicates=30) == found


def test_a_model_of_one_lead_is_tried_with_what_reaches_it(models, store):
    found = try_model(models("one", leads=("I",)), store, folds=FOLDS, replicates=2)
    single = {trial["what"] for trial in found["trials"] if trial["strength"] is None}
    assert single == {"I", "RA and LA", "RA and LL", "LA and LL"}
    assert {one["reason"] for one in found["skipped"] if one["kind"] == "lead flat"} == {
        "it changes no lead that the model uses."
    }
    assert found["leads"] == ["I"]


def test_several_classes_have_each_their_scores(models, store):
    found = try_model(models("several", SUPERCLASS), store, folds=FOLDS, replicates=2)
    json.dumps(found, allow_nan=False)
    trial = of(found, "lead flat", "I")
    assert list(trial["classes"]) == list(SUPERCLASSES)
    changes = [one["auroc_change"] for one in trial["classes"].values()]
    assert trial["macro_auroc_change"] == pytest.approx(np.mean(changes))
    rows = table(found)
    assert len(rows) == 6 * (1 + len(found["trials"]))
    assert rows["class"].unique().tolist() == ["macro", *SUPERCLASSES]


def test_the_table_has_a_row_a_trial(found):
    rows = table(found)
    assert rows["kind"].tolist() == ["undisturbed", *(one["kind"] for one in found["trials"])]
    assert set(rows["class"]) == {"ABNORMAL"}
    (row,) = rows[(rows["kind"] == "coarse steps") & (rows["strength"] == 50)].to_dict("records")
    trial = of(found, "coarse steps", "50 µV")
    assert (row["auroc"], row["auroc_change"]) == (trial["auroc"], trial["auroc_change"])
    assert [row["auroc_change_low"], row["auroc_change_high"]] == trial["auroc_change_ci"]


def test_the_command_leaves_a_page_with_the_numbers_that_loads_nothing(store, tmp_path, capsys):
    model, out = tiny_model(tmp_path / "model.safetensors"), tmp_path / "out"
    command = ["robustness", model, store.folder, "--out", out, "--fold", "8-9", "--bootstrap", 2]
    assert main([str(word) for word in command]) == 0
    said = capsys.readouterr()
    assert said.out == f"{out / PAGE}\n"
    assert re.search(r"disturbances: (\d+) of \1\n$", said.err)
    assert {path.name for path in out.iterdir()} == {RESULTS, TABLE, PAGE}
    found = json.loads((out / RESULTS).read_text(), parse_constant=pytest.fail)
    assert len(pd.read_csv(out / TABLE)) == 1 + len(found["trials"])
    text = (out / PAGE).read_text()
    assert f"{of(found, 'lead flat', 'V6')['auroc']:.3f}" in text
    assert "does not fit in 100 samples a second" in text
    assert "Not a medical device" in text
    assert not re.search(r'(src|href)\s*=\s*["\']?\s*(https?:)?//', text)
    assert not re.search(r"<script|@import|url\((?!data:)", text)


def test_a_store_that_does_not_fit_is_refused_before_anything_is_written(models, store, tmp_path):
    classifier = models("long", duration_s=10.0)
    with pytest.raises(ModelError, match="takes 1000 samples"):
        report_robustness(classifier, store, tmp_path / "out", folds=FOLDS)
    assert not (tmp_path / "out").exists()


def test_noise_wears_a_real_model_down(published_classifier, fold_9_store, monkeypatch):
    """More noise, lower AUROC; arms reversed, most normal ECGs are called abnormal."""
    kept = [("white noise", "24 dB SNR"), ("white noise", "0 dB SNR")]
    kept += [("electrodes swapped", "RA and LA")]
    trials = [one for one in trials_of(fold_9_store) if (one.kind, one.what) in kept]
    monkeypatch.setattr(robustness, "plan", lambda *_, **__: (trials, []))
    some = replace(fold_9_store, records=fold_9_store.records[:500])
    found = try_model(published_classifier, some, folds=[9], replicates=50)
    weak, strong, arms = found["trials"]
    assert abs(weak["auroc_change"]) < 0.005
    assert strong["auroc_change_ci"][1] < -0.01
    assert arms["specificity"] < 0.2


def test_no_two_blocks_of_records_meet_the_same_noise(tmp_path, monkeypatch):
    monkeypatch.setattr(robustness, "_BLOCK", 4)
    store = tiny_store(tmp_path / "store")
    judged = predict_folds(load(tiny_model(tmp_path / "m.safetensors")), store, folds=(8, 9))
    met = []

    def disturb(signal_mv, rng):
        met.append(rng.random())
        return signal_mv

    trial = Trial(kind="noise", what="", disturb=disturb)
    robustness.judge_disturbed(judged, trial, rows=range(12), seed=0)
    assert len(set(met)) == len(met) == len(store.indices(folds=(8, 9))) / 4
