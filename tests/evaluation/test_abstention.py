"""The band of doubt keeps its promise on the records it was chosen on, and is Chow's rule."""

import numpy as np
import pytest

from ecgcam.evaluation.abstention import (
    band_for_accuracy,
    band_for_coverage,
    certainty,
    coverage_and_accuracy,
)
from ecgcam.inference.decisions import Band

TARGETS = np.array([0, 1, 0, 1, 1])
PROBABILITIES = np.array([0.1, 0.4, 0.6, 0.7, 0.9])  # the second and the third are decided wrongly


@pytest.fixture(params=[np.float32, np.float64])
def fold(request):
    """600 records, most of them decided rightly at 0.3, with ties."""
    rng = np.random.default_rng(4)
    targets = rng.random(600) < 0.3
    probabilities = np.clip(rng.normal(0.2 + 0.3 * targets, 0.15), 0, 1).round(2)
    return targets, probabilities.astype(request.param)


def left(targets, probabilities, band, threshold):
    """How many records are outside the band, and the share of these that is decided rightly."""
    outside = ~band.holds(probabilities)
    called = probabilities >= np.asarray(threshold, probabilities.dtype)
    return outside.mean(), (called == targets)[outside].mean()


def test_a_band_by_hand():
    band = Band.around(0.25, width=0.5)
    assert (band.low, band.high) == (0.125, 0.625)
    inside = band.holds(np.array([0.05, 0.125, 0.13, 0.25, 0.62, 0.625, 0.7]))
    assert inside.tolist() == [False, False, True, True, True, False, False]


@pytest.mark.parametrize("threshold", [0, 0.2, 0.5, 1])
def test_a_band_without_width_holds_nothing_and_the_widest_all_that_is_not_certain(threshold):
    probabilities = np.linspace(0, 1, 101)
    assert not Band.around(threshold, width=0).holds(probabilities).any()
    assert Band.around(threshold, width=1).holds(probabilities).sum() == 99


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.5, 0.8])
@pytest.mark.parametrize("width", [0.1, 0.5, 0.9])
def test_the_band_is_where_either_answer_costs_too_much(threshold, width):
    """Chow's rule, with a false alarm for t and a miss for 1 - t."""
    p = np.linspace(0.0005, 0.9995, 1000)
    cheapest = np.minimum(p * (1 - threshold), (1 - p) * threshold)
    too_much = cheapest > (1 - width) * threshold * (1 - threshold)
    assert np.array_equal(Band.around(threshold, width=width).holds(p), too_much)
    by_certainty = certainty(p, threshold=threshold) < width
    assert np.array_equal(by_certainty, too_much)


def test_certainty_is_0_at_the_threshold_and_1_at_the_ends():
    found = certainty(np.array([0, 0.1, 0.2, 0.6, 1]), threshold=0.2)
    np.testing.assert_allclose(found, [1, 0.5, 0, 0.5, 1])
    for threshold in (0, 1):
        ends = certainty(np.array([0.0, 1.0]), threshold=threshold)
        np.testing.assert_allclose(ends, [threshold, 1 - threshold])


def test_coverage_and_accuracy_by_hand():
    right = np.array([True, False, True, True, False])
    certainties = np.array([0.9, 0.4, 0.4, 0.7, 0.1])
    down_to, coverage, accuracy = coverage_and_accuracy(right, certainties)
    np.testing.assert_allclose(down_to, [0.9, 0.7, 0.4, 0.1])
    np.testing.assert_allclose(coverage, [0.2, 0.4, 0.8, 1])
    np.testing.assert_allclose(accuracy, [1, 1, 0.75, 0.6])


def test_bands_by_hand():
    """Certainties 0.8, 0.2, 0.2, 0.4 and 0.8: without the middle two, all is right."""
    both = band_for_accuracy(TARGETS, PROBABILITIES, threshold=0.5, accuracy=1.0)
    assert (both.low, both.high) == pytest.approx((0.35, 0.65))
    as_many = band_for_coverage(TARGETS, PROBABILITIES, threshold=0.5, coverage=0.6)
    assert as_many == both
    assert band_for_accuracy(TARGETS, PROBABILITIES, threshold=0.5, accuracy=0.6) == Band(
        low=0.5, high=0.5
    )


@pytest.mark.parametrize("wanted", [0.9, 0.95, 0.99])
def test_what_is_left_is_right_as_often_as_promised_and_no_narrower_band_is(fold, wanted):
    targets, probabilities = fold
    band = band_for_accuracy(targets, probabilities, threshold=0.3, accuracy=wanted)
    coverage, accuracy = left(targets, probabilities, band, 0.3)
    assert accuracy >= wanted
    for width in np.linspace(0, 1, 300):
        other = Band.around(0.3, width=width)
        covered, right = left(targets, probabilities, other, 0.3)
        assert covered <= coverage or right < wanted


@pytest.mark.parametrize("wanted", [0.5, 0.8, 0.999])
def test_so_many_records_are_left_and_no_wider_band_leaves_them(fold, wanted):
    targets, probabilities = fold
    band = band_for_coverage(targets, probabilities, threshold=0.3, coverage=wanted)
    coverage, _ = left(targets, probabilities, band, 0.3)
    assert coverage >= wanted
    for width in np.linspace(0, 1, 300):
        covered, _ = left(targets, probabilities, Band.around(0.3, width=width), 0.3)
        assert covered >= coverage or covered < wanted


def test_rounding_elsewhere_moves_no_record_into_the_band_or_out(fold):
    targets, probabilities = fold
    band = band_for_accuracy(targets, probabilities, threshold=0.295, accuracy=0.95)
    for nudge in (-1e-5, 1e-5):
        moved = band.holds(probabilities + np.float32(nudge))
        assert np.array_equal(moved, band.holds(probabilities))


def test_a_band_that_no_width_makes_good_is_refused():
    with pytest.raises(ValueError, match=r"answers right: 0\.667 at best; needed: 0\.95"):
        band_for_accuracy(np.array([0, 1, 1]), np.array([0.9, 0.9, 0.6]), threshold=0.5,
                          accuracy=0.95)  # fmt: skip


@pytest.mark.parametrize("ends", [(-0.1, 0.5), (0.6, 0.5), (0.5, 1.1), (float("nan"), 0.5)])
def test_a_band_beyond_probabilities_is_refused(ends):
    with pytest.raises(ValueError, match="needed: within 0 and 1"):
        Band(low=ends[0], high=ends[1])
