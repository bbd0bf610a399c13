"""Network: the evidence adds up to the logit, for any backbone, record and mode."""

import numpy as np
import pytest
import torch
from support.tiny import run_network, tiny_network

from ecgcam.nn.backbones import BACKBONES
from ecgcam.nn.network import Network, NetworkConfig, evaluating
from ecgcam.nn.preprocess import PreprocessConfig
from ecgcam.signals.leads import LEADS

RAW = PreprocessConfig(detrend_order=None, scale="none")


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("backbone", [*BACKBONES, "support.backbones:Dropping"])
@pytest.mark.parametrize(
    ("classes", "leads", "duration_s"), [(1, LEADS, 10), (5, LEADS, 9.97), (3, ("II", "V5"), 4.01)]
)
def test_the_evidence_adds_up_to_the_logit(training, backbone, classes, leads, duration_s):
    settings = {"classes": classes, "leads": leads, "duration_s": duration_s}
    network = tiny_network(backbone=backbone, **settings).train(training)
    logits, evidence, _ = network(2 * torch.randn(4, len(leads), network.config.samples))
    assert logits.shape == (4, classes)
    torch.testing.assert_close(evidence.mean(-1) + network.bias(), logits, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("backbone", [*BACKBONES, "support.backbones:Dropping"])
def test_a_record_has_the_same_result_alone_and_in_a_batch(backbone):
    network = tiny_network(backbone=backbone, classes=2)
    signal = np.random.default_rng(5).normal(size=(6, 12, 500)).astype(np.float32)
    logits, evidence = run_network(network, signal)
    for k in range(6):
        alone = run_network(network, signal[k : k + 1])
        np.testing.assert_allclose(alone[0][0], logits[k], atol=1e-5)
        np.testing.assert_allclose(alone[1][0], evidence[k], atol=1e-5)


def test_a_network_known_by_hand():
    config = {
        "backbone": "support.backbones:Copy",
        "preprocess": RAW,
        "rate_hz": 1,
        "duration_s": 4,
    }
    network = Network(NetworkConfig(classes=2, leads=("I", "II"), **config))
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor([[2.0, 1], [0, -3]]))
        network.head.bias.copy_(torch.tensor([0.5, 10]))
    logits, evidence, lead_evidence = network(torch.tensor([[[1.0, 2, 3, 6], [0, 1, 0, -1]]]))
    assert lead_evidence is None
    assert evidence.tolist() == [[[2, 5, 6, 11], [0, -3, 0, 3]]]
    assert logits.tolist() == [[6.5, 10]]


def test_the_papers_block_known_by_hand():
    """A convolution that copies, a norm that halves, a LeakyReLU of 0.1, a head that negates."""
    settings = {"backbone_config": {"widths": [1], "first_kernel": 3}, "preprocess": RAW}
    network = Network(
        NetworkConfig(classes=1, leads=("I",), rate_hz=1, duration_s=4, **settings)
    ).eval()
    block = network.backbone.last
    with torch.no_grad():
        block.conv.weight.copy_(torch.tensor([0.0, 1, 0]).view(1, 1, 1, 3))
        block.conv.bias.fill_(1)
        block.norm.running_var.fill_(4 - 1e-5)
        network.head.weight.fill_(-1)
        network.head.bias.fill_(0.25)
    signal = torch.tensor([[[1.0, -5, 3, -1]]])
    logits, evidence, _ = network(signal)
    # a flat record is 1 after the convolution and -0.5 after the head, in every frame
    torch.testing.assert_close(evidence, torch.tensor([[[-0.5, 0.7, -1.5, 0.5]]]))
    torch.testing.assert_close(network.bias(), torch.tensor([-0.5 + 0.25]))
    torch.testing.assert_close(logits, torch.tensor([[-0.7 + 0.25]]))


def test_the_network_takes_raw_millivolts():
    """The paper's preprocessing inside removes baseline and gain."""
    network = tiny_network()
    signal = torch.randn(2, 12, 500)
    torch.testing.assert_close(
        network(1000 * signal + 40)[0], network(signal)[0], atol=1e-3, rtol=0
    )


def test_training_and_inference_give_the_same_logits():
    network = tiny_network()
    signal = torch.randn(2, 12, 500)
    torch.testing.assert_close(network.logits(network.preprocess(signal)), network(signal)[0])


@pytest.mark.parametrize("training", [True, False])
def test_evaluating_restores_the_mode_even_after_an_error(training):
    network = tiny_network().train(training)

    def fail():
        with evaluating(network):
            assert not network.training
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert network.training is training
    assert torch.is_grad_enabled()


def test_running_a_network_does_not_change_it():
    network = tiny_network().train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    run_network(network, np.ones((3, 12, 500), np.float32))
    assert network.training
    assert all(torch.equal(before[name], now) for name, now in network.state_dict().items())


@pytest.mark.parametrize(
    "wrong",
    [
        {"classes": 0},
        {"leads": ()},
        {"leads": ("I", "I")},
        {"rate_hz": 0},
        {"duration_s": -1},
        {"rate_hz": float("nan")},
        {"rate_hz": float("inf")},
        {"duration_s": float("inf")},
        {"duration_s": 1e-3},
    ],
)
def test_an_invalid_configuration_is_refused(wrong):
    with pytest.raises(ValueError, match=r"must be"):
        NetworkConfig(**{"classes": 1} | wrong)


def test_evaluating_keeps_a_frozen_part_frozen():
    network = tiny_network().train()
    network.backbone.last.norm.eval()
    before = {name: module.training for name, module in network.named_modules()}
    with evaluating(network):
        assert not any(module.training for module in network.modules())
    assert {name: module.training for name, module in network.named_modules()} == before


def test_a_frozen_weight_is_not_a_trainable_parameter():
    network = tiny_network()
    before = network.parameters_count
    network.head.bias.requires_grad_(False)
    assert network.parameters_count == before - 1


@pytest.mark.parametrize(("rate_hz", "samples"), [(100.0, 435), (500.0, 4095), (257.0, 2573)])
def test_the_input_has_the_samples_of_the_store(rate_hz, samples):
    config = NetworkConfig(classes=1, rate_hz=rate_hz, duration_s=samples / rate_hz)
    assert config.samples == samples
