"""Figures: weighted statistics by hand, exact intervals at 0 and 1, and goals."""

import json

import numpy as np
import pytest

from ecgcam.explanation.figures import (
    Estimate,
    Figure,
    Goal,
    draw_counts,
    estimate,
    estimate_fraction,
    estimate_mean,
    mean_of,
    median_of,
)


def test_statistics_weigh_records_as_often_as_they_are_drawn():
    values = np.array([5.0, 1.0, 3.0, 100.0])
    drawn = np.array([[1, 1, 1, 1], [2, 0, 2, 0], [0, 3, 1, 1]], float)
    repeated = [np.repeat(values, counts.astype(int)) for counts in drawn]
    assert mean_of(values)(drawn) == pytest.approx([x.mean() for x in repeated])
    assert median_of(values)(drawn) == pytest.approx([np.median(x) for x in repeated])


def test_an_interval_of_a_mean_is_as_wide_as_theory_says():
    values = np.random.default_rng(0).normal(3, 2, 400)
    found = estimate(mean_of(values), draw_counts(np.arange(400)))
    assert found.value == pytest.approx(values.mean())
    low, high = found.interval
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_records_of_one_patient_count_together():
    values = np.repeat(np.random.default_rng(0).normal(0, 1, 50), 8)
    alone = estimate(mean_of(values), draw_counts(np.arange(400)))
    together = estimate(mean_of(values), draw_counts(np.repeat(np.arange(50), 8)))
    assert np.diff(together.interval) > 2 * np.diff(alone.interval)


def test_a_fraction_of_all_has_the_exact_interval():
    found = estimate_fraction(np.ones(21, dtype=bool), draw_counts(np.arange(21)))
    assert found.value == 1
    assert found.interval[0] == pytest.approx(0.025 ** (1 / 21), abs=1e-6)


def test_a_mean_leaves_out_records_without_a_value():
    found = estimate_mean(np.array([1.0, np.nan, 3.0]), draw_counts(np.arange(3)))
    assert found.value == 2
    assert np.isnan(estimate_mean(np.full(3, np.nan), draw_counts(np.arange(3))).value)


def test_a_goal_is_met_at_its_bound_and_unknown_without_a_value():
    figure = {"name": "F", "meaning": "…"}
    above, below = Goal(bound=1.15), Goal(bound=0.2, at_least=False)
    for goal, value, met in (
        *((above, 1.15, True), (above, 1.149, False)),
        *((below, 0.2, True), (below, 0.21, False)),
    ):
        values = {"evidence": Estimate(value=value)}
        assert Figure(**figure, values=values, goal=goal).to_dict()["met"] is met
    undefined = Figure(**figure, values={"evidence": Estimate(value=np.nan)}, goal=above).to_dict()
    assert undefined["met"] is None
    assert json.loads(json.dumps(undefined, allow_nan=False))["values"]["evidence"]["value"] is None
    others = Figure(**figure, values={"occlusion": Estimate(value=2)}, goal=above)
    assert others.to_dict()["met"] is None
