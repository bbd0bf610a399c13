"""Localisation: counted by hand, on hearts whose disorder is where the truth says."""

import numpy as np
import pytest
from support.subjects import make_tiny_subject
from support.tiny import NORMAL, SUPERCLASS

from ecgcam.data.synthetic.diagnoses import DISORDERS
from ecgcam.explanation.localisation import (
    disorders_of,
    draw_ecgs,
    localisation_figures,
    pointing,
    right_walls,
    times_chance,
)
from ecgcam.explanation.pairs import changing_disorders, draw_pair, draw_pairs, pairs_figures
from ecgcam.nn.network import NetworkConfig
from ecgcam.signals.leads import LEADS

EVERY = np.ones((1, 2))


def test_pointing_and_positive_evidence_by_hand():
    truth = np.zeros((2, 1, 10), dtype=bool)
    truth[:, :, 2:4] = True  # a fifth of the time
    values = np.full((2, 1, 10), -5.0, np.float32)
    values[0, 0, [3, 7]] = 3, 1  # the highest is inside, with three quarters of the evidence
    values[1, 0, [4, 2]] = 2, 2  # of two equal ones the first counts: inside
    assert pointing(values, truth).tolist() == [True, True]
    assert times_chance(values, truth)(EVERY)[0] == pytest.approx((0.75 + 0.5) / 2 / 0.2)
    marked = np.zeros((2, 1, 10), dtype=bool)
    marked[:, :, :5] = True
    found = times_chance(values, truth, within=marked)(EVERY)[0]
    assert found == pytest.approx((1 + 0.5) / 2 / 0.4)
    assert times_chance(-np.abs(values), truth)(EVERY)[0] == 0


def test_the_wall_is_that_of_the_leads_with_the_most_positive_evidence():
    values = np.zeros((3, 12, 5), np.float32)
    values[0, LEADS.index("III")] = 1
    values[1, LEADS.index("V2")] = 1
    values[2, LEADS.index("V5")] = 1
    assert right_walls(values, ["IMI", "IMI", "ALMI"], LEADS).tolist() == [True, False, True]


def test_disorders_belong_to_classes_as_labels_do():
    assert set(disorders_of(NORMAL, 0)) == set(DISORDERS)  # PVC too: it has no superclass
    of = dict(zip(SUPERCLASS.classes, (disorders_of(SUPERCLASS, k) for k in range(5)), strict=True))
    assert of["NORM"] == ()
    assert "IMI" in of["MI"]
    assert "CLBBB" in of["CD"]
    assert "PVC" not in {code for codes in of.values() for code in codes}
    assert set(changing_disorders(SUPERCLASS, 0)) == set(DISORDERS) - {"PVC"}


def test_the_truth_lies_where_the_heart_differs_from_the_healthy_one(tmp_path):
    subject = make_tiny_subject(tmp_path)
    drawn = draw_ecgs(["LAO/LAE", "IMI"], subject, hearts=2)
    assert drawn.codes == ("LAO/LAE", "LAO/LAE", "IMI", "IMI")
    assert drawn.signals_mv.shape == drawn.in_leads.shape == (4, 12, 500)
    p, infarction = drawn.in_leads.any(axis=1).mean(axis=1).reshape(2, 2)
    assert (p < 0.3).all()
    assert (infarction > 0.3).all()
    assert (drawn.near_leads >= drawn.in_leads).all()
    facing = drawn.in_leads[2:].any(axis=2).all(axis=0)
    assert facing[LEADS.index("III")]
    assert not facing[LEADS.index("V6")]


def test_a_leadwise_network_is_measured_in_time_and_lead(tmp_path):
    subject = make_tiny_subject(tmp_path)
    subject.card["thresholds"] = [0.0]  # it recognizes everything
    figures = {figure.name: figure for figure in localisation_figures(subject, 0, hearts=1)}
    assert figures["recognized"].values["evidence"].value == 1
    for name in ("pointing in time", "pointing in time and lead", "right wall of infarctions"):
        assert {"evidence", "integrated gradients", "random"} <= set(figures[name].values)
    subject.card["thresholds"] = [1.0]  # and now nothing
    *_, none = localisation_figures(subject, 0, hearts=1)
    assert "fewer than two" in none.note


def test_a_pair_differs_only_where_the_disorder_shows():
    healthy, ill = draw_pair(0, "1AVB", NetworkConfig(classes=1)).numpy()
    difference = np.abs(ill - healthy).max(axis=0)
    assert difference.max() > 0.05
    assert (difference < 0.002).mean() > 0.3  # QRS and T of every beat stay
    again = draw_pair(0, "1AVB", NetworkConfig(classes=1)).numpy()
    assert np.array_equal(again[1], ill)


def test_a_map_of_the_change_itself_points_at_it_and_a_moved_one_does_not(tmp_path):
    subject = make_tiny_subject(tmp_path)

    def size(network, prepared, k):
        return prepared.abs().amax(dim=1, keepdim=True)

    pairs = draw_pairs(("LVH", "CLBBB"), subject, hearts=2)
    assert 0.05 < pairs.changed.mean() < 0.8
    hits = []
    for shift in (0, 37):
        subject.maps["evidence"] = lambda n, x, k, s=shift: size(n, x, k).roll(s, -1)
        (figure,) = pairs_figures(subject, 0, hearts=2)
        hits.append(figure.values["evidence"].value)
    assert hits[1] < hits[0]
