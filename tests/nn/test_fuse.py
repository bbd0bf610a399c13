"""A network whose norms are folded says the same, without them; the one it came from is left."""

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
MEMBERS = [{"name": name, "config": {}} for name in BACKBONES]


def network_of(backbone, **config):
    torch.manual_seed(3)
    network = Network(NetworkConfig(classes=2, backbone=backbone, backbone_config=config))
    warmed_up(network.backbone)
    return network.eval()


def norms(network):
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.mark.parametrize(
    ("backbone", "config"), [*((name, {}) for name in BACKBONES), ("several", {"members": MEMBERS})]
)
def test_it_says_the_same_without_a_norm(backbone, config):
    network = network_of(backbone, **config)
    before = [tensor.clone() for tensor in network.state_dict().values()]
    assert norms(network)
    ready = fuse_norms(network)
    assert norms(ready) == []
    for found, wanted in zip(
        run_network(ready, SIGNAL_MV), run_network(network, SIGNAL_MV), strict=True
    ):
        np.testing.assert_allclose(found, wanted, atol=2e-5, rtol=1e-4)
    for now, then in zip(network.state_dict().values(), before, strict=True):
        assert torch.equal(now, then)


def test_a_network_in_training_is_folded_as_it_will_judge_and_stays_in_training():
    network = network_of("signalcnn")
    wanted = run_network(network, SIGNAL_MV)[0]
    network.train()
    np.testing.assert_allclose(run_network(fuse_norms(network), SIGNAL_MV)[0], wanted, atol=2e-5)
    assert all(module.training for module in network.modules())


def test_a_backbone_of_ones_own_is_left_as_it_is():
    network = network_of("support.backbones:Dropping")
    np.testing.assert_array_equal(
        run_network(fuse_norms(network), SIGNAL_MV)[0], run_network(network, SIGNAL_MV)[0]
    )


@pytest.mark.parametrize("backbone", [*BACKBONES, "support.backbones:Dropping"])
def test_the_engine_of_a_network_in_training_judges_as_in_evaluation(backbone):
    network = network_of(backbone)
    wanted = run_network(network, SIGNAL_MV)
    engine = TorchEngine(network.train())
    for found, expected in zip(engine(SIGNAL_MV), wanted, strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-5, rtol=1e-4)
    assert network.training
    assert torch.is_grad_enabled()


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_evidence_of_the_engine_adds_up(backbone):
    network = network_of(backbone)
    logits, evidence = TorchEngine(network)(SIGNAL_MV)
    bias = network.head.bias.detach().numpy()
    np.testing.assert_allclose(evidence.mean(-1) + bias, logits, atol=1e-4)


def test_a_channel_that_hardly_moved_in_training_is_folded_with_the_norms_own_eps():
    network = tiny_network()
    network.backbone.last.norm.running_var[0] = 0.0
    signal_mv = np.random.default_rng(5).normal(0, 0.5, (3, 12, 500)).astype(np.float32)
    wanted = run_network(network, signal_mv)[0]
    np.testing.assert_allclose(run_network(fuse_norms(network), signal_mv)[0], wanted, rtol=1e-3)
