"""Two models are set against each other on the same records and the same replicates."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
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

from ecgcam.cli import main
from ecgcam.errors import ModelError
from ecgcam.evaluation.compare import RESULTS, as_text, compare_models
from ecgcam.evaluation.fold_predictions import predict_folds
from ecgcam.inference.classifier import load

FOLDS = (8, 9, 10)
SCORES = ("auroc", "accuracy", "sensitivity", "specificity")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("store") / "store", records=200)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two classifiers of a task that differ in their weights and thresholds."""
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


def test_each_is_scored_as_scikit_learn_does_at_its_own_threshold(pair, store):
    a, b = pair()
    found = compared(a, b, store)["classes"]["ABNORMAL"]
    for side, model, threshold in (("a", a, 0.5), ("b", b, 0.45)):
        judged = predict_folds(model, store, folds=FOLDS)
        target, probability = judged.targets[:, 0], judged.probabilities[:, 0]
        called = probability >= np.float32(threshold)
        expected = {
            "auroc": metrics.roc_auc_score(target, probability),
            "accuracy": metrics.accuracy_score(target, called),
            "sensitivity": metrics.recall_score(target, called),
            "specificity": metrics.recall_score(target, called, pos_label=0),
        }
        assert {score: found[score][side] for score in SCORES} == pytest.approx(expected)
    for score in SCORES:
        assert found[score]["difference"] == pytest.approx(found[score]["a"] - found[score]["b"])


def test_turned_round_the_differences_change_their_sign(pair, store):
    a, b = pair()
    there, back = compared(a, b, store), compared(b, a, store)
    for score in SCORES:
        one, other = there["classes"]["ABNORMAL"][score], back["classes"]["ABNORMAL"][score]
        assert one["difference"] == -other["difference"]
        low, high = one["difference_ci"]
        assert [-high, -low] == pytest.approx(other["difference_ci"])
        assert one["p_value"] == other["p_value"]
        assert (one["a"], one["b_ci"]) == (other["b"], other["a_ci"])
    assert there["wholly_right"]["only_a"] == back["wholly_right"]["only_b"]


def test_a_model_does_not_differ_from_itself(pair, store):
    a, _ = pair()
    found = compared(a, a, store)
    for told in (*found["classes"]["ABNORMAL"].values(), found["wholly_right"]):
        assert (told["difference"], told["difference_ci"], told["p_value"]) == (0, [0, 0], 1)
    assert found["wholly_right"]["only_a"] == found["wholly_right"]["only_b"] == 0


def test_who_alone_is_right_by_hand(tmp_path):
    labels = [["superclass:NORM"], ["superclass:MI"]] * 4
    signals = np.random.default_rng(0).integers(-900, 900, (8, 12, 500))
    small = write_store(tmp_path / "store", signals, labels, folds=[9] * 8)
    right = np.array([-1, 1] * 4)[:, None]
    a, b = right.copy(), right.copy()
    a[:3] *= -1  # wrong of the first three
    b[2:4] *= -1  # wrong of the third and the fourth
    found = compared(telling(small, a), telling(small, b), small, folds=[9])
    whole = found["wholly_right"]
    assert (whole["a"], whole["b"], whole["difference"]) == (5 / 8, 6 / 8, -1 / 8)
    assert (whole["only_a"], whole["only_b"]) == (1, 2)
    assert "1 records only A has wholly right, 2 only B" in as_text(found)


def test_several_classes_are_compared_each_and_in_the_mean(pair, store):
    a, b = pair(SUPERCLASS)
    found = compared(a, b, store)
    assert list(found["classes"]) == list(SUPERCLASSES)
    differences = [found["classes"][name]["auroc"]["difference"] for name in SUPERCLASSES]
    assert found["macro"]["auroc"]["difference"] == pytest.approx(np.mean(differences))
    judged = predict_folds(a, store, folds=FOLDS)
    whole = metrics.accuracy_score(judged.targets, judged.decisions)  # every class right
    assert found["wholly_right"]["a"] == pytest.approx(whole)
    text = as_text(found)
    for name in (*SUPERCLASSES, "mean", "every"):
        assert re.search(rf"^{name} ", text, re.M)
    json.dumps(found, allow_nan=False)


def test_of_exclusive_classes_the_likeliest_counts(pair, store):
    a, b = pair(RHYTHM)
    found = compared(a, b, store)
    judged = predict_folds(b, store, folds=FOLDS)
    right = judged.probabilities.argmax(1) == judged.targets.argmax(1)
    assert found["wholly_right"]["b"] == pytest.approx(right.mean())


def test_models_of_other_leads_can_be_compared(pair, store, tmp_path):
    whole, _ = pair()
    one = load(tiny_model(tmp_path / "one.safetensors", leads=("I",)))
    found = compared(whole, one, store)
    assert (len(found["a"]["leads"]), found["b"]["leads"]) == (12, ["I"])


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        (SUPERCLASS, "classes = ABNORMAL and classes = NORM, MI, STTC, CD, HYP. Needed"),
        (replace(NORMAL, unlabelled="drop"), "unlabelled = positive and unlabelled = drop"),
        (
            replace(NORMAL, members=(("superclass:MI",),), name="mi"),
            "members = .*HYP.* and members = .*MI",
        ),
    ],
)
def test_models_of_other_tasks_are_refused(pair, store, tmp_path, task, reason):
    a, _ = pair()
    other = load(tiny_model(tmp_path / "other.safetensors", task=task))
    with pytest.raises(ModelError, match=rf"different tasks: {reason}"):
        compared(a, other, store)


def test_the_progress_is_of_both(pair, store):
    told = []
    compared(*pair(), store, progress=lambda *done: told.append(done))
    assert told == [(60, 120), (120, 120)]


def test_the_command_prints_a_table_and_leaves_the_numbers(store, tmp_path, capsys):
    files = [tiny_model(tmp_path / f"{seed}.safetensors", seed=seed) for seed in (1, 2)]
    command = [str(word) for word in ("compare", *files, store.folder, "--fold", "8-10")]
    assert main([*command, "--bootstrap", "20"]) == 0
    printed = capsys.readouterr().out
    assert f"A  {files[0]}\nB  {files[1]}\n60 records of fold 8-10\n" in printed
    assert main([*command, "--bootstrap", "20", "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == f"{printed}{tmp_path / 'out' / RESULTS}\n"
    found = json.loads((tmp_path / "out" / RESULTS).read_text(), parse_constant=pytest.fail)
    auroc = found["classes"]["ABNORMAL"]["auroc"]
    assert f"AUROC        {auroc['a']:.4f} [{auroc['a_ci'][0]:.4f}" in printed


def test_the_published_weights_against_themselves_with_another_threshold(
    published_classifier, fold_9_store
):
    """The AUROC knows no threshold; sensitivity is bought with specificity."""
    some = replace(fold_9_store, records=fold_9_store.records[:600])
    lower = load_with_threshold(published_classifier, 0.3)
    found = compared(lower, published_classifier, some, folds=[9])["classes"]["ABNORMAL"]
    assert found["auroc"]["difference_ci"] == [0, 0]
    assert found["sensitivity"]["difference_ci"][0] > 0
    assert found["specificity"]["difference_ci"][1] < 0


def load_with_threshold(classifier, threshold):
    from copy import copy

    other = copy(classifier)
    other.thresholds = np.array([threshold], np.float32)
    return other


def test_another_seed_draws_other_patients(tmp_path):
    store = tiny_store(tmp_path / "store")
    a, b = (load(tiny_model(tmp_path / f"{k}.safetensors", seed=k)) for k in (1, 2))
    once, again, other = (
        compare_models(a, b, store, folds=(8, 9), seed=seed, replicates=20)["classes"]
        for seed in (1, 1, 2)
    )
    assert once == again != other
