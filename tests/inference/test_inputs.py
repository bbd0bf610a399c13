"""Arrays: taken only if their rate is known, and assessed like Records."""

from dataclasses import replace

import numpy as np
import pytest

import ecgcam
from ecgcam import Record, RecordError
from ecgcam.data.synthetic.ecg import synthetic_ecg
from ecgcam.signals.leads import LEADS


@pytest.fixture(scope="module")
def normal():
    return ecgcam.load("normal")


def ecgs(rate_hz=100, duration_s=10.0, count=2):
    """Return made-up ECGs."""
    rngs = np.random.default_rng(0).spawn(count)
    return [synthetic_ecg(rng, rate_hz=rate_hz, duration_s=duration_s).record for rng in rngs]


def test_an_array_of_another_length_is_refused_without_its_rate(normal):
    signals_mv = np.stack([record.signal_mv for record in ecgs(rate_hz=500)])
    answers = normal.predict(signals_mv)
    assert [answer.logits.size for answer in answers] == [0, 0]
    for answer in answers:
        assert "the rate of an array of 5000 samples is unknown" in answer.refused
        assert "expected 1000 samples (10 s at 100 Hz), or pass rate_hz" in answer.refused


@pytest.mark.parametrize(
    ("samples", "taken"), [(950, True), (1050, True), (949, False), (1051, False)]
)
def test_a_length_near_the_window_is_taken(normal, samples, taken):
    signals_mv = ecgs(duration_s=12, count=1)[0].signal_mv[None, :, :samples]
    assert (normal.predict(signals_mv)[0].refused is None) == taken


def test_an_array_with_its_rate_and_leads_is_predicted_like_its_records(normal):
    records = ecgs(rate_hz=500)
    order = np.random.default_rng(1).permutation(12)
    leads = [f"Lead {LEADS[k]}" for k in order]
    signals_mv = np.stack([record.signal_mv[order] for record in records])
    answers = normal.explain(signals_mv, rate_hz=500, leads=leads)
    for answer, expected in zip(answers, normal.explain(records), strict=True):
        assert np.array_equal(answer.logits, expected.logits)
        assert answer.warnings == expected.warnings == ("resampled from 500 to 100 Hz",)
        assert answer.heatmap.shape == (1, 5000)


def test_eight_leads_of_an_array_are_completed(normal):
    (record,) = ecgs(count=1)
    eight = [0, 1, *range(6, 12)]
    (answer,) = normal.predict(
        record.signal_mv[None, eight], rate_hz=100, leads=[LEADS[k] for k in eight]
    )
    assert answer.logits == pytest.approx(normal.predict(record).logits, abs=0.02)
    assert answer.warnings == ("III, aVR, aVL, aVF computed from I and II",)


def test_findings_of_arrays_are_in_the_answer(normal):
    (record,) = ecgs(count=1)
    signal_mv = record.signal_mv.copy()
    signal_mv[3] *= -1
    signal_mv[8] = 0
    (answer,) = normal.predict(signal_mv[None])
    assert answer.quality == {"flat": ("V3",), "limb leads disagree": ("aVR",)}
    assert answer.warnings == ("flat V3", "aVR looks inverted")
    assert answer.to_dict()["quality"] == {"flat": ["V3"], "limb leads disagree": ["aVR"]}
    alone = normal.predict(replace(record, signal_mv=signal_mv))
    assert (alone.quality, alone.warnings) == (answer.quality, answer.warnings)


def test_wrong_arguments_are_the_callers_mistake(normal):
    (record,) = ecgs(count=1)
    for arguments in ({"rate_hz": 100}, {"leads": LEADS}):
        with pytest.raises(ValueError, match="a Record has its own"):
            normal.predict([record], **arguments)
    with pytest.raises(ValueError, match=r"\(batch, leads, time\), got shape \(12, 1000\)"):
        normal.predict(record.signal_mv)
    (answer,) = normal.predict(record.signal_mv[None], rate_hz=100, leads=["I", "II"])
    assert "expected (2 leads, time)" in answer.refused


def noise(count=1):
    rng = np.random.default_rng(0)
    return [Record(signal_mv=rng.normal(0, 0.3, (12, 1000)), rate_hz=100, name="n")] * count


def test_what_is_no_ecg_is_refused_alone_in_lists_and_in_arrays(normal):
    (record,) = noise()
    with pytest.raises(RecordError, match="n: not an ECG: no beats stand out"):
        normal.predict(record)
    (good,) = ecgs(count=1)
    for answers in (
        normal.explain([good, record]),
        normal.explain(np.stack([good.signal_mv, record.signal_mv])),
    ):
        assert answers[0].refused is None
        assert "not an ECG" in answers[1].refused
        assert answers[1].quality["not an ECG"] == ()
        assert answers[1].logits.size == 0
        assert answers[1].to_dict()["classes"] == {}


def test_it_is_predicted_all_the_same_by_force_with_a_warning(normal):
    (record,) = noise()
    forced = normal.predict(record, force=True)
    assert forced.refused is None
    assert forced.logits.size == 1
    assert any("not an ECG" in warning for warning in forced.warnings)
    assert "not an ECG" in forced.quality
    (short,) = normal.predict([replace(record, signal_mv=record.signal_mv[:, :400])], force=True)
    assert "expected at least 5 s" in short.refused


def test_a_rate_that_cannot_be_is_refused_and_the_others_are_predicted(normal):
    (good,) = ecgs(count=1)
    answers = normal.predict([replace(good, rate_hz=1e7), good])
    assert "cannot resample" in answers[0].refused
    assert answers[1].refused is None
