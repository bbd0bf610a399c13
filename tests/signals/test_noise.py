"""Noise is found from the level at which it matters, in the leads that have it."""

from dataclasses import replace

import numpy as np
import pytest
from support.disturbed import made_up

from ecgcam.signals.leads import LEADS
from ecgcam.signals.noise import find_mains, find_noise, mains_mv, noise_mv, wander_mv
from ecgcam.signals.perturb import add_mains_hum, add_muscle_noise, add_wander
from ecgcam.signals.record import Record


def sine(amplitude_mv, frequency_hz, *, rate_hz=500, seconds=10):
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    return amplitude_mv * np.sin(2 * np.pi * frequency_hz * time_s + 0.4)


def disturbed(record, disturb, **about):
    rng = np.random.default_rng(0)
    signals_mv = disturb(
        record.signal_mv[None], leads=LEADS, rate_hz=record.rate_hz, rng=rng, **about
    )
    return replace(record, signal_mv=signals_mv[0])


@pytest.mark.parametrize("rate_hz", [250, 257, 500, 1000])
@pytest.mark.parametrize("mains_hz", [50, 60, 50.2, 59.9])
def test_the_amplitude_of_a_line_is_measured(rate_hz, mains_hz):
    lines = np.stack([sine(a, mains_hz, rate_hz=rate_hz) for a in (0.02, 0.1, 1.0)])
    np.testing.assert_allclose(mains_mv(lines + 3, rate_hz), [0.02, 0.1, 1.0], rtol=0.16)


def test_what_is_no_line_has_no_amplitude():
    rng = np.random.default_rng(0)
    others = [sine(1, 40), sine(1, 55), rng.normal(0, 0.3, 5000), np.zeros(5000)]
    assert mains_mv(np.stack(others), 500).tolist() == [0, 0, 0, 0]
    assert mains_mv(sine(1, 30, rate_hz=80)[None], 80).tolist() == [0]


@pytest.mark.parametrize(("amplitude_mv", "refuses"), [(0.02, None), (0.1, False), (0.8, True)])
def test_hum_is_found_in_an_ecg_from_50_microvolts_on(amplitude_mv, refuses):
    for mains_hz in (50, 60):
        record = disturbed(
            made_up(rate_hz=500), add_mains_hum, amplitude_mv=amplitude_mv, mains_hz=mains_hz
        )
        found = [(finding.name, finding.refuses) for finding in find_mains(record)]
        assert found == ([] if refuses is None else [("mains", refuses)])


def test_hum_of_one_electrode_is_named():
    record = made_up(rate_hz=500)
    signal_mv = record.signal_mv.copy()
    signal_mv[[7, 10]] += sine(0.2, 50)
    (finding,) = find_mains(replace(record, signal_mv=signal_mv))
    assert (finding.leads, finding.text) == (("V2", "V5"), "mains in V2, V5")


def test_muscle_noise_is_measured_between_the_beats():
    noise = np.random.default_rng(0).normal(0, 1, (3, 1000))
    spectrum = np.fft.rfft(noise)
    spectrum[:, np.fft.rfftfreq(1000, 0.01) < 20] = 0
    noise = np.fft.irfft(spectrum, 1000)
    noise *= np.array([[0.05], [0.1], [0.2]]) / noise.std(axis=1, keepdims=True)
    beats = made_up().signal_mv[:3]
    np.testing.assert_allclose(noise_mv(beats + noise), [0.05, 0.1, 0.2], rtol=0.25)
    assert noise_mv(beats).max() < 0.02


@pytest.mark.parametrize(("rms_mv", "refuses"), [(0.01, None), (0.07, False), (0.25, True)])
def test_high_noise_is_found(rms_mv, refuses):
    record = disturbed(made_up(), add_muscle_noise, rms_mv=rms_mv)
    found = [(f.name, f.text, f.refuses) for f in find_noise(record)]
    expected = [("high noise", "high noise in all leads", refuses)]
    assert found == ([] if refuses is None else expected)


def test_wander_is_measured_peak_to_peak():
    waves = np.stack([sine(a, 0.15, rate_hz=100) for a in (0.2, 1.0, 2.0)])
    np.testing.assert_allclose(wander_mv(waves + 5), [0.4, 2.0, 4.0], rtol=0.06)


@pytest.mark.parametrize(("amplitude_mv", "refuses"), [(0.1, None), (0.6, False), (2.0, True)])
def test_wander_is_found(amplitude_mv, refuses):
    record = disturbed(made_up(), add_wander, amplitude_mv=amplitude_mv)
    found = [(finding.name, finding.refuses) for finding in find_noise(record)]
    assert found == ([] if refuses is None else [("baseline wander", refuses)])


def test_wander_in_one_lead_is_found_if_it_is_large():
    record = made_up()
    for amplitude_mv, leads in ((1.0, []), (2.5, [("V4",)])):
        signal_mv = record.signal_mv.copy()
        signal_mv[9] += sine(amplitude_mv, 0.2, rate_hz=100)
        noisy = replace(record, signal_mv=signal_mv)
        assert [finding.leads for finding in find_noise(noisy)] == leads


def test_a_flat_or_short_record_has_no_noise():
    flat = Record(signal_mv=np.ones((12, 600)), rate_hz=100)
    assert [*find_noise(flat), *find_mains(flat)] == []
    short = Record(signal_mv=np.ones((12, 5)), rate_hz=100)
    assert [*find_mains(short)] == []


def test_few_real_ecgs_are_noisy(ptbxl_fold_2):
    records = [Record(signal_mv=signal_mv, rate_hz=100) for signal_mv in ptbxl_fold_2[1]]
    found = [
        finding for record in records for finding in (*find_noise(record), *find_mains(record))
    ]
    assert not any(finding.refuses for finding in found)
    for name, most in (("high noise", 0.01), ("baseline wander", 0.03), ("mains", 0.002)):
        assert sum(finding.name == name for finding in found) <= most * len(records)
