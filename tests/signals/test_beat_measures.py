"""Measures of beats: an ECG drawn by hand, whose amplitudes and RR intervals are known."""

import numpy as np

from ecgcam.signals.beat_measures import amplitude_measures, interval_measures, rhythm_measures
from ecgcam.signals.record import Record
from ecgcam.signals.waves import Waves

RATE_HZ = 500
ONSETS_S = (1.0, 1.8, 2.6, 3.0, 4.2)  # of QRS: RR 0.8, 0.8, 0.4, 1.2 s


def drawn(*, level_mv=0.3, t_waves=True):
    """P 0.12 mV; Q −0.1, R 1.2, S −0.4, R' 0.2, ST 0.15, T −0.25 mV; V1 is half of I."""
    signal_mv = np.full(5 * RATE_HZ, level_mv)
    times_s = np.full((len(ONSETS_S), 3, 2), np.nan)
    for k, onset_s in enumerate(ONSETS_S):
        start = round(onset_s * RATE_HZ)
        signal_mv[start + 5 : start + 45 : 10] += (-0.1, 1.2, -0.4, 0.2)
        signal_mv[start + 50 : start + 100] += 0.15
        times_s[k, 1] = onset_s, onset_s + 0.1
        signal_mv[start - 80 : start - 40] += np.hanning(40) * 0.12
        times_s[k, 0] = onset_s - 0.16, onset_s - 0.08
        if t_waves:
            signal_mv[start + 110 : start + 150] -= np.hanning(40) * 0.25
            times_s[k, 2] = onset_s + 0.2, onset_s + 0.32
    probability = np.where(np.isfinite(times_s[..., 0]), 0.9, 0.0)
    record = Record(
        name="drawn", leads=("I", "V1"), rate_hz=RATE_HZ,
        signal_mv=np.stack([signal_mv, signal_mv / 2]).astype(np.float32),
    )  # fmt: skip
    return record, Waves(times_s=times_s, probability=probability)


def test_amplitudes_are_those_that_were_drawn_over_the_level_before_qrs():
    for level_mv in (0.3, -2.0):
        amplitudes = amplitude_measures(*drawn(level_mv=level_mv))
        expected = np.array([-0.1, 1.2, -0.4, 0.2, 0.15, 0.12, 0, 0, -0.25])
        np.testing.assert_allclose(amplitudes[:, 0], expected, atol=0.01)
        np.testing.assert_allclose(amplitudes[:, 1], expected / 2, atol=0.01)


def test_a_record_without_t_waves_has_none_measured():
    amplitudes = amplitude_measures(*drawn(t_waves=False))
    assert np.isnan(amplitudes[7:]).all()
    assert np.isfinite(amplitudes[:7]).all()


def test_rhythm_of_known_rr_intervals():
    _, waves = drawn()
    mean, deviation, largest, median = rhythm_measures(waves)
    assert np.isclose(mean, 0.8)
    assert np.isclose(deviation, np.std([0.8, 0.8, 0.4, 1.2]))
    assert np.isclose(largest, 0.8 / 0.8)  # from 0.4 to 1.2 s
    assert np.isclose(median, np.median([0.0, 0.4, 0.8]))


def test_intervals_are_those_of_the_waves_and_what_is_missing_is_not_a_number():
    pr, qrs, qtc, axis = interval_measures(*drawn())
    assert np.isclose(pr, 160)
    assert np.isnan(axis)  # no lead aVF
    assert np.isclose(qrs, 100)
    assert np.isnan(qtc) or 300 < qtc < 400


def test_too_few_beats_measure_nothing():
    record, waves = drawn()
    few = Waves(times_s=waves.times_s[:2], probability=waves.probability[:2])
    assert np.isnan(rhythm_measures(few)).all()
    assert np.isnan(amplitude_measures(record, few)).all()
    none = Waves(times_s=waves.times_s[:0], probability=waves.probability[:0])
    assert np.isnan(amplitude_measures(record, none)).all()
