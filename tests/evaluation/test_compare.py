"""Two models are compared on the same records and the same replicates."""

import json
import re
from copy import copy
from dataclasses import replace

import numpy as np
import pytest
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

from ecgcam.cli import main
from ecgcam.cli.compare_command import format_comparison
from ecgcam.errors import ModelError
from ecgcam.evaluation.compare import RESULTS, compare_models
from ecgcam.evaluation.fold_predictions import predict_folds
from ecgcam.inference.loading import load

FOLDS = (8, 9, 10)
SCORES = ("auroc", "accuracy", "sensitivity", "specificity")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("store") / "store", records=200)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Return a function that makes two models of a task with other weights and thresholds."""
    folder = tmp_path_factory.mktemp("models")

    def make(task=NORMAL, **config):
        return tuple(
            load(
                tiny_model(
                    folder / f"{task.name}-{seed}.safetensors",
                    task=task,
                    seed=seed,
                    card={"thresholds": [threshold] * len(task.classes)},
                    **config,
                )
            )
            for seed, threshold in ((1, 0.5), (2, 0.45))
        )

    return make


def compared(a, b, store, **settings):
    return compare_models(a, b, store, **{"folds": FOLDS, "replicates": 50} | settings)


def test_each_model_is_scored_at_its_own_threshold(pair, store):
    a, b = pair()
    scores = compared(a, b, store)["classes"]["ABNORMAL"]
    for side, model, threshold in (("a", a, 0.5), ("b", b, 0.45)):
        predictions = predict_folds(model, store, folds=FOLDS)
        target, probability = predictions.targets[:, 0], predictions.probabilities[:, 0]
        decision = probability >= np.float32(threshold)
        expected = {
            "auroc": metrics.roc_auc_score(target, probability),
            "accuracy": metrics.accuracy_score(target, decision),
            "sensitivity": metrics.recall_score(target, decision),
            "specificity": metrics.recall_score(target, decision, pos_label=0),
        }
        assert {score: scores[score][side] for score in SCORES} == pytest.approx(expected)
    for score in SCORES:
        assert scores[score]["difference"] == pytest.approx(scores[score]["a"] - scores[score]["b"])


def test_swapping_the_models_changes_the_sign_of_the_differences(pair, store):
    a, b = pair()
    forward, backward = compared(a, b, store), compared(b, a, store)
    for score in SCORES:
        ab, ba = (x["classes"]["ABNORMAL"][score] for x in (forward, backward))
        assert ab["difference"] == -ba["difference"]
        low, high = ab["difference_ci"]
        assert [-high, -low] == pytest.approx(ba["difference_ci"])
        assert ab["p_value"] == ba["p_value"]
        assert (ab["a"], ab["b_ci"]) == (ba["b"], ba["a_ci"])
    assert forward["exact_match"]["only_a"] == backward["exact_match"]["only_b"]


def test_a_model_does_not_differ_from_itself(pair, store):
    a, _ = pair()
    results = compared(a, a, store)
    for pair_of in (*results["classes"]["ABNORMAL"].values(), results["exact_match"]):
        change = pair_of["difference"], pair_of["difference_ci"], pair_of["p_value"]
        assert change == (0, [0, 0], 1)
    assert results["exact_match"]["only_a"] == results["exact_match"]["only_b"] == 0


def test_exact_matches_by_hand(tmp_path):
    labels = [["superclass:NORM"], ["superclass:MI"]] * 4
    signals = np.random.default_rng(0).integers(-900, 900, (8, 12, 500))
    small = write_store(tmp_path / "store", signals, labels, folds=[9] * 8)
    correct = np.array([-1, 1] * 4)[:, None]
    a, b = correct.copy(), correct.copy()
    a[:3] *= -1  # A is wrong for the first three
    b[2:4] *= -1  # B is wrong for the third and fourth
    results = compared(fixed_classifier(small, a), fixed_classifier(small, b), small, folds=[9])
    match = results["exact_match"]
    assert (match["a"], match["b"], match["difference"]) == (5 / 8, 6 / 8, -1 / 8)
    assert (match["only_a"], match["only_b"]) == (1, 2)
    text = format_comparison(results)
    assert "Records with every class correct: 1 only by A, 2 only by B." in text


def test_several_classes_are_compared_separately_and_on_average(pair, store):
    a, b = pair(SUPERCLASS)
    results = compared(a, b, store)
    assert list(results["classes"]) == list(SUPERCLASSES)
    differences = [results["classes"][name]["auroc"]["difference"] for name in SUPERCLASSES]
    assert results["macro"]["auroc"]["difference"] == pytest.approx(np.mean(differences))
    predictions = predict_folds(a, store, folds=FOLDS)
    subset_accuracy = metrics.accuracy_score(predictions.targets, predictions.decisions)
    assert results["exact_match"]["a"] == pytest.approx(subset_accuracy)
    text = format_comparison(results)
    for name in (*SUPERCLASSES, "mean", "all"):
        assert re.search(rf"^{name} ", text, re.M)
    json.dumps(results, allow_nan=False)


def test_the_most_probable_of_exclusive_classes_is_the_decision(pair, store):
    a, b = pair(RHYTHM)
    results = compared(a, b, store)
    predictions = predict_folds(b, store, folds=FOLDS)
    correct = predictions.probabilities.argmax(1) == predictions.targets.argmax(1)
    assert results["exact_match"]["b"] == pytest.approx(correct.mean())


def test_models_with_different_leads_can_be_compared(pair, store, tmp_path):
    twelve, _ = pair()
    one = load(tiny_model(tmp_path / "one.safetensors", leads=("I",)))
    results = compared(twelve, one, store)
    assert (len(results["a"]["leads"]), results["b"]["leads"]) == (12, ["I"])


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        (SUPERCLASS, "classes = ABNORMAL and classes = NORM, MI, STTC, CD, HYP. Compare"),
        (replace(NORMAL, unlabelled="drop"), "unlabelled = positive and unlabelled = drop"),
        (
            replace(NORMAL, members=(("superclass:MI",),), name="mi"),
            "members = .*HYP.* and members = .*MI",
        ),
    ],
)
def test_models_of_different_tasks_are_refused(pair, store, tmp_path, task, reason):
    a, _ = pair()
    other = load(tiny_model(tmp_path / "other.safetensors", task=task))
    with pytest.raises(ModelError, match=rf"different tasks: {reason}"):
        compared(a, other, store)


def test_progress_covers_both_models(pair, store):
    calls = []
    compared(*pair(), store, progress=lambda *done: calls.append(done))
    assert calls == [(60, 120), (120, 120)]


def test_the_command_prints_a_table_and_writes_compare_json(store, tmp_path, capsys):
    files = [tiny_model(tmp_path / f"{seed}.safetensors", seed=seed) for seed in (1, 2)]
    command = [str(word) for word in ("compare", *files, store.folder, "--fold", "8-10")]
    assert main([*command, "--bootstrap", "20"]) == 0
    printed = capsys.readouterr().out
    assert f"A  {files[0]}\nB  {files[1]}\n60 records of fold 8-10\n" in printed
    assert main([*command, "--bootstrap", "20", "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == f"{printed}{tmp_path / 'out' / RESULTS}\n"
    results = json.loads((tmp_path / "out" / RESULTS).read_text(), parse_constant=pytest.fail)
    auroc = results["classes"]["ABNORMAL"]["auroc"]
    assert f"AUROC        {auroc['a']:.4f} [{auroc['a_ci'][0]:.4f}" in printed


def test_a_lower_threshold_of_the_published_model_trades_specificity_for_sensitivity(
    published_classifier, fold_9_store
):
    some = replace(fold_9_store, records=fold_9_store.records[:600])
    lower = copy(published_classifier)
    lower.thresholds = np.array([0.3], np.float32)
    results = compared(lower, published_classifier, some, folds=[9])["classes"]["ABNORMAL"]
    assert results["auroc"]["difference_ci"] == [0, 0]
    assert results["sensitivity"]["difference_ci"][0] > 0
    assert results["specificity"]["difference_ci"][1] < 0


def test_another_seed_draws_other_patients(tmp_path):
    store = tiny_store(tmp_path / "store")
    a, b = (load(tiny_model(tmp_path / f"{k}.safetensors", seed=k)) for k in (1, 2))
    once, again, other = (
        compare_models(a, b, store, folds=(8, 9), seed=seed, replicates=20)["classes"]
        for seed in (1, 1, 2)
    )
    assert once == again != other
