"""Figures of calibration and coverage show their input."""

import numpy as np
import pytest
from scipy.stats import binomtest
from support.drawn_records import HOSTILE, words

from ecgcam.evaluation.calibration import reliability_table
from ecgcam.plots.reliability import CoverageCurve, draw_coverage, draw_reliability


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    probabilities = rng.random(400)
    return reliability_table(rng.random(400) < probabilities, probabilities)


def curve(**about):
    coverage = np.arange(1, 101) / 100
    default = {"coverage": coverage, "accuracy": 1 - 0.1 * coverage, "records": 100}
    return CoverageCurve(**default | about)


def test_each_bin_is_a_dot_with_its_interval(table):
    (axes,) = draw_reliability({"MI": table}).axes
    (dots,) = [line for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(dots.get_xdata(), table["mean_probability"])
    np.testing.assert_allclose(dots.get_ydata(), table["prevalence"])
    vertical = [line.get_xydata() for line in axes.lines if np.ptp(line.get_xdata()) == 0]
    for line, x, prevalence, n in zip(
        vertical, table["mean_probability"], table["prevalence"], table["n"], strict=True
    ):
        expected = binomtest(round(prevalence * n), n).proportion_ci(method="wilson")
        np.testing.assert_allclose(line, [[x, expected.low], [x, expected.high]])
    assert axes.get_title() == "MI"


def test_the_bars_show_the_distribution_of_the_records(table):
    (axes,) = draw_reliability({"MI": table}).axes
    heights = np.array([bar.get_height() for bar in axes.patches])
    np.testing.assert_allclose(heights / heights.sum(), table["n"] / 400)
    np.testing.assert_allclose([bar.get_x() for bar in axes.patches], table["low"])


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_every_class_has_its_panel(table, count):
    names = [f"class {k}" for k in range(count)]
    figure = draw_reliability(dict.fromkeys(names, table))
    shown = [axes.get_title() for axes in figure.axes if axes.axison]
    assert shown == names


def test_a_bin_of_one_record_is_drawn():
    draw_reliability({"MI": reliability_table(np.array([1]), np.array([1.0]))}).canvas.draw()


def test_the_dot_is_the_coverage_and_accuracy_outside_the_band():
    figure = draw_coverage({"MI": curve(band=(0.5, 0.93)), "CD": curve(accuracy=np.ones(100))})
    (axes,) = figure.axes
    (dot,) = [line for line in axes.lines if line.get_marker() == "o"]
    assert dot.get_xydata().tolist() == [[0.5, 0.93]]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["MI (outside its band: 50% of records, 93.0% correct)", "CD"]
    lines = {line.get_label(): line for line in axes.lines}
    assert lines[labels[0]].get_color() == dot.get_color()


def test_tick_labels_are_the_tick_values():
    half_percents = curve(accuracy=np.linspace(0.975, 1, 100))
    (axes,) = draw_coverage({"MI": half_percents}).axes
    axes.figure.canvas.draw()
    assert max(tick for tick in axes.get_yticks() if tick <= axes.get_ylim()[1]) <= 1
    for tick, label in zip(axes.get_yticks(), axes.get_yticklabels(), strict=True):
        assert float(label.get_text().rstrip("%")) == pytest.approx(100 * tick)


def test_a_curve_starts_at_20_records():
    (axes,) = draw_coverage({"MI": curve()}).axes
    np.testing.assert_allclose(axes.lines[0].get_xdata(), np.arange(20, 101) / 100)


def test_any_name_and_a_single_record_can_be_drawn(table):
    few = curve(coverage=np.array([1.0]), accuracy=np.array([1.0]), records=1)
    for figure in (
        draw_reliability({HOSTILE: table}),
        draw_coverage({HOSTILE: few}),
        draw_coverage({HOSTILE: curve(band=(1.0, 0.9))}),
    ):
        figure.canvas.draw()
        assert "alert" in words(figure)


def test_panels_without_a_class_are_empty(table):
    figure = draw_reliability(dict.fromkeys("abcd", table))
    assert sum(not axes.axison for axes in figure.axes) == 2
