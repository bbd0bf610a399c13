"""Ensemble: resized features keep their mean; members must be ecgcam's own backbones."""

import pytest
import torch
from torch import nn

from ecgcam.errors import ModelError
from ecgcam.nn.backbones import build_backbone, feature_channels
from ecgcam.nn.ensemble import resize_frames

RESNET = {"name": "resnet", "config": {"widths": [4, 6, 8], "blocks": 1}}
SIGNALCNN = {"name": "signalcnn", "config": {"widths": [3, 4, 5, 6, 7]}}


@pytest.mark.parametrize(("before", "after"), [(62, 63), (31, 62), (63, 62), (1, 5), (7, 1)])
def test_resized_features_have_the_same_mean(before, after):
    features = torch.randn(2, 5, before)
    resized = resize_frames(features, after)
    assert resized.shape == (2, 5, after)
    torch.testing.assert_close(resized.mean(-1), features.mean(-1))


def test_a_new_frame_is_the_mean_of_those_it_overlaps():
    assert resize_frames(torch.tensor([[[2.0, 4.0]]]), 4).tolist() == [[[2.0, 2.0, 4.0, 4.0]]]
    resized = resize_frames(
        torch.tensor([[[0.0, 3.0, 6.0]]]), 2
    )  # each covers one old frame and half of another
    torch.testing.assert_close(resized, torch.tensor([[[1.0, 5.0]]]))


def test_the_features_of_all_members_are_concatenated():
    backbone = build_backbone("several", leads=12, config={"members": [RESNET, SIGNALCNN]}).eval()
    assert feature_channels(backbone) == 8 + 7
    signal = torch.randn(2, 12, 1000)
    resnet, signalcnn = (member(signal) for member in backbone.members)
    features = backbone(signal)
    assert (resnet.shape[-1], signalcnn.shape[-1], features.shape[-1]) == (125, 62, 125)
    torch.testing.assert_close(features[:, :8], resnet)
    torch.testing.assert_close(features[:, 8:].mean(-1), signalcnn.mean(-1))


@pytest.mark.parametrize(
    "members",
    [
        [],
        [{"name": "support.backbones:Copy", "config": {}}],
        [{"name": "alexnet", "config": {}}],
        [{"name": "resnet"}],
        [RESNET | {"more": 1}],
        ["resnet"],
    ],
)
def test_members_that_are_not_ecgcams_are_refused(members):
    """A model file names its backbones and must not run other code."""
    with pytest.raises(ModelError, match=r"several.* cannot be built"):
        build_backbone("several", leads=12, config={"members": members})


def test_an_ensemble_may_contain_an_ensemble():
    inner = {"name": "several", "config": {"members": [SIGNALCNN, SIGNALCNN]}}
    backbone = build_backbone("several", leads=2, config={"members": [inner, RESNET]})
    assert backbone.channels == 7 + 7 + 8
    assert isinstance(backbone, nn.Module)
