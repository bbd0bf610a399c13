"""Online distillation: teachers predict each batch as the student sees it."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from support.tiny import (
    NORMAL,
    RHYTHM,
    SUPERCLASS,
    changed,
    tiny_model,
    tiny_network,
    tiny_store,
    trained_on,
)

from ecgcam.errors import DatasetError, ModelError
from ecgcam.inference.loading import load
from ecgcam.inference.modelfile import load_network, read_card
from ecgcam.nn.preprocess import PreprocessConfig
from ecgcam.training import train
from ecgcam.training.class_mapping import student_classes
from ecgcam.training.distillation import OnlineDistillation, out_of_fold_records
from ecgcam.training.run_folder import LAST, MODEL


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("store") / "store")


def batch(*, samples=500):
    return torch.randn(6, 12, samples, generator=torch.Generator().manual_seed(3))


def predicted(path, prepared):
    """Predict with the network as it is, before its norms are fused."""
    network, card = load_network(path)
    with torch.no_grad():
        return (network.eval().logits(prepared) / card["temperature"]).sigmoid()


def student(**settings):
    return replace(tiny_network().config, **settings)


def test_targets_are_blended_with_the_predictions_for_this_batch(tmp_path):
    first, second = (
        tiny_model(tmp_path / f"{k}.safetensors", seed=k, card={"temperature": 1.5}) for k in (1, 2)
    )
    many = tiny_model(tmp_path / "many.safetensors", task=SUPERCLASS)
    wanted = student_classes(NORMAL, ["statement:SR"]) + student_classes(SUPERCLASS)[::-1]
    online = OnlineDistillation([first, many, second], wanted, student(), weight=0.75)
    for prepared in (batch(), batch(samples=250)):  # a crop too
        hard = torch.randint(2, (6, 7), generator=torch.Generator().manual_seed(1)).float()
        blended = online.blend(prepared, hard, torch.arange(6))
        abnormal = (
            1
            - predicted(many, prepared)[:, :1]
            * (1 - predicted(many, prepared)[:, 1:]).prod(1)[:, None]
        )
        mean = (predicted(first, prepared) + predicted(second, prepared) + abnormal) / 3
        torch.testing.assert_close(blended[:, :1], 0.25 * hard[:, :1] + 0.75 * mean)
        assert torch.equal(blended[:, 1], hard[:, 1])  # no teacher predicts it
        of_many = predicted(many, prepared).flip(1)
        torch.testing.assert_close(blended[:, 2:], 0.25 * hard[:, 2:] + 0.75 * of_many)


def select_from(store, *folds):
    """Return the selection of out-of-fold records, for one training record of each fold."""
    records = [store.indices(folds=[fold])[0] for fold in folds]
    return partial(out_of_fold_records, store=store, indices=np.array(records))


def test_out_of_fold_each_record_is_predicted_by_teachers_not_trained_on_it(store, tmp_path):
    first, second = (
        tiny_model(tmp_path / f"{k}.safetensors", seed=k, card=trained_on(store, k, 3))
        for k in (1, 2)
    )
    folds = np.array([1, 2, 3, 4, 1, 2, 3, 4])  # none predicts fold 3, both fold 4
    online = OnlineDistillation(
        [first, second], student_classes(NORMAL), student(),
        weight=0.5, out_of_fold=select_from(store, *folds),
    )  # fmt: skip
    indices, hard = torch.tensor([7, 2, 0, 1, 4, 6]), torch.ones(6, 1)
    blended = online.blend(batch(), hard, indices)
    by_first, by_second = predicted(first, batch()), predicted(second, batch())
    wanted = torch.where(
        torch.from_numpy(folds)[indices, None] == 4,
        (by_first + by_second) / 2,
        torch.where(torch.from_numpy(folds)[indices, None] == 1, by_second, by_first),
    )
    wanted[[1, 5]] = 1.0  # of fold 3
    torch.testing.assert_close(blended, (hard + wanted) / 2)


def test_a_batch_that_no_teacher_predicts_stays(store, tmp_path):
    path = tiny_model(tmp_path / "1.safetensors", card=trained_on(store, 1))
    select = select_from(store, *[1] * 6, 2)
    online = OnlineDistillation(
        [path], student_classes(NORMAL), student(), weight=1.0, out_of_fold=select
    )
    hard = torch.randint(2, (6, 1)).float()
    assert torch.equal(online.blend(batch(), hard, torch.arange(6)), hard)


def test_a_teacher_trained_on_all_folds_is_refused(store, tmp_path):
    path = tiny_model(tmp_path / "1.safetensors", card=trained_on(store, 1, 2))
    with pytest.raises(DatasetError, match=r"1\.safetensors: .* trained on all folds"):
        OnlineDistillation(
            [path], student_classes(NORMAL), student(),
            weight=1.0, out_of_fold=select_from(store, 1, 2),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"leads": ("I", "II")}, "leads"),
        ({"rate_hz": 50.0}, "rate_hz"),
        ({"preprocess": PreprocessConfig(scale="none")}, "preprocess"),
    ],
)
def test_a_teacher_of_other_signals_is_refused(tmp_path, settings, name):
    path = tiny_model(tmp_path / "teacher.safetensors")
    with pytest.raises(ModelError, match=rf"teacher\.safetensors: {name} of this teacher is"):
        OnlineDistillation([path], student_classes(NORMAL), student(**settings), weight=0.5)


def test_a_teacher_of_other_classes_is_refused(tmp_path):
    path = tiny_model(tmp_path / "teacher.safetensors")
    with pytest.raises(DatasetError, match="none of the classes to learn"):
        OnlineDistillation([path], student_classes(SUPERCLASS), student(), weight=0.5)


def test_a_resumed_run_ends_with_the_same_result(store, tmp_path):
    teacher = tiny_model(tmp_path / "teacher.safetensors")
    recipe = changed(epochs=2, teachers=(str(teacher),), online=True, crop_s=2.5)
    whole = train(store, tmp_path / "whole", recipe)
    assert read_card(whole)["provenance"]["recipe"]["distillation"]["online"] is True

    class Interrupted(Exception):
        pass

    def interrupt(row):
        raise Interrupted

    with pytest.raises(Interrupted):
        train(store, tmp_path / "interrupted", recipe, on_epoch=interrupt)
    train(store, tmp_path / "interrupted", resume=True)
    assert (tmp_path / "interrupted" / MODEL).read_bytes() == whole.read_bytes()


def test_the_teachers_are_neither_trained_nor_saved(store, tmp_path):
    teacher = tiny_model(tmp_path / "teacher.safetensors")
    before = teacher.read_bytes()
    recipe = changed(epochs=1, teachers=(str(teacher),), online=True)
    train(store, tmp_path / "taught", recipe)
    train(store, tmp_path / "alone", changed(recipe, teachers=(), online=False))
    kept = [torch.load(tmp_path / run / LAST, weights_only=True) for run in ("taught", "alone")]
    assert kept[0]["state_dict"].keys() == kept[1]["state_dict"].keys()
    assert teacher.read_bytes() == before


def test_a_teacher_of_exclusive_classes_predicts_their_softmax(tmp_path):
    path = tiny_model(tmp_path / "rhythm.safetensors", task=RHYTHM)
    signal_mv = torch.randn(6, 12, 500, generator=torch.Generator().manual_seed(3))
    network = tiny_network(classes=2)
    online = OnlineDistillation([path], student_classes(RHYTHM), network.config, weight=1.0)
    blended = online.blend(network.preprocess(signal_mv), torch.zeros(6, 2), torch.arange(6))
    teacher = load(path)
    wanted = teacher.probabilities(teacher.run(signal_mv.numpy())[0])
    np.testing.assert_allclose(blended, wanted, rtol=1e-4)
    torch.testing.assert_close(blended.sum(1), torch.ones(6))


def test_the_predictions_of_teachers_have_no_gradient(tmp_path):
    path = tiny_model(tmp_path / "a.safetensors")
    online = OnlineDistillation([path], student_classes(NORMAL), tiny_network().config, weight=1.0)
    blended = online.blend(torch.randn(2, 12, 500), torch.zeros(2, 1), torch.arange(2))
    assert not blended.requires_grad
