"""Additive training: no loss for an additive network, by hand, and a map that becomes additive."""

import math

import pytest
import torch
from support.tiny import tiny_network

from ecgcam.nn.frames import frame_grid, mean_in_frames
from ecgcam.nn.network import Network, NetworkConfig, evaluating
from ecgcam.nn.preprocess import PreprocessConfig
from ecgcam.training.additivity import AdditivityLoss, additivity_gap
from ecgcam.training.config import AdditivitySettings


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def loss_of(network, signal, *, flat_target=(0.4,), **settings):
    loss = AdditivityLoss(AdditivitySettings(**settings), torch.tensor(flat_target))
    masks = loss.masks(signal.shape, network, generator())
    features = network.backbone(loss.extend(signal, masks))
    return loss(network, features, masks)


def copying_network(*, samples=64):
    """One lead whose samples are the features: exactly additive."""
    config = {"backbone": "support.backbones:Copy", "leads": ("I",), "rate_hz": 1}
    raw = PreprocessConfig(detrend_order=None, scale="none")
    network = Network(NetworkConfig(classes=1, duration_s=samples, preprocess=raw, **config))
    torch.nn.init.constant_(network.head.weight, 2)
    torch.nn.init.constant_(network.head.bias, math.log(0.4 / 0.6))
    return network.eval()


def test_an_additive_network_has_only_the_loss_of_its_flat_record():
    signal = torch.randn(8, 1, 64, generator=generator())
    entropy = -0.4 * math.log(0.4) - 0.6 * math.log(0.6)
    found = loss_of(copying_network(), signal, weight=1.0, flat_weight=0.1)
    assert found.item() == pytest.approx(0.1 * entropy, abs=1e-6)


def test_a_squaring_network_by_hand():
    """Its logit for a masked record is not the sum of what the mask keeps of another record."""
    network = copying_network(samples=16)

    class Spread(torch.nn.Module):
        channels = 1

        def forward(self, signal):
            return signal.mean(-1, keepdim=True).expand_as(signal)  # each frame sees all

    network.backbone = Spread()
    signal = torch.zeros(2, 1, 16)
    signal[:, :, :8] = 1  # e(x) = 2 · 0.5 in every frame
    loss = AdditivityLoss(AdditivitySettings(weight=1.0, flat_weight=0.0), torch.tensor([0.4]))
    masks = torch.zeros(1, 1, 16)
    masks[..., :8] = 1  # keeps all of the signal, half of the time: f(x·m) - f(0) = 1, told 0.5
    found = loss(network, network.backbone(loss.extend(signal, masks)), masks)
    assert found.item() == pytest.approx(0.5 * 0.5**2)


@pytest.mark.parametrize("backbone", ["local", "leadwise"])
def test_the_gap_is_what_the_evidence_kept_misses_of_the_logit(backbone):
    network = tiny_network(backbone=backbone, backbone_config={"widths": [4, 6], "blocks": [1, 1]})
    signal = torch.randn(6, 12, 500, generator=generator())
    loss = AdditivityLoss(AdditivitySettings(weight=1.0, fraction=1.0), torch.tensor([0.4]))
    masks = loss.masks(signal.shape, network, generator())
    with evaluating(network):
        whole, masked = (network.forward_preprocessed(x) for x in (signal, signal * masks))
        features = [network.backbone(x) for x in (signal, signal * masks, 0 * signal[:1])]
        gap = additivity_gap(network, *features, masks) @ network.head.weight.T
        frames = whole.evidence.shape[-1]
        grid = frame_grid(network.backbone, samples=500, frames=frames)
        kept = mean_in_frames(masks, grid, frames=frames)[:, None]
        own = whole.evidence[:, :, None] if whole.lead_evidence is None else whole.lead_evidence
        expected = masked.logits - network.bias() - (kept * own).sum(dim=2).mean(dim=-1)
    assert expected.std() > 1e-4
    torch.testing.assert_close(gap, expected, rtol=1e-3, atol=1e-7)


def test_the_flat_target_of_a_rare_class_is_its_frequency():
    network = copying_network()
    signal = torch.zeros(2, 1, 64)
    rare = loss_of(network, signal, flat_target=(0.01,), weight=1.0, flat_weight=1.0)
    logit = math.log(0.4 / 0.6)
    expected = -0.01 * math.log(0.4) - 0.99 * math.log(0.6)
    assert rare.item() == pytest.approx(expected, rel=1e-5)
    assert logit < 0


def test_the_masks_have_the_stretches_of_the_settings():
    network = copying_network(samples=400)
    settings = AdditivitySettings(weight=1.0, fraction=1.0, stretches=(40, 40))
    masks = AdditivityLoss(settings, torch.tensor([0.4])).masks(
        torch.Size((50, 1, 400)), network, generator()
    )
    edges = [row.diff().nonzero()[:, 0] for row in masks[:, 0]]
    assert torch.cat([edge.diff() for edge in edges]).remainder(40).eq(0).all()


@pytest.mark.parametrize("stretches", [(8,), (8, 16, 32), (0, 8), (32, 8)])
def test_stretches_that_are_no_range_are_refused(stretches):
    with pytest.raises(ValueError, match="expected the shortest and the longest"):
        AdditivitySettings(stretches=stretches)


def test_half_of_the_masks_of_a_leadwise_network_differ_between_leads():
    network = Network(NetworkConfig(classes=1, backbone="leadwise"))
    loss = AdditivityLoss(AdditivitySettings(weight=1.0), torch.tensor([0.4]))
    masks = loss.masks(torch.Size((40, 12, 1000)), network, generator())
    assert masks.shape == (20, 12, 1000)
    same = (masks == masks[:, :1]).all(dim=2).all(dim=1)
    assert same[:10].all()
    assert not same[10:].all()


def test_training_on_it_makes_a_network_additive():
    """Fifty steps on noise: the loss falls to a fraction, and the logits do not fall silent."""
    network = tiny_network(backbone="local", backbone_config={"widths": [4, 6], "blocks": [1, 1]})
    torch.nn.init.normal_(network.head.weight, 0, 20)
    network.train()
    signal = torch.randn(16, 12, 500, generator=generator())
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(50):
        loss = loss_of(network, signal, weight=1.0, flat_weight=0.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]
    assert network.logits(signal).std() > 0.1
