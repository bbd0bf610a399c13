"""The mean beat is that of beats that are alike, at the time of their QRS complex."""

import numpy as np
import pytest
from support.disturbed import made_up

from ecgcam.signals.mean_beat import TIMES_S, mean_beat
from ecgcam.signals.record import Record
from ecgcam.signals.waves import WAVES, find_waves


def test_the_mean_of_equal_beats_is_the_beat():
    heart = made_up(seed=7)
    beat = mean_beat(heart, find_waves(heart))
    assert beat.signal_mv.shape == (12, TIMES_S.size)
    qrs_s, t_s = beat.waves_s[WAVES.index("QRS")], beat.waves_s[WAVES.index("T")]
    assert qrs_s[0] == pytest.approx(0, abs=0.02)
    assert 0.05 < qrs_s[1] < 0.15 < t_s[0] < t_s[1] < 0.5
    # each beat of the record is the mean, but for noise
    start = round(beat.starts_s[2] * heart.rate_hz) + round(TIMES_S[0] * heart.rate_hz)
    row = heart.leads.index("V4")
    one = heart.signal_mv[row, start : start + TIMES_S.size]
    assert np.corrcoef(one, beat.signal_mv[row])[0, 1] > 0.95


def test_an_extrasystole_is_not_in_the_mean():
    heart = made_up(seed=7)
    waves = find_waves(heart)
    start = round(waves.times_s[4, 1, 0] * 100)
    signal = heart.signal_mv.copy()
    signal[:, start - 5 : start + 40] *= -1
    changed = Record(signal_mv=signal, rate_hz=100)
    beat = mean_beat(changed, waves)
    assert np.abs(beat.starts_s - start / 100).min() > 0.3
    plain = mean_beat(heart, waves)
    np.testing.assert_allclose(beat.signal_mv, plain.signal_mv, atol=0.1)


def test_the_voltage_is_zero_before_the_qrs_complex():
    heart = made_up(seed=7)
    raised = Record(signal_mv=heart.signal_mv + 3, rate_hz=100)
    beat = mean_beat(raised, find_waves(raised))
    before = (TIMES_S >= -0.08) & (TIMES_S < -0.04)
    np.testing.assert_allclose(beat.signal_mv[:, before].mean(axis=1), 0, atol=1e-6)


def test_noise_has_no_mean_beat():
    noise = np.random.default_rng(0).normal(0, 0.3, (12, 1000))
    record = Record(signal_mv=noise, rate_hz=100)
    assert mean_beat(record, find_waves(record)) is None
