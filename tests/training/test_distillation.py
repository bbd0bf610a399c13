"""Distillation: teachers' probabilities blended into the targets, each for its own class."""

import numpy as np
import pandas as pd
import pytest
import torch
from support.tiny import (
    NORMAL,
    RHYTHM,
    SUPERCLASS,
    TINY,
    changed,
    tiny_model,
    tiny_store,
    trained_on,
)
from torch.nn.functional import binary_cross_entropy_with_logits

from ecgcam.errors import DatasetError, ModelError
from ecgcam.evaluation.leakage import digest_tables
from ecgcam.inference.loading import load
from ecgcam.inference.modelfile import copy_with_card, load_network, read_card
from ecgcam.training.class_mapping import student_classes
from ecgcam.training.distillation import distill_targets
from ecgcam.training.run_folder import METRICS
from ecgcam.training.trainer import train


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("store") / "store")


def predicted(path, store):
    classifier = load(path)
    signals_mv = store.signals_mv(store.indices())
    return classifier.probabilities(classifier.run(signals_mv)[0])


def distill(store, classes, teachers, **settings):
    """Targets of 1, blended with the teachers' predictions."""
    ones = np.ones((len(store.records), len(classes)), np.float32)
    return distill_targets(ones, classes, teachers, store, store.indices(), **settings)


ABNORMAL = student_classes(NORMAL)


def test_targets_are_blended_with_the_teachers_probability_by_weight(store, tmp_path):
    path = tiny_model(tmp_path / "teacher.safetensors")
    unknown = student_classes(SUPERCLASS)[:1]
    blended = distill(store, unknown + ABNORMAL, [path], weight=0.3)
    assert (blended[:, 0] == 1).all()  # the teacher does not predict this class
    np.testing.assert_allclose(blended[:, 1], 0.7 + 0.3 * predicted(path, store)[:, 0], rtol=1e-5)


def test_several_teachers_count_by_their_mean_for_the_classes_that_each_predicts(store, tmp_path):
    first, second = (tiny_model(tmp_path / f"{k}.safetensors", seed=k) for k in (1, 2))
    many = tiny_model(tmp_path / "many.safetensors", task=SUPERCLASS)
    blended = distill(
        store, student_classes(SUPERCLASS) + ABNORMAL, [first, many, second], weight=1.0
    )
    np.testing.assert_allclose(blended[:, :5], predicted(many, store), rtol=1e-5)
    of_many = 1 - predicted(many, store)[:, 0] * (1 - predicted(many, store)[:, 1:]).prod(1)
    mean = (predicted(first, store)[:, 0] + predicted(second, store)[:, 0] + of_many) / 3
    np.testing.assert_allclose(blended[:, 5], mean, rtol=1e-5)


def test_the_loss_against_blended_targets_is_the_weighted_sum_of_the_losses():
    """The claim of the module's docstring."""
    logits, hard, probability = torch.randn(9), torch.ones(9), torch.rand(9)
    blended = binary_cross_entropy_with_logits(logits, 0.6 * hard + 0.4 * probability)
    losses = [binary_cross_entropy_with_logits(logits, target) for target in (hard, probability)]
    torch.testing.assert_close(blended, 0.6 * losses[0] + 0.4 * losses[1])


def test_out_of_fold_a_teacher_predicts_no_record_that_it_was_trained_on(store, tmp_path):
    paths = [tmp_path / f"{k}.safetensors" for k in (1, 2)]
    for seed, path in enumerate(paths):
        tiny_model(path, seed=seed, card=trained_on(store, seed + 1, seed + 2))  # 1, 2 and 2, 3
    blended = distill(store, ABNORMAL, paths, weight=1.0, out_of_fold=True)[:, 0]
    folds = store.records["fold"].to_numpy()
    first, second = (predicted(path, store)[:, 0] for path in paths)
    cases = [folds == 1, folds == 2, folds == 3]
    expected = np.select(cases, [second, 1.0, first], (first + second) / 2)
    np.testing.assert_allclose(blended, expected, rtol=1e-5)


def test_out_of_fold_a_teacher_trained_on_all_folds_is_refused(store, tmp_path):
    path = tiny_model(tmp_path / "teacher.safetensors", card=trained_on(store, *range(1, 11)))
    with pytest.raises(DatasetError, match=r"teacher\.safetensors: .* trained on all folds"):
        distill(store, ABNORMAL, [path], weight=0.5, out_of_fold=True)


def test_out_of_fold_a_teacher_of_another_split_predicts_only_folds_without_its_training_records(
    store, tmp_path
):
    """It was trained on fold 1 of another store: on records that now are in folds 3 and 4."""
    path = tiny_model(tmp_path / "teacher.safetensors", card=trained_on(store, 1))
    card = read_card(path) | {"fold_digests": {"another store": fold_digests_of(store, 3, 4)}}
    card["provenance"]["data"] = {"fingerprint": "another store"}
    blended = distill(store, ABNORMAL, [save_with(path, card)], weight=1.0, out_of_fold=True)[:, 0]
    folds = store.records["fold"].to_numpy()
    expected = np.where(np.isin(folds, [3, 4]), 1.0, predicted(path, store)[:, 0])
    np.testing.assert_allclose(blended, expected, rtol=1e-5)


def fold_digests_of(store, *folds):
    """Return the digests of these folds as those of fold 1."""
    (table,) = digest_tables(store).values()
    return {"1": [digest for fold in folds for digest in table[str(fold)]]}


def save_with(path, card):
    return copy_with_card(path, card, path)


def test_out_of_fold_a_teacher_of_unknown_data_is_refused(store, tmp_path):
    path = tiny_model(tmp_path / "teacher.safetensors")
    with pytest.raises(DatasetError, match=r"teacher\.safetensors: it is not known which of these"):
        distill(store, ABNORMAL, [path], weight=0.5, out_of_fold=True)


def test_targets_of_exclusive_classes_add_up_to_1(store, tmp_path):
    path = tiny_model(tmp_path / "teacher.safetensors", task=RHYTHM)
    blended = distill(store, student_classes(RHYTHM)[::-1], [path], weight=1.0)
    np.testing.assert_allclose(blended, predicted(path, store)[:, ::-1], rtol=1e-5)
    np.testing.assert_allclose(blended.sum(1), 1, rtol=1e-5)


def test_a_teacher_of_other_classes_is_refused(store, tmp_path):
    path = tiny_model(tmp_path / "teacher.safetensors")
    with pytest.raises(DatasetError, match=r"teacher\.safetensors: .*none of the classes to learn"):
        distill(store, student_classes(SUPERCLASS), [path], weight=0.5)


def test_a_teacher_of_other_signals_is_refused(store, tmp_path):
    path = tiny_model(tmp_path / "teacher.safetensors", rate_hz=50.0)
    with pytest.raises(ModelError, match="the model takes 250 samples at 50 Hz; .* holds 500"):
        distill(store, ABNORMAL, [path], weight=0.5)


def loss_against(targets, model, store, indices):
    """Compute the loss of a run's network that hardly moved, on these records as one batch."""
    network, _ = load_network(model)
    prepared = network.preprocess(torch.from_numpy(store.signals_mv(indices)))
    with torch.no_grad():
        logits = network.train().logits(prepared)
    return float(binary_cross_entropy_with_logits(logits, torch.from_numpy(targets)))


@pytest.mark.parametrize("online", [False, True])
@pytest.mark.parametrize("out_of_fold", [False, True])
def test_a_runs_loss_is_against_the_blended_targets(store, tmp_path, online, out_of_fold):
    """Out of fold, the teacher predicts only folds 5 to 8."""
    teacher = tiny_model(tmp_path / "teacher.safetensors", card=trained_on(store, 1, 2, 3, 4))
    still = changed(epochs=1, augmentation="none", learning_rate=1e-12, batch=1000)
    settings = {"weight": 0.75, "online": online, "out_of_fold": out_of_fold}
    model = train(store, tmp_path / "run", changed(still, teachers=(str(teacher),), **settings))
    hard = store.labelled(NORMAL, folds=TINY.data.train_folds)
    seen = store.records["fold"].to_numpy()[hard.indices] < 5
    weight = np.where(seen & out_of_fold, 0, 0.75).astype(np.float32)[:, None]
    soft = (1 - weight) * hard.targets + weight * predicted(teacher, store)[hard.indices]
    loss = pd.read_csv(tmp_path / "run" / METRICS)["train_loss"][0]
    assert loss == pytest.approx(loss_against(soft, model, store, hard.indices), abs=1e-4)
    assert read_card(model)["provenance"]["recipe"]["distillation"]["teachers"] == [str(teacher)]


@pytest.mark.parametrize("online", [False, True])
def test_a_shipped_model_is_a_teacher_by_its_name(tmp_path, online):
    store = tiny_store(tmp_path / "store", samples=1000)
    scale = "none"  # that of the shipped model
    recipe = changed(epochs=1, teachers=("superclass",), online=online, scale=scale)
    card = read_card(train(store, tmp_path / "run", recipe))
    assert card["provenance"]["recipe"]["distillation"]["teachers"] == ["superclass"]
    train(store, tmp_path / "run", resume=True)


def test_an_unknown_teacher_is_refused(store, tmp_path):
    with pytest.raises(ModelError, match="nobody: no such model"):
        train(store, tmp_path / "run", changed(teachers=("nobody",)))
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_resumed_with_a_changed_teacher(store, tmp_path):
    teacher = tiny_model(tmp_path / "teacher.safetensors")
    train(store, tmp_path / "run", changed(epochs=1, teachers=(str(teacher),)))
    tiny_model(teacher, seed=2)
    with pytest.raises(DatasetError, match="the teachers changed"):
        train(store, tmp_path / "run", resume=True)
