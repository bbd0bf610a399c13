"""High-pass filters that bend the ST segment are found, stated or not; few real ECGs look so."""

from dataclasses import replace

import numpy as np
import pytest
from support.disturbed import made_up

from ecgcam.signals.assessment import assess
from ecgcam.signals.beats import r_peaks
from ecgcam.signals.device_filters import filter_one_way
from ecgcam.signals.high_pass import drift_features, find_high_pass, stated_high_pass_hz
from ecgcam.signals.leads import LEADS
from ecgcam.signals.record import Record

LEVEL_WEIGHTS = slice(3, 5)  # of drift_features


def found(record):
    return list(find_high_pass(record, record, r_peaks(record)))


def filtered(record, order, cutoff_hz):
    signal_mv = filter_one_way(record.signal_mv, "high-pass", order, cutoff_hz, rate_hz=100)
    return replace(record, signal_mv=signal_mv)


@pytest.mark.parametrize(
    ("filters", "cutoff_hz"),
    [
        ("high-pass 0.5 Hz, low-pass 40 Hz", 0.5),
        ("high-pass 0.05 Hz, low-pass 150 Hz, notch 50 Hz", 0.05),
        ("low-pass 150 Hz, notch 60 Hz", None),
        ("", None),
    ],
)
def test_the_cutoff_that_a_device_states(filters, cutoff_hz):
    assert stated_high_pass_hz(filters) == cutoff_hz


def test_a_stated_filter_counts_and_no_estimate():
    record = made_up()
    stated = replace(record, filters="high-pass 0.5 Hz, low-pass 40 Hz")
    (finding,) = assess(stated)
    assert (finding.name, finding.leads, finding.refuses) == ("high-pass filter", (), False)
    assert finding.text == "the device's high-pass filter of 0.5 Hz may have bent the ST segment"
    bent = replace(filtered(record, 2, 1.0), filters="high-pass 0.05 Hz, low-pass 40 Hz")
    assert found(bent) == []
    assert len(found(replace(bent, filters=None))) == 1


def waves_and_rests():
    """Return eight leads of QRS complexes and T waves, each wide, with nothing between them."""
    peaks = np.arange(60, 4000, 100)
    signal_mv = np.zeros((8, 4000))
    rng = np.random.default_rng(0)
    for after, width in ((-4, 8), (14, 20)):
        shape = np.sin(np.pi * np.arange(width) / width) ** 2
        heights_mv = rng.normal(0, 1, (8, 1))
        for peak in peaks[peaks < 3900]:
            signal_mv[:, peak + after : peak + after + width] += heights_mv * shape
    return signal_mv, peaks[5:38]


@pytest.mark.parametrize("cutoff_hz", [0.3, 0.5, 1.0])
@pytest.mark.parametrize("order", [1, 2])
def test_the_weights_are_those_of_the_filter(order, cutoff_hz):
    """They are 2π times the cutoff, or √2 of it and its square; 0 without a filter."""
    signal_mv, peaks = waves_and_rests()
    np.testing.assert_allclose(drift_features(signal_mv, peaks)[LEVEL_WEIGHTS], 0, atol=0.3)
    signal_mv = filter_one_way(signal_mv, "high-pass", order, cutoff_hz, rate_hz=100)
    weights = -np.sinh(drift_features(signal_mv, peaks)[LEVEL_WEIGHTS])
    omega = 2 * np.pi * cutoff_hz
    expected = (omega, 0) if order == 1 else (np.sqrt(2) * omega, omega**2)
    np.testing.assert_allclose(weights, expected, rtol=0.1, atol=0.3)


@pytest.mark.parametrize(
    ("order", "cutoff_hz", "rate"), [(1, 0.5, 0.2), (2, 0.5, 0.5), (1, 1.0, 0.5), (2, 1.0, 0.8)]
)
def test_filtered_real_ecgs_are_found(ptbxl_fold_2, order, cutoff_hz, rate):
    records = [Record(signal_mv=signal_mv, rate_hz=100) for signal_mv in ptbxl_fold_2[1][:200]]
    hits = [found(filtered(record, order, cutoff_hz)) for record in records]
    assert sum(map(bool, hits)) >= rate * len(hits)


def test_few_real_ecgs_look_filtered(ptbxl_fold_2):
    signals_mv = ptbxl_fold_2[1][::3]
    hits = [found(Record(signal_mv=signal_mv, rate_hz=100)) for signal_mv in signals_mv]
    assert sum(map(bool, hits)) <= 0.03 * len(hits)


def test_nothing_is_estimated_from_too_little():
    record = filtered(made_up(), 2, 1.0)
    assert found(record)
    assert found(record.with_leads(LEADS[:11])) == []
    assert found(replace(record, signal_mv=record.signal_mv[:, :900])) == []
    assert drift_features(record.signal_mv, np.array([200, 280, 360])) is None
    assert drift_features(record.signal_mv, np.arange(20, 1000, 50)) is None
    flat = Record(signal_mv=np.zeros((12, 1000)), rate_hz=100)
    assert list(find_high_pass(flat, flat, np.arange(50, 1000, 100))) == []
