"""Teachers of each batch: what they say of the very signals that the pupil sees."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.tiny import (
    NORMAL,
    RHYTHM,
    SUPERCLASS,
    TINY,
    learned_from,
    tiny_model,
    tiny_network,
    tiny_store,
)

from ecgcam.errors import DatasetError, ModelError
from ecgcam.inference.classifier import load
from ecgcam.inference.modelfile import load_network, read_card
from ecgcam.nn.preprocess import PreprocessConfig
from ecgcam.training.class_mapping import wanted_classes
from ecgcam.training.config import TrainConfig
from ecgcam.training.run_folder import LAST, MODEL
from ecgcam.training.trainer import train
from ecgcam.training.tutors import Tutors


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tiny_store(tmp_path_factory.mktemp("store") / "store")


def batch(*, samples=500):
    return torch.randn(6, 12, samples, generator=torch.Generator().manual_seed(3))


def said(path, prepared):
    """By the network as it is, with its norms."""
    network, card = load_network(path)
    with torch.no_grad():
        return (network.eval().logits(prepared) / card["temperature"]).sigmoid()


def pupil(**settings):
    return replace(tiny_network().config, **settings)


def test_targets_move_to_what_the_teachers_say_of_this_batch(tmp_path):
    one, two = (
        tiny_model(tmp_path / f"{k}.safetensors", seed=k, card={"temperature": 1.5}) for k in (1, 2)
    )
    many = tiny_model(tmp_path / "many.safetensors", task=SUPERCLASS)
    wanted = wanted_classes(NORMAL, ["statement:SR"]) + wanted_classes(SUPERCLASS)[::-1]
    tutors = Tutors([one, many, two], wanted, pupil(), share=0.75)
    for prepared in (batch(), batch(samples=250)):  # a crop too
        hard = torch.randint(2, (6, 7), generator=torch.Generator().manual_seed(1)).float()
        found = tutors.teach(prepared, hard, torch.arange(6))
        abnormal = (
            1 - said(many, prepared)[:, :1] * (1 - said(many, prepared)[:, 1:]).prod(1)[:, None]
        )
        mean = (said(one, prepared) + said(two, prepared) + abnormal) / 3
        torch.testing.assert_close(found[:, :1], 0.25 * hard[:, :1] + 0.75 * mean)
        assert torch.equal(found[:, 1], hard[:, 1])  # nobody knows it
        of_many = said(many, prepared).flip(1)
        torch.testing.assert_close(found[:, 2:], 0.25 * hard[:, 2:] + 0.75 * of_many)


def test_out_of_fold_each_record_is_judged_by_those_that_have_not_learned_from_it(tmp_path):
    one, two = (
        tiny_model(tmp_path / f"{k}.safetensors", seed=k, card=learned_from(k, 3)) for k in (1, 2)
    )
    folds = np.array([1, 2, 3, 4, 1, 2, 3, 4])  # nobody may judge fold 3, both may fold 4
    tutors = Tutors([one, two], wanted_classes(NORMAL), pupil(), share=0.5, folds=folds)
    places, hard = torch.tensor([7, 2, 0, 1, 4, 6]), torch.ones(6, 1)
    found = tutors.teach(batch(), hard, places)
    by_one, by_two = said(one, batch()), said(two, batch())
    wanted = torch.where(
        torch.from_numpy(folds)[places, None] == 4,
        (by_one + by_two) / 2,
        torch.where(torch.from_numpy(folds)[places, None] == 1, by_two, by_one),
    )
    wanted[[1, 5]] = 1.0  # of fold 3
    torch.testing.assert_close(found, (hard + wanted) / 2)


def test_a_batch_that_nobody_may_judge_stays(tmp_path):
    path = tiny_model(tmp_path / "1.safetensors", card=learned_from(1))
    folds = np.array([1] * 6 + [2])
    tutors = Tutors([path], wanted_classes(NORMAL), pupil(), share=1.0, folds=folds)
    hard = torch.randint(2, (6, 1)).float()
    assert torch.equal(tutors.teach(batch(), hard, torch.arange(6)), hard)


def test_a_teacher_that_has_learned_from_every_fold_is_refused(tmp_path):
    path = tiny_model(tmp_path / "1.safetensors", card=learned_from(1, 2))
    with pytest.raises(DatasetError, match=r"1\.safetensors: .* from every fold"):
        Tutors([path], wanted_classes(NORMAL), pupil(), share=1.0, folds=np.array([1, 2]))


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"leads": ("I", "II")}, "leads"),
        ({"rate_hz": 50.0}, "rate_hz"),
        ({"preprocess": PreprocessConfig(scale="none")}, "preprocess"),
    ],
)
def test_a_teacher_that_takes_other_signals_is_refused(tmp_path, settings, what):
    path = tiny_model(tmp_path / "teacher.safetensors")
    with pytest.raises(ModelError, match=rf"teacher\.safetensors: this teacher's {what} is"):
        Tutors([path], wanted_classes(NORMAL), pupil(**settings), share=0.5)


def test_a_teacher_of_other_classes_is_refused(tmp_path):
    path = tiny_model(tmp_path / "teacher.safetensors")
    with pytest.raises(DatasetError, match="this teacher knows none"):
        Tutors([path], wanted_classes(SUPERCLASS), pupil(), share=0.5)


def test_a_run_that_learns_from_them_goes_on_to_the_same_result(store, tmp_path):
    teacher = tiny_model(tmp_path / "teacher.safetensors")
    recipe = replace(TINY, epochs=2, teachers=(str(teacher),), each_batch=True, crop_s=2.5)
    whole = train(store, tmp_path / "whole", recipe)
    assert read_card(whole)["provenance"]["recipe"]["each_batch"] is True

    class Stop(Exception):
        pass

    def stop(row):
        raise Stop

    with pytest.raises(Stop):
        train(store, tmp_path / "broken", recipe, on_epoch=stop)
    train(store, tmp_path / "broken", resume=True)
    assert (tmp_path / "broken" / MODEL).read_bytes() == whole.read_bytes()


def test_the_teachers_are_no_part_of_what_is_trained_or_kept(store, tmp_path):
    teacher = tiny_model(tmp_path / "teacher.safetensors")
    before = teacher.read_bytes()
    recipe = replace(TINY, epochs=1, teachers=(str(teacher),), each_batch=True)
    train(store, tmp_path / "taught", recipe)
    train(store, tmp_path / "alone", replace(recipe, teachers=(), each_batch=False))
    kept = [torch.load(tmp_path / run / LAST, weights_only=True) for run in ("taught", "alone")]
    assert kept[0]["state_dict"].keys() == kept[1]["state_dict"].keys()
    assert teacher.read_bytes() == before


def test_without_teachers_there_is_nothing_to_say_of_a_batch():
    with pytest.raises(ValueError, match="each_batch needs teachers"):
        TrainConfig(each_batch=True)


def test_a_teacher_whose_classes_exclude_one_another_says_their_softmax(tmp_path):
    path = tiny_model(tmp_path / "rhythm.safetensors", task=RHYTHM)
    signal_mv = torch.randn(6, 12, 500, generator=torch.Generator().manual_seed(3))
    network = tiny_network(classes=2)
    tutors = Tutors([path], wanted_classes(RHYTHM), network.config, share=1.0)
    found = tutors.teach(network.preprocess(signal_mv), torch.zeros(6, 2), torch.arange(6))
    teacher = load(path)
    wanted = teacher.probabilities(teacher.run(signal_mv.numpy())[0])
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    torch.testing.assert_close(found.sum(1), torch.ones(6))


def test_nothing_that_a_tutor_says_is_to_be_differentiated(tmp_path):
    path = tiny_model(tmp_path / "a.safetensors")
    tutors = Tutors([path], wanted_classes(NORMAL), tiny_network().config, share=1.0)
    found = tutors.teach(torch.randn(2, 12, 500), torch.zeros(2, 1), torch.arange(2))
    assert not found.requires_grad
