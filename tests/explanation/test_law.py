"""The law: exact for both kinds of networks, and a broken one is found."""

import torch
from support.subjects import make_tiny_subject
from support.tiny import tiny_network

from ecgcam.explanation.law import law_figures


def by_name(figures):
    return {figure.name: figure for figure in figures}


def test_a_leadwise_network_obeys_every_part_of_the_law(tmp_path):
    figures = by_name(law_figures(make_tiny_subject(tmp_path)))
    for name in ("evidence over time", "lead evidence", "silenced lead"):
        assert figures[name].to_dict()["met"] is True
        assert figures[name].values["evidence"].value < 1e-4
    assert figures["flat record"].goal.bound == 0.5


def test_a_network_that_mixes_leads_says_so(tmp_path):
    figures = by_name(law_figures(make_tiny_subject(tmp_path, tiny_network())))
    assert figures["evidence over time"].to_dict()["met"] is True
    for name in ("lead evidence", "silenced lead"):
        assert figures[name].values == {}
        assert "mixes leads" in figures[name].note


def test_a_map_that_misses_the_logit_is_found(tmp_path):
    subject = make_tiny_subject(tmp_path)
    bias = subject.network.bias()
    subject.network.bias = lambda: bias + 0.01
    figure = by_name(law_figures(subject))["evidence over time"]
    torch.testing.assert_close(figure.values["evidence"].value, 0.01, atol=1e-4, rtol=0)
    assert figure.to_dict()["met"] is False
