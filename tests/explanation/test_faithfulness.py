"""Faithfulness: known by hand for additive networks, where the evidence is the whole truth."""

import numpy as np
import pytest
import scipy.integrate
import torch
from support.tiny import tiny_network

from ecgcam.explanation.attributions import (
    evidence_map,
    grad_cam,
    integrated_gradients,
    lead_evidence_map,
    occlusion,
    random_map,
    saliency,
    summed_over_leads,
    window_means,
)
from ecgcam.explanation.faithfulness import curve_areas, faithfulness, relative_area
from ecgcam.explanation.what_if import what_if
from ecgcam.nn.network import Network, NetworkConfig
from ecgcam.nn.preprocess import PreprocessConfig

RAW = PreprocessConfig(detrend_order=None, scale="none")
SAMPLES = 80


@pytest.fixture
def additive():
    """A network whose logit is the mean of lead I plus half of lead II: additive by birth."""
    config = {"backbone": "support.backbones:Copy", "leads": ("I", "II"), "rate_hz": 1}
    network = Network(NetworkConfig(classes=1, duration_s=SAMPLES, preprocess=RAW, **config)).eval()
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor([[8.0, 4.0]]))
        network.head.bias.fill_(-1)
    return network


@pytest.fixture
def prepared():
    return torch.rand(30, 2, SAMPLES, generator=torch.Generator().manual_seed(0)) - 0.3


def test_all_exact_maps_of_an_additive_network_are_the_same(additive, prepared):
    truth = 8 * prepared[:, :1] + 4 * prepared[:, 1:]
    torch.testing.assert_close(evidence_map(additive, prepared, 0), truth)
    gradients = summed_over_leads(integrated_gradients)(additive, prepared, 0)
    torch.testing.assert_close(gradients * SAMPLES, truth, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(saliency(additive, prepared, 0)[:, 1], torch.full((30, 80), 0.05))


def test_occlusion_is_what_a_stretch_of_40_samples_is_worth(additive):
    prepared = torch.zeros(1, 2, SAMPLES)
    prepared[0, 0, 40] = 1  # worth 8 / 80 logits
    falls = occlusion(additive, prepared, 0)[0, 0]
    assert falls[40] == pytest.approx(0.1)  # every stretch that covers it
    assert falls[0] == 0
    assert 0 < falls[10] < 0.1  # some stretches that cover sample 10 reach to 40


def f(areas, name, kind, *references):
    """F over all records, each once."""
    every = np.ones((1, len(areas[name].deletion)))
    return relative_area(areas, name, kind, references)(every)[0]


def test_f_is_1_for_the_reference_itself_and_0_for_chance(additive, prepared):
    maps = {"evidence": evidence_map, "reference": summed_over_leads(integrated_gradients)}
    areas = faithfulness(additive, prepared, 0, maps)
    for kind in ("deletion", "insertion"):
        assert f(areas, "random", kind, "reference") == pytest.approx(0)
        assert f(areas, "reference", kind, "reference") == pytest.approx(1)
        assert f(areas, "evidence", kind, "reference") == pytest.approx(1, abs=1e-3)
    means = {name: (area.deletion.mean(), area.insertion.mean()) for name, area in areas.items()}
    assert means["evidence"][0] < means["random"][0]
    assert means["evidence"][1] > means["random"][1]


def test_the_better_reference_counts_in_each_kind_and_replicate(additive, prepared):
    maps = {
        "evidence": evidence_map,
        "good": summed_over_leads(integrated_gradients),
        "poor": summed_over_leads(saliency),
    }
    areas = faithfulness(additive, prepared, 0, maps)
    for kind in ("deletion", "insertion"):
        both = f(areas, "evidence", kind, "good", "poor")
        assert both == pytest.approx(f(areas, "evidence", kind, "good"))
        assert both < f(areas, "evidence", kind, "poor")


def test_a_map_turned_around_is_worse_than_chance(additive, prepared):
    def wrong(network, signal, k):
        return -evidence_map(network, signal, k)

    areas = faithfulness(additive, prepared, 0, {"wrong": wrong, "right": evidence_map})
    assert f(areas, "wrong", "deletion", "right") < 0
    assert f(areas, "wrong", "insertion", "right") < 0
    against = faithfulness(additive, prepared, 0, {"right": evidence_map}, sign=-1)
    assert against["right"].insertion.mean() > against["random"].insertion.mean()


def test_the_curves_by_hand():
    """Two windows of 8 samples: the whole record has logit 2, the better half 3, flat -1."""
    config = {"backbone": "support.backbones:Copy", "leads": ("I",), "rate_hz": 1}
    network = Network(NetworkConfig(classes=1, duration_s=16, preprocess=RAW, **config)).eval()
    torch.nn.init.constant_(network.head.weight, 1)
    torch.nn.init.constant_(network.head.bias, -1)
    prepared = torch.full((1, 1, 16), -2.0)
    prepared[..., :8] = 8
    areas = curve_areas(network, prepared, 0, evidence_map(network, prepared, 0), 1)

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    flat, half, whole, rest = sigmoid(-1), sigmoid(3), sigmoid(2), sigmoid(-2)
    # of 21 steps, 0 to 0.2 round to no window (0.25 to the even 0), 0.3 to 0.75 to one
    steps = [round(fraction * 2) for fraction in np.linspace(0, 1, 21)]
    shown = [(flat, half, whole)[count] for count in steps]
    removed = [(whole, rest, flat)[count] for count in steps]
    assert areas.insertion[0] == pytest.approx(scipy.integrate.trapezoid(shown, dx=0.05), abs=1e-6)
    assert areas.deletion[0] == pytest.approx(scipy.integrate.trapezoid(removed, dx=0.05), abs=1e-6)


def test_windows_are_averaged_and_the_last_may_be_short():
    values = torch.arange(10.0).view(1, 1, 10)
    assert window_means(values, width=4).tolist() == [[[1.5, 5.5, 8.5]]]


def test_lead_by_lead_the_lead_evidence_of_a_leadwise_network_is_faithful():
    """Exact over leads, so ranking whole leads by it is as good as by their true worth."""
    config = {"widths": [4, 4], "blocks": [1, 1]}
    network = tiny_network(backbone="leadwise", backbone_config=config)
    torch.nn.init.normal_(network.head.weight, 0, 5)
    prepared = torch.randn(8, 12, 500, generator=torch.Generator().manual_seed(1))
    by_lead = lead_evidence_map(network, prepared, 0)
    assert by_lead.shape == prepared.shape
    areas = faithfulness(network, prepared, 0, {"evidence": lead_evidence_map}, leads=12)
    assert areas["evidence"].insertion.mean() > areas["random"].insertion.mean()
    with pytest.raises(ValueError, match="mixes leads"):
        lead_evidence_map(tiny_network(), prepared, 0)


def test_what_if_is_exact_for_an_additive_network_and_not_for_another(additive, prepared):
    masks = (torch.rand(30, 1, 10, generator=torch.Generator().manual_seed(2)) < 0.5).float()
    masks = masks.repeat_interleave(8, dim=-1)
    every = np.ones((1, 30))
    exact = what_if(additive, prepared, 0, masks)
    for predicted in (exact.by_evidence, exact.by_gradients):
        assert exact.r2(predicted)(every)[0] == pytest.approx(1)
        assert exact.median_error(predicted)(every)[0] < 1e-5
    assert exact.r2(exact.by_fraction)(every)[0] == pytest.approx(0)
    network = tiny_network()
    torch.nn.init.normal_(network.head.weight, 0, 5)
    signal = torch.randn(30, 12, 500, generator=torch.Generator().manual_seed(3))
    wide = masks[..., :50].repeat_interleave(10, dim=-1)
    other = what_if(network, signal, 0, wide)
    assert other.r2(other.by_evidence)(every)[0] < 0.999


def test_grad_cam_is_the_positive_part_and_random_maps_differ_by_seed(additive, prepared):
    assert grad_cam(additive, prepared, 0).min() == 0
    first, again, other = (random_map(seed)(additive, prepared, 0) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
