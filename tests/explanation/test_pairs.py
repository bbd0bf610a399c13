"""Pairs: equal but for the disorder, and a map that is the signal always points at the change."""

import numpy as np
import torch

from ecgcam.explanation.pairs import Pointing, draw_pair, pointing_on_pairs
from ecgcam.nn.network import Network, NetworkConfig
from ecgcam.nn.preprocess import PreprocessConfig

TEN_SECONDS = NetworkConfig(classes=1)
RAW = PreprocessConfig(detrend_order=None, scale="none")


def test_a_pair_differs_only_where_the_disorder_shows():
    healthy, ill = draw_pair(0, "1AVB", TEN_SECONDS).numpy()
    difference = np.abs(ill - healthy).max(axis=0)
    assert difference.max() > 0.05
    assert (difference < 0.002).mean() > 0.3  # QRS and T of every beat stay
    again = draw_pair(0, "1AVB", TEN_SECONDS).numpy()
    assert np.array_equal(again[1], ill)
    assert not np.array_equal(draw_pair(1, "1AVB", TEN_SECONDS).numpy()[1], ill)


def copying(weight):
    config = {"backbone": "support.backbones:Copy", "preprocess": RAW}
    network = Network(NetworkConfig(classes=1, **config)).eval()
    with torch.no_grad():
        network.head.weight.copy_(torch.tensor(weight)[None])
    return network


def test_the_signal_itself_points_at_the_change_and_a_map_elsewhere_does_not():
    codes = ("LVH", "IMI", "CLBBB")
    found = pointing_on_pairs(copying([1.0] + [0.0] * 11), 0, codes=codes, hearts=3)
    assert found.pairs == 9
    assert found.hits > 0.8  # lead I may change against the logit somewhere
    assert 0.05 < found.chance < 0.8

    network = copying([1.0] + [0.0] * 11)
    evidence = network.evidence
    network.evidence = lambda features: evidence(features).roll(37, dims=-1)
    # fuse_norms copies the network, and with it the changed method
    moved = pointing_on_pairs(network, 0, codes=codes, hearts=3)
    assert isinstance(moved, Pointing)
    assert moved.hits < found.hits
