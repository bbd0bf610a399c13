"""What teachers say as targets: their own probabilities, each for the class that it is of."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from support.tiny import NORMAL, RHYTHM, SUPERCLASS, TINY, learned_from, tiny_model, tiny_store
from torch.nn.functional import binary_cross_entropy_with_logits

from ecgcam.errors import DatasetError, ModelError
from ecgcam.inference.classifier import load
from ecgcam.inference.modelfile import load_network, read_card
from ecgcam.nn.preprocess import PreprocessConfig
from ecgcam.training.class_mapping import wanted_classes
from ecgcam.training.run_folder import METRICS
from ecgcam.training.teachers import taught
from ecgcam.training.trainer import train


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("store") / "store")


def said(path, store):
    classifier = load(path)
    signals_mv = store.signals_mv(store.indices())
    return classifier.probabilities(classifier.run(signals_mv)[0])


def soft(store, wanted, teachers, **how):
    hard = np.ones((len(store.records), len(wanted)), np.float32)
    return taught(hard, wanted, teachers, store, store.indices(), **how)


ABNORMAL = wanted_classes(NORMAL)


def test_targets_move_to_what_the_teacher_says_by_its_share(store, tmp_path):
    path = tiny_model(tmp_path / "teacher.safetensors")
    unknown = wanted_classes(SUPERCLASS)[:1]
    found = soft(store, unknown + ABNORMAL, [path], share=0.3)
    assert (found[:, 0] == 1).all()  # it knows nothing of this one
    np.testing.assert_allclose(found[:, 1], 0.7 + 0.3 * said(path, store)[:, 0], rtol=1e-5)


def test_of_several_teachers_the_mean_counts_for_the_classes_that_each_knows(store, tmp_path):
    one, two = (tiny_model(tmp_path / f"{k}.safetensors", seed=k) for k in (1, 2))
    many = tiny_model(tmp_path / "many.safetensors", task=SUPERCLASS)
    found = soft(store, wanted_classes(SUPERCLASS) + ABNORMAL, [one, many, two], share=1.0)
    np.testing.assert_allclose(found[:, :5], said(many, store), rtol=1e-5)
    of_many = 1 - said(many, store)[:, 0] * (1 - said(many, store)[:, 1:]).prod(1)
    mean = (said(one, store)[:, 0] + said(two, store)[:, 0] + of_many) / 3
    np.testing.assert_allclose(found[:, 5], mean, rtol=1e-5)


def test_the_loss_against_mixed_targets_is_the_mix_of_the_losses():
    """What the docstring says of cross-entropy."""
    logits, hard, probability = torch.randn(9), torch.ones(9), torch.rand(9)
    mixed = binary_cross_entropy_with_logits(logits, 0.6 * hard + 0.4 * probability)
    apart = [binary_cross_entropy_with_logits(logits, target) for target in (hard, probability)]
    torch.testing.assert_close(mixed, 0.6 * apart[0] + 0.4 * apart[1])


def test_out_of_fold_a_teacher_says_nothing_of_what_it_has_learned_from(store, tmp_path):
    paths = [tmp_path / f"{k}.safetensors" for k in (1, 2)]
    for seed, path in enumerate(paths):
        tiny_model(path, seed=seed, card=learned_from(seed + 1, seed + 2))  # 1, 2 and 2, 3
    found = soft(store, ABNORMAL, paths, share=1.0, out_of_fold=True)[:, 0]
    folds = store.records["fold"].to_numpy()
    one, two = (said(path, store)[:, 0] for path in paths)
    wanted = np.select([folds == 1, folds == 2, folds == 3], [two, 1.0, one], (one + two) / 2)
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_out_of_fold_a_teacher_that_has_learned_from_every_record_is_refused(store, tmp_path):
    path = tiny_model(tmp_path / "teacher.safetensors", card=learned_from(*range(1, 11)))
    with pytest.raises(DatasetError, match=r"teacher\.safetensors: .* from every fold"):
        soft(store, ABNORMAL, [path], share=0.5, out_of_fold=True)


def test_out_of_fold_a_teacher_that_does_not_say_what_it_has_learned_from_is_refused(
    store, tmp_path
):
    path = tiny_model(tmp_path / "teacher.safetensors")
    with pytest.raises(DatasetError, match=r"teacher\.safetensors: .* does not say which folds"):
        soft(store, ABNORMAL, [path], share=0.5, out_of_fold=True)


def test_what_exclusive_classes_are_taught_comes_to_1(store, tmp_path):
    path = tiny_model(tmp_path / "teacher.safetensors", task=RHYTHM)
    found = soft(store, wanted_classes(RHYTHM)[::-1], [path], share=1.0)
    np.testing.assert_allclose(found, said(path, store)[:, ::-1], rtol=1e-5)
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-5)


def test_a_teacher_of_other_classes_is_refused(store, tmp_path):
    path = tiny_model(tmp_path / "teacher.safetensors")
    with pytest.raises(DatasetError, match=r"teacher\.safetensors: this teacher knows none"):
        soft(store, wanted_classes(SUPERCLASS), [path], share=0.5)


def test_a_teacher_of_other_signals_is_refused(store, tmp_path):
    path = tiny_model(tmp_path / "teacher.safetensors", rate_hz=50.0)
    with pytest.raises(ModelError, match="the model takes 250 samples at 50 Hz; .* holds 500"):
        soft(store, ABNORMAL, [path], share=0.5)


def loss_against(targets, model, store, numbers):
    """By the network of a run that hardly moved it, on all of these records as one batch."""
    network, _ = load_network(model)
    prepared = network.preprocess(torch.from_numpy(store.signals_mv(numbers)))
    with torch.no_grad():
        logits = network.train().logits(prepared)
    return float(binary_cross_entropy_with_logits(logits, torch.from_numpy(targets)))


@pytest.mark.parametrize("each_batch", [False, True])
@pytest.mark.parametrize("out_of_fold", [False, True])
def test_a_run_learns_what_its_teachers_say(store, tmp_path, each_batch, out_of_fold):
    """By its loss: by its share, and out of fold of the folds 5 to 8 alone."""
    teacher = tiny_model(tmp_path / "teacher.safetensors", card=learned_from(1, 2, 3, 4))
    still = replace(TINY, epochs=1, augmentation="none", learning_rate=1e-12, batch=1000)
    how = {"teacher_share": 0.75, "each_batch": each_batch, "out_of_fold": out_of_fold}
    model = train(store, tmp_path / "run", replace(still, teachers=(str(teacher),), **how))
    hard = store.labelled(NORMAL, folds=TINY.train_folds)
    seen = store.records["fold"].to_numpy()[hard.indices] < 5
    share = np.where(seen & out_of_fold, 0, 0.75).astype(np.float32)[:, None]
    soft = (1 - share) * hard.targets + share * said(teacher, store)[hard.indices]
    told = pd.read_csv(tmp_path / "run" / METRICS)["train_loss"][0]
    assert told == pytest.approx(loss_against(soft, model, store, hard.indices), abs=1e-4)
    assert read_card(model)["provenance"]["recipe"]["teachers"] == [str(teacher)]


@pytest.mark.parametrize("each_batch", [False, True])
def test_a_shipped_model_teaches_by_its_name(tmp_path, each_batch):
    store = tiny_store(tmp_path / "store", samples=1000)
    as_the_model_has_it = PreprocessConfig(scale="none")
    how = {"each_batch": each_batch, "preprocess": as_the_model_has_it}
    recipe = replace(TINY, epochs=1, teachers=("superclass",), **how)
    card = read_card(train(store, tmp_path / "run", recipe))
    assert card["provenance"]["recipe"]["teachers"] == ["superclass"]
    train(store, tmp_path / "run", resume=True)


def test_a_teacher_that_is_neither_a_file_nor_a_name_is_refused(store, tmp_path):
    with pytest.raises(ModelError, match="nobody: no such model"):
        train(store, tmp_path / "run", replace(TINY, teachers=("nobody",)))
    assert not (tmp_path / "run").exists()


def test_a_run_whose_teacher_changed_is_not_gone_on_with(store, tmp_path):
    teacher = tiny_model(tmp_path / "teacher.safetensors")
    train(store, tmp_path / "run", replace(TINY, epochs=1, teachers=(str(teacher),)))
    tiny_model(teacher, seed=2)
    with pytest.raises(DatasetError, match="its teachers changed"):
        train(store, tmp_path / "run", resume=True)
