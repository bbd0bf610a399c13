"""The sets hold the true answer as often as is promised: counted over every way to draw."""

import math
from itertools import combinations

import numpy as np
import pytest

from ecgcam.evaluation.conformal import conformal_limits
from ecgcam.inference.decisions import ConformalLimits


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.25, 0.4])
@pytest.mark.parametrize("count", [2, 5, 10, 20, 41])
@pytest.mark.parametrize("kind", [0, 1])
def test_of_n_and_a_new_one_at_most_floor_alpha_n_plus_1_are_missed(count, alpha, kind):
    """Exchangeable: each of the n + 1 is as likely the new one. Without ties, one fewer at least.

    The one that is itself the floor(alpha (n + 1))-th most unusual lies on either side of halfway.
    """
    rng = np.random.default_rng(count)
    probabilities = rng.random(count + 1)
    others = rng.random(7)  # the other kind changes nothing
    held = 0
    for new in range(count + 1):
        known = np.delete(probabilities, new)
        targets = np.r_[np.full(count, kind), np.full(7, 1 - kind)]
        limits = conformal_limits(targets, np.r_[known, others], alpha=alpha)
        held += limits.sets(probabilities[new : new + 1])[0, kind]
    missed = math.floor(alpha * (count + 1) + 1e-9)
    assert missed - 1 <= count + 1 - held <= missed
    assert 1 - alpha <= held / (count + 1) <= 1 - alpha + 2 / (count + 1)


def test_the_guarantee_holds_with_ties_over_every_draw():
    """All ways to pick 9 of 12 probabilities that repeat; each of the others is the new one."""
    probabilities = np.array([0.1, 0.1, 0.1, 0.2, 0.4, 0.4, 0.6, 0.8, 0.8, 0.9, 0.9, 0.9])
    held = total = 0
    for picked in combinations(range(12), 9):
        new = np.delete(probabilities, picked)
        targets, known = np.r_[np.ones(9), 0], np.r_[probabilities[list(picked)], 0.5]
        held += conformal_limits(targets, known, alpha=0.2).sets(new)[:, 1].sum()
        total += new.size
    assert held / total >= 0.8


def test_limits_by_hand():
    targets = np.array([0] * 4 + [1] * 9)
    probabilities = np.r_[0.1, 0.2, 0.6, 0.3, np.arange(1, 10) / 10].astype(np.float32)
    limits = conformal_limits(targets, probabilities, alpha=0.2)
    assert limits.positive_from == pytest.approx(0.15)  # up to the second of nine: 0.2 · 10
    assert limits.negative_up_to == pytest.approx(0.8)  # up to the first of four: 0.2 · 5
    sets = limits.sets(np.array([0.1, 0.2, 0.7, 0.9], np.float32))
    assert sets.tolist() == [[True, False], [True, True], [True, True], [False, True]]


@pytest.mark.parametrize("kind", [0, 1])
def test_rounding_turns_no_records_set(kind):
    """Another batch size moves a probability by some units in its last place."""
    probabilities = np.random.default_rng(0).random(199).astype(np.float32)
    targets = np.full(199, kind)
    limits = conformal_limits(targets, probabilities, alpha=0.1)
    as_chosen = limits.sets(probabilities)[:, kind]
    assert as_chosen.sum() == 199 - (20 - 1)  # all but those more unusual than the 20th
    for rounding in (-4e-7, 4e-7):
        moved = (probabilities * (1 + rounding)).astype(np.float32)
        assert (moved != probabilities).any()
        assert np.array_equal(limits.sets(moved)[:, kind], as_chosen)


def test_of_too_few_records_nothing_is_promised_so_that_nothing_is_ruled_out():
    limits = conformal_limits(np.array([0] * 8 + [1] * 9), np.full(17, 0.5), alpha=0.1)
    assert limits == ConformalLimits(positive_from=0.25, negative_up_to=1)
    limits = conformal_limits(np.ones(9), np.full(9, 0.5), alpha=0.1)
    assert limits.negative_up_to == 1


def test_between_limits_the_other_way_round_neither_answer_is_possible():
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


@pytest.mark.parametrize("alpha", [0, 1, -0.1, math.nan])
def test_an_error_rate_that_is_none_is_refused(alpha):
    with pytest.raises(ValueError, match="needed: above 0, below 1"):
        conformal_limits(np.array([0, 1]), np.array([0.2, 0.8]), alpha=alpha)


@pytest.mark.parametrize("limits", [(-0.1, 0.5), (0.5, 1.1), (math.nan, 0.5), (0.5, math.inf)])
def test_limits_beyond_probabilities_are_refused(limits):
    with pytest.raises(ValueError, match="needed: within 0 and 1"):
        ConformalLimits(positive_from=limits[0], negative_up_to=limits[1])
