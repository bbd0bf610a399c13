"""Sanity: a map that ignores the weights is caught, and the cascade runs from the head down."""

import numpy as np
import pytest
import scipy.stats
import torch
from support.subjects import copying, make_tiny_subject
from support.tiny import tiny_network

from ecgcam.explanation.sanity import (
    cascade,
    correlation,
    randomized,
    rank_correlation,
    sanity_figures,
    shuffled_figures,
)


def test_correlations_are_those_of_scipy():
    first, second = np.random.default_rng(0).normal(size=(2, 5, 1, 40))
    found = rank_correlation(first, second)
    expected = [scipy.stats.spearmanr(a[0], b[0])[0] for a, b in zip(first, second, strict=True)]
    assert found == pytest.approx(expected)
    found = correlation(first[:, 0], second[:, 0])
    assert found == pytest.approx(scipy.stats.pearsonr(first[:, 0], second[:, 0], axis=1)[0])
    assert np.isnan(correlation(np.ones((1, 4)), np.arange(4.0)[None])).all()


def test_the_cascade_runs_from_the_head_to_all_layers():
    network = tiny_network()
    steps = cascade(network)
    assert steps[0] == ["head"]
    assert all(set(few) < set(more) for few, more in zip(steps, steps[1:], strict=False))
    changed = randomized(network, steps[-1], seed=0)
    names = {name.rpartition(".")[0] for name, _ in network.named_parameters()}
    assert set(steps[-1]) == names
    one = randomized(network, steps[0], seed=0).state_dict()
    assert [key for key, x in network.state_dict().items() if not torch.equal(x, one[key])] == [
        "head.weight", "head.bias",
    ]  # fmt: skip
    again = randomized(network, steps[-1], seed=0)
    assert all(map(torch.equal, changed.parameters(), again.parameters()))


def test_a_map_that_ignores_the_weights_fails(tmp_path):
    subject = make_tiny_subject(tmp_path)
    subject.maps["evidence"] = lambda network, prepared, k: prepared[:, :1]
    *_, last = sanity_figures(subject, 0)
    assert last.values["evidence"].value == pytest.approx(1)
    assert last.to_dict()["met"] is False
    assert last.values["random"].value < 0.2


def test_shuffled_labels_compare_with_the_network_that_is_given(tmp_path):
    subject = make_tiny_subject(tmp_path, copying())
    (same,) = shuffled_figures(subject, 0, retrain=copying)
    assert same.values["evidence"].value == pytest.approx(1)
    (other,) = shuffled_figures(subject, 0, retrain=lambda: copying(lead=6))
    assert other.values["evidence"].value < 0.9
