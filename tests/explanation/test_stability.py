"""Stability, edges and agreement of maps that are known by birth."""

from itertools import count

import numpy as np
import pytest
from support.subjects import copying, make_tiny_subject

from ecgcam.errors import ModelError
from ecgcam.explanation.stability import (
    agreement_figures,
    check_comparable,
    edge_figures,
    stability_figures,
)


def test_the_map_that_is_the_signal_follows_every_change(tmp_path):
    subject = make_tiny_subject(tmp_path, copying())
    subject.card["thresholds"] = [0.0]  # no decision changes
    found = {figure.name: figure for figure in stability_figures(subject, 0)}
    assert found["stability, gain"].values["evidence"].value == pytest.approx(1, abs=1e-6)
    assert found["stability, shift"].values["evidence"].value == pytest.approx(1, abs=1e-6)
    noise = found["stability, noise"].values["evidence"].value
    assert noise == pytest.approx(1 / np.sqrt(1 + 10**-1.8), abs=0.01)  # 18 dB
    assert abs(found["stability, noise"].values["random"].value) < 0.2
    assert "100%" in found["stability, noise"].note


def test_where_every_decision_changes_nothing_is_measured(tmp_path, monkeypatch):
    subject = make_tiny_subject(tmp_path, copying())
    calls = count()
    # the first two are of the records as they are
    monkeypatch.setattr(type(subject), "decide", lambda _, x: np.full(x.shape, next(calls) < 2))
    for figure in stability_figures(subject, 0):
        assert figure.values == {}
        assert "0% of the ECGs" in figure.note
        assert figure.to_dict()["met"] is None


def test_a_map_that_is_highest_at_the_start_is_caught(tmp_path):
    subject = make_tiny_subject(tmp_path, copying())
    subject.card["thresholds"] = [0.0]

    def at_the_start(network, prepared, k):
        values = prepared[:, :1].clone()
        values[..., 10] = 1e3
        return values

    subject.maps["evidence"] = at_the_start
    no, yes = edge_figures(subject, 0)
    assert "Fewer than two" in no.note
    assert yes.values["evidence"].value == 1
    assert yes.goal.bound == pytest.approx(2 * 0.12)  # twice 0.6 s of 5 s
    assert yes.to_dict()["met"] is False


def test_a_model_agrees_with_itself_and_less_with_another(tmp_path):
    subject = make_tiny_subject(tmp_path, copying())
    (same,), (other,) = (agreement_figures(subject, 0, other=copying(lead)) for lead in (0, 6))
    assert same.values["evidence"].value == pytest.approx(1)
    assert other.values["evidence"].value < 0.95


def test_models_of_other_classes_are_refused(tmp_path):
    card = make_tiny_subject(tmp_path).card
    with pytest.raises(ModelError, match=r"classes \['MI'\]; expected \['ABNORMAL'\]"):
        check_comparable(card, card | {"classes": ["MI"]})
