"""The clinical sheet is true to scale and every trace stands beside its own name."""

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from support.drawn_records import HOSTILE, explained, refused, spiked, words

from ecgcam.plots.paper import BOTTOM_MM, LEFT_MM, START_MM, TOP_MM, WIDTH_MM
from ecgcam.plots.sheet import draw_sheet
from ecgcam.plots.stacked_leads import draw_leads
from ecgcam.signals.leads import LEADS
from ecgcam.signals.record import Record

COLUMNS = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))


def lines_mm(figure, gid):
    """The lines of that name as (points, 2), in printed millimetres."""
    figure.canvas.draw()
    return [
        line.get_transform().transform(line.get_xydata()) / figure.dpi * 25.4
        for line in figure.findobj(Line2D)
        if line.get_gid() == gid
    ]


def heat_of(figure):
    """The picture of the heat: the larger of the two, the other is its legend."""
    return max(figure.findobj(AxesImage), key=lambda image: image.get_extent()[1])


@pytest.mark.parametrize("rate_hz", [100, 500, 257.5])
def test_a_second_is_25_mm_and_a_millivolt_10_mm(rate_hz):
    signal = np.zeros((12, round(10 * rate_hz)))
    signal[1, round(4 * rate_hz)] = 1
    strip = lines_mm(draw_sheet(Record(signal_mv=signal, rate_hz=rate_hz)), "II")[-1]
    samples_s = np.arange(len(strip)) / rate_hz
    np.testing.assert_allclose(strip[:, 0], START_MM + 25 * samples_s, atol=1e-3)
    assert np.ptp(strip[:, 1]) == pytest.approx(10, abs=1e-4)


def test_the_printed_page_is_a4():
    figure = draw_sheet(spiked())
    np.testing.assert_allclose(figure.get_size_inches() * 25.4, (297, 210))
    page = io.BytesIO()
    figure.savefig(page, format="pdf")
    box = re.search(rb"/MediaBox \[\s*0 0 ([\d.]+) ([\d.]+)", page.getvalue())
    np.testing.assert_allclose([float(side) / 72 * 25.4 for side in box.groups()], (297, 210))


def test_the_grid_has_a_line_each_millimetre_and_a_thicker_one_each_fifth():
    figure = draw_sheet(spiked())
    thin_x, thin_y, thick_x, thick_y = [
        np.array([segment[0] for segment in lines.get_segments()])
        for lines in figure.findobj(LineCollection)[:4]
    ]
    np.testing.assert_allclose(np.diff(thin_x[:, 0]), 1)
    np.testing.assert_allclose(np.diff(thin_y[:, 1]), 1)
    np.testing.assert_allclose(np.diff(thick_x[:, 0]), 5)
    np.testing.assert_allclose(np.diff(thick_y[:, 1]), 5)
    assert (START_MM - thick_x[0, 0]) % 5 == 0  # second 0 stands on a thick line


def test_each_row_has_a_pulse_of_1_mv_and_200_ms_whose_foot_is_the_rows_level():
    figure = draw_sheet(spiked())
    pulses = lines_mm(figure, "pulse")
    assert len(pulses) == 4
    for pulse, first in zip(pulses, ("I", "II", "III", "II"), strict=True):
        raised = pulse[pulse[:, 1] > pulse[0, 1] + 1]
        assert raised[0, 1] - pulse[0, 1] == pytest.approx(10, abs=1e-4)
        assert np.ptp(raised[:, 0]) == pytest.approx(5, abs=1e-4)
        levels = [np.median(line[:, 1]) for line in lines_mm(figure, first)]
        assert any(pulse[0, 1] == pytest.approx(level, abs=1e-4) for level in levels)


@pytest.mark.parametrize("order", [LEADS, LEADS[::-1]])
def test_each_trace_stands_under_its_own_name_in_its_own_time(order):
    heights_mm = {lead: k + 1 for k, lead in enumerate(order)}
    figure = draw_sheet(spiked(leads=order))
    names = {text.get_text(): text.get_position() for text in figure.findobj(Text)[::-1]}
    for column, leads in enumerate(COLUMNS):
        for lead in leads:
            trace = lines_mm(figure, lead)[0]
            start = START_MM + column * 62.5
            assert np.ptp(trace[:, 1]) == pytest.approx(heights_mm[lead], abs=1e-3)
            assert trace[:, 0].min() == pytest.approx(start, abs=0.3)
            assert trace[:, 0].max() == pytest.approx(start + 62.5, abs=0.3)
            assert names[lead][0] == pytest.approx(start + 1)
            assert 5 < names[lead][1] - np.median(trace[:, 1]) < 13.1  # a spike, and 1 mm
    rows = [
        [np.median(lines_mm(figure, lead)[0][:, 1]) for lead in row]
        for row in zip(*COLUMNS, strict=True)
    ]
    assert all(len({round(level, 3) for level in row}) == 1 for row in rows)
    assert rows[0][0] > rows[1][0] > rows[2][0] > np.median(lines_mm(figure, "II")[-1][:, 1])


def test_a_lead_that_wanders_takes_no_other_leads_name_along():
    """I and V1 begin 15 mm above their level, and only they are named higher."""
    signal = np.zeros((12, 1000))
    signal[LEADS.index("I"), :30] = signal[LEADS.index("V1"), 500:530] = 1.5
    figure = draw_sheet(Record(signal_mv=signal, rate_hz=100))
    level = np.median(lines_mm(figure, "I")[0][:, 1])
    places = {text.get_text(): text.get_position()[1] for text in figure.findobj(Text)[::-1]}
    heights = [places[lead] - level for lead in ("I", "aVR", "V1", "V4")]
    np.testing.assert_allclose(heights, [16, 6, 16, 6], atol=1e-3)


@pytest.mark.parametrize("tall", [0.5, 2, 4, 30])
def test_every_name_is_nearer_its_own_row_than_the_one_above(tall):
    signal = spiked().signal_mv.copy()
    signal[[1, 2, 5, 8, 11], :] += tall * (np.arange(1000) % 250 < 40)
    figure = draw_sheet(Record(signal_mv=signal, rate_hz=100))
    levels = np.array([pulse[0, 1] for pulse in lines_mm(figure, "pulse")])
    places = {text.get_text(): text.get_position()[1] for text in figure.findobj(Text)[::-1]}
    for column in COLUMNS:
        for row, lead in enumerate(column):
            away = np.abs(places[lead] - levels)
            assert away[row] <= away.min() + 1e-3


def test_the_heat_stands_at_the_time_it_speaks_of():
    record = spiked()
    heat = np.zeros(1000)
    heat[430:440] = 1  # 4.30 to 4.40 s
    image = heat_of(draw_sheet(record, explained(record, heat=heat)))
    left, right, bottom, top = image.get_extent()
    assert (left, right, bottom, top) == (START_MM, START_MM + 250, BOTTOM_MM, TOP_MM)
    shown = np.asarray(image.get_array())[0]
    hot_mm = left + np.flatnonzero(shown == 1) * (right - left) / shown.size
    assert hot_mm.min() == pytest.approx(START_MM + 4.30 * 25)
    assert hot_mm.max() == pytest.approx(START_MM + 4.39 * 25)


def test_of_a_long_record_the_first_10_s_are_shown_with_their_heat():
    record = spiked(duration_s=25)
    figure = draw_sheet(record, explained(record))
    assert heat_of(figure).get_extent()[1] == START_MM + 250
    assert heat_of(figure).get_array().max() == pytest.approx(0.4, abs=1e-3)
    assert "the first 10 s of 25 s are drawn" in words(figure)


def test_of_a_short_record_the_rest_of_the_paper_is_blank():
    record = spiked(duration_s=7)
    figure = draw_sheet(record, explained(record))
    assert heat_of(figure).get_extent()[1] == START_MM + 175
    assert "not recorded" not in words(figure)
    assert lines_mm(figure, "II")[-1][:, 0].max() == pytest.approx(START_MM + 175, abs=0.3)


@pytest.mark.parametrize("duration_s", [4, 5, 7.6])
def test_of_a_short_record_every_lead_is_shown_for_a_quarter_of_it(duration_s):
    figure = draw_sheet(spiked(duration_s=duration_s))
    quarter_mm = duration_s / 4 * 25
    for column, leads in enumerate(COLUMNS):
        start = START_MM + column * quarter_mm
        for lead in leads:
            trace = lines_mm(figure, lead)[0]
            assert trace[:, 0].min() == pytest.approx(start, abs=0.3)
            assert trace[:, 0].max() == pytest.approx(start + quarter_mm, abs=0.3)
            spikes_mm = trace[trace[:, 1] > np.median(trace[:, 1]) + 0.5, 0] - START_MM
            np.testing.assert_allclose(spikes_mm / 25 % 1, 0.3, atol=1e-3)  # in its own time
            assert np.ptp(trace[:, 1]) == pytest.approx(LEADS.index(lead) + 1, abs=1e-3)
    assert (
        f"only {duration_s} s were recorded; each column shows {duration_s / 4:.3g} s of its leads"
    ) in words(figure)


def test_what_was_not_recorded_is_said_within_a_narrow_column():
    figure = draw_sheet(spiked(duration_s=5, leads=("I", "II", "III")))
    figure.canvas.draw()
    for text in figure.findobj(Text):
        if "recorded" in text.get_text() and text.get_weight() == "bold":
            assert text.get_window_extent().width / figure.dpi * 25.4 < 5 / 4 * 25 - 1


def test_what_was_not_judged_is_hatched_and_has_no_heat():
    record = spiked()
    heat = np.linspace(0, 1, 1000)
    heat[800:] = np.nan
    figure = draw_sheet(record, explained(record, heat=heat))
    hatched = [patch for patch in figure.findobj(Rectangle) if patch.get_hatch()]
    assert [patch.get_x() for patch in hatched] == [START_MM + 200]
    assert [patch.get_width() for patch in hatched] == [50]
    assert np.ma.getmaskarray(heat_of(figure).get_array())[0].sum() == 200
    assert "heat for ABNORMAL; hatched: not judged" in words(figure)


def test_of_hatching_only_a_sheet_that_has_some_speaks():
    record = spiked(duration_s=20)
    heat = np.linspace(0, 1, 2000)
    heat[1200:] = np.nan  # after what is drawn
    assert "hatched" not in words(draw_sheet(record, explained(record, heat=heat)))


def test_tall_traces_are_given_room_and_only_the_wildest_are_cut():
    signal = spiked().signal_mv.copy()
    signal[7] *= 6  # V2: 4.8 mV
    tall = draw_sheet(Record(signal_mv=signal, rate_hz=100))
    assert "is cut" not in words(tall)
    assert np.ptp(lines_mm(tall, "V2")[0][:, 1]) == pytest.approx(48, abs=1e-3)
    signal[9] *= 3  # V4: 3 mV
    assert "is cut" not in words(draw_sheet(Record(signal_mv=signal, rate_hz=100)))
    signal[7] *= 10
    wild = draw_sheet(Record(signal_mv=signal, rate_hz=100))
    assert "V2: the trace leaves its row and is cut off" in words(wild)
    assert np.ptp(lines_mm(wild, "V2")[0][:, 1]) == pytest.approx(480, abs=1e-3)
    wild.canvas.draw()
    (line,) = [line for line in wild.findobj(Line2D) if line.get_gid() == "V2"]
    clip_mm = line.get_clip_box().extents / wild.dpi * 25.4
    assert clip_mm[1] >= BOTTOM_MM - 0.01
    assert clip_mm[3] <= TOP_MM + 0.01


def test_a_lead_that_is_missing_leaves_its_cell_empty():
    figure = draw_sheet(spiked(leads=("I", "V1")))
    assert "V3: not recorded" in words(figure)
    assert "lead II is missing; the rhythm strip is I" in words(figure)


def test_the_head_says_who_and_how_and_what_is_unknown():
    known = words(draw_sheet(spiked(name="17", age_years=56, sex="female", filters="0.05-150 Hz")))
    for fact in ("17", "56 years", "female", "filter: 0.05-150 Hz", "25 mm/s, 10 mm/mV", "100 Hz"):
        assert fact in known
    unknown = words(draw_sheet(spiked(age_years=93)))
    for fact in ("over 89 years", "sex not stated", "filter: not stated", "Not a medical device"):
        assert fact in unknown
    assert "93" not in unknown


def test_both_pictures_say_which_model_judged():
    record = spiked()
    answer = explained(record, model="normal", model_sha256="0a1b2c3d4e5f" + "0" * 52)
    for draw in (draw_sheet, draw_leads):
        assert "Model normal (SHA-256 begins 0a1b2c3d4e5f)." in words(draw(record, answer))
        assert "Model" not in words(draw(record, explained(record)))


def test_every_class_has_its_line_and_the_decided_ones_come_first():
    record = spiked(warnings=("V5 is flat",))
    classes = ("NORM", "MI", "STTC", "CD", "HYP", "OTHER", "MORE")
    probabilities = (0.2, 0.9999, 0.45, 0.1, 0.3, 0.01, 0.0001)
    thresholds = np.array([0.1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5])
    answer = explained(
        record,
        classes=classes,
        probabilities=probabilities,
        thresholds=thresholds,
        decision=("NORM", "MI"),
        warnings=record.warnings,
    )
    text = words(draw_sheet(record, answer))
    assert text.index("MI\n> 0.999\n0.500\nyes") < text.index("NORM\n0.200\n0.100\nyes")
    assert text.index("NORM\n") < text.index("STTC\n0.450\n0.500\nno")
    assert "… and 2 less probable" in text
    assert "heat for MI" in text
    assert "heat for CD" in words(draw_sheet(record, answer, class_name="CD"))
    assert text.count("V5 is flat") == 1


def test_what_is_in_doubt_stands_beside_the_decision():
    record = spiked()
    classes, probabilities = ("MI", "CD", "HYP"), (0.55, 0.1, 0.4)
    plain = explained(record, classes=classes, probabilities=probabilities)
    text = words(draw_sheet(record, replace(plain, uncertain=("MI", "HYP"))))
    assert "class\nprobability\nthreshold\ndecision\n" in text
    assert "MI\n0.550\n0.500\nyes, not sure\n" in text
    assert "HYP\n0.400\n0.500\nno, not sure\n" in text
    assert "Not sure: the probability is so near the threshold" in text
    assert "CD\n0.100\n0.500\nno\n" in text
    text = words(draw_sheet(record, plain))
    assert "MI\n0.550\n0.500\nyes\nHYP\n0.400\n0.500\nno\nCD" in text
    assert "not sure" not in text.casefold()


def test_the_foot_says_what_not_sure_means_and_where_the_heat_is_not_to_be_trusted():
    record = spiked()
    doubts = {"uncertain": ("NORM",), "model": "M" * 80}
    classes = ("NORM", "MI", "STTC", "CD", "HYP")
    answer = explained(record, classes=classes, probabilities=(0.5, 0.9, 0.1, 0.1, 0.1), **doubts)
    figure = draw_sheet(record, answer)
    text = words(figure)
    assert "The hottest place is at an edge" in text
    assert "Not sure: the probability is so near the threshold" in text
    assert "! NORM is decided beside MI: each class is judged by itself" in text
    figure.canvas.draw()
    foot = [text.get_window_extent() for text in figure.findobj(Text) if text.get_text()]
    foot = [box for box in foot if box.y1 / figure.dpi * 25.4 < BOTTOM_MM - 3]
    assert min(box.y0 / figure.dpi * 25.4 for box in foot) > 3
    assert not any(one.overlaps(other) for one in foot for other in foot if one is not other)


def test_the_columns_of_the_judgement_keep_apart():
    record = spiked()
    figure = draw_sheet(record, explained(record, uncertain=("ABNORMAL",)))
    figure.canvas.draw()
    for row in (["class", "probability", "threshold", "decision"],
                ["ABNORMAL", "0.900", "0.500", "yes, not sure"]):  # fmt: skip
        found = {text.get_text(): text.get_window_extent() for text in figure.findobj(Text)}
        edges_mm = [edge / figure.dpi * 25.4 for word in row for edge in found[word].intervalx]
        gaps_mm = np.diff(edges_mm)[1::2]
        assert gaps_mm.min() > 1


def test_a_refused_ecg_is_drawn_without_heat_and_says_why():
    record = spiked(duration_s=2)
    figure = draw_sheet(record, refused(record))
    assert "no judgement: it lasts 2 s" in words(figure)
    assert not figure.findobj(AxesImage)


def test_a_class_or_a_heatmap_that_does_not_fit_is_refused():
    record = spiked()
    with pytest.raises(ValueError, match="ABNORMAL, got 'NORM'"):
        draw_sheet(record, explained(record), class_name="NORM")
    with pytest.raises(ValueError, match="heatmap has 700 samples, the record 1000"):
        draw_sheet(record, explained(record, heat=np.zeros(700)))


def test_hostile_words_are_drawn_as_they_are_and_nothing_runs_off_the_page():
    record = spiked(name=HOSTILE, filters=HOSTILE, warnings=(HOSTILE,) * 9)
    answer = explained(record, classes=(HOSTILE,), warnings=record.warnings)
    figure = draw_sheet(record, answer)
    figure.canvas.draw()
    for text in figure.findobj(Text):
        left, bottom, right, top = text.get_window_extent().extents / figure.dpi * 25.4
        assert text.get_text() == "" or (left >= LEFT_MM - 3 and right <= LEFT_MM + WIDTH_MM + 3)
        assert text.get_text() == "" or (bottom > 3 and top < 207)
    assert "… and 7 more" in words(figure)


def test_a_deep_trace_keeps_clear_of_a_tall_one_beneath():

    signal_mv = np.zeros((12, 1000), np.float32)
    signal_mv[0, 30] = -2.5  # I, in the first row
    signal_mv[1, 30] = 2.5  # II, beneath it at the same moment
    figure = draw_sheet(Record(signal_mv=signal_mv, rate_hz=100))
    one, two = lines_mm(figure, "I")[0][:, 1], lines_mm(figure, "II")[0][:, 1]
    assert one.min() >= two.max()
