"""Fusion of norms: equal results without norms; the original network is unchanged."""

import numpy as np
import pytest
import torch
from support.tiny import run_network, tiny_network, warmed_up
from torch import nn

from ecgcam.inference.torch_engine import TorchEngine
from ecgcam.nn.backbones import BACKBONES
from ecgcam.nn.fuse import fuse_norms
from ecgcam.nn.network import Network, NetworkConfig

SIGNAL_MV = np.random.default_rng(5).normal(0, 0.5, (3, 12, 1000)).astype(np.float32)
PADDED = ("signalcnn", "resnet", "inception", "depthwise")  # their frames can be put side by side
MEMBERS = [{"name": name, "config": {}} for name in PADDED]


def make_network(backbone, **config):
    torch.manual_seed(3)
    network = Network(NetworkConfig(classes=2, backbone=backbone, backbone_config=config))
    warmed_up(network.backbone)
    return network.eval()


def norms(network):
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.mark.parametrize(
    ("backbone", "config"), [*((name, {}) for name in BACKBONES), ("several", {"members": MEMBERS})]
)
def test_the_fused_network_has_no_norms_and_equal_results(backbone, config):
    network = make_network(backbone, **config)
    before = [tensor.clone() for tensor in network.state_dict().values()]
    assert norms(network)
    fused = fuse_norms(network)
    assert norms(fused) == []
    for result, expected in zip(
        run_network(fused, SIGNAL_MV), run_network(network, SIGNAL_MV), strict=True
    ):
        np.testing.assert_allclose(result, expected, atol=2e-5, rtol=1e-4)
    for after, original in zip(network.state_dict().values(), before, strict=True):
        assert torch.equal(after, original)


def test_a_network_in_training_is_fused_as_in_evaluation_and_stays_in_training():
    network = make_network("signalcnn")
    expected = run_network(network, SIGNAL_MV)[0]
    network.train()
    np.testing.assert_allclose(run_network(fuse_norms(network), SIGNAL_MV)[0], expected, atol=2e-5)
    assert all(module.training for module in network.modules())


def test_a_backbone_without_norms_to_fuse_is_copied_unchanged():
    network = make_network("support.backbones:Dropping")
    np.testing.assert_array_equal(
        run_network(fuse_norms(network), SIGNAL_MV)[0], run_network(network, SIGNAL_MV)[0]
    )


@pytest.mark.parametrize("backbone", [*BACKBONES, "support.backbones:Dropping"])
def test_the_engine_of_a_network_in_training_predicts_as_in_evaluation(backbone):
    network = make_network(backbone)
    expected = run_network(network, SIGNAL_MV)
    engine = TorchEngine(network.train())
    for result, reference in zip(engine(SIGNAL_MV)[:2], expected, strict=True):
        np.testing.assert_allclose(result, reference, atol=2e-5, rtol=1e-4)
    assert network.training
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_evidence_of_the_engine_adds_up(backbone):
    network = make_network(backbone)
    logits, evidence, _ = TorchEngine(network)(SIGNAL_MV)
    bias = network.bias().detach().numpy()
    np.testing.assert_allclose(evidence.mean(-1) + bias, logits, atol=1e-4)


def test_a_channel_of_variance_zero_is_fused_with_the_eps_of_the_norm():
    network = tiny_network()
    network.backbone.last.norm.running_var[0] = 0.0
    signal_mv = np.random.default_rng(5).normal(0, 0.5, (3, 12, 500)).astype(np.float32)
    expected = run_network(network, signal_mv)[0]
    np.testing.assert_allclose(run_network(fuse_norms(network), signal_mv)[0], expected, rtol=1e-3)
