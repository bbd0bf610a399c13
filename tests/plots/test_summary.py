"""What stands beside a picture is true of the numbers that it shows."""

import re
from dataclasses import replace

import numpy as np
import pytest
from support.drawn_records import explained, refused, spiked

from ecgcam.plots.summary import cautions, lay_out


def hottest_at(place_s, *, duration_s=10, judged_s=None, **about):
    """A class whose heat is hottest there and nowhere else, and NaN after `judged_s`."""
    record = spiked(duration_s=duration_s)
    heat = np.zeros(duration_s * 100)
    heat[round(place_s * 100)] = 1
    heat[round((judged_s or duration_s) * 100) :] = np.nan
    return lay_out(record, explained(record, heat=heat, **about), 0)


@pytest.mark.parametrize("place_s", [0, 0.28, 9.72, 9.99])
def test_heat_that_is_hottest_at_an_edge_is_warned_of(place_s):
    assert hottest_at(place_s).beware.startswith("The hottest place is at an edge")


@pytest.mark.parametrize("place_s", [0.31, 5, 9.68])
def test_heat_that_is_hottest_elsewhere_is_not(place_s):
    assert hottest_at(place_s).beware == ""


@pytest.mark.parametrize(("place_s", "warned"), [(9.9, True), (10.1, True), (15, False)])
def test_windows_within_a_long_record_have_edges_too(place_s, warned):
    found = hottest_at(place_s, duration_s=20, windows=2)
    assert bool(found.beware) == warned


@pytest.mark.parametrize(("place_s", "warned"), [(6.8, True), (5, False)])
def test_what_is_judged_ends_where_the_record_was_filled_up_or_left_out(place_s, warned):
    assert bool(hottest_at(place_s, duration_s=7, evidence_s=7).beware) == warned
    assert bool(hottest_at(place_s, duration_s=9, judged_s=7, evidence_s=7).beware) == warned


def test_a_constant_map_has_no_hottest_place():
    record = spiked()
    assert lay_out(record, explained(record, heat=np.zeros(1000)), 0).beware == ""


def test_the_mean_that_is_said_is_that_of_the_evidence_that_is_drawn():
    record, evidence = spiked(), np.linspace(1, 3, 125)[None]
    honest = explained(record, evidence=evidence, bias=np.array([0.5]), logits=np.array([2.5]))
    assert lay_out(record, honest, 0).sum == "mean 2.00 + bias 0.50 = logit 2.50"
    other = replace(honest, logits=np.array([-1.5]))
    assert lay_out(record, other, 0).sum == "mean 2.00, which does not add up to the logit −1.50"


@pytest.mark.parametrize(
    ("mean", "bias"),
    [(0.026, -0.051), (1.004, 0.004), (-0.0049, 0.0049), (-2.336, 0.205), (0.995, 0.006)],
)
def test_what_is_said_of_the_sum_adds_up_to_the_last_digit(mean, bias):
    record, logit = spiked(), mean + bias
    about = {"bias": np.array([bias]), "logits": np.array([logit])}
    said = lay_out(record, explained(record, evidence=np.full((1, 125), mean), **about), 0).sum
    first, sign, second, _, third = re.findall(r"−?\d+\.\d\d|[+−=]", said)
    first, second, third = (float(x.replace("−", "-")) for x in (first, second, third))
    assert first + (second if sign == "+" else -second) == pytest.approx(third, abs=1e-9)
    assert (first, third) == pytest.approx((mean, logit), abs=0.011)
    assert "−0.00" not in said


@pytest.mark.parametrize(
    ("decided", "said"),
    [
        (("NORM", "MI", "CD"), ("NORM is decided beside MI, CD: each class is judged by itself",)),
        ((), ("neither NORM nor another class is decided: each is judged by itself",)),
        (("NORM",), ()),
        (("MI", "CD"), ()),
    ],
)
def test_answers_that_do_not_fit_one_another_are_pointed_out(decided, said):
    about = {"classes": ("NORM", "MI", "CD"), "probabilities": (0.5,) * 3, "decision": decided}
    answer = explained(spiked(), warnings=("flat V5",), **about)
    assert cautions(answer) == ("flat V5", *said)


def test_a_model_without_a_class_for_the_healthy_and_a_refusal_are_never_at_odds():
    record = spiked()
    assert cautions(explained(record, probabilities=(0.1,))) == ()
    assert cautions(replace(refused(record), classes=("NORM", "MI"))) == ()


def test_a_model_of_the_healthy_alone_is_never_at_odds_with_itself():
    for decided in (("NORM",), ()):
        assert cautions(explained(spiked(), classes=("NORM",), decision=decided)) == ()
