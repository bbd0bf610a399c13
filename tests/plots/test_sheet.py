"""The clinical sheet is true to scale, and every trace has its own name."""

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

from ecgcam.plots.heat import FULL_LEAD_LOGITS, FULL_LOGITS, heat_colours
from ecgcam.plots.paper import BOTTOM_MM, LEFT_MM, RIGHT_MM, START_MM, TOP_MM
from ecgcam.plots.sheet import draw_sheet
from ecgcam.plots.stacked_leads import draw_leads
from ecgcam.signals.leads import LEADS
from ecgcam.signals.record import Record
from ecgcam.tasks import SUPERCLASS_TITLES

COLUMNS = (("I", "II", "III"), ("aVR", "aVL", "aVF"), ("V1", "V2", "V3"), ("V4", "V5", "V6"))


def lines_mm(figure, gid):
    """Return the lines of that name as (points, 2), in printed millimetres."""
    figure.canvas.draw()
    return [
        line.get_transform().transform(line.get_xydata()) / figure.dpi * 25.4
        for line in figure.findobj(Line2D)
        if line.get_gid() == gid
    ]


def heat_of(figure):
    """Return the image of the heat behind the rhythm strip, the widest one."""
    return max(figure.findobj(AxesImage), key=lambda i: i.get_extent()[1] - i.get_extent()[0])


def peaking_at(start_s, end_s, *, duration_s=10, step_s=0.01):
    """Return evidence of the full colour in a stretch, none elsewhere, as a field."""
    evidence = np.zeros((1, round(duration_s / step_s)))
    evidence[:, round(start_s / step_s) : round(end_s / step_s)] = FULL_LOGITS
    return {"evidence": evidence}


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


def test_the_grid_has_a_line_every_millimetre_and_a_thicker_line_every_fifth():
    figure = draw_sheet(spiked())
    thin_x, thin_y, thick_x, thick_y = [
        np.array([segment[0] for segment in lines.get_segments()])
        for lines in figure.findobj(LineCollection)[:4]
    ]
    np.testing.assert_allclose(np.diff(thin_x[:, 0]), 1)
    np.testing.assert_allclose(np.diff(thin_y[:, 1]), 1)
    np.testing.assert_allclose(np.diff(thick_x[:, 0]), 5)
    np.testing.assert_allclose(np.diff(thick_y[:, 1]), 5)
    assert (START_MM - thick_x[0, 0]) % 5 == 0  # second 0 is on a thick line


def test_each_row_has_a_pulse_of_1_mv_and_200_ms_that_starts_at_its_level():
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
def test_each_trace_is_drawn_below_its_own_name_at_its_own_time(order):
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


def test_a_high_trace_moves_its_own_name_only():
    """I and V1 start 15 mm above their level."""
    signal = np.zeros((12, 1000))
    signal[LEADS.index("I"), :30] = signal[LEADS.index("V1"), 500:530] = 1.5
    figure = draw_sheet(Record(signal_mv=signal, rate_hz=100))
    level = np.median(lines_mm(figure, "I")[0][:, 1])
    places = {text.get_text(): text.get_position()[1] for text in figure.findobj(Text)[::-1]}
    heights = [places[lead] - level for lead in ("I", "aVR", "V1", "V4")]
    np.testing.assert_allclose(heights, [16, 6, 16, 6], atol=1e-3)


@pytest.mark.parametrize("tall", [0.5, 2, 4, 30])
def test_every_name_is_nearer_to_its_own_row_than_to_the_row_above(tall):
    signal = spiked().signal_mv.copy()
    signal[[1, 2, 5, 8, 11], :] += tall * (np.arange(1000) % 250 < 40)
    figure = draw_sheet(Record(signal_mv=signal, rate_hz=100))
    levels = np.array([pulse[0, 1] for pulse in lines_mm(figure, "pulse")])
    places = {text.get_text(): text.get_position()[1] for text in figure.findobj(Text)[::-1]}
    for column in COLUMNS:
        for row, lead in enumerate(column):
            away = np.abs(places[lead] - levels)
            assert away[row] <= away.min() + 1e-3


def test_the_heat_is_drawn_at_its_own_time():
    record = spiked()
    image = heat_of(draw_sheet(record, explained(record, **peaking_at(4.30, 4.40))))
    left, right, bottom, top = image.get_extent()
    assert (left, right, bottom) == (START_MM, START_MM + 250, BOTTOM_MM)
    assert bottom < top < TOP_MM
    shown = np.asarray(image.get_array())[0]
    hot = (shown == heat_colours()(1.0, bytes=True)).all(axis=-1)
    hot_mm = left + np.flatnonzero(hot) * (right - left) / len(shown)
    assert hot_mm.min() == pytest.approx(START_MM + 4.30 * 25)
    assert hot_mm.max() == pytest.approx(START_MM + 4.39 * 25)


def test_each_lead_has_its_own_heat_where_there_is_lead_evidence():
    """Only V5 has evidence, after 7.5 s: its segment alone is orange."""
    record = spiked()
    by_lead = np.zeros((1, 12, 1000))
    by_lead[:, LEADS.index("V5")] = FULL_LEAD_LOGITS
    about = {"lead_evidence": by_lead, "leads": LEADS}
    answer = explained(record, evidence=by_lead.sum(axis=1), **about)
    figure = draw_sheet(record, answer)
    segments = [image for image in figure.findobj(AxesImage) if image.get_extent()[3] > 20]
    full = heat_colours()(1.0, bytes=True)
    orange = [image for image in segments if (np.asarray(image.get_array())[0] == full).all()]
    (v5,) = orange
    assert v5.get_extent()[0] == START_MM + 7.5 * 25
    assert "each lead by itself" in words(figure)
    assert "all leads together" in words(draw_sheet(record, explained(record)))


def test_evidence_against_a_class_has_another_colour_than_evidence_for_it():
    record = spiked()
    for logits, level in ((FULL_LOGITS, 1.0), (-FULL_LOGITS, 0.0), (0, 0.5)):
        evidence = np.full((1, 1000), float(logits))
        image = heat_of(draw_sheet(record, explained(record, evidence=evidence)))
        shown = np.asarray(image.get_array())[0]
        assert (shown == heat_colours()(level, bytes=True)).all()
    assert (np.array(heat_colours()(0.5)) == 1).all()  # no evidence is white


def test_by_the_scale_of_the_record_the_heat_goes_from_white_to_orange():
    record = spiked()
    figure = draw_sheet(record, explained(record, heat=np.linspace(0, 1, 1000)), scale="record")
    shown = np.asarray(heat_of(figure).get_array())[0]
    np.testing.assert_array_equal(shown[0], heat_colours()(0.5, bytes=True))
    np.testing.assert_array_equal(shown[-1], heat_colours()(1.0, bytes=True))
    assert "Heat compares the moments of this record" in words(figure)
    with pytest.raises(ValueError, match="scale must be one of logits, record"):
        draw_sheet(record, explained(record), scale="auto")


def test_the_first_10_s_of_a_long_record_are_shown_with_their_heat():
    record = spiked(duration_s=25)
    figure = draw_sheet(record, explained(record, **peaking_at(9, 25, duration_s=25)))
    assert heat_of(figure).get_extent()[1] == START_MM + 250
    shown = np.asarray(heat_of(figure).get_array())[0]
    np.testing.assert_array_equal(shown[-1], heat_colours()(1.0, bytes=True))
    np.testing.assert_array_equal(shown[800], heat_colours()(0.5, bytes=True))
    assert "only the first 10 s of 25 s are drawn" in words(figure)


def test_the_paper_after_the_end_of_a_short_record_is_blank():
    record = spiked(duration_s=7)
    figure = draw_sheet(record, explained(record))
    assert heat_of(figure).get_extent()[1] == START_MM + 175
    assert "not recorded" not in words(figure)
    assert lines_mm(figure, "II")[-1][:, 0].max() == pytest.approx(START_MM + 175, abs=0.3)


@pytest.mark.parametrize("duration_s", [4, 5, 7.6])
def test_each_column_shows_a_quarter_of_a_short_record(duration_s):
    figure = draw_sheet(spiked(duration_s=duration_s))
    quarter_mm = duration_s / 4 * 25
    for column, leads in enumerate(COLUMNS):
        start = START_MM + column * quarter_mm
        for lead in leads:
            trace = lines_mm(figure, lead)[0]
            assert trace[:, 0].min() == pytest.approx(start, abs=0.3)
            assert trace[:, 0].max() == pytest.approx(start + quarter_mm, abs=0.3)
            spikes_mm = trace[trace[:, 1] > np.median(trace[:, 1]) + 0.5, 0] - START_MM
            np.testing.assert_allclose(spikes_mm / 25 % 1, 0.3, atol=1e-3)  # at its own time
            assert np.ptp(trace[:, 1]) == pytest.approx(LEADS.index(lead) + 1, abs=1e-3)
    assert (
        f"only {duration_s} s were recorded; each column shows {duration_s / 4:.3g} s of its leads"
    ) in words(figure)


def test_the_name_of_a_missing_lead_fits_into_a_narrow_column():
    figure = draw_sheet(spiked(duration_s=5, leads=("I", "II", "III")))
    figure.canvas.draw()
    for text in figure.findobj(Text):
        if "recorded" in text.get_text() and text.get_weight() == "bold":
            assert text.get_window_extent().width / figure.dpi * 25.4 < 5 / 4 * 25 - 1


def test_a_part_that_was_left_out_is_hatched_and_has_no_heat():
    record = spiked()
    heat = np.linspace(0, 1, 1000)
    heat[800:] = np.nan
    figure = draw_sheet(record, explained(record, heat=heat, covered_s=8))
    hatched = [patch for patch in figure.findobj(Rectangle) if patch.get_hatch()]
    assert [patch.get_x() for patch in hatched] == [START_MM + 200]
    assert [patch.get_width() for patch in hatched] == [50]
    assert (np.asarray(heat_of(figure).get_array())[0, :, 3] == 0).sum() == 200  # transparent
    assert "evidence for ABNORMAL in logits; hatched: not used by the model" in words(figure)


def test_a_sheet_without_hatching_does_not_explain_it():
    record = spiked(duration_s=20)
    heat = np.linspace(0, 1, 2000)
    heat[1200:] = np.nan  # after the drawn part
    assert "hatched" not in words(draw_sheet(record, explained(record, heat=heat)))


def test_tall_traces_get_room_and_only_extreme_traces_are_cut():
    signal = spiked().signal_mv.copy()
    signal[7] *= 6  # V2: 4.8 mV
    tall = draw_sheet(Record(signal_mv=signal, rate_hz=100))
    assert "is cut" not in words(tall)
    assert np.ptp(lines_mm(tall, "V2")[0][:, 1]) == pytest.approx(48, abs=1e-3)
    signal[9] *= 3  # V4: 3 mV
    assert "is cut" not in words(draw_sheet(Record(signal_mv=signal, rate_hz=100)))
    signal[7] *= 10
    wild = draw_sheet(Record(signal_mv=signal, rate_hz=100))
    assert "V2: trace cut off where it leaves its row" in words(wild)
    assert np.ptp(lines_mm(wild, "V2")[0][:, 1]) == pytest.approx(480, abs=1e-3)
    wild.canvas.draw()
    (line,) = [line for line in wild.findobj(Line2D) if line.get_gid() == "V2"]
    clip_mm = line.get_clip_box().extents / wild.dpi * 25.4
    assert clip_mm[1] >= BOTTOM_MM - 0.01
    assert clip_mm[3] <= TOP_MM + 0.01


def test_a_missing_lead_leaves_its_cell_empty():
    figure = draw_sheet(spiked(leads=("I", "V1")))
    assert "V3: not recorded" in words(figure)
    assert "lead II is missing; the rhythm strip is I" in words(figure)


def test_the_head_has_the_facts_and_what_is_unknown():
    known = words(draw_sheet(spiked(name="17", age_years=56, sex="female", filters="0.05-150 Hz")))
    for fact in ("17", "56 years", "female", "filter: 0.05-150 Hz", "25 mm/s, 10 mm/mV", "100 Hz"):
        assert fact in known
    unknown = words(draw_sheet(spiked(age_years=93)))
    for fact in ("over 89 years", "sex not stated", "filter: not stated", "Not a medical device"):
        assert fact in unknown
    assert "93" not in unknown


def test_both_pictures_name_the_model():
    record = spiked()
    answer = explained(record, model="normal", model_sha256="0a1b2c3d4e5f" + "0" * 52)
    for draw in (draw_sheet, draw_leads):
        assert "Model normal (SHA-256 begins 0a1b2c3d4e5f)." in words(draw(record, answer))
        assert "Model" not in words(draw(record, explained(record)))


def test_every_class_has_its_row_and_decided_classes_come_first():
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
    assert "evidence for MI in logits" in text
    assert "evidence for CD" in words(draw_sheet(record, answer, class_name="CD"))
    assert text.count("V5 is flat") == 1


def test_an_uncertain_answer_is_not_sure():
    record = spiked()
    classes, probabilities = ("MI", "CD", "HYP"), (0.55, 0.1, 0.4)
    plain = explained(record, classes=classes, probabilities=probabilities)
    text = words(draw_sheet(record, replace(plain, uncertain=("MI", "HYP"))))
    assert "class\nprobability\nthreshold\nanswer\n" in text
    assert "MI\n0.550\n0.500\nnot sure\n" in text
    assert "HYP\n0.400\n0.500\nnot sure\n" in text
    assert "Not sure: the probability is too close to the threshold" in text
    assert "CD\n0.100\n0.500\nno\n" in text
    text = words(draw_sheet(record, plain))
    assert "MI\n0.550\n0.500\nyes\nHYP\n0.400\n0.500\nno\nCD" in text
    assert "not sure" not in text.casefold()


SUPERCLASSES = ("NORM", "MI", "STTC", "CD", "HYP")
TITLES = tuple(SUPERCLASS_TITLES[name] for name in SUPERCLASSES)


def test_the_foot_explains_not_sure_and_unreliable_heat():
    record = spiked()
    about = {"classes": SUPERCLASSES, "class_titles": TITLES, "uncertain": ("STTC",)}
    about["evidence"] = np.tile(np.linspace(-1, 1, 100), (5, 1))
    answer = explained(record, probabilities=(0.6, 0.9, 0.1, 0.1, 0.1), **about)
    text = words(draw_sheet(record, answer))
    assert "The heat peaks at the edge of a window" in text
    assert "Not sure: the probability is too close to the threshold" in text
    assert "evidence for Myocardial infarction (MI) in logits" in text
    assert "Normal ECG (NORM) and Myocardial infarction (MI) are predicted together" in text


@pytest.mark.parametrize("decision", [SUPERCLASSES, (), ("CD",)])
def test_no_texts_overlap_on_a_full_sheet(decision):
    """Five long names, all bold or none; warnings that fill their lines; the longest foot."""
    record = spiked(age_years=91, sex="female", filters="0.05-150 Hz", name="a long name " * 4)
    heat = np.linspace(1, 0, 1000)
    heat[900:] = np.nan
    answer = explained(
        record,
        **{"classes": SUPERCLASSES, "class_titles": TITLES, "probabilities": (0.5,) * 5},
        **{"decision": decision, "uncertain": ("MI",), "heat": heat, "model": "M" * 40},
        warnings=("Signal quality: V5 is flat, and so is V6", "The record is resampled"),
    )
    figure = draw_sheet(record, answer)
    figure.canvas.draw()
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    for text, box in zip(texts, boxes, strict=True):
        left, bottom, right, top = box.extents / figure.dpi * 25.4
        assert LEFT_MM - 3 < left < right < RIGHT_MM + 3, text
        assert 3 < bottom < top < 207, text
        assert sum(box.overlaps(other) for other in boxes) == 1, text


def test_the_columns_of_the_table_keep_apart():
    record = spiked()
    about = {"classes": ("CD",), "class_titles": ("Conduction disturbance",)}
    for uncertain in (("CD",), None):
        figure = draw_sheet(record, explained(record, uncertain=uncertain, **about))
        figure.canvas.draw()
        boxes = {text.get_text(): text.get_window_extent() for text in figure.findobj(Text)}
        for row in (
            ["class", "probability", "threshold", "answer"],
            ["Conduction disturbance (CD)", "0.900", "0.500", "not sure" if uncertain else "yes"],
        ):
            edges_mm = [edge / figure.dpi * 25.4 for word in row for edge in boxes[word].intervalx]
            assert np.diff(edges_mm)[1::2].min() > 1


def test_a_refused_ecg_is_drawn_without_heat_and_with_the_reason():
    record = spiked(duration_s=2)
    figure = draw_sheet(record, refused(record))
    assert "no prediction: it lasts 2 s" in words(figure)
    assert not figure.findobj(AxesImage)


def test_an_unknown_class_or_a_heatmap_of_another_length_is_an_error():
    record = spiked()
    with pytest.raises(ValueError, match="ABNORMAL, got 'NORM'"):
        draw_sheet(record, explained(record), class_name="NORM")
    with pytest.raises(ValueError, match="heatmap has 700 samples, the record 1000"):
        draw_sheet(record, explained(record, heat=np.zeros(700)))


def test_hostile_text_is_drawn_as_it_is_and_stays_on_the_page():
    record = spiked(name=HOSTILE, filters=HOSTILE, warnings=(HOSTILE,) * 9)
    answer = explained(record, classes=(HOSTILE,), warnings=record.warnings)
    figure = draw_sheet(record, answer)
    figure.canvas.draw()
    for text in figure.findobj(Text):
        left, bottom, right, top = text.get_window_extent().extents / figure.dpi * 25.4
        assert text.get_text() == "" or (left >= LEFT_MM - 3 and right <= RIGHT_MM + 3)
        assert text.get_text() == "" or (bottom > 3 and top < 207)
    assert "… and 8 more" in words(figure)


def test_a_deep_trace_keeps_clear_of_a_tall_trace_below():
    signal_mv = np.zeros((12, 1000), np.float32)
    signal_mv[0, 30] = -2.5  # I, in the first row
    signal_mv[1, 30] = 2.5  # II, below it at the same time
    figure = draw_sheet(Record(signal_mv=signal_mv, rate_hz=100))
    upper, lower = lines_mm(figure, "I")[0][:, 1], lines_mm(figure, "II")[0][:, 1]
    assert upper.min() >= lower.max()


@pytest.mark.parametrize(("speed_mm_s", "shown_s"), [(12.5, 20), (25, 10), (50, 5)])
def test_the_paper_runs_at_the_speed_that_is_asked_for(speed_mm_s, shown_s):
    """A spike at 0.3 s of every second: as far apart as a second of paper."""
    record = spiked(duration_s=30)
    figure = draw_sheet(record, speed_mm_s=speed_mm_s)
    strip = lines_mm(figure, "II")[-1]
    peaks = strip[strip[:, 1] > strip[:, 1].min() + 1, 0]
    assert np.diff(peaks) == pytest.approx(speed_mm_s, abs=0.3)
    assert len(peaks) == shown_s
    assert f"{speed_mm_s:g} mm/s" in words(figure)
    with pytest.raises(ValueError, match="expected one of 12.5, 25, 50"):
        draw_sheet(record, speed_mm_s=30)


def test_a_page_starts_where_it_is_asked_to():
    record = spiked(duration_s=35)
    answer = explained(record, **peaking_at(30, 31, duration_s=35))
    figure = draw_sheet(record, answer, from_s=30)
    assert "30 to 35 s of 35 s are drawn" in words(figure)
    assert "30 s" in words(figure).splitlines()
    shown = np.asarray(heat_of(figure).get_array())[0]
    assert (shown[:90] == heat_colours()(1.0, bytes=True)).all()
    assert (shown[150:400] == heat_colours()(0.5, bytes=True)).all()
    assert lines_mm(figure, "II")[-1][:, 0].max() == pytest.approx(START_MM + 125, abs=0.3)
