"""Complexity: counts by hand, torch's FLOP counter, and its allocator."""

import json

import pytest
import torch
from support.tiny import NORMAL, SUPERCLASS, tiny_network
from torch import nn
from torch.nn.functional import conv1d
from torch.utils.flop_counter import FlopCounterMode

from ecgcam.inference.card import make_card
from ecgcam.inference.modelfile import load_network, read_card, save_model
from ecgcam.nn.complexity import Complexity, measure_complexity
from ecgcam.nn.network import Network, NetworkConfig
from ecgcam.nn.preprocess import PreprocessConfig

RAW = PreprocessConfig(detrend_order=None, scale="none")


def paper_network(**config):
    """Make the paper's network, changed by `config`."""
    return Network(NetworkConfig(**{"classes": 1} | config))


def with_backbone(backbone, *, duration_s=5.0):
    """Make a network of 12 leads and two classes around a backbone of 12 channels."""
    config = {
        "backbone": "support.backbones:Copy",
        "preprocess": RAW,
        "duration_s": duration_s,
    }
    network = Network(NetworkConfig(classes=2, **config))
    network.backbone = backbone
    return network


class OverTime(nn.Module):
    """A layer that takes (batch, time, channels)."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, signal):
        output = self.layer(signal.transpose(1, 2))
        return (output[0] if isinstance(output, tuple) else output).transpose(1, 2)


class Functional(nn.Module):
    """A convolution without a layer, and a mixing of leads by einsum."""

    def __init__(self):
        super().__init__()
        self.kernel = nn.Parameter(torch.randn(12, 12, 3))

    def forward(self, signal):
        return torch.einsum("bct,dc->bdt", conv1d(signal, self.kernel), self.kernel[..., 0])


def test_the_papers_network_layer_by_layer():
    """Each convolution has outputs x inputs x kernel x samples multiply-accumulates."""
    cost = measure_complexity(paper_network())
    convolutions = [
        16 * 12 * 11 * 1000,
        16 * 16 * 7 * 500,
        32 * 16 * 7 * 250,
        64 * 32 * 7 * 125,
    ]
    assert cost.backbone == sum(convolutions) == 5_696_000  # 11.39 MFLOP
    assert cost.head == 64
    assert cost.map == 64 * 125
    assert cost.preprocess == 2 * 12 * 1000 * 11  # onto 11 polynomials and back
    assert cost.total == 5_968_064
    assert cost.parameters == 22_273
    assert cost.map_fraction == pytest.approx(0.0014, abs=1e-5)


def test_the_residual_network_layer_by_layer():
    stem = 32 * 12 * 11 * 500
    first = 4 * 32 * 32 * 7 * 500
    second = (64 * 32 * 7 + 3 * 64 * 64 * 7 + 64 * 32) * 250
    third = (96 * 64 * 7 + 3 * 96 * 96 * 7 + 96 * 64) * 125
    cost = measure_complexity(paper_network(backbone="resnet", classes=5))
    assert cost.backbone == stem + first + second + third
    assert cost.head == 96 * 5
    assert cost.map == 96 * 5 * 125


ATTENTION = 3 * 12 * 12 + 12 * 12 + 2 * 12 * 24  # in and out, and the two layers of width 24


@pytest.mark.parametrize(
    ("backbone", "by_hand"),
    [
        (nn.Conv1d(12, 12, 5), 12 * 12 * 5 * 96),
        (nn.Conv1d(12, 12, 5, padding="same"), 12 * 12 * 5 * 100),
        (nn.Conv1d(12, 12, 5, stride=3, padding=2), 12 * 12 * 5 * 34),
        (nn.Conv1d(12, 12, 5, groups=4), 12 * 3 * 5 * 96),
        (nn.Conv1d(12, 12, 5, groups=12, dilation=2), 12 * 5 * 92),
        (nn.ConvTranspose1d(12, 12, 4, stride=2), 12 * 12 * 4 * 100),
        (OverTime(nn.Linear(12, 12)), 12 * 12 * 100),
        (OverTime(nn.LSTM(12, 12, batch_first=True)), 4 * 12 * (12 + 12) * 100),
        (OverTime(nn.LSTM(12, 6, 2, bidirectional=True)), 2 * 2 * 4 * 6 * (12 + 6) * 100),
        (OverTime(nn.GRU(12, 12, batch_first=True)), 3 * 12 * (12 + 12) * 100),
        (
            OverTime(nn.TransformerEncoderLayer(12, 2, 24, batch_first=True)),
            ATTENTION * 100 + 2 * 100 * 100 * 12,
        ),
        (Functional(), (12 * 12 * 3 + 12 * 12) * 98),
        (nn.Sequential(nn.BatchNorm1d(12), nn.ReLU(), nn.MaxPool1d(2)), 0),
    ],
    ids=lambda case: type(getattr(case, "layer", case)).__name__,
)
def test_all_convolutions_and_matrix_products_are_counted(backbone, by_hand):
    assert measure_complexity(with_backbone(backbone, duration_s=1)).backbone == by_hand


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"classes": 5, "leads": ("I", "II"), "duration_s": 7.3},
        {"backbone": "resnet", "preprocess": RAW},
        {"backbone": "support.backbones:Dropping", "classes": 3},
    ],
)
def test_the_parts_add_up_to_torchs_count_of_the_network(config):
    network = paper_network(**config).eval()
    network.fix_flat_evidence()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.randn(1, len(network.config.leads), network.config.samples))
    cost = measure_complexity(network)
    assert 2 * (cost.total - cost.head) == counter.get_total_flops()  # the logit comes from the map


def test_the_map_of_a_single_channel_is_counted():
    network = paper_network(backbone="support.backbones:Copy", leads=("II",), classes=3)
    assert measure_complexity(network).map == 3 * 1000


def test_frozen_parameters_count_and_tied_ones_count_once():
    network = paper_network(backbone="support.backbones:Tied")
    convolution = 12 * 12 * 3
    assert measure_complexity(network).parameters == convolution + 2 * 12 + 13
    network.backbone.requires_grad_(False)
    assert network.parameters_count == 13
    assert measure_complexity(network).parameters == convolution + 2 * 12 + 13


SIGNAL = 12 * 500 * 4  # bytes


@pytest.mark.parametrize(
    ("layers", "signals"),
    [
        ([nn.ReLU(), nn.ReLU()], 3),  # the ECG, an input, an output
        ([nn.ReLU(), nn.ReLU(), nn.ReLU(), nn.ReLU()], 3),  # freed tensors do not count
        ([nn.Upsample(scale_factor=2), nn.ReLU()], 5),
        ([nn.Conv1d(12, 12, 1), nn.Conv1d(12, 12, 1)], 3),  # their weights do not count
    ],
)
def test_memory_by_hand(layers, signals):
    assert (
        measure_complexity(with_backbone(nn.Sequential(*layers))).activation_bytes
        == signals * SIGNAL
    )


def test_in_place_operations_take_no_memory():
    def peak_bytes(*layers):
        return measure_complexity(with_backbone(nn.Sequential(*layers))).activation_bytes

    small = peak_bytes(nn.ReLU()) - 2 * SIGNAL
    assert 0 < small < SIGNAL  # the means, the logits, the evidence
    assert peak_bytes(nn.ReLU(), nn.ReLU(inplace=True)) == 2 * SIGNAL + small


def test_the_memory_of_the_map_counts():
    network = paper_network(
        backbone="support.backbones:Copy", preprocess=RAW, classes=100, duration_s=5.0
    )
    assert measure_complexity(network).activation_bytes == pytest.approx(
        SIGNAL + 100 * 500 * 4, rel=0.01
    )


def test_a_sparse_tensor_is_ignored():
    class Sparse(nn.Module):
        def forward(self, signal):
            return torch.sparse.mm(torch.eye(12).to_sparse(), signal[0]).unsqueeze(0)

    assert measure_complexity(with_backbone(Sparse())).activation_bytes >= 2 * SIGNAL


@pytest.mark.parametrize("scale", ["unit", "minmax", "none"])
def test_memory_equals_that_of_torchs_allocator(scale):
    """It rounds up to 64 bytes; the kernels of this network use no scratch memory."""
    network = paper_network(
        backbone="support.backbones:Copy", preprocess=PreprocessConfig(scale=scale)
    ).eval()
    network.fix_flat_evidence()
    with torch.no_grad(), torch.profiler.profile(profile_memory=True) as profile:
        network(torch.zeros(1, 12, 1000))
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    current = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        current += event.nbytes()
        peak = max(peak, current)
    assert measure_complexity(network).activation_bytes == pytest.approx(peak, abs=5 * 64)


def test_the_cost_grows_in_proportion_to_the_duration():
    short, long = (measure_complexity(tiny_network(duration_s=seconds)) for seconds in (4, 8))
    for name in ("preprocess", "backbone", "map"):
        assert getattr(long, name) == 2 * getattr(short, name)
    assert (long.head, long.parameters) == (short.head, short.parameters)
    assert long.activation_bytes == pytest.approx(2 * short.activation_bytes, rel=0.01)


def test_the_network_is_unchanged():
    network = paper_network().train()
    network.backbone.last.norm.eval()  # frozen, as in fine-tuning
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    random_state = torch.random.get_rng_state()
    assert measure_complexity(network) == measure_complexity(network)
    modes = {name: module.training for name, module in network.named_modules()}
    assert {name for name, training in modes.items() if not training} == {"backbone.last.norm"}
    assert all(torch.equal(weights[name], now) for name, now in network.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), random_state)
    assert torch.is_grad_enabled()
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_network_is_unchanged_after_an_error():
    class Failing(nn.Module):
        def forward(self, signal):
            raise KeyError

    network = with_backbone(Failing()).train()
    with pytest.raises(KeyError):
        measure_complexity(network)
    assert network.training
    assert network.backbone.training
    assert torch.backends.mha.get_fastpath_enabled()
    assert torch.is_grad_enabled()


def test_a_card_contains_it():
    network = tiny_network(classes=5)
    saved = make_card(network, SUPERCLASS, provenance={})["cost"]
    cost = measure_complexity(network)
    assert json.loads(json.dumps(saved)) == saved == cost.to_dict()
    work = saved["multiply_accumulates"]
    assert work.pop("total") == sum(work.values()) == cost.total
    assert saved["map_share"] == pytest.approx(cost.map / (cost.backbone + cost.head), abs=1e-6)


def test_a_card_without_it_loads(tmp_path):
    network = tiny_network()
    card = make_card(network, NORMAL, provenance={})
    del card["cost"]
    path = save_model(tmp_path / "model.safetensors", network, card)
    assert "cost" not in read_card(path)
    assert load_network(path)[0].config == network.config


def test_equal_models_are_equal_files(tmp_path):
    paths = []
    for name in ("first", "second"):
        network = tiny_network()
        card = make_card(network, NORMAL, provenance={})
        paths.append(save_model(tmp_path / f"{name}.safetensors", network, card))
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_fraction_of_the_map_relates_to_backbone_and_head():
    others = {"parameters": 1, "preprocess": 10**9, "activation_bytes": 1}
    cost = Complexity(backbone=90, head=10, map=3, **others)
    assert cost.map_fraction == 0.03
    assert cost.total == 10**9 + 103
