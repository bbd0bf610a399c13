"""Stacked leads have the right names, one scale, and heat and evidence at the right time."""

import itertools
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.axis import Tick
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle, StepPatch
from matplotlib.text import Text
from support.drawn_records import HOSTILE, explained, refused, spiked, words

from ecgcam.plots.heat import FULL_LEAD_LOGITS, FULL_LOGITS, heat_colours
from ecgcam.plots.stacked_leads import draw_leads
from ecgcam.signals.leads import LEADS


def parts(figure):
    """Return the axes of the traces and the axes of the evidence."""
    return figure.axes[0], figure.axes[1]


@pytest.mark.parametrize("leads", [LEADS, LEADS[::-1], ("II",), ("V2", "MCL1", "aVL")])
def test_each_trace_is_drawn_at_its_own_name(leads):
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
def test_the_heat_is_drawn_at_its_own_time(rate_hz):
    record = spiked(rate_hz=rate_hz)
    evidence = np.zeros((1, 10 * rate_hz))
    evidence[:, 3 * rate_hz : 4 * rate_hz] = FULL_LOGITS
    traces, _ = parts(draw_leads(record, explained(record, evidence=evidence)))
    image = traces.images[0]
    left, right, bottom, top = image.get_extent()
    assert (left, right) == (0, 10)
    assert (bottom, top) == traces.get_ylim()
    hot = (np.asarray(image.get_array())[0] == heat_colours()(1.0, bytes=True)).all(axis=-1)
    hot_s = np.flatnonzero(hot) * 10 / hot.size
    assert hot_s.min() == pytest.approx(3)
    assert hot_s.max() == pytest.approx(4 - 1 / rate_hz)


def test_each_lead_has_its_own_band_of_heat():
    record = spiked()
    by_lead = np.zeros((1, 12, 100))
    by_lead[:, 3] = -FULL_LEAD_LOGITS
    answer = explained(record, evidence=by_lead.sum(axis=1), lead_evidence=by_lead)
    traces, _ = parts(draw_leads(record, answer))
    assert len(traces.images) == 12
    against = heat_colours()(0.0, bytes=True)
    blue = [(np.asarray(image.get_array())[0] == against).all() for image in traces.images]
    assert [k for k, hit in enumerate(blue) if hit] == [3]
    extents = [image.get_extent() for image in traces.images]
    assert all(upper[2] == lower[3] for upper, lower in itertools.pairwise(extents))


def test_the_evidence_is_drawn_in_logits_frame_by_frame_and_adds_up():
    record = spiked()
    figure = draw_leads(record, explained(record, probabilities=(0.2,)))
    _, curve = parts(figure)
    against, in_favour, drawn = (patch.get_data() for patch in curve.findobj(StepPatch))
    np.testing.assert_allclose(against.values + in_favour.values, drawn.values)
    assert against.values.max() == in_favour.values.min() == 0
    np.testing.assert_allclose(drawn.values, np.arange(10) - 4.5)
    np.testing.assert_allclose(drawn.edges, np.arange(11))
    assert "mean 0.00 − bias 1.39 = logit −1.39" in words(figure)
    assert "ABNORMAL: no (probability 0.200, threshold 0.500)" in words(figure)


def test_heat_that_peaks_at_an_edge_has_a_warning():
    record = spiked()
    rising = np.linspace(-1, 1, 100)[None]
    turned = np.roll(rising, 50, axis=1)
    assert "edge" not in words(draw_leads(record, explained(record, evidence=turned)))
    assert "The heat peaks at the edge" in words(
        draw_leads(record, explained(record, evidence=rising))
    )


def test_not_sure_is_explained_where_it_is_the_answer():
    record = spiked()
    about = {"classes": ("NORM", "MI"), "probabilities": (0.2, 0.55), "uncertain": ("MI",)}
    answer = explained(record, **about)
    meaning = "Not sure: the probability is too close to the threshold"
    assert meaning in words(draw_leads(record, answer))
    assert meaning not in words(draw_leads(record, answer, class_name="NORM"))


def test_a_part_that_was_left_out_has_neither_heat_nor_evidence():
    record = spiked(duration_s=12)
    heat = np.ones(1200)
    heat[1000:] = np.nan
    figure = draw_leads(record, explained(record, heat=heat, covered_s=10))
    traces, curve = parts(figure)
    (hatched,) = [patch for patch in traces.findobj(Rectangle) if patch.get_hatch()]
    assert (hatched.get_x(), hatched.get_width()) == pytest.approx((10, 2))
    assert curve.findobj(StepPatch)[0].get_data().edges[-1] == pytest.approx(10)


def test_a_refused_ecg_has_the_reason():
    record = spiked(duration_s=2)
    figure = draw_leads(record, refused(record))
    assert "no prediction: it lasts 2 s" in words(figure)
    assert not figure.findobj(AxesImage)


def test_traces_do_not_overlap():
    record = spiked()
    tall = record.signal_mv.copy()
    tall[6] *= -5  # V1: -3.5 mV
    tall[7] *= 2.5  # V2: 2 mV
    figure = draw_leads(type(record)(signal_mv=tall, rate_hz=100), explained(record))
    v1, v2 = (parts(figure)[0].lines[k].get_ydata() for k in (6, 7))
    assert v1.min() > v2.max()


NAMES = ("Conduction disturbance", "A title that nobody would write, far too long for the picture")


@pytest.mark.parametrize("leads", [LEADS, ("II",)])
@pytest.mark.parametrize("title", NAMES)
def test_no_texts_overlap_or_leave_the_figure(leads, title):
    record = spiked(leads=leads, name="08001_lr", warnings=("V5 is flat",) * 3)
    about = {"classes": ("CD",), "class_titles": (title,), "model": "M" * 60}
    answer = explained(record, uncertain=("CD",), warnings=record.warnings, **about)
    figure = draw_leads(record, answer)
    assert "Conduction disturbance (CD)" in words(figure) or title != NAMES[0]
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    drawn = figure.get_tightbbox(canvas.get_renderer())  # in inches
    width, height = figure.get_size_inches()
    assert min(drawn.x0, drawn.y0, width - drawn.x1, height - drawn.y1) > 0
    ticks = {text for tick in figure.findobj(Tick) for text in tick.findobj(Text)}
    texts = [text for text in figure.findobj(Text) if text.get_text() and text not in ticks]
    boxes = [text.get_window_extent() for text in texts]
    for text, box in zip(texts, boxes, strict=True):
        assert sum(box.overlaps(other) for other in boxes) == 1, text


def test_hostile_text_is_drawn_without_a_warning():
    record = spiked(name=HOSTILE, leads=(HOSTILE,), warnings=(HOSTILE,))
    figure = draw_leads(record, explained(record, classes=(HOSTILE,), warnings=(HOSTILE,)))
    figure.canvas.draw()
    assert "Not a medical device" in words(figure)


def test_importing_loads_nothing_heavy_and_drawing_does_not_load_pyplot():
    check = """
import sys
sys.path.insert(0, "tests")
import importlib, pkgutil, ecgcam.plots, ecgcam.reports.explanation_report
for module in pkgutil.iter_modules(ecgcam.plots.__path__, "ecgcam.plots."):
    importlib.import_module(module.name)
heavy = {"matplotlib", "pandas", "scipy", "sklearn", "wfdb", "jinja2", "PIL"}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
from support.drawn_records import explained, spiked
record = spiked()
ecgcam.plots.sheet.draw_sheet(record, explained(record))
ecgcam.plots.stacked_leads.draw_leads(record, explained(record))
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", check], check=True)
