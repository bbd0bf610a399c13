"""The forest plot and the figures of robustness show their input."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from support.drawn_records import HOSTILE, words

from ecgcam.plots.disturbances import draw_changes, draw_strengths
from ecgcam.plots.forest import SCORE_TITLES, draw_forest
from ecgcam.plots.style import BLUE


def group(value, *, n=100, few=False, **more):
    """Return a group with this value for every score, and intervals of ±0.05."""
    scores = {name: value for name in SCORE_TITLES}
    scores |= {
        f"{name}_ci": None if value is None else [value - 0.05, value + 0.05]
        for name in SCORE_TITLES
    }
    return {"n": n, "few": few} | scores | more


def trial(kind, what, value, strength=None, unit=""):
    changes = {f"{name}_change": None if value is None else value - 0.9 for name in SCORE_TITLES}
    changes |= {
        f"{name}_change_ci": None if value is None else [-0.1, 0.1] for name in SCORE_TITLES
    }
    about = {"kind": kind, "setting": what, "strength": strength, "unit": unit}
    return group(value) | changes | about


@pytest.fixture
def forest():
    groups = {
        "sex": {"female": group(0.8, positives=40), "male": group(0.7, n=3, few=True)},
        HOSTILE: {HOSTILE: group(0.6), "nobody": group(None, few=True)},
    }
    return draw_forest(group(0.75, n=2183), groups, few_below=20)


def test_each_group_is_drawn_at_its_score_with_its_interval_in_its_row(forest):
    axes = forest.axes[0]
    dots = {
        line.get_ydata()[0]: line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"
    }
    assert dots == {1: 0.8, 2: 0.7, 4: 0.6}  # the headings are in rows 0 and 3, no dot in 5
    bars = [line for line in axes.lines if list(line.get_ydata()) == [1, 1]]
    np.testing.assert_allclose(bars[0].get_xdata(), [0.75, 0.85])
    assert [label.get_text() for label in axes.get_yticklabels()][:3] == [
        "sex", "female   40 of 100", "male   n = 3"
    ]  # fmt: skip
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first row on top


def test_the_line_is_the_score_of_all_and_an_undefined_score_is_a_dash(forest):
    for axes in forest.axes:
        (line,) = [line for line in axes.lines if list(line.get_ydata()) == [0, 1]]
        assert list(line.get_xdata()) == [0.75, 0.75]
        assert [(text.get_text(), text.get_position()[1]) for text in axes.texts] == [("–", 5)]
    assert [axes.get_xlabel() for axes in forest.axes] == list(SCORE_TITLES.values())


def test_a_small_group_is_hollow_and_the_caption_explains_it(forest):
    dots = {line.get_ydata()[0]: line for line in forest.axes[0].lines if line.get_marker() == "o"}
    assert to_hex(dots[1].get_markerfacecolor()) == BLUE
    assert to_hex(dots[2].get_markerfacecolor()) == "#ffffff"
    assert "Hollow: fewer than 20" in words(forest)


def test_a_small_group_below_the_axis_is_a_triangle_at_its_end():
    groups = {"site": {"1": group(0.8), "2": group(0.2, n=4, few=True)}}
    axes = draw_forest(group(0.9), groups, few_below=20).axes[0]
    assert axes.get_xlim()[0] == pytest.approx(0.7)
    marks = [line for line in axes.lines if line.get_marker() in ("o", "<")]
    assert [line.get_marker() for line in marks] == ["o", "<"]
    at_edge = marks[1].get_transform().transform(marks[1].get_xydata())[0]
    x, y = axes.transData.inverted().transform(at_edge)
    assert 0.7 < x < 0.71
    assert y == pytest.approx(2)
    assert "Triangle: below the axis" in words(axes.figure)


def test_without_a_score_below_the_axis_the_caption_has_no_triangle(forest):
    assert "Triangle" not in words(forest)


def test_the_caption_explains_the_numbers():
    known = {"sex": {"female": group(0.8, positives=40)}}
    assert "Numbers: positives of records." in words(draw_forest(group(0.9), known, few_below=20))
    mean = words(draw_forest(group(0.9), {"sex": {"female": group(0.8)}}, few_below=20))
    assert "n: records." in mean
    assert "positives of" not in mean


def test_curves_start_undisturbed_and_go_through_each_strength():
    trials = [
        trial("white noise", "24 dB SNR", 0.8, 24, "dB SNR"),
        trial("white noise", "0 dB SNR", 0.6, 0, "dB SNR"),
        trial("late start", "1 s", None, 1, "s"),
    ]
    figure = draw_strengths(group(0.9), trials)
    noise, late, empty = figure.axes
    assert not empty.axison
    for title in SCORE_TITLES.values():
        (curve,) = [line for line in noise.lines if line.get_label() == title]
        assert list(curve.get_ydata()) == [0.9, 0.8, 0.6]
    assert [label.get_text() for label in noise.get_xticklabels()] == ["none", "24", "0"]
    assert (noise.get_title(), noise.get_xlabel()) == ("white noise", "dB SNR")
    assert (late.get_title(), late.get_xlabel()) == ("late start", "s")
    figure.canvas.draw()


def test_bars_go_from_zero_to_the_change_with_its_interval():
    trials = [trial("lead flat", "V1", 0.7), trial("lead flat", HOSTILE, None)]
    figure = draw_changes(group(0.9), trials)
    figure.canvas.draw()
    axes = figure.axes[1]
    bar = axes.patches[0]
    assert (bar.get_x() + bar.get_width(), bar.get_y() + bar.get_height() / 2) == pytest.approx(
        (-0.2, 0)
    )
    interval = next(line for line in axes.lines if list(line.get_ydata()) == [0, 0])
    assert list(interval.get_xdata()) == [-0.1, 0.1]
    assert axes.get_xlabel() == "change of sensitivity\nundisturbed: 0.900"
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()][0] == "V1"


def test_a_row_has_one_scale_and_small_changes_of_leads_are_visible_beside_swaps():
    trials = [
        trial("lead flat", "V1", 0.89) | {"sensitivity_change": 0.005},
        trial("lead flat", "V2", 0.9),
        trial("electrodes swapped", "RA and LL", 0.4) | {"specificity_change": -0.8},
    ]
    for changed in trials:
        changed |= {f"{name}_change_ci": None for name in SCORE_TITLES}
    figure = draw_changes(group(0.9), trials)
    figure.canvas.draw()
    lost, swapped = tuple(figure.axes[:3]), tuple(figure.axes[3:])
    for row, (kind, name) in {
        lost: ("lead flat", "V1"),
        swapped: ("electrodes swapped", "RA and LL"),
    }.items():
        assert len({axes.get_xlim() for axes in row}) == 1
        assert row[0].get_title(loc="left") == kind
        assert row[0].get_yticklabels()[0].get_text() == name
    shown = lost[0].patches[0].get_width() / np.ptp(lost[0].get_xlim())
    assert abs(shown) > 0.5
    assert np.ptp(swapped[0].get_xlim()) > 0.8


def test_any_name_can_be_drawn(forest):
    forest.canvas.draw()
    draw_strengths(group(0.9), [trial(HOSTILE, HOSTILE, 0.5, 1, "mV")]).canvas.draw()
