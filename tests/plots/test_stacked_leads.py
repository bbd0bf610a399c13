"""The stacked leads: right names, one scale, heat and evidence in step with the traces."""

import subprocess
import sys

import numpy as np
import pytest
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle, StepPatch
from support.drawn_records import HOSTILE, explained, refused, spiked, words

from ecgcam.plots.stacked_leads import draw_leads
from ecgcam.signals.leads import LEADS


def parts(figure):
    """The axes of the traces and those of the evidence."""
    return figure.axes[0], figure.axes[1]


@pytest.mark.parametrize("leads", [LEADS, LEADS[::-1], ("II",), ("V2", "MCL1", "aVL")])
def test_each_trace_stands_at_its_own_name(leads):
    record = spiked(leads=leads)
    traces, _ = parts(draw_leads(record, explained(record)))
    assert [label.get_text() for label in traces.get_yticklabels()] == list(leads)
    assert list(traces.get_yticks()) == sorted(traces.get_yticks(), reverse=True)
    for k, level in enumerate(traces.get_yticks()):
        x, y = traces.lines[k].get_data()
        assert np.median(y) == pytest.approx(level)
        assert y.max() - level == pytest.approx((k + 1) / 10)  # one scale for all
        assert x[y.argmax()] == pytest.approx(0.3)


def test_the_bar_is_1_mv():
    record = spiked()
    traces, _ = parts(draw_leads(record, explained(record)))
    (bar,) = [line for line in traces.lines if len(line.get_xdata()) == 2]
    assert np.ptp(bar.get_ydata()) == 1
    assert "1 mV" in words(traces.figure)


@pytest.mark.parametrize("rate_hz", [100, 500])
def test_the_heat_lies_under_the_second_it_speaks_of(rate_hz):
    record = spiked(rate_hz=rate_hz)
    heat = np.zeros(10 * rate_hz)
    heat[3 * rate_hz : 4 * rate_hz] = 1
    traces, _ = parts(draw_leads(record, explained(record, heat=heat)))
    (image,) = traces.findobj(AxesImage)
    left, right, bottom, top = image.get_extent()
    assert (left, right) == (0, 10)
    assert (bottom, top) == traces.get_ylim()
    hot_s = np.flatnonzero(np.asarray(image.get_array())[0]) * 10 / heat.size
    assert hot_s.min() == pytest.approx(3)
    assert hot_s.max() == pytest.approx(4 - 1 / rate_hz)


def test_the_evidence_is_drawn_in_logits_frame_by_frame_and_adds_up():
    record = spiked()
    figure = draw_leads(record, explained(record, probabilities=(0.2,)))
    _, curve = parts(figure)
    drawn = curve.findobj(StepPatch)[0].get_data()
    np.testing.assert_allclose(drawn.values, np.arange(10) - 4.5)
    np.testing.assert_allclose(drawn.edges, np.arange(11))
    assert "mean 0.00 − bias 1.39 = logit −1.39" in words(figure)
    assert "ABNORMAL: no (probability 0.200, threshold 0.500)" in words(figure)


def test_a_map_that_does_not_add_up_says_so_with_its_own_mean():
    record = spiked()
    answer = explained(record, probabilities=(0.2,), evidence=np.arange(10)[None] + 6.25)
    text = words(draw_leads(record, answer))
    assert "mean 10.75, which does not add up to the logit −1.39" in text
    assert "bias" not in text


def test_heat_that_is_hottest_at_an_edge_comes_with_a_warning():
    record = spiked()
    heat = np.zeros(1000)
    heat[500] = 1
    assert "hottest" not in words(draw_leads(record, explained(record, heat=heat)))
    text = words(draw_leads(record, explained(record)))
    assert "The hottest place is at an edge of what was judged at once" in text


def test_where_the_verdict_is_not_sure_it_is_said_what_that_means():
    record = spiked()
    about = {"classes": ("NORM", "MI"), "probabilities": (0.2, 0.55), "uncertain": ("MI",)}
    answer = explained(record, **about)
    meaning = "Not sure: the probability is so near the threshold"
    assert meaning in words(draw_leads(record, answer))
    assert meaning not in words(draw_leads(record, answer, class_name="NORM"))


def test_what_was_left_out_has_neither_heat_nor_evidence():
    record = spiked(duration_s=12)
    heat = np.ones(1200)
    heat[1000:] = np.nan
    figure = draw_leads(record, explained(record, heat=heat, evidence_s=10))
    traces, curve = parts(figure)
    (hatched,) = [patch for patch in traces.findobj(Rectangle) if patch.get_hatch()]
    assert (hatched.get_x(), hatched.get_width()) == pytest.approx((10, 2))
    assert curve.findobj(StepPatch)[0].get_data().edges[-1] == pytest.approx(10)


def test_a_refused_ecg_says_why():
    record = spiked(duration_s=2)
    figure = draw_leads(record, refused(record))
    assert "no judgement: it lasts 2 s" in words(figure)
    assert not figure.findobj(AxesImage)


def test_traces_do_not_run_into_one_another():
    record = spiked()
    tall = record.signal_mv.copy()
    tall[6] *= -5  # V1: -3.5 mV
    tall[7] *= 2.5  # V2: 2 mV
    figure = draw_leads(type(record)(signal_mv=tall, rate_hz=100), explained(record))
    v1, v2 = (parts(figure)[0].lines[k].get_ydata() for k in (6, 7))
    assert v1.min() > v2.max()


def test_hostile_words_are_drawn_without_a_warning():
    record = spiked(name=HOSTILE, leads=(HOSTILE,), warnings=(HOSTILE,))
    figure = draw_leads(record, explained(record, classes=(HOSTILE,), warnings=(HOSTILE,)))
    figure.canvas.draw()
    assert "Not a medical device" in words(figure)


def test_drawing_leaves_pyplot_alone_and_importing_leaves_matplotlib_alone():
    check = """
import sys
sys.path.insert(0, "tests")
import ecgcam.plots.curves, ecgcam.plots.sheet, ecgcam.plots.stacked_leads, ecgcam.reports.viewer
assert not {"matplotlib", "wfdb", "sklearn"} & set(sys.modules)
from support.drawn_records import explained, spiked
record = spiked()
ecgcam.plots.sheet.draw_sheet(record, explained(record))
ecgcam.plots.stacked_leads.draw_leads(record, explained(record))
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", check], check=True)
