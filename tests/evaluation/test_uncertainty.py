"""Abstention bands reach what they promise and follow Chow's rule; conformal sets keep theirs."""

import math
from itertools import combinations

import numpy as np
import pytest

from ecgcam.evaluation.uncertainty import (
    certainty,
    choose_band,
    conformal_limits,
    coverage_and_accuracy,
)
from ecgcam.inference.decisions import Band, ConformalLimits

TARGETS = np.array([0, 1, 0, 1, 1])
PROBABILITIES = np.array([0.1, 0.4, 0.6, 0.7, 0.9])  # the second and third decisions are wrong


@pytest.fixture(params=[np.float32, np.float64])
def fold(request):
    """Targets and probabilities of 600 records, most of them correct at 0.3, with ties."""
    rng = np.random.default_rng(4)
    targets = rng.random(600) < 0.3
    probabilities = np.clip(rng.normal(0.2 + 0.3 * targets, 0.15), 0, 1).round(2)
    return targets, probabilities.astype(request.param)


def coverage_outside(band, targets, probabilities, threshold):
    """Return the fraction of records outside the band, and the fraction of these correct."""
    outside = ~band.holds(probabilities)
    decisions = probabilities >= np.asarray(threshold, probabilities.dtype)
    return outside.mean(), (decisions == targets)[outside].mean()


def test_a_band_by_hand():
    band = Band.around(0.25, width=0.5)
    assert (band.low, band.high) == (0.125, 0.625)
    inside = band.holds(np.array([0.05, 0.125, 0.13, 0.25, 0.62, 0.625, 0.7]))
    assert inside.tolist() == [False, False, True, True, True, False, False]


@pytest.mark.parametrize("threshold", [0, 0.2, 0.5, 1])
def test_a_band_of_width_0_holds_nothing_and_of_width_1_all_but_0_and_1(threshold):
    probabilities = np.linspace(0, 1, 101)
    assert not Band.around(threshold, width=0).holds(probabilities).any()
    assert Band.around(threshold, width=1).holds(probabilities).sum() == 99


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.5, 0.8])
@pytest.mark.parametrize("width", [0.1, 0.5, 0.9])
def test_the_band_holds_records_where_both_answers_cost_too_much(threshold, width):
    """Chow's rule: a false alarm costs t, a miss 1 - t."""
    p = np.linspace(0.0005, 0.9995, 1000)
    lower_cost = np.minimum(p * (1 - threshold), (1 - p) * threshold)
    expected = lower_cost > (1 - width) * threshold * (1 - threshold)
    assert np.array_equal(Band.around(threshold, width=width).holds(p), expected)
    assert np.array_equal(certainty(p, threshold=threshold) < width, expected)


def test_certainty_is_0_at_the_threshold_and_1_at_0_and_1():
    certainties = certainty(np.array([0, 0.1, 0.2, 0.6, 1]), threshold=0.2)
    np.testing.assert_allclose(certainties, [1, 0.5, 0, 0.5, 1])
    for threshold in (0, 1):
        ends = certainty(np.array([0.0, 1.0]), threshold=threshold)
        np.testing.assert_allclose(ends, [threshold, 1 - threshold])


def test_coverage_and_accuracy_by_hand():
    correct = np.array([True, False, True, True, False])
    certainties = np.array([0.9, 0.4, 0.4, 0.7, 0.1])
    lowest, coverage, accuracy = coverage_and_accuracy(correct, certainties)
    np.testing.assert_allclose(lowest, [0.9, 0.7, 0.4, 0.1])
    np.testing.assert_allclose(coverage, [0.2, 0.4, 0.8, 1])
    np.testing.assert_allclose(accuracy, [1, 1, 0.75, 0.6])


def test_bands_by_hand():
    """Certainties are 0.8, 0.2, 0.2, 0.4 and 0.8; without the two lowest, all are correct."""
    band = choose_band(TARGETS, PROBABILITIES, threshold=0.5, rule="accuracy=1.0")
    assert (band.low, band.high) == pytest.approx((0.35, 0.65))
    assert choose_band(TARGETS, PROBABILITIES, threshold=0.5, rule="coverage=0.6") == band
    empty = choose_band(TARGETS, PROBABILITIES, threshold=0.5, rule="accuracy=0.6")
    assert empty == Band(low=0.5, high=0.5)


@pytest.mark.parametrize("wanted", [0.9, 0.95, 0.99])
def test_the_accuracy_outside_the_band_is_reached_and_no_narrower_band_reaches_it(fold, wanted):
    band = choose_band(*fold, threshold=0.3, rule=f"accuracy={wanted}")
    coverage, accuracy = coverage_outside(band, *fold, 0.3)
    assert accuracy >= wanted
    for width in np.linspace(0, 1, 300):
        other = coverage_outside(Band.around(0.3, width=width), *fold, 0.3)
        assert other[0] <= coverage or other[1] < wanted


@pytest.mark.parametrize("wanted", [0.5, 0.8, 0.999])
def test_the_coverage_is_reached_and_no_wider_band_reaches_it(fold, wanted):
    band = choose_band(*fold, threshold=0.3, rule=f"coverage={wanted}")
    coverage, _ = coverage_outside(band, *fold, 0.3)
    assert coverage >= wanted
    for width in np.linspace(0, 1, 300):
        other, _ = coverage_outside(Band.around(0.3, width=width), *fold, 0.3)
        assert other >= coverage or other < wanted


def test_rounding_moves_no_record_into_or_out_of_the_band(fold):
    targets, probabilities = fold
    band = choose_band(targets, probabilities, threshold=0.295, rule="accuracy=0.95")
    for rounding in (-1e-5, 1e-5):
        moved = band.holds(probabilities + np.float32(rounding))
        assert np.array_equal(moved, band.holds(probabilities))


def test_an_accuracy_that_no_band_reaches_is_refused():
    with pytest.raises(ValueError, match=r"reaches the accuracy: 0\.667 at best; expected 0\.95"):
        choose_band(
            np.array([0, 1, 1]), np.array([0.9, 0.9, 0.6]), threshold=0.5, rule="accuracy=0.95"
        )


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.25, 0.4])
@pytest.mark.parametrize("count", [2, 5, 10, 20, 41])
@pytest.mark.parametrize("kind", [0, 1])
def test_at_most_floor_alpha_n_plus_1_of_n_plus_1_records_are_missed(count, alpha, kind):
    """Exchangeable: each of the n + 1 is equally likely to be the new one.

    Without ties at least one fewer is missed: the floor(alpha (n + 1))-th most unusual record may
    lie on either side of the limit.
    """
    rng = np.random.default_rng(count)
    probabilities = rng.random(count + 1)
    other_kind = rng.random(7)  # has no influence
    covered = 0
    for new in range(count + 1):
        known = np.delete(probabilities, new)
        targets = np.r_[np.full(count, kind), np.full(7, 1 - kind)]
        limits = conformal_limits(targets, np.r_[known, other_kind], alpha=alpha)
        covered += limits.sets(probabilities[new : new + 1])[0, kind]
    missed = math.floor(alpha * (count + 1) + 1e-9)
    assert missed - 1 <= count + 1 - covered <= missed
    assert 1 - alpha <= covered / (count + 1) <= 1 - alpha + 2 / (count + 1)


def test_the_guarantee_holds_with_ties():
    """Over all ways to draw 9 of 12 probabilities with ties; each of the others is a new record."""
    probabilities = np.array([0.1, 0.1, 0.1, 0.2, 0.4, 0.4, 0.6, 0.8, 0.8, 0.9, 0.9, 0.9])
    covered = total = 0
    for drawn in combinations(range(12), 9):
        new = np.delete(probabilities, drawn)
        targets, known = np.r_[np.ones(9), 0], np.r_[probabilities[list(drawn)], 0.5]
        covered += conformal_limits(targets, known, alpha=0.2).sets(new)[:, 1].sum()
        total += new.size
    assert covered / total >= 0.8


def test_conformal_limits_by_hand():
    targets = np.array([0] * 4 + [1] * 9)
    probabilities = np.r_[0.1, 0.2, 0.6, 0.3, np.arange(1, 10) / 10].astype(np.float32)
    limits = conformal_limits(targets, probabilities, alpha=0.2)
    assert limits.positive_from == pytest.approx(0.15)  # below the second of nine: 0.2 · 10
    assert limits.negative_up_to == pytest.approx(0.8)  # above the first of four: 0.2 · 5
    sets = limits.sets(np.array([0.1, 0.2, 0.7, 0.9], np.float32))
    assert sets.tolist() == [[True, False], [True, True], [True, True], [False, True]]


@pytest.mark.parametrize("kind", [0, 1])
def test_rounding_changes_no_conformal_set(kind):
    """Another batch size changes a probability by some units in its last place."""
    probabilities = np.random.default_rng(0).random(199).astype(np.float32)
    targets = np.full(199, kind)
    limits = conformal_limits(targets, probabilities, alpha=0.1)
    covered = limits.sets(probabilities)[:, kind]
    assert covered.sum() == 199 - (20 - 1)  # all but those more unusual than the 20th
    for rounding in (-4e-7, 4e-7):
        moved = (probabilities * (1 + rounding)).astype(np.float32)
        assert (moved != probabilities).any()
        assert np.array_equal(limits.sets(moved)[:, kind], covered)


def test_too_few_records_of_a_kind_rule_out_no_answer():
    limits = conformal_limits(np.array([0] * 8 + [1] * 9), np.full(17, 0.5), alpha=0.1)
    assert limits == ConformalLimits(positive_from=0.25, negative_up_to=1)
    limits = conformal_limits(np.ones(9), np.full(9, 0.5), alpha=0.1)
    assert limits.negative_up_to == 1


def test_between_crossed_limits_the_set_is_empty():
    sets = ConformalLimits(positive_from=0.7, negative_up_to=0.3).sets(np.array([0.3, 0.5, 0.7]))
    assert sets.tolist() == [[True, False], [False, False], [False, True]]


def test_a_smaller_error_rate_never_rules_out_more():
    rng = np.random.default_rng(0)
    targets = rng.random(200) < 0.4
    probabilities = np.clip(rng.normal(0.3 + 0.3 * targets, 0.2), 0, 1)
    strict, loose = (
        conformal_limits(targets, probabilities, alpha=a).sets(probabilities) for a in (0.05, 0.2)
    )
    assert (strict | ~loose).all()


@pytest.mark.parametrize("ends", [(-0.1, 0.5), (0.6, 0.5), (0.5, 1.1), (math.nan, 0.5)])
def test_a_band_that_is_no_interval_of_probabilities_is_refused(ends):
    with pytest.raises(ValueError, match="band"):
        Band(low=ends[0], high=ends[1])


@pytest.mark.parametrize("limits", [(-0.1, 0.5), (0.5, 1.1), (math.nan, 0.5), (0.5, math.inf)])
def test_limits_that_are_no_probabilities_are_refused(limits):
    with pytest.raises(ValueError, match="conformal limits"):
        ConformalLimits(positive_from=limits[0], negative_up_to=limits[1])
