"""The mean beat stands over its mean evidence, lead by lead."""

import re
from dataclasses import replace

import numpy as np
import pytest
from support.beats_of import regular_waves
from support.disturbed import made_up
from support.drawn_records import explained, refused, words

from ecgcam.errors import RecordError
from ecgcam.plots.beat import RunningMean, beat_evidence, draw_beat, draw_mean_beats
from ecgcam.plots.heat import FULL_LEAD_LOGITS
from ecgcam.signals.leads import LEADS
from ecgcam.signals.mean_beat import TIMES_S, MeanBeat, mean_beat
from ecgcam.signals.record import Record
from ecgcam.signals.waves import find_waves


def by_lead(record, *, lead="V2", logits=FULL_LEAD_LOGITS):
    """Return an explanation whose evidence is in one lead, in the frames of its T waves."""
    waves = find_waves(record)
    times_s = np.arange(250) * 0.04 + 0.02
    evidence = np.zeros((1, 12, 250))
    for onset_s, offset_s in waves.times_s[waves.sure_beats, 2]:
        evidence[0, LEADS.index(lead), (times_s >= onset_s) & (times_s <= offset_s)] = logits
    return replace(
        explained(record, evidence=evidence.sum(axis=1)),
        lead_evidence=evidence, leads=LEADS, frame_times_s=times_s, frame_s=0.04, frame_sees_s=0.6,
    )  # fmt: skip


def test_evidence_in_the_t_wave_of_a_lead_is_behind_the_t_wave_of_that_lead():
    record = made_up(seed=8)
    beat = mean_beat(record, find_waves(record))
    own = beat_evidence(record, by_lead(record), 0, beat)
    onset_s, offset_s = beat.waves_s[2]
    inside = (onset_s + 0.04 < TIMES_S) & (offset_s - 0.04 > TIMES_S)
    outside = (onset_s - 0.06 > TIMES_S) | (offset_s + 0.06 < TIMES_S)
    v2 = own.heat[LEADS.index("V2")]
    assert v2[inside].min() > 0.8  # of the full colour
    assert np.abs(v2[outside]).max() < 0.1
    assert np.nanmax(np.abs(np.delete(own.heat, LEADS.index("V2"), axis=0))) == 0


def test_leads_of_another_order_keep_their_evidence():
    record = made_up(seed=8)
    turned = Record(signal_mv=record.signal_mv[::-1], rate_hz=100, leads=LEADS[::-1])
    explanation = by_lead(record)
    beat = mean_beat(turned, find_waves(turned))
    own = beat_evidence(turned, explanation, 0, beat)
    row = own.leads.index("V2")
    assert np.nanmax(own.heat[row]) > 0.8
    plain = beat_evidence(record, explanation, 0, mean_beat(record, find_waves(record)))
    np.testing.assert_allclose(own.signal_mv[row], plain.signal_mv[LEADS.index("V2")], atol=0.02)


def test_the_picture_says_what_it_shows():
    record = made_up(seed=8)
    text = words(draw_beat(record, by_lead(record)))
    assert "mean of 1" in text
    assert "mean of 0" not in text
    assert all(f"{lead}\n" in text for lead in LEADS)
    assert re.search("[0-9]+ % of the evidence for it lies in ST-T", text)
    assert re.search("heart rate [0-9]+ bpm · PR .* · QRS [0-9]+ ms · QT .* · axis", text)
    assert "ms from the start of QRS" in text
    assert "Not a medical device" in text


def test_without_sure_waves_there_is_no_picture():
    record = made_up(seed=8)
    noise = Record(signal_mv=np.random.default_rng(0).normal(0, 0.3, (12, 1000)), rate_hz=100)
    with pytest.raises(RecordError, match="its waves are not sure"):
        draw_beat(noise, explained(noise))
    with pytest.raises(RecordError, match="it was refused"):
        draw_beat(record, refused(record))


def test_a_fold_has_a_row_for_each_group():
    record = made_up(seed=8)
    beat = mean_beat(record, find_waves(record))
    own = beat_evidence(record, by_lead(record), 0, beat)
    drawn = draw_mean_beats({"hits\n7 ECGs": own, "misses\n2 ECGs": own}, title="MI", notes=["n"])
    text = words(drawn)
    assert "hits\n7 ECGs\nmV" in text
    assert "misses\n2 ECGs\nmV" in text
    assert f"full at {FULL_LEAD_LOGITS:g} logits. Each moment draws on ± 0.3 s.\nn" in text


def test_the_mean_of_ecgs_leaves_out_where_there_is_no_evidence():
    shape = np.zeros((12, TIMES_S.size))
    beat = MeanBeat(
        signal_mv=shape, starts_s=np.array([1.0]), count=1, waves_s=regular_waves().times_s[0]
    )
    record = made_up(seed=8)
    own = beat_evidence(record, by_lead(record), 0, beat)
    first = replace(own, signal_mv=shape + 1, heat=np.where(TIMES_S < 0, np.nan, shape + 0.2))
    second = replace(own, signal_mv=shape + 3, heat=shape + 0.6)
    running = RunningMean()
    running.add(first)
    running.add(second)
    mean = running.mean()
    assert mean.signal_mv.max() == mean.signal_mv.min() == 2
    np.testing.assert_allclose(mean.heat[:, TIMES_S < 0], 0.6)
    np.testing.assert_allclose(mean.heat[:, TIMES_S >= 0], 0.4)
