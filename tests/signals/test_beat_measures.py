"""Measures of beats: an ECG drawn by hand, whose amplitudes and RR intervals are known."""

import numpy as np
import pytest

from ecgcam.signals.beat_measures import (
    MEAN_BEAT_S,
    amplitude_measures,
    beat_correlations,
    interval_measures,
    mean_beat_measures,
    rhythm_measures,
)
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


@pytest.mark.parametrize("wave", [0, 1])
def test_a_wave_that_the_start_of_the_record_cuts_off_is_measured(wave):
    record, waves = drawn()
    waves.times_s[0, 0] = np.nan if wave else (0.0, 0.02)
    waves.times_s[0, 1] = (0.0, 0.1) if wave else (0.04, 0.1)
    expected = amplitude_measures(record, waves), mean_beat_measures(record, waves)
    waves.times_s[0, wave, 0] = -0.004  # where the first sample is already in the wave
    np.testing.assert_allclose(amplitude_measures(record, waves), expected[0])
    np.testing.assert_allclose(mean_beat_measures(record, waves), expected[1])


def test_a_record_without_t_waves_has_none_measured():
    amplitudes = amplitude_measures(*drawn(t_waves=False))
    assert np.isnan(amplitudes[7:]).all()
    assert np.isfinite(amplitudes[:7]).all()


def test_rhythm_of_known_rr_intervals():
    record, waves = drawn()
    mean, deviation, largest, median, shortest, longest, *_ = rhythm_measures(record, waves)
    assert np.isclose(mean, 0.8)
    assert np.isclose(deviation, np.std([0.8, 0.8, 0.4, 1.2]))
    assert np.isclose(largest, 0.8 / 0.8)  # from 0.4 to 1.2 s
    assert np.isclose(median, np.median([0.0, 0.4, 0.8]))
    assert np.isclose((shortest, longest), (0.4 / 0.8, 1.2 / 0.8)).all()


def test_a_beat_of_another_shape_without_a_p_wave_is_unlike_the_others():
    record, waves = drawn()
    assert rhythm_measures(record, waves)[6:] == pytest.approx([1, 1, 0], abs=1e-4)
    start = round(ONSETS_S[2] * RATE_HZ)
    record.signal_mv[:, start : start + 50] *= -1  # the third QRS upside down
    waves.times_s[2, 0] = np.nan
    with_p, least, unlike = rhythm_measures(record, waves)[6:]
    assert (with_p, unlike) == (0.8, 0.2)
    assert least == beat_correlations(record, waves)[2] < 0.5


def test_a_flat_record_has_no_correlations():
    record, waves = drawn()
    record.signal_mv[:] = 0.2
    assert len(beat_correlations(record, waves)) == 0
    assert np.isnan(rhythm_measures(record, waves)[7:]).all()


def test_the_mean_beat_is_read_at_its_moments():
    record, waves = drawn(level_mv=-1.0)
    moments = mean_beat_measures(record, waves)
    assert moments.shape == (len(MEAN_BEAT_S), 2)
    at = dict(zip(MEAN_BEAT_S, moments[:, 0].tolist(), strict=True))
    assert at[-0.12] == pytest.approx(0.12, abs=0.005)  # the top of P
    assert at[0.16] == pytest.approx(0.15, abs=0.005)  # ST
    assert at[0.5] == pytest.approx(0, abs=0.005)
    np.testing.assert_allclose(moments[:, 1], moments[:, 0] / 2, atol=1e-6)


def test_intervals_are_those_of_the_waves_and_what_is_missing_is_not_a_number():
    pr, qrs, qtc, axis, p, t = interval_measures(*drawn())
    assert np.isclose((p, t), (80, 120)).all()
    assert np.isclose(pr, 160)
    assert np.isnan(axis)  # no lead aVF
    assert np.isclose(qrs, 100)
    assert np.isnan(qtc) or 300 < qtc < 400


def test_too_few_beats_measure_nothing():
    record, waves = drawn()
    few = Waves(times_s=waves.times_s[:2], probability=waves.probability[:2])
    assert np.isnan(rhythm_measures(record, few)).all()
    assert np.isnan(amplitude_measures(record, few)).all()
    assert np.isnan(mean_beat_measures(record, few)).all()
    none = Waves(times_s=waves.times_s[:0], probability=waves.probability[:0])
    assert np.isnan(amplitude_measures(record, none)).all()
    assert np.isnan(mean_beat_measures(record, none)).all()
    assert len(beat_correlations(record, none)) == 0
