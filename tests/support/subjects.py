"""Subjects of a scorecard: tiny networks on a tiny store."""

import torch

from ecgcam.explanation.subject import QUICK, Effort, make_subject
from ecgcam.inference.card import make_card
from ecgcam.nn.network import Network, NetworkConfig
from ecgcam.nn.preprocess import PreprocessConfig
from support.tiny import NORMAL, tiny_network, tiny_store

RAW = PreprocessConfig(detrend_order=None, scale="none")
LEADWISE = {"backbone": "leadwise", "backbone_config": {"widths": [3, 4], "blocks": [1, 1]}}


def copying(lead=0):
    """A network of 5 s whose evidence is the signal of one lead, in mV."""
    config = {"backbone": "support.backbones:Copy", "duration_s": 5.0, "preprocess": RAW}
    network = Network(NetworkConfig(classes=1, **config)).eval()
    with torch.no_grad():
        network.head.weight.zero_()
        network.head.weight[0, lead] = 1
        network.head.bias.zero_()
    return network


def make_tiny_subject(folder, network=None, *, task=NORMAL, quick=True):
    """A network (a small leadwise one by default) and fold 9 of a tiny store."""
    network = network or tiny_network(classes=len(task.classes), **LEADWISE)
    card = make_card(network, task, provenance={})
    store = tiny_store(folder / "store")
    effort = QUICK if quick else Effort(records=20, sample=10, draws=2, hearts=2)
    return make_subject(network, card, store, fold=9, effort=effort)
