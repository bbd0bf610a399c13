"""The second scale of a local net: weights by hand, its place in time, and what it can see."""

import pytest
import torch
from support.tiny import warmed_up
from torch import nn

from ecgcam.errors import ModelError
from ecgcam.nn.backbones import build_backbone
from ecgcam.nn.complexity import receptive_field
from ecgcam.nn.fuse import fuse_norms
from ecgcam.nn.local import Local
from ecgcam.nn.network import Network, NetworkConfig
from ecgcam.nn.rhythm import Rhythm

RNG = torch.Generator().manual_seed(5)
TWO_SCALES = {
    "widths": (6, 8, 10),
    "blocks": (1, 1, 1),
    "square": True,
    "rhythm": {"width": 4, "blocks": 2, "kernel": 31},
    "rhythm_stage": 2,
}


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_weights_of_a_rhythm_counted_by_hand():
    block = 3 * 2 * 32 + 2 * 32 * 32 + 32 * 31
    assert count(Rhythm(48, width=32, blocks=3, kernel=31, pooled=4)) == 48 * 32 + 32 + 3 * block


def test_the_second_scale_adds_channels_and_no_frames():
    signal = torch.randn(2, 12, 1000, generator=RNG)
    one = warmed_up(Local(**(TWO_SCALES | {"rhythm": None})))
    two = warmed_up(Local(**TWO_SCALES))
    two.load_state_dict(one.state_dict(), strict=False)
    assert two.channels == one.channels + 4
    torch.testing.assert_close(two(signal)[:, :10], one(signal), rtol=0, atol=0)
    assert (two(signal)[:, 10:] >= 0).all()


def test_a_frame_of_the_second_scale_lies_around_the_middle_of_its_own_stretch():
    """Without its blocks, the part of the second scale that a sample changes lies around it."""
    backbone = Local(leads=1, **TWO_SCALES).eval()
    backbone.rhythm.blocks = nn.Sequential()
    signal = torch.randn(1, 1, 1000, generator=RNG)
    for at in (300, 500, 700):
        changed = signal.clone()
        changed[..., at] += 10
        moved = (backbone(changed) - backbone(signal))[0, -4:].abs().sum(0)
        centers = backbone.first_center + backbone.stride * torch.arange(len(moved))
        assert abs((moved * centers).sum() / moved.sum() - at) < backbone.stride


def test_a_network_of_two_scales_sees_long_and_its_evidence_adds_up():
    network = warmed_up(
        Network(NetworkConfig(classes=2, backbone="local", backbone_config=TWO_SCALES))
    )
    reach = (30 * 2) * 4  # two blocks of 31 at a stride of 4 samples
    assert receptive_field(network) > reach > network.backbone.field
    fused = fuse_norms(network)
    signal = torch.randn(3, 12, 1000, generator=RNG)
    logits, evidence, _ = network(signal)
    torch.testing.assert_close(evidence.mean(-1) + network.bias(), logits)
    torch.testing.assert_close(fused(signal).logits, logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"rhythm_stage": 4}, "rhythm_stage is 4; expected 1 to 3"),
        ({"rhythm": {"width": 4, "blocks": 2, "kernel": 8}}, "odd"),
        ({"rhythm": {"wide": 4}}, "wide"),
    ],
)
def test_a_second_scale_that_cannot_be_is_refused(changes, found):
    with pytest.raises(ModelError, match=found):
        build_backbone("local", leads=12, config=TWO_SCALES | changes)
