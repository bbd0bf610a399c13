"""Local and leadwise nets: weights by hand, no padding, frames that see what they state."""

import pytest
import torch
from support.tiny import warmed_up
from torch.nn.functional import avg_pool1d, conv1d

from ecgcam.nn.backbones import build_backbone
from ecgcam.nn.complexity import frames_of, receptive_field
from ecgcam.nn.local import LeadWise, Local
from ecgcam.nn.network import Network, NetworkConfig

RNG = torch.Generator().manual_seed(3)


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_weights_of_a_local_net_counted_by_hand():
    stem = 12 * 7 * 20 + 40
    first = 2 * (20 * 20 * 3 + 40)
    wider = (20 * 31 * 3 + 62) + (31 * 31 * 3 + 62) + 20 * 31
    same = 2 * (31 * 31 * 3 + 62)
    assert count(Local()) == stem + first + wider + 2 * same
    assert Network(NetworkConfig(classes=1, backbone="local")).parameters_count == 21_499


def test_the_weights_of_a_leadwise_net_counted_by_hand():
    stem = 12 * (7 * 8 + 16)
    first = 12 * 2 * (8 * 8 * 3 + 16)
    wider = 12 * ((8 * 10 * 3 + 20) + (10 * 10 * 3 + 20) + 8 * 10)
    same = 12 * 2 * (10 * 10 * 3 + 20)
    assert count(LeadWise()) == stem + first + wider + same
    assert Network(NetworkConfig(classes=1, backbone="leadwise")).parameters_count == 21_577


@pytest.mark.parametrize("samples", [1000, 997, 500])
@pytest.mark.parametrize(
    "config",
    [
        {},
        {"widths": (4, 6, 8), "blocks": (2, 1, 2), "kernel": 5, "first_kernel": 9},
        {"widths": (5,), "blocks": (2,), "kernel": 1},
    ],
)
def test_every_frame_sees_its_own_stretch_and_nothing_else(config, samples):
    """NaN spreads to exactly the frames whose stretch holds it."""
    backbone = warmed_up(Local(leads=2, **config))
    signal = torch.randn(1, 2, samples, generator=RNG)
    frames = backbone(signal).shape[-1]
    assert (frames - 1) * backbone.stride + backbone.field <= samples
    assert frames * backbone.stride + backbone.field > samples
    starts = torch.arange(frames) * backbone.stride
    for at in (0, 3, samples // 2, samples - backbone.field - 2, samples - 1):
        broken = signal.clone()
        broken[..., at] = torch.nan
        sees = (starts <= at) & (at < starts + backbone.field)
        assert torch.equal(backbone(broken).isnan().any(dim=1)[0], sees)


def test_a_constant_record_has_constant_features():
    """Nothing is padded, so the ends look like the middle."""
    features = warmed_up(Local())(torch.full((1, 12, 500), 0.7))
    torch.testing.assert_close(features, features[..., :1].expand_as(features))


def test_a_block_equals_one_dimensional_layers():
    backbone = warmed_up(Local(leads=3, widths=(4, 6), blocks=(1, 1), kernel=5))

    def norm(x, module):
        scale = module.weight / (module.running_var + module.eps).sqrt()
        return x * scale[:, None] + (module.bias - module.running_mean * scale)[:, None]

    x = signal = torch.randn(2, 3, 301, generator=RNG)
    x = norm(conv1d(x, backbone.stem[0].weight[:, :, 0], stride=2), backbone.stem[1]).relu()
    for block, stride in zip(backbone.stages, (1, 2), strict=True):
        inner = norm(conv1d(x, block.first.weight[:, :, 0], stride=stride), block.first_norm)
        inner = norm(conv1d(inner.relu(), block.second.weight[:, :, 0]), block.second_norm)
        if stride == 2:
            x = conv1d(avg_pool1d(x, 2), block.fit.weight[:, :, 0])
        start = 4 if stride == 1 else 3
        x = (inner + x[..., start : start + inner.shape[-1]]).relu()
    torch.testing.assert_close(backbone(signal), x, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ["local", "leadwise"])
@pytest.mark.parametrize("config", [{}, {"widths": (4, 4, 4), "blocks": (1, 2, 1), "kernel": 5}])
def test_the_stated_field_and_stride_are_those_measured(name, config):
    network = Network(NetworkConfig(classes=1, backbone=name, backbone_config=config))
    backbone = network.backbone
    assert receptive_field(network) == backbone.field
    frames = frames_of(network)
    assert frames["first_s"] == pytest.approx(backbone.field / 200)
    assert frames["step_s"] == backbone.stride / 100
    assert frames["count"] == (1000 - backbone.field) // backbone.stride + 1


def test_a_silenced_lead_changes_the_logit_by_its_evidence():
    network = Network(NetworkConfig(classes=3, backbone="leadwise")).eval()
    network.backbone = warmed_up(network.backbone)
    prepared = torch.randn(4, 12, 1000, generator=RNG)
    with torch.inference_mode():
        logits, evidence, by_lead = network.forward_preprocessed(prepared)
        assert by_lead.shape == (4, 3, 12, evidence.shape[-1])
        for lead in range(12):
            silenced = prepared.clone()
            silenced[:, lead] = 0
            fall = logits - network.forward_preprocessed(silenced).logits
            torch.testing.assert_close(fall, by_lead[:, :, lead].mean(-1), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("name", ["signalcnn", "resnet", "local", "leadwise"])
def test_a_flat_record_has_no_evidence(name):
    network = Network(NetworkConfig(classes=2, backbone=name)).eval()
    network.backbone = warmed_up(network.backbone)
    with torch.inference_mode():
        logits, evidence, _ = network(torch.zeros(1, 12, 1000))
    torch.testing.assert_close(evidence, torch.zeros_like(evidence), atol=1e-5, rtol=0)
    torch.testing.assert_close(logits[0], network.bias())


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"blocks": (1,)}, "one number for each width"),
        ({"blocks": (0, 1)}, "blocks must be"),
        ({"kernel": 4}, "odd"),
    ],
)
def test_a_configuration_that_fits_nothing_is_refused(config, problem):
    with pytest.raises(Exception, match=problem):
        build_backbone("local", leads=12, config=config)
