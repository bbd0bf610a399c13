"""Receptive field: from the gradient, by hand, and on the explanation page."""

from pathlib import Path

import pytest
import torch
from support.tiny import tiny_network

from ecgcam.inference.modelfile import load_network
from ecgcam.inference.zoo import find_model
from ecgcam.nn.backbones import BACKBONES
from ecgcam.nn.complexity import receptive_field
from ecgcam.nn.network import Network, NetworkConfig

ROOT = Path(__file__).parents[2]
SHIPPED = ("normal", "statements", "statements-large", "superclass", "superclass-large")


def field_by_gradient(network, *, draws=64):
    """Count the samples from the first to the last one with a gradient of the middle frame."""
    config = network.config
    signal = torch.randn(draws, len(config.leads), config.samples, requires_grad=True)
    features = network.eval().backbone(signal)
    middle = features[..., features.shape[-1] // 2].sum()
    (gradient,) = torch.autograd.grad(middle, signal)
    reached = gradient.abs().amax(dim=(0, 1)).nonzero()
    return int(reached.max() - reached.min()) + 1


@pytest.mark.parametrize("backbone", sorted(BACKBONES))
def test_it_is_the_reach_of_the_gradient(backbone):
    network = Network(NetworkConfig(classes=2, backbone=backbone))
    assert receptive_field(network) == field_by_gradient(network)


@pytest.mark.parametrize("name", SHIPPED)
def test_it_is_the_reach_of_the_gradient_in_shipped_models(name):
    network, _ = load_network(find_model(name))
    assert receptive_field(network) == field_by_gradient(network)


def test_the_papers_network_by_hand():
    """Kernels 11, 7, 7, 7 and three max-pools that double the step."""
    assert (
        receptive_field(Network(NetworkConfig(classes=1))) == 11 + 1 + 6 * 2 + 2 + 6 * 4 + 4 + 6 * 8
    )


def test_zero_weights_count_and_a_copy_has_a_field_of_one_sample():
    network = tiny_network()
    field = receptive_field(network)
    torch.nn.init.zeros_(network.backbone.blocks[0].conv.weight)
    assert receptive_field(network) == field
    assert (
        receptive_field(Network(NetworkConfig(classes=1, backbone="support.backbones:Copy"))) == 1
    )


def test_it_is_at_most_the_signal():
    network = Network(NetworkConfig(classes=1, backbone="resnet", duration_s=1.0))
    assert receptive_field(network) == 100


def test_the_network_is_unchanged():
    network = tiny_network().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    receptive_field(network)
    assert network.training
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())


@pytest.mark.parametrize("name", SHIPPED)
def test_the_explanation_page_gives_the_receptive_field_of_each_shipped_model(name):
    seconds = receptive_field(load_network(find_model(name))[0]) / 100
    page = " ".join((ROOT / "docs" / "explanation.md").read_text(encoding="utf-8").split())
    assert f"{seconds:.2f} s for `{name}`" in page
