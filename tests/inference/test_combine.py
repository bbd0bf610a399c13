"""Models combined: the mean of their logits, and the evidence that adds up to it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.tiny import NORMAL, RHYTHM, SUPERCLASS, tiny_model

from ecgcam.cli import main
from ecgcam.errors import ModelError
from ecgcam.inference.combine import combine
from ecgcam.inference.loading import load
from ecgcam.inference.modelfile import read_card
from ecgcam.inference.zoo import find_model
from ecgcam.nn.preprocess import PreprocessConfig

SIGNAL_MV = np.random.default_rng(4).normal(0, 1, (6, 12, 500)).astype(np.float32)
RESNET = {"backbone": "resnet", "backbone_config": {"widths": [4, 6], "blocks": 1}}


def members(folder, **card):
    """Two models of different networks, of 62 and of 125 frames."""
    signalcnn = {"backbone_config": {"widths": [3, 4, 5, 6]}}
    made = []
    for seed, network in enumerate((signalcnn, RESNET)):
        path = folder / f"{seed}.safetensors"
        made.append(tiny_model(path, task=SUPERCLASS, seed=seed, card=card or None, **network))
    return made


def test_the_logits_are_the_mean_and_the_evidence_adds_up_to_them(tmp_path):
    paths = members(tmp_path)
    combine(paths, tmp_path / "both.safetensors")
    both, (one, two) = load(tmp_path / "both.safetensors"), map(load, paths)
    logits, evidence, _ = both.run(SIGNAL_MV)
    (first, short, _), (second, long, _) = one.run(SIGNAL_MV), two.run(SIGNAL_MV)
    np.testing.assert_allclose(logits, (first + second) / 2, atol=1e-5)
    np.testing.assert_allclose(evidence.mean(-1) + both.bias, logits, atol=1e-5)
    assert (short.shape[-1], long.shape[-1]) == (62, 125)
    assert evidence.shape == long.shape


LOCAL = {"backbone": "local", "backbone_config": {"widths": [4, 6], "blocks": [1, 1]}}
LONGER = {"backbone": "local", "backbone_config": {"widths": [4, 6], "blocks": [1, 2]}}


def test_unpadded_frames_stay_where_they_are(tmp_path):
    """They do not reach the ends of the record, so they must not be spread over it."""
    paths = [tiny_model(tmp_path / f"{k}.safetensors", seed=k, **LOCAL) for k in range(2)]
    both = load(combine(paths, tmp_path / "both.safetensors"))
    one, two = map(load, paths)
    assert both.card["frames"] == one.card["frames"]
    assert both.card["frames"]["first_s"] > one.card["frames"]["step_s"]
    evidence = [model.run(SIGNAL_MV).evidence for model in (one, two, both)]
    np.testing.assert_allclose(evidence[2], (evidence[0] + evidence[1]) / 2, atol=1e-5)


@pytest.mark.parametrize("other", [RESNET, LONGER])
def test_networks_whose_frames_lie_elsewhere_are_refused(tmp_path, other):
    paths = [tiny_model(tmp_path / "0.safetensors", **LOCAL),
             tiny_model(tmp_path / "1.safetensors", **other)]  # fmt: skip
    with pytest.raises(ModelError, match="the frames of the members lie at different times"):
        combine(paths, tmp_path / "both.safetensors")
    assert not (tmp_path / "both.safetensors").exists()


def test_each_counts_at_its_temperature(tmp_path):
    paths = members(tmp_path, temperature=2.0)
    combine(paths, tmp_path / "both.safetensors")
    both, (one, two) = load(tmp_path / "both.safetensors"), map(load, paths)
    assert both.temperature == 1
    mean = (one.run(SIGNAL_MV)[0] + two.run(SIGNAL_MV)[0]) / 4
    np.testing.assert_allclose(both.run(SIGNAL_MV)[0], mean, atol=1e-5)


def test_the_card_says_what_it_is_made_of_and_forgets_what_was_chosen_for_one(tmp_path):
    recipe = {"recipe": {"data": {"train_folds": [1, 2], "validation_folds": [9]}}}
    other = {"recipe": {"train_folds": [2, 3], "validation_folds": [9]}}  # as shipped models have
    thresholds = [0.1, 0.2, 0.3, 0.4, 0.5]
    one = tiny_model(
        tmp_path / "one.safetensors",
        task=SUPERCLASS,
        card={"provenance": recipe, "thresholds": thresholds},
    )
    two = tiny_model(tmp_path / "two.safetensors", task=SUPERCLASS, card={"provenance": other})
    card = read_card(combine([one, two], tmp_path / "both.safetensors"))
    assert card["thresholds"] == [0.5] * 5
    assert card["parameters"] == sum(read_card(path)["parameters"] for path in (one, two)) - 5
    provenance = card["provenance"]
    assert provenance["recipe"]["data"] == {"train_folds": [1, 2, 3], "validation_folds": [9]}
    assert [made["provenance"] for made in provenance["combined"]] == [recipe, other]


def test_the_classes_are_those_of_the_first_wherever_they_stand_in_the_others(tmp_path):
    one = tiny_model(tmp_path / "one.safetensors", task=NORMAL)
    swapped = type(SUPERCLASS)(
        name="swapped",
        classes=(*SUPERCLASS.classes[::-1], "ILL"),
        members=(*SUPERCLASS.members[::-1], NORMAL.members[0][::-1]),
    )
    two = tiny_model(tmp_path / "two.safetensors", task=swapped)
    combine([one, two], tmp_path / "both.safetensors")
    mean = (load(one).run(SIGNAL_MV)[0][:, 0] + load(two).run(SIGNAL_MV)[0][:, 5]) / 2
    np.testing.assert_allclose(
        load(tmp_path / "both.safetensors").run(SIGNAL_MV)[0][:, 0], mean, atol=1e-5
    )


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"task": RHYTHM}, r"has the classes SR, AFIB; expected NORM, MI"),
        ({"task": NORMAL}, r"has the classes ABNORMAL; expected NORM, MI"),
        ({"task": SUPERCLASS, "leads": ("I", "II")}, r"the model's leads is \['I', 'II'\]"),
        ({"task": SUPERCLASS, "rate_hz": 50.0}, "the model's rate_hz is 50.0; expected 100"),
        ({"task": SUPERCLASS, "duration_s": 4.0}, "the model's duration_s is 4.0"),
    ],
)
def test_models_that_do_not_fit_each_other_are_refused(other, reason, tmp_path):
    one = tiny_model(tmp_path / "one.safetensors", task=SUPERCLASS)
    two = tiny_model(tmp_path / "two.safetensors", **other)
    with pytest.raises(ModelError, match=reason):
        combine([one, two], tmp_path / "both.safetensors")
    assert not (tmp_path / "both.safetensors").exists()


def test_one_model_is_no_ensemble(tmp_path):
    with pytest.raises(ModelError, match="needs two or more"):
        combine([tiny_model(tmp_path / "one.safetensors")], tmp_path / "out.safetensors")


def test_the_command_combines_shipped_models_by_name(tmp_path, capsys):
    out = tmp_path / "both.safetensors"
    assert main(["combine", "statements", "statements-large", "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert read_card(out)["classes"] == read_card(find_model("statements"))["classes"]


def test_the_global_generator_is_left_as_it_was(tmp_path):
    paths = members(tmp_path)
    before = torch.random.get_rng_state()
    combine(paths, tmp_path / "both.safetensors")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_classes_that_exclude_one_another_are_not_averaged_with_some_that_do_not(tmp_path):
    one = tiny_model(tmp_path / "one.safetensors", task=RHYTHM)
    two = tiny_model(tmp_path / "two.safetensors", task=replace(RHYTHM, exclusive=False))
    with pytest.raises(ModelError, match=r"two\.safetensors: the model has the classes SR, AFIB"):
        combine([one, two], tmp_path / "both.safetensors")


def test_models_of_another_preprocessing_are_refused(tmp_path):
    one = tiny_model(tmp_path / "one.safetensors")
    raw = PreprocessConfig(scale="none")
    two = tiny_model(tmp_path / "two.safetensors", preprocess=raw)
    with pytest.raises(ModelError, match="the model's preprocess is"):
        combine([one, two], tmp_path / "both.safetensors")
